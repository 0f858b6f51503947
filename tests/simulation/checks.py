"""What must hold, seen from outside: Stripe's own truth, the carrier's record, what the SaaS was told, the rows.

`Watching.look` is called after every act. `end` lets the weather calm down, and then everything due must be done and
everything must agree. The rules of the app are not asked where the world itself can be.

INVARIANTS says where each of the fourteen in the design is looked at: a name of this module, or of
tests/support/invariants.py, whose checks run after every act as well.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

from chalicelib.domain import news, releasing
from chalicelib.domain.access import has_access
from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.ending import end_of
from chalicelib.domain.moments import months_after, rfc3339
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import (
    CALL_SETTLED,
    DATA_PURGED,
    NUMBER_REMOVED,
    NUMBERS_RELEASED,
    REGISTRATION_WITHDRAWN,
    REGISTRATIONS_LAPSE,
)
from chalicelib.gateways.stripe_reader import is_for_a_wallet
from chalicelib.handlers.jobs import SCHEDULE
from chalicelib.store import keys, positions
from chalicelib.store.records import from_doc
from infra.local.carrier import GONE
from tests.simulation import heard, leaving
from tests.simulation.given_days import GivenDays
from tests.simulation.leaving import LIVE
from tests.simulation.reading import Reading
from tests.simulation.world import Resident, Simulated
from tests.support.invariants import (
    Seen,
    Witness,
    customers_never_move,
    ended_stays_ended,
    holds_as_stored,
    nothing_secret,
    paid_access_is_whole,
)

FORTNIGHT, MONTH, FORTY_DAYS = timedelta(hours=336), timedelta(hours=720), timedelta(days=40)
LATE = timedelta(minutes=10)
"""Two ticks of the schedule."""


INVARIANTS: Mapping[int, tuple[str, ...]] = {
    1: ("ledger_balances", "_every_top_up_was_booked", "_no_top_up_was_booked_twice"),
    2: ("messages_end_once", "_sent_is_never_credited", "_credits_come_after_an_end",
        "Watching._nothing_was_sent_after_the_end", "_nothing_is_left",
        "Watching._nothing_was_credited_that_could_be_sent"),
    3: ("fees_are_due_and_single", "Watching._fees_were_owed_by_stripes_dates",
        "_every_fee_was_charged"),
    4: ("releases_were_due_and_intended", "Watching._given_back", "_carrier_agrees",
        "numbers_and_registrations_agree"),
    5: ("releases_were_due_and_intended", "Watching._given_back",
        "Watching._purges_come_after_a_year", "Watching._purges_leave_no_content"),
    6: ("paid_access_is_whole", "_access_is_half_open", "_access_is_what_was_paid"),
    7: ("_contracts_run_to_their_end", "_what_was_confirmed_is_carried_out"),
    8: ("ended_stays_ended",),
    9: ("customers_never_move", "bound_customer_is_its_own"),
    10: ("_we_know_what_stripe_knows", "_what_was_heard_is_known"),
    11: ("the_steps_are_the_timeline", "_calls_are_found_out", "_nothing_waits", "_nothing_is_parked", "_nothing_is_under_way",
         "_everything_was_told", "_nothing_is_left"),
    12: ("releases_were_due_and_intended", "_money_went_back_once"),
    13: ("nothing_secret",),
    14: ("_what_was_confirmed_is_carried_out", "GivenDays.stay"),
}  # fmt: skip
"""13, the other side: an act of the simulation (`acts.customers.knock`) is a stranger who tries the doors."""
CONTENT = ("I was charged twice", "Here is more", "We look into it", "We looked into it")
"""Words of customers and of those who answered them."""


class Watching:
    def __init__(self, world: Simulated) -> None:
        self.world = world
        self.witness = Witness()
        self.purged: set[tuple[str, datetime]] = set()
        self.purging: set[str] = set()
        self.credits: set[str] = set()
        self.emptied: dict[str, datetime] = {}
        self.fees: set[str] = set()
        self.charged_in_time: set[tuple[str, datetime]] = set()
        """Fees by number and date, that were seen as they were charged while Stripe had the plan that needs it."""
        self.given_days = GivenDays()
        self.early: list[str] = []
        self._restored = 0
        self._calls_before: dict[str, Any] = {}
        self.reading = Reading(world.table)
        self._carrier: dict[str, Any] = {}
        self._carrier_was_called = True
        self._watch_the_carrier()

    def _watch_the_carrier(self) -> None:
        carrier = self.world.carrier
        ends, puts = carrier._end, carrier._notebook.put

        def watched(book: str, name: str, key: str, call: str) -> None:
            if _status(self.world, book, name) == "active":
                self._given_back(book, name)
            ends(book, name, key, call)

        def noted(book: str, key: str, value: Any) -> None:
            self._carrier_was_called |= book in GONE
            puts(book, key, value)

        carrier._end = watched  # type: ignore[method-assign]
        carrier._notebook.put = noted  # type: ignore[method-assign]

    def look(self) -> None:
        """After every act. What only a written row can break is looked at where a row was written."""
        world, witness = self.world, self.witness
        assert not self.early, self.early[0]
        self._forget_what_a_backup_undid()
        fresh, changed = self.reading.catch_up()
        nothing_secret(fresh)
        if self._carrier_was_called:
            self._carrier, self._carrier_was_called = self._carrier_now(), False
            changed = list(self.reading.accounts.values())
        around = self.reading.around(self._carrier)
        customers_never_move(around.owners, witness)
        for seen in changed:
            resident, policy = _resident(world, seen.account.id), self._policy(seen)
            holds_as_stored(seen, policy, world.now, around, witness)
            ended_stays_ended(seen, witness)
            self._purges_come_after_a_year(resident, seen.account)
            self._purges_leave_no_content(resident, seen)
            self._fees_were_owed_by_stripes_dates(resident, seen)
            self.given_days.stay(seen.account)
            _calls_are_found_out(world, seen.account)
            _access_is_half_open(world, resident, seen.account)
            _credits_come_after_an_end(world, resident, seen)
            _no_top_up_was_booked_twice(seen)
            self._nothing_was_credited_that_could_be_sent(resident, seen)
        for seen in self.reading.accounts.values():
            resident = _resident(world, seen.account.id)
            paid_access_is_whole(seen, self._policy(seen), world.now)
            _sent_is_never_credited(resident, seen)
            _what_was_heard_is_known(world, resident, seen.account)
            self._nothing_was_sent_after_the_end(resident, seen)
            _contracts_run_to_their_end(resident, seen.account)
            _what_was_confirmed_is_carried_out(world, resident, seen.account)

    def _forget_what_a_backup_undid(self) -> None:
        if self._restored != self.world.restored:
            self._restored = self.world.restored
            self.witness.ended.clear()
            self.given_days.forget()
            # What we asked the carrier before, we know nothing of any more.
            self._carrier_was_called, self._calls_before = True, self.world.carrier.view()

    def _carrier_now(self) -> dict[str, Any]:
        """Its record, without the calls from before a backup came back."""
        view = self.world.carrier.view()
        for kind, things in view.items():
            for name, record in things.items():
                before = self._calls_before.get(kind, {}).get(name, {"calls": ()})
                record["calls"] = record["calls"][len(before["calls"]) :]
        return view

    def look_at_everything(self) -> None:
        """Once in a while, whatever was written."""
        self.look()
        self.world.table.written |= set(self.world.table.snapshot())
        self.look()

    def _policy(self, seen: Seen) -> Policy:
        return self.world.clean.policies.get(seen.account.policy)

    # -- 4, 5: by Stripe's own dates, not ours

    def _given_back(self, book: str, name: str) -> None:
        """Called as the carrier gives something back: may it, by Stripe's own truth at this instant?"""
        world, now = self.world, self.world.now
        for resident in world.residents:
            if name in (*resident.removed, *resident.withdrawn):
                return
        resident = _owner(world, name)
        needs, after, kind = (
            ("needs_numbers", FORTNIGHT, NUMBERS_RELEASED)
            if "numbers" in book
            else ("needs_registrations", MONTH, REGISTRATIONS_LAPSE)
        )
        # Held in this very second, it may have been at the carrier already.
        if resident.held.get(kind, now) < now:
            self.early.append(
                f"4/5: {name} was given back at {rfc3339(now)}, held by an operator since"
                f" {rfc3339(resident.held[kind])}"
            )
        mine = [s for s in _at_stripe(world, resident) if _plan_says(world, resident, s, needs)]
        living = [s["id"] for s in mine if s["status"] in LIVE]
        # What was never paid never began: that Stripe gave it up is no end.
        ends = [_instant(s["ended_at"]) for s in mine if s["ended_at"] and _ever_paid(world, s)]
        if living:
            self.early.append(
                f"4/5: {name} was given back at {rfc3339(now)} while {_listed(living)} lives"
            )
        elif not ends or now < max(ends) + after:
            ended = f"its plans ended {_listed(ends)}" if ends else "no plan of it had ended"
            self.early.append(f"4/5: {name} was given back at {rfc3339(now)}, and {ended}")

    def _purges_come_after_a_year(self, resident: Resident, account: Account) -> None:
        began, looked_at = account.purge_began_at or account.purged_at, account.id in self.purging
        (self.purging.add if account.purge_began_at else self.purging.discard)(account.id)
        if began is None or (account.id, began) in self.purged:
            return
        self.purged.add((account.id, began))
        if account.purge_began_at is None and looked_at:
            return  # as it began
        on_hold = account.legal_hold is not None or resident.on_hold
        assert not on_hold, f"5: {account.id} was purged under a legal hold"
        assert DATA_PURGED not in resident.held, (
            f"5: {account.id} was purged, and an operator held that"
        )
        # It empties the account of whatever was said about its steps.
        resident.held.clear()
        held = [id for id, case in account.cases.items() if case.holds_purge]
        assert not held, f"5: {account.id} was purged while {_listed(held)} was open"
        asked = [d for d in resident.disputes if _is_open_at_stripe(self.world, d, began)]
        assert not asked, f"5: {account.id} was purged, and a bank had asked by {_listed(asked)}"
        ends = [_instant(s["ended_at"]) for s in _at_stripe(self.world, resident)
                if s["ended_at"] and _instant(s["ended_at"]) < began and _ever_paid(self.world, s)]  # fmt: skip
        assert ends, f"5: {account.id} was purged without an end"
        assert began >= _a_year_after(max(ends)), (
            f"5: {account.id} was purged at {rfc3339(began)}, and its last end was {rfc3339(max(ends))}"
        )

    def _fees_were_owed_by_stripes_dates(self, resident: Resident, seen: Seen) -> None:
        """3, as soon as one is charged: a plan was there on its day, by Stripe's dates."""
        fees = [e for e in seen.entries if e.kind == "number_fee" and e.cause not in self.fees]
        self.fees |= {fee.cause for fee in fees}
        if self._stripe_says_too_little(resident, seen.account):
            return
        for fee in fees:
            mine = [s for s in _at_stripe(self.world, resident)
                    if _plan_says(self.world, resident, s, "needs_numbers")]  # fmt: skip
            if any(s["ended_at"] is None and _was_there(self.world, s, fee.at) for s in mine):
                self.charged_in_time.add((str(fee.note["number"]), fee.at))
            owed = any(_was_there(self.world, s, fee.at) for s in mine)
            assert owed, f"3: {fee.cause} was charged, and there was no plan on that day"
            bought = [n.bought_at for n in seen.numbers if n.e164 == fee.note["number"]]
            assert not bought or any(_is_months_after(one, fee.at) for one in bought), (
                f"3: {fee.cause} was charged, and the number was bought {_listed(bought)}"
            )

    def _nothing_was_sent_after_the_end(self, resident: Resident, seen: Seen) -> None:
        """2, by Stripe's dates: who had heard all of them lets nothing be sent that nobody may send any more."""
        sent, resident.sent = resident.sent, []
        if not sent or self._stripe_says_too_little(resident, seen.account):
            return
        rows = {row["sk"].removeprefix(keys.MESSAGE): row["doc"] for row in seen.of(keys.MESSAGE)}
        for id, at in sent:
            channel = rows[id]["channel"]
            mine = [s for s in _at_stripe(self.world, resident)
                    if channel in _channels(self.world, resident, s)]  # fmt: skip
            assert any(_was_there(self.world, s, at) for s in mine), (
                f"2: {id} was sent at {rfc3339(at)}, after the last plan that has {channel}"
            )

    def _nothing_was_credited_that_could_be_sent(self, resident: Resident, seen: Seen) -> None:
        """2, SC-12, the other side: what another plan can still send is not credited."""
        fresh = [
            e for e in seen.entries if e.kind == "messages_credited" and e.cause not in self.credits
        ]
        self.credits |= {entry.cause for entry in fresh}
        if not fresh or self._stripe_says_too_little(resident, seen.account):
            return
        rows = {row["sk"].removeprefix(keys.MESSAGE): row["doc"] for row in seen.of(keys.MESSAGE)}
        for entry in fresh:
            living = [s for s in _at_stripe(self.world, resident)
                      if _is_paid(self.world, s, self.world.now) and _instant(s["start_date"]) < entry.at]  # fmt: skip
            for id in entry.note["messages"]:  # type: ignore[attr-defined]
                channel = rows[id]["channel"] if id in rows else None
                able = [s["id"] for s in living if channel in _channels(self.world, resident, s)]
                assert not able, f"2: {id} was credited, and {_listed(able)} could still send it"

    def _stripe_says_too_little(self, resident: Resident, account: Account) -> bool:
        """Where work on the systems, a contract or a switch of plans moves an end, Stripe's dates are not all."""
        switched = any(s.left_plans for s in account.subscriptions.values())
        return bool(self.world.windows or resident.contracts or account.contracts or switched)

    def _purges_leave_no_content(self, resident: Resident, seen: Seen) -> None:
        """5. Looked at as soon as it is done: whoever comes back may write anew. Nor what nobody would ever end any more:
        the ends by which its day is counted are gone."""
        purged = seen.account.purged_at
        if purged is None or self.emptied.get(seen.account.id) == purged:
            return
        self.emptied[seen.account.id] = purged
        for row in seen.rows:
            text = json.dumps(row)
            found = [words for words in CONTENT if words in text]
            assert not found, f"5: {_listed(found)} outlived the purge in {row['sk']}"
        left = _still_registered(self.world, resident, seen)
        assert not left, f"5: {seen.account.id} was purged, and {_listed(left)} is registered still"


