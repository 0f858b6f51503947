"""M1-12: a dispute is heard. Its movements of money are booked, the customer's balance and access follow the outcome.

Whatever Stripe's event says, Stripe is asked how the dispute stands now, under the account's version: events that come
late, doubled or the wrong way round say the same. A dispute concerns its own charge, and what that charge paid for.
"""

from __future__ import annotations

from contextlib import suppress

from chalicelib import log
from chalicelib.domain.case_facts import DisputeSaid
from chalicelib.domain.disputes import DisputeAtStripe, bookings, lost_cause
from chalicelib.domain.refunds import ChargeAtStripe
from chalicelib.lifecycle import Telling, must_load, settle
from chalicelib.refunding import OtherCustomer, is_top_up
from chalicelib.store import cases, wallet
from chalicelib.store.accounts import Loaded
from chalicelib.wiring import World


class UnknownStatus(Exception):
    """Stripe uses a word for a dispute that we do not know."""


def hear_dispute(
    world: World, loaded: Loaded, dispute_id: str, *, id: str, moved: bool = False
) -> Telling:
    """`moved`: the payment's customer is another account's by now.

    Raises refunding.OtherCustomer, what `refunding.is_top_up` raises, and what Stripe raises.
    """
    account = loaded.account
    said = world.stripe.dispute(dispute_id)
    known, owner = cases.of_dispute(world.table, account.id, said.id)
    if owner != account.id:
        # It was opened with that account, whose payment it takes back, wherever its customer has been put since: there the
        # books are, and there it holds a purge.
        return hear_dispute(world, must_load(world, owner), dispute_id, id=id, moved=True)
    charge = world.stripe.charge(said.charge_id)
    if charge.customer_id != account.stripe_customer_id and not moved:
        raise OtherCustomer(charge.id)
    paid = world.stripe.paid_by(charge)
    topped_up = is_top_up(world, account, paid)
    if known is None or known.dispute != said:
        _alarm(account.id, said, charge)
    _book(world, account.id, said, topped_up and _debits(world, loaded))
    fact = DisputeSaid(
        case=known,
        dispute=said,
        subscription_id=paid.subscription_id,
        covers_until=paid.covers_until,
        takes_all=said.amount.amount >= (charge.paid - charge.refunded).amount,
        refunded=charge.refunded.amount > 0,
    )
    return settle(world, loaded, fact, id=id, by="stripe")


def hear_open(world: World, loaded: Loaded) -> Loaded:
    """What a bank has asked, and nobody told us yet: asked for before something is deleted that would answer it.

    Raises what `hear_dispute` raises."""
    customer = loaded.account.stripe_customer_id
    if customer is None:
        return loaded
    for said in world.stripe.open_disputes_of(customer):
        heard = hear_dispute(world, loaded, said.id, id=f"asked:{world.new_id()}").loaded
        loaded = heard if heard.account.id == loaded.account.id else loaded
    return loaded


def _debits(world: World, loaded: Loaded) -> bool:
    return world.policies.get(loaded.account.policy).disputes.lost_debits_wallet


def _book(world: World, account_id: str, said: DisputeAtStripe, debits_wallet: bool) -> None:
    """Each cause once, however often we hear of it. Before the case is saved: if we stop in between, Stripe's event
    comes again."""
    lost = wallet.booked(world.table, account_id, lost_cause(said.id)) is not None
    for posting in bookings(said, debits_wallet, lost, world.clock.now()):
        with suppress(wallet.AlreadyBooked):
            wallet.post(world.table, account_id, posting)


def _alarm(account_id: str, said: DisputeAtStripe, charge: ChargeAtStripe) -> None:
    """What a person has to look at: the same money going twice, and words of Stripe's that we do not know."""
    keys = {"account": account_id, "dispute": said.id, "charge": charge.id, "status": said.status}
    if charge.refunded.amount > 0 and not said.is_over:
        log.event("dispute_of_refunded_payment", **keys)
    if not said.is_known:
        log.problem("dispute_status_unknown", UnknownStatus(said.status), **keys)
