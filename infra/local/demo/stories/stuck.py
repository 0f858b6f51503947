"""GoTo: an unpaid invoice, a debt on the wallet, a contract, and somebody who may not cancel at all."""

from collections.abc import Iterator
from datetime import datetime

from infra.local.demo.customer import Customer
from infra.local.demo.payments import STRIPE_FINALIZES, instalments
from infra.local.demo.promises import access_ends, access_stops_unpaid, renewal_off
from infra.local.demo.stories import Story, on

ROLE, OWED = "role_required", "outstanding_balance"


def life(me: Customer) -> Iterator[datetime]:
    yield on("2027-11-04", "16:00")
    connect = me.subscribes("goto:connect:month", costs=2700, gives=("make_calls",))
    me.signs_contract(connect, months=3)
    yield on("2027-12-01", "11:00")
    me.bank_refuses()
    me.no_longer([me.renewal_of(connect)])
    me.expects(access_stops_unpaid(on("2027-12-04", "16:00") + STRIPE_FINALIZES, connect))
    yield on("2027-12-05", "10:00")
    me.uses("call-1", 700, "An hour of calls abroad")

    yield on("2027-12-06", "10:00")
    # Connect may be cancelled by a super admin only, and not while anything is owed.
    shown = me.previews(connect, "billing_admin")
    me.is_held_up(shown, "a billing admin", (ROLE, None), (OWED, 2700), (OWED, 700))
    me.may_not_cancel(shown, "the billing admin", "billing_admin", ROLE, (OWED, 2700), (OWED, 700))
    shown = me.previews(connect)
    me.may_not_cancel(shown, "the super admin", "super_admin", "blocked", (OWED, 2700), (OWED, 700))
    yield on("2027-12-06", "10:20")
    me.bank_accepts()
    me.pays_invoice(connect)
    me.is_held_up(me.previews(connect), "the super admin", (OWED, 700))
    yield on("2027-12-06", "10:30")
    me.settles_balance(700)

    yield on("2027-12-06", "10:31")
    end = on("2028-02-04", "16:00")
    last = on("2028-01-04", "16:00")
    me.agrees(
        me.previews(connect),
        *instalments(connect, last),
        renewal_off(last, connect),
        access_ends(end, connect),
    )


STORY = Story(
    account="stuck",
    policy="goto",
    title="GoTo: everything in the way at once",
    tells="The wrong role, an unpaid invoice and a debt on the wallet: each is named, with what to do about it. "
    "Whoever may and owes nothing can cancel; the contract is still billed and used to its end.",
    life=life,
)