def _a_year_after(moment: datetime) -> datetime:
    """Counted here anew: the app's own way of counting is what is looked at."""
    if (moment.month, moment.day) == (2, 29):
        return moment.replace(year=moment.year + 1, month=3, day=1)
    return moment.replace(year=moment.year + 1)


def _access_is_half_open(world: Simulated, resident: Resident, account: Account) -> None:
    """6, at the end itself, whatever the clock says now."""
    policy = world.clean.policies.get(resident.policy)
    for id, one in account.subscriptions.items():
        end = end_of(account, one)
        if end is not None:
            has = has_access(account, one, policy, end)
            assert not has, f"6: {id} has access at its end {rfc3339(end)}"


def _contracts_run_to_their_end(resident: Resident, account: Account) -> None:
    """7."""
    for id, contract in resident.contracts.items():
        one = account.subscriptions.get(id)
        if one is None or one.is_forfeited or id not in account.contracts:
            continue
        end = end_of(account, one)
        assert end is None or end >= contract, (
            f"7: {id} ends at {rfc3339(end)}, and its contract at {rfc3339(contract)}"
        )


def _what_was_confirmed_is_carried_out(
    world: Simulated, resident: Resident, account: Account
) -> None:
    """14. Nobody loses a day that was confirmed to them when they agreed. 7. Nor are they billed beyond it."""
    for id, shown in resident.shown.items():
        one = account.subscriptions.get(id)
        if one is None or one.is_forfeited or _is_owed(world, id):
            continue
        end = end_of(account, one)
        assert end is None or end >= shown or _paid_unheard(world, resident, one), (
            f"14: {id} ends at {rfc3339(end)}, and {rfc3339(shown)} was shown"
        )
        billed = {i["id"]: _instant(i["created"]) for i in _invoices(world, {"id": id})}
        renewed = [invoice for invoice, at in billed.items() if at >= shown]
        last_period = max((at for at in billed.values() if at < shown), default=None)
        assert not renewed or (id in resident.contracts and _slept(world, last_period, shown)), (
            f"7: {id} was cancelled for {rfc3339(shown)}, and billed after that by {_listed(renewed)}"
        )


