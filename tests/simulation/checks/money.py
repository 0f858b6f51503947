"""Fees, credits, top-ups and refunds: by Stripe's dates and sessions, and by what the SaaS was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from chalicelib.domain.moments import months_after, rfc3339
from chalicelib.gateways.stripe_reader import is_for_a_wallet
from chalicelib.store import keys
from tests.simulation.checks.telling import listed
from tests.simulation.stripes_truth import at_stripe, ever_paid, instant, paid_until, plan_says
from tests.simulation.world import Resident, Simulated
from tests.support.invariants import Seen

FORTY_DAYS = timedelta(days=40)


def credits_come_after_an_end(world: Simulated, resident: Resident, seen: Seen) -> None:
    """2. "When the cancellation date arrives": by Stripe's dates, or when the customer switched plans."""
    credited = [entry.at for entry in seen.entries if entry.kind == "messages_credited"]
    switched = any(s.left_plans for s in seen.account.subscriptions.values())
    if not credited or seen.account.purged_at or switched:
        return
    ends = [instant(s["ended_at"]) for s in at_stripe(world, resident) if s["ended_at"]]
    assert ends, f"2: {resident.id} was credited messages without an end"
    assert min(credited) >= min(ends), (
        f"2: {resident.id} was credited messages at {rfc3339(min(credited))}, and the first end was"
        f" {rfc3339(min(ends))}"
    )


def sent_is_never_credited(resident: Resident, seen: Seen) -> None:
    """2, by what the SaaS was told: what it was told to have sent stays sent."""
    states = {row["sk"].removeprefix(keys.MESSAGE): row["state"] for row in seen.of(keys.MESSAGE)}
    for id, told in resident.messages.items():
        if told in ("sent", "deleted", "credited") and id in states:
            # Told that it is credited, it may still be about to be.
            coming = told == "credited" and states[id] == "scheduled"
            assert states[id] == told or coming, (
                f"2: {id} is {states[id]}, and the SaaS was told that it is {told}"
            )


def every_fee_was_charged(
    world: Simulated, resident: Resident, seen: Seen, in_time: Set[tuple[str, datetime]]
) -> None:
    """3, the other side: every month of a number that a plan needed was charged, on the day it was bought.

    Only where the world is simple enough to count by hand: no disputes, refunds, contracts, work or switches.

    None is owed at the end itself, except what was charged before there was one: Stripe's dates are whole seconds, and a
    plan that renews may be ended by somebody in the very second in which its fee was due (seed 1426). And where one ends
    in the very second in which another begins, a date that was passed over in between was passed over rightly: that is
    one second for each return, and whoever charges it charges it once (seed 879)."""
    account, theirs = seen.account, at_stripe(world, resident)
    simple = not (
        world.windows or resident.cases or resident.disputed or resident.contracts
        or resident.recovered or resident.restored or account.purged_at or account.held or account.waived
        or any(s["status"] not in ("active", "canceled") for s in theirs)
        or any(s.left_plans for s in account.subscriptions.values())
        or any(paid_until(world, s) > instant(s["ended_at"]) for s in theirs if s["ended_at"])
    )  # fmt: skip
    if not simple:
        return
    charged = sorted((str(e.note["number"]), e.at) for e in seen.entries if e.kind == "number_fee")
    wanted = sorted(
        (number.e164, date)
        for number in seen.numbers
        if number.monthly_fee.amount and number.e164 not in resident.removed
        for date in _months(number.bought_at, number.known_since, number.released_at or world.now)
        if any(
            _needs_it(world, resident, s, date, at_its_end=(number.e164, date) in in_time)
            for s in theirs
        )
    )
    mine = [one for one in charged if one[0] not in resident.removed]
    wanted = [
        one for one in wanted if one in mine or not _changes_hands(world, resident, theirs, one[1])
    ]
    assert mine == wanted, f"3: charged was {_fees(mine)}, and owed {_fees(wanted)}"


def _changes_hands(
    world: Simulated, resident: Resident, theirs: list[dict[str, Any]], date: datetime
) -> bool:
    """A plan that needs numbers ended in that second, and nothing but one that began in it needs them then."""
    needing = [s for s in theirs if plan_says(world, resident, s, "needs_numbers")]
    ended = any(s["ended_at"] and instant(s["ended_at"]) == date for s in needing)
    then = [s for s in needing if _needs_it(world, resident, s, date, at_its_end=False)]
    return ended and all(instant(s["start_date"]) == date for s in then)


def _months(bought: datetime, known: datetime, now: datetime) -> list[datetime]:
    dates = takewhile(lambda date: date <= now, (months_after(bought, n) for n in range(1, 200)))
    return [date for date in dates if known <= date]


def is_months_after(bought: datetime, date: datetime) -> bool:
    """Whether it is one of the days on which a month of the number begins, the day of purchase left out."""
    months = (date.year - bought.year) * 12 + date.month - bought.month
    return months >= 1 and months_after(bought, months) == date


def _needs_it(
    world: Simulated, resident: Resident, subscription: dict[str, Any], date: datetime,
    *, at_its_end: bool,
) -> bool:  # fmt: skip
    """On that day, half-open; `at_its_end`: also in that very second."""
    needs = plan_says(world, resident, subscription, "needs_numbers")
    if not needs or not ever_paid(world, subscription):
        return False
    ended = subscription["ended_at"] and instant(subscription["ended_at"])
    began = instant(subscription["start_date"])
    return began <= date and (not ended or date < ended or (at_its_end and date == ended))


def _fees(fees: Iterable[tuple[str, datetime]]) -> str:
    return listed(f"{e164} for {rfc3339(date)}" for e164, date in fees)


def money_went_back_once(world: Simulated) -> None:
    stripe = world.emulator._world
    for charge in stripe.all("charge"):
        assert charge["amount_refunded"] <= charge["amount"]
    cases: dict[str, int] = {}
    for refund in stripe.all("refund"):
        case = (refund.get("metadata") or {}).get("case_id")
        if case and refund["status"] in ("succeeded", "pending"):
            cases[case] = cases.get(case, 0) + 1
    twice = [case for case, times in cases.items() if times > 1]
    assert not twice, f"12: Stripe has paid {listed(twice)} back more than once"


def every_top_up_was_booked(world: Simulated, resident: Resident, seen: Seen) -> None:
    """1, by Stripe's own sessions: what was paid for the wallet stands in it, once. Older ones than these are not asked
    for again: whoever looks at nothing for so long has lost them."""
    known = _times_booked(seen)
    sessions = world.emulator._world.where("checkout.session", "customer", resident.customer)
    for session in sessions:
        if not is_for_a_wallet(session) or instant(session["created"]) < world.now - FORTY_DAYS:
            continue
        booked = known[session["id"]]
        paid = session["payment_status"] == "paid"
        assert booked == paid, (
            f"1: {session['id']} is {session['payment_status']}, and was booked {booked} times"
        )


def no_top_up_was_booked_twice(seen: Seen) -> None:
    """1, at once, whatever the booking calls its cause."""
    twice = [session for session, times in _times_booked(seen).items() if times > 1]
    assert not twice, f"1: {listed(twice)} was paid once, and booked more than once"


def _times_booked(seen: Seen) -> Counter[str]:
    paid = (entry for entry in seen.entries if entry.kind in ("top_up", "balance_due"))
    return Counter(str(entry.note["checkout_session"]) for entry in paid)
