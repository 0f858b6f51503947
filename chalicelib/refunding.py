"""M1-7, M1-16: what is to be paid back, asked of Stripe and of our own records; and what Stripe says of refunds, heard.

A refunded top-up is taken off the wallet before Stripe is told, and comes back if the refund fails, each under its
case. Refunds that somebody made at Stripe without a case are heard as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from chalicelib import log, topping_up
from chalicelib.domain import refunds
from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.appeals import Deadlines, deadlines
from chalicelib.domain.business_days import local_day
from chalicelib.domain.case_facts import PaymentRefunded, RefundSaid
from chalicelib.domain.cases import Case
from chalicelib.domain.ledger import Entry, Line, Posting, from_wallet
from chalicelib.domain.policy import Appeals, Policy
from chalicelib.domain.refunds import ChargeAtStripe, Disputed, Eligibility, Paid, RefundAtStripe
from chalicelib.domain.top_ups import cause_of
from chalicelib.gateways.calendars import NoCalendar, public_holidays
from chalicelib.lifecycle import Telling, settle
from chalicelib.store import activity, cases, wallet
from chalicelib.store.accounts import Loaded
from chalicelib.wiring import World

SECOND = timedelta(seconds=1)
STRIPE = "stripe"
"""The account of ours for what Stripe holds for us."""


class OtherCustomer(Exception):
    """The payment is not one of this account's customer."""


class NotCreditedYet(Exception):
    """The payment is for the wallet, and Stripe does not say yet that it is paid: what it takes back has to wait."""


@dataclass(frozen=True, slots=True)
class Found:
    """What may be paid back, and of which payment."""

    eligibility: Eligibility
    charge: ChargeAtStripe | None = None
    covers_until: datetime | None = None


# -- what is to be paid back


def of_subscription(world: World, account: Account, subscription: Subscription) -> Found:
    """Zero usage over the whole life of the subscription; the newest paid period's payment as it stands now.

    Raises refunds.Disputed, and what Stripe raises.
    """
    policy, now = world.policies.get(account.policy), world.clock.now()
    asks = policy.refunds.kind != "none"
    period = world.stripe.newest_period(subscription.id) if asks else None
    if period is not None and period.charge is not None:
        refuse_disputed(world, period.charge)
    # What happened in this very second counts as well.
    used = asks and activity.used_between(
        world.table, account.id, subscription.started_at, now + SECOND
    )
    found = refunds.of_period(period, used=used, policy=policy, currency=account.currency, now=now)
    if period is None:
        return Found(found)
    return Found(found, period.charge, period.covers_until)


def of_top_up(world: World, account: Account, entry: Entry) -> Found:
    """Raises refunds.Disputed, and what Stripe raises."""
    policy = world.policies.get(account.policy)
    intent = entry.note.get("payment_intent")
    balance = wallet.load(world.table, account.id).balance(entry.lines[0].money.currency)
    asks = policy.refunds.top_ups != "none" and isinstance(intent, str)
    charge = world.stripe.charge_of_intent(str(intent)) if asks else None
    if charge is not None:
        refuse_disputed(world, charge)
    return Found(refunds.of_top_up(charge, balance, policy), charge)


def refuse_disputed(world: World, charge: ChargeAtStripe) -> None:
    """M1-12. Asked of Stripe, which knows of a dispute before its event reaches us. Raises refunds.Disputed."""
    if charge.disputed and any(one.blocks_refunds for one in world.stripe.disputes_of(charge.id)):
        raise Disputed(charge.id)


def deadlines_from(world: World, policy: Policy, received: datetime) -> Deadlines | None:
    """The two deadlines of a request received at this moment, in the policy's calendar."""
    rules = policy.appeals
    if rules is None or rules.holiday_country is None:
        return deadlines(received, policy, ())
    return deadlines(received, policy, _holidays(rules.holiday_country, rules, policy, received))


def _holidays(country: str, rules: Appeals, policy: Policy, received: datetime) -> frozenset[date]:
    """Of the year of receipt and the next. A calendar nobody has counts as one without holidays: the deadline comes
    earlier then, and nobody's request is turned away."""
    year, region = local_day(received, policy.time_zone).year, rules.holiday_subdivision
    try:
        return public_holidays(country, region, year) | public_holidays(country, region, year + 1)
    except NoCalendar as error:
        log.problem("no_calendar", error, policy=policy.name)
        return frozenset()


# -- booking it


def debit_posting(case: Case, at: datetime) -> Posting:
    """A refunded top-up comes off the wallet. What a plan paid never was there (M1-5): its refund is Stripe's alone."""
    assert case.payout is not None
    return Posting(
        cause=f"refund:{case.id}:{case.attempt}",
        kind="refund",
        at=at,
        lines=from_wallet(case.payout.amount, STRIPE),
        note={"case": case.id, "charge": case.payout.charge_id or ""},
    )


def book_return(world: World, account_id: str, case: Case) -> None:
    """Gives back to the wallet what a refund took that was not made, or came back. If nothing was taken, nothing is given."""
    booked = debit_posting(case, world.clock.now())
    if wallet.booked(world.table, account_id, booked.cause) is not None:
        _book_back(world, account_id, booked, f"refund_returned:{case.id}:{case.attempt}")