def _paid_unheard(world: Simulated, resident: Resident, one: Subscription) -> bool:
    """Whether nobody told us that the last period was paid, in which work was counted for them (seed 3119). Not every
    world looks back at what Stripe could not deliver."""
    paid = _paid_until(world, {"id": one.id})
    knows = one.paid_until is not None and one.paid_until >= paid
    return not knows and not heard.everything_about(world, resident)


def _slept(world: Simulated, since: datetime | None, until: datetime) -> bool:
    """Whether nothing of ours ran all that time. Renewal of a contract goes off in its last period, and not before
    (seed 1629)."""
    return since is not None and any(a <= since and until <= b for a, b in world.outages)


def _is_owed(world: Simulated, subscription_id: str) -> bool:
    """Stripe gives up on what is not paid, whatever was planned."""
    invoices = world.emulator._world.where("invoice", "_subscription", subscription_id)
    return any(invoice["status"] not in ("paid", "draft") for invoice in invoices)


def _credits_come_after_an_end(world: Simulated, resident: Resident, seen: Seen) -> None:
    """2. "When the cancellation date arrives": by Stripe's dates, or when the customer switched plans."""
    credited = [entry.at for entry in seen.entries if entry.kind == "messages_credited"]
    switched = any(s.left_plans for s in seen.account.subscriptions.values())
    if not credited or seen.account.purged_at or switched:
        return
    ends = [_instant(s["ended_at"]) for s in _at_stripe(world, resident) if s["ended_at"]]
    assert ends, f"2: {resident.id} was credited messages without an end"
    assert min(credited) >= min(ends), (
        f"2: {resident.id} was credited messages at {rfc3339(min(credited))}, and the first end was"
        f" {rfc3339(min(ends))}"
    )


def _sent_is_never_credited(resident: Resident, seen: Seen) -> None:
    """2, by what the SaaS was told: what it was told to have sent stays sent."""
    states = {row["sk"].removeprefix(keys.MESSAGE): row["state"] for row in seen.of(keys.MESSAGE)}
    for id, told in resident.messages.items():
        if told in ("sent", "deleted", "credited") and id in states:
            # Told that it is credited, it may still be about to be.
            coming = told == "credited" and states[id] == "scheduled"
            assert states[id] == told or coming, (
                f"2: {id} is {states[id]}, and the SaaS was told that it is {told}"
            )


def _calls_are_found_out(world: Simulated, account: Account) -> None:
    """11. Of whatever is at a carrier somebody will find out what became of it: the step that called is due and calls
    again, or one lies ahead that asks."""
    for call in account.in_flight:
        number = call.startswith(releasing.IN_FLIGHT)
        again = account.steps.get(NUMBERS_RELEASED if number else REGISTRATIONS_LAPSE)
        asks = f"{CALL_SETTLED}:{call}" in account.steps
        assert asks or (again is not None and again <= world.now), (
            f"11: {call} of {account.id} is at the carrier, and nobody will ask what became of it"
        )


# -- the end


def end(world: Simulated, watching: Watching) -> None:
    world.trail.append("-- faults stop")
    world.calm_down()
    watching.look_at_everything()
    _everything_agrees(world, watching)
    if not world.plan.finale:
        return
    world.trail.append("-- everybody leaves")
    for resident in world.residents:
        leaving.leave(world, resident)
    for months in (1, 1, 13, 24):
        world.move(months_after(world.now, months))
        watching.look()
    world.trail.append("-- nothing keeps it any more")
    for resident in world.residents:
        leaving.nothing_is_left(world, resident)
    world.calm_down()
    watching.look_at_everything()
    _everything_agrees(world, watching)
    for resident in world.residents:
        _nothing_is_left(world, watching, resident)