def _book_back(world: World, account_id: str, booked: Posting, cause: str) -> bool:
    back = Posting(
        cause=cause,
        kind="refund_returned",
        at=world.clock.now(),
        lines=tuple(Line(account=line.account, money=-line.money) for line in booked.lines),
        note=booked.note,
    )
    return _booked_now(world, account_id, back)


def _booked_now(world: World, account_id: str, posting: Posting) -> bool:
    try:
        wallet.post(world.table, account_id, posting)
    except wallet.AlreadyBooked:
        return False
    return True


# -- what Stripe says of refunds


def record(world: World, loaded: Loaded, case: Case, said: RefundAtStripe, *, id: str) -> Telling:
    """How the case's own refund stands, booked and told. However often, it is one refund."""
    account = loaded.account
    if not said.in_force:
        book_return(world, account.id, case)
        log.event("refund_failed", account=account.id, case=case.id, status=said.status)
    policy = world.policies.get(account.policy)
    due = deadlines_from(world, policy, world.clock.now())
    fact = RefundSaid(case=case, refund=said, due=due)
    return settle(world, loaded, fact, id=id, by="stripe")


def is_heard(world: World, account_id: str, said: RefundAtStripe) -> bool:
    """Whether it stands in its case, or in the ledger, as it stands at Stripe.

    One of what a plan costs that was made at Stripe leaves no trace of its own: of that it is never known.
    """
    case = cases.load(world.table, account_id, said.case_id) if said.case_id else None
    if case is not None:
        known = case.refund
        newer = case.attempt != said.attempt
        return newer or (known is not None and (known.id, known.status) == (said.id, said.status))
    if wallet.booked(world.table, account_id, _cause_of(said)) is None:
        return False
    return said.in_force or wallet.booked(world.table, account_id, _cause_back(said)) is not None


def hear_charge(world: World, loaded: Loaded, charge_id: str, *, id: str) -> Telling:
    """Everything Stripe knows of refunds of this charge, now: so neither order nor repetition of events matters.

    Raises OtherCustomer, and what Stripe raises.
    """
    charge = world.stripe.charge(charge_id)
    if charge.customer_id != loaded.account.stripe_customer_id:
        raise OtherCustomer(charge.id)
    telling = Telling("unchanged", loaded)
    made_there: list[RefundAtStripe] = []
    for said in world.stripe.refunds_of(charge_id):
        case = cases.load(world.table, loaded.account.id, said.case_id) if said.case_id else None
        if case is None:
            made_there.append(said)
        elif case.payout is not None and case.attempt == said.attempt:
            told = record(world, telling.loaded, case, said, id=f"{id}:{said.id}")
            telling = _either(telling, told)
    if made_there:
        told = _hear_made_there(world, telling.loaded, charge, made_there, id)
        telling = _either(telling, told)
    return telling


def _either(first: Telling, second: Telling) -> Telling:
    """What the two came to together, with the account as the second left it."""
    outcome = first.outcome if second.outcome == "unchanged" else second.outcome
    return Telling(outcome, second.loaded)


def _hear_made_there(
    world: World, loaded: Loaded, charge: ChargeAtStripe, made: list[RefundAtStripe], id: str
) -> Telling:
    """Refunds that somebody made at Stripe. What a top-up gave comes off the wallet again; what paid for a plan ends
    nothing by itself, but no longer keeps access if Stripe ends the plan (M1-15)."""
    paid = world.stripe.paid_by(charge)
    if is_top_up(world, loaded.account, paid):
        booked = [_book_made_there(world, loaded.account.id, charge, said) for said in made]
        return Telling("applied" if any(booked) else "unchanged", loaded)
    if paid.subscription_id is None or paid.covers_until is None:
        return Telling("unchanged", loaded)
    fact = PaymentRefunded(
        subscription_id=paid.subscription_id,
        covers_until=paid.covers_until,
        wholly=charge.refunded.amount >= charge.paid.amount,
    )
    return settle(world, loaded, fact, id=id, by="stripe")


def _book_made_there(
    world: World, account_id: str, charge: ChargeAtStripe, said: RefundAtStripe
) -> bool:
    """Whether something was booked that had not been."""
    posting = Posting(
        cause=_cause_of(said),
        kind="refund",
        at=world.clock.now(),
        lines=from_wallet(said.amount, STRIPE),
        note={"refund": said.id, "charge": charge.id},
    )
    if said.in_force:
        return _booked_now(world, account_id, posting)
    if wallet.booked(world.table, account_id, posting.cause) is None:
        return False
    return _book_back(world, account_id, posting, _cause_back(said))


def _cause_of(said: RefundAtStripe) -> str:
    return f"refund_at_stripe:{said.id}"


def _cause_back(said: RefundAtStripe) -> str:
    return f"refund_at_stripe_returned:{said.id}"


def is_top_up(world: World, account: Account, paid: Paid) -> bool:
    """Whether this payment came to the wallet. One that nobody had told us of comes there now: its own event may be lost
    for good by the time its bank speaks (seed 265).

    Raises NotCreditedYet, topping_up.OtherAccount, ledger.Unbookable, and what Stripe raises.
    """
    session = paid.checkout_session
    if session is None:
        return False
    if wallet.booked(world.table, account.id, cause_of(session)) is not None:
        return True
    checkout = world.stripe.checkout(session)
    if checkout is None:
        raise NotCreditedYet(session)
    topping_up.credit(world, account, checkout, world.clock.now())
    return True