def _everything_agrees(world: Simulated, watching: Watching) -> None:
    _nothing_waits(world)
    _nothing_is_parked(world)
    for seen in watching.reading.accounts.values():
        resident = _resident(world, seen.account.id)
        _we_know_what_stripe_knows(world, resident, seen.account)
        _carrier_agrees(world, resident, seen)
        _access_is_what_was_paid(world, resident, seen.account)
        _nothing_is_under_way(seen.account)
        position = positions.position(world.watch, seen.account.id)
        assert position is None or not position.lags, (
            f"11: {seen.account.id} has unpublished history"
        )
        _everything_was_told(world, seen)
        _every_fee_was_charged(world, resident, seen, watching.charged_in_time)
        _every_top_up_was_booked(world, resident, seen)
    _money_went_back_once(world)


# -- 10, 11


def _nothing_waits(world: Simulated) -> None:
    """11. Nothing that is due stays due, unless somebody said so, or it cannot be done yet and says why."""
    limit = rfc3339(world.now - LATE)
    for kind in sorted({kind for job in SCHEDULE for kind in job.due_kinds}):
        for shard in range(world.clean.settings.due_shards):
            for due in world.watch._table.due(f"{kind}#{shard}", limit, limit=1000).due:
                row = world.watch._table.get(due.key)
                assert row is not None
                why = str(row["doc"].get("last_error") or row["doc"].get("reason") or row["doc"])
                assert any(code in why for code in EXPLAINED), (
                    f"11: {due.key.sk} of {due.key.pk} is due since {due.due_at}: {why}"
                )


def _nothing_is_parked(world: Simulated) -> None:
    """11. Whatever was put aside is tried again: that a walk finds the same some night is another matter."""
    for whose in (None, *(resident.customer for resident in world.residents)):
        for row in world.table.query(keys.parked_of(whose), keys.PARKED).rows:
            type, why = row["doc"]["type"], row["doc"]["reason"]
            raise AssertionError(f"11: {type} is still parked when all is calm: {why}")


EXPLAINED = ("not_ended_at_stripe",)


def _nothing_is_under_way(account: Account) -> None:
    """A wish to be rid of something waits where an operator holds it (seed 430)."""
    removing = set(account.removals) - _held(account, NUMBER_REMOVED)
    withdrawing = set(account.withdrawals) - _held(account, REGISTRATION_WITHDRAWN)
    for what, left in (
        ("has a call under way about", account.in_flight),
        ("waits to be rid of", removing),
        ("is still withdrawing", withdrawing),
    ):
        assert not left, f"11: when all is calm {account.id} {what} {_listed(left)}"


def _held(account: Account, kind: str) -> set[str]:
    """What steps of a kind are about that an operator holds."""
    return {id.removeprefix(f"{kind}:") for id in account.held if id.startswith(f"{kind}:")}


def _we_know_what_stripe_knows(world: Simulated, resident: Resident, account: Account) -> None:
    """10. Whatever order things were heard in, we know what Stripe knows."""
    for theirs in _at_stripe(world, resident):
        wrong = _differs(account, theirs)
        assert wrong is None, f"10: {wrong}"


def _what_was_heard_is_known(world: Simulated, resident: Resident, account: Account) -> None:
    """10, at once: of what was heard nothing needs to be found out later by asking for everything again."""
    for theirs in _at_stripe(world, resident):
        wrong = _differs(account, theirs)
        assert wrong is None or not heard.everything_about(world, resident, theirs["id"]), (
            f"10: every event of it was heard: {wrong}"
        )


def _differs(account: Account, theirs: dict[str, Any]) -> str | None:
    """What Stripe says of a subscription and what we say, where these are not the same."""
    ours = account.subscriptions.get(theirs["id"])
    if ours is None:
        never_began = theirs["status"] in ("incomplete", "incomplete_expired")
        if never_began or account.purged_at is not None:
            return None
        return f"{theirs['id']} ({theirs['status']}) is not known here"
    stripe_says = (
        theirs["status"], theirs["cancel_at"], theirs["cancel_at_period_end"], theirs["ended_at"],
    )  # fmt: skip
    # Given up before its first payment, it never began here, whatever Stripe calls that.
    given_up = ours.status == "incomplete_expired" and theirs["status"] == "canceled"
    we_say = (
        "canceled" if given_up else ours.status,
        _unix(ours.cancel_at),
        ours.cancel_at_period_end,
        _unix(ours.ended_at),
    )
    if we_say == stripe_says:
        return None
    return (
        f"Stripe says that {theirs['id']} is {_in_words(*stripe_says)},"
        f" and we say that it is {_in_words(*we_say)}"
    )


def _in_words(status: str, cancel_at: int | None, at_period_end: bool, ended_at: int | None) -> str:
    said = [status]
    if cancel_at is not None:
        said.append(f"ends {rfc3339(_instant(cancel_at))}")
    if at_period_end:
        said.append("ends with its period")
    if ended_at is not None:
        said.append(f"ended {rfc3339(_instant(ended_at))}")
    return ", ".join(said)


def _everything_was_told(world: Simulated, seen: Seen) -> None:
    """11. Whatever the history says has left, under its own name."""
    if seen.account.purge_began_at or seen.account.purged_at:
        return
    told = {one["id"] for one in world.outbox.view()["events"]}
    for row in seen.of(keys.HISTORY):
        entry = from_doc(news.HistoryEntry, row["doc"])
        for one in news.events(seen.account.id, entry):
            assert one.id in told, f"11: {one.type} of {seen.account.id} was never told"


def _every_fee_was_charged(
    world: Simulated, resident: Resident, seen: Seen, in_time: Set[tuple[str, datetime]]
) -> None:
    """3, the other side: every month of a number that a plan needed was charged, on the day it was bought.

    Only where the world is simple enough to count by hand: no disputes, refunds, contracts, work or switches.

    None is owed at the end itself, except what was charged before there was one: Stripe's dates are whole seconds, and a
    plan that renews may be ended by somebody in the very second in which its fee was due (seed 1426). And where one ends
    in the very second in which another begins, a date that was passed over in between was passed over rightly: that is
    one second for each return, and whoever charges it charges it once (seed 879)."""
    account, theirs = seen.account, _at_stripe(world, resident)
    simple = not (
        world.windows or resident.cases or resident.disputed or resident.contracts
        or resident.recovered or resident.restored or account.purged_at or account.held or account.waived
        or any(s["status"] not in ("active", "canceled") for s in theirs)
        or any(s.left_plans for s in account.subscriptions.values())
        or any(_paid_until(world, s) > _instant(s["ended_at"]) for s in theirs if s["ended_at"])
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
    needing = [s for s in theirs if _plan_says(world, resident, s, "needs_numbers")]
    ended = any(s["ended_at"] and _instant(s["ended_at"]) == date for s in needing)
    then = [s for s in needing if _needs_it(world, resident, s, date, at_its_end=False)]
    return ended and all(_instant(s["start_date"]) == date for s in then)


def _months(bought: datetime, known: datetime, now: datetime) -> list[datetime]:
    dates = takewhile(lambda date: date <= now, (months_after(bought, n) for n in range(1, 200)))
    return [date for date in dates if known <= date]


def _is_months_after(bought: datetime, date: datetime) -> bool:
    """Whether it is one of the days on which a month of the number begins, the day of purchase left out."""
    months = (date.year - bought.year) * 12 + date.month - bought.month
    return months >= 1 and months_after(bought, months) == date


def _needs_it(
    world: Simulated, resident: Resident, subscription: dict[str, Any], date: datetime,
    *, at_its_end: bool,
) -> bool:  # fmt: skip
    """On that day, half-open; `at_its_end`: also in that very second."""
    needs = _plan_says(world, resident, subscription, "needs_numbers")
    if not needs or not _ever_paid(world, subscription):
        return False
    ended = subscription["ended_at"] and _instant(subscription["ended_at"])
    began = _instant(subscription["start_date"])
    return began <= date and (not ended or date < ended or (at_its_end and date == ended))


def _was_there(world: Simulated, subscription: dict[str, Any], date: datetime) -> bool:
    """Ended at once by somebody, it goes on as far as it was paid for."""
    ended = subscription["ended_at"]
    goes_on = not ended or date < max(_instant(ended), _paid_until(world, subscription))
    return _instant(subscription["start_date"]) <= date and goes_on


# -- the carrier


def _carrier_agrees(world: Simulated, resident: Resident, seen: Seen) -> None:
    """What it lost behind our back nobody can know of; nor what became of a wish that an operator held after it was
    tried. Once we are rid of it, both say so."""
    view = world.carrier.view()
    unknown = {"status": "released"}
    unsure = (
        resident.lost
        | _held(seen.account, NUMBER_REMOVED)
        | _held(seen.account, REGISTRATION_WITHDRAWN)
    )
    for number in seen.numbers:
        theirs = view["numbers"].get(number.e164, unknown)["status"]
        ours = "released" if number.state == "released" else "active"
        assert theirs == ours or (ours == "active" and number.e164 in unsure), (
            f"4: {number.e164} is {theirs} at the carrier, and {number.state} here"
        )
    for registration in seen.registrations:
        theirs = view["registrations"][registration.id]["status"]
        ours = "active" if registration.is_open else "lapsed"
        assert theirs == ours or (ours == "active" and registration.id in unsure), (
            f"5: {registration.id} is {theirs} at the carrier, {registration.state} here"
        )


# -- 6


def _access_is_what_was_paid(world: Simulated, resident: Resident, account: Account) -> None:
    """6. By Stripe's own invoices: whoever paid beyond this instant has access, whoever did not has none, except while
    a renewal settles."""
    policy = world.clean.policies.get(resident.policy)
    given = world.features(resident.id)
    for name, plan in policy.plans.items():
        mine = [s for s in _at_stripe(world, resident) if _plan(world, resident, s) == name]
        paid = any(_is_paid(world, s, world.now) for s in mine)
        perhaps = any(_might_have_access(world, resident, s) for s in mine)
        for feature in plan.features:
            elsewhere = [n for n, p in policy.plans.items() if feature in p.features and n != name]
            assert given[feature] or not paid, (
                f"6: {resident.id} has paid for {feature} and does not have it"
            )
            assert not given[feature] or perhaps or elsewhere, (
                f"6: {resident.id} has {feature} unpaid"
            )


def _is_paid(world: Simulated, subscription: dict[str, Any], now: datetime) -> bool:
    """Certainly: it lives, nothing went back, and a paid invoice reaches beyond now."""
    return (
        subscription["status"] in ("active", "trialing")
        and not _went_back(world, subscription)
        and _paid_until(world, subscription) > now
    )


def _might_have_access(world: Simulated, resident: Resident, subscription: dict[str, Any]) -> bool:
    until = _paid_until(world, subscription)
    if subscription["id"] in resident.contracts:
        until = max(until, resident.contracts[subscription["id"]])
    if subscription["status"] in ("active", "trialing", "past_due", "unpaid"):
        until += timedelta(days=40)  # settling, and the grace after a failed charge
    if world.windows:
        until += timedelta(days=60)  # work on the systems extends it
    return until > world.now


def _paid_until(world: Simulated, subscription: dict[str, Any]) -> datetime:
    ends = [
        line["period"]["end"]
        for invoice in _invoices(world, subscription)
        if invoice["status"] == "paid"
        for line in invoice["lines"]["data"]
        if line["amount"] >= 0
    ]
    return _instant(max(ends, default=0))


def _is_open_at_stripe(world: Simulated, dispute_id: str, at: datetime) -> bool:
    """Whether it had been opened by then, and nobody has decided it yet."""
    dispute = world.emulator._world.get("dispute", dispute_id)
    return _instant(dispute["created"]) <= at and dispute["status"] not in ("won", "lost")


def _ever_paid(world: Simulated, subscription: dict[str, Any]) -> bool:
    return any(invoice["status"] == "paid" for invoice in _invoices(world, subscription))


def _went_back(world: Simulated, subscription: dict[str, Any]) -> bool:
    stripe = world.emulator._world
    charges = [
        c
        for i in _invoices(world, subscription)
        for c in stripe.where("charge", "_invoice", i["id"])
    ]
    return any(c["amount_refunded"] or c["disputed"] for c in charges)


def _invoices(world: Simulated, subscription: dict[str, Any]) -> list[dict[str, Any]]:
    return list(world.emulator._world.where("invoice", "_subscription", subscription["id"]))


# -- money


def _money_went_back_once(world: Simulated) -> None:
    stripe = world.emulator._world
    for charge in stripe.all("charge"):
        assert charge["amount_refunded"] <= charge["amount"]
    cases: dict[str, int] = {}
    for refund in stripe.all("refund"):
        case = (refund.get("metadata") or {}).get("case_id")
        if case and refund["status"] in ("succeeded", "pending"):
            cases[case] = cases.get(case, 0) + 1
    twice = [case for case, times in cases.items() if times > 1]
    assert not twice, f"12: Stripe has paid {_listed(twice)} back more than once"


def _every_top_up_was_booked(world: Simulated, resident: Resident, seen: Seen) -> None:
    """1, by Stripe's own sessions: what was paid for the wallet stands in it, once. Older ones than these are not asked
    for again: whoever looks at nothing for so long has lost them."""
    known = _times_booked(seen)
    sessions = world.emulator._world.where("checkout.session", "customer", resident.customer)
    for session in sessions:
        if not is_for_a_wallet(session) or _instant(session["created"]) < world.now - FORTY_DAYS:
            continue
        booked = known[session["id"]]
        paid = session["payment_status"] == "paid"
        assert booked == paid, (
            f"1: {session['id']} is {session['payment_status']}, and was booked {booked} times"
        )


def _no_top_up_was_booked_twice(seen: Seen) -> None:
    """1, at once, whatever the booking calls its cause."""
    twice = [session for session, times in _times_booked(seen).items() if times > 1]
    assert not twice, f"1: {_listed(twice)} was paid once, and booked more than once"


def _times_booked(seen: Seen) -> Counter[str]:
    paid = (entry for entry in seen.entries if entry.kind in ("top_up", "balance_due"))
    return Counter(str(entry.note["checkout_session"]) for entry in paid)


# -- the finale


def _nothing_is_left(world: Simulated, watching: Watching, resident: Resident) -> None:
    """More than a year after everybody left: every consequence has come, and nothing costs anything any more."""
    for seen in watching.reading.accounts.values():
        if seen.account.id != resident.id or not (
            seen.account.subscriptions or seen.account.purged_at
        ):
            continue
        policy = world.clean.policies.get(resident.policy)
        ends = [_instant(s["ended_at"]) for s in _at_stripe(world, resident)
                if s["ended_at"] and _ever_paid(world, s)
                and _plan_says(world, resident, s, "needs_numbers")]  # fmt: skip
        had_plan = bool(ends)
        waiting = [row["sk"] for row in seen.of(keys.MESSAGE) if row["state"] == "scheduled"]
        credits = policy.messages is not None and policy.messages.credit_unsent
        assert not waiting or not credits or _explained(seen), (
            f"2: {_listed(waiting)} can never be sent, and was never credited"
        )
        # What the SaaS registers for an account without any plan is its own affair.
        held = [n.e164 for n in seen.numbers
                if n.state != "released" and had_plan and n.known_since < max(ends)]  # fmt: skip
        assert not held, (
            f"11: {_listed(held)} is still rented for {resident.id}, a year after everybody left"
        )
        registered = _still_registered(world, resident, seen)
        assert not registered, (
            f"11: {_listed(registered)} is still registered for {resident.id}, a year after everybody left"
        )
        seats = {id: n for id, n in seen.account.seats.items() if n}
        assert not seats, (
            f"GT-5: {resident.id} still has seats in {_listed(seats)}, a year after everybody left"
        )
        if policy.data is not None and had_plan and not _explained(seen):
            assert seen.account.purged_at, (
                f"11: {resident.id} was never purged, and what lies ahead is {_listed(seen.account.steps)}"
            )


def _still_registered(world: Simulated, resident: Resident, seen: Seen) -> list[str]:
    """Though a plan that needed it has ended since, and none lives."""
    mine = [s for s in _at_stripe(world, resident)
            if _plan_says(world, resident, s, "needs_registrations") and _ever_paid(world, s)]  # fmt: skip
    if not mine or any(s["ended_at"] is None for s in mine):
        return []
    ended = max(_instant(s["ended_at"]) for s in mine)
    return [r.id for r in seen.registrations if r.lapses and r.known_since < ended]


def _explained(seen: Seen) -> bool:
    account = seen.account
    return bool(
        account.cases or account.legal_hold or account.held or account.waived or account.numbers
    )


# -- reading the world


def _at_stripe(world: Simulated, resident: Resident) -> list[dict[str, Any]]:
    return list(world.emulator._world.where("subscription", "customer", resident.customer))


def _plan(world: Simulated, resident: Resident, subscription: dict[str, Any]) -> str | None:
    price = subscription["items"]["data"][0]["price"]
    known = (
        world.emulator._world.find("price", price if isinstance(price, str) else price["id"]) or {}
    )
    _, _, rest = (known.get("lookup_key") or "").partition(":")
    return rest.partition(":")[0] or None


def _plan_says(
    world: Simulated, resident: Resident, subscription: dict[str, Any], what: str
) -> bool:
    plan = world.clean.policies.get(resident.policy).plans.get(
        _plan(world, resident, subscription) or ""
    )
    return bool(plan and getattr(plan, what))


def _channels(
    world: Simulated, resident: Resident, subscription: dict[str, Any]
) -> tuple[str, ...]:
    plans = world.clean.policies.get(resident.policy).plans
    plan = plans.get(_plan(world, resident, subscription) or "")
    return plan.message_channels if plan else ()


def _status(world: Simulated, book: str, name: str) -> str | None:
    record = world.carrier._notebook.get(book, name)
    return record["status"] if record else None


def _owner(world: Simulated, name: str) -> Resident:
    if name.startswith("+1415555"):
        return world.residents[int(name[8])]
    return _resident(world, name.partition("-")[0])


def _resident(world: Simulated, account_id: str) -> Resident:
    return next(one for one in world.residents if one.id == account_id)


def _listed(things: Iterable[object]) -> str:
    """For people: moments as they stand everywhere else, and no brackets."""
    told = [rfc3339(one) if isinstance(one, datetime) else str(one) for one in things]
    return " and ".join(sorted(told)) or "nothing"


def _fees(fees: Iterable[tuple[str, datetime]]) -> str:
    return _listed(f"{e164} for {rfc3339(date)}" for e164, date in fees)


def _instant(unix: int) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


def _unix(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
