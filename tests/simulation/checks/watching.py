"""After every act: the rows that were written, what the carrier was asked, and what time alone may break."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.account import Account
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import DATA_PURGED, NUMBERS_RELEASED, REGISTRATIONS_LAPSE
from chalicelib.store import keys
from infra.local.carrier import GONE
from tests.simulation.checks.access import (
    access_is_half_open,
    contracts_run_to_their_end,
    what_was_confirmed_is_carried_out,
)
from tests.simulation.checks.carrier import calls_are_found_out, status_at_carrier, still_registered
from tests.simulation.checks.known import what_was_heard_is_known
from tests.simulation.checks.money import (
    credits_come_after_an_end,
    is_months_after,
    no_top_up_was_booked_twice,
    sent_is_never_credited,
)
from tests.simulation.checks.telling import listed, owner_of, resident_of
from tests.simulation.given_days import GivenDays
from tests.simulation.leaving import LIVE
from tests.simulation.reading import Reading
from tests.simulation.stripes_truth import (
    at_stripe,
    channels_of,
    ever_paid,
    instant,
    is_open_at_stripe,
    is_paid,
    plan_says,
    was_there,
)
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

FORTNIGHT, MONTH = timedelta(hours=336), timedelta(hours=720)


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
            if status_at_carrier(self.world, book, name) == "active":
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
            resident, policy = resident_of(world, seen.account.id), self._policy(seen)
            holds_as_stored(seen, policy, world.now, around, witness)
            ended_stays_ended(seen, witness)
            self._purges_come_after_a_year(resident, seen.account)
            self._purges_leave_no_content(resident, seen)
            self._fees_were_owed_by_stripes_dates(resident, seen)
            self.given_days.stay(seen.account)
            calls_are_found_out(world, seen.account)
            access_is_half_open(world, resident, seen.account)
            credits_come_after_an_end(world, resident, seen)
            no_top_up_was_booked_twice(seen)
            self._nothing_was_credited_that_could_be_sent(resident, seen)
        for seen in self.reading.accounts.values():
            resident = resident_of(world, seen.account.id)
            paid_access_is_whole(seen, self._policy(seen), world.now)
            sent_is_never_credited(resident, seen)
            what_was_heard_is_known(world, resident, seen.account)
            self._nothing_was_sent_after_the_end(resident, seen)
            contracts_run_to_their_end(resident, seen.account)
            what_was_confirmed_is_carried_out(world, resident, seen.account)

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
        resident = owner_of(world, name)
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
        mine = [s for s in at_stripe(world, resident) if plan_says(world, resident, s, needs)]
        living = [s["id"] for s in mine if s["status"] in LIVE]
        # What was never paid never began: that Stripe gave it up is no end.
        ends = [instant(s["ended_at"]) for s in mine if s["ended_at"] and ever_paid(world, s)]
        if living:
            self.early.append(
                f"4/5: {name} was given back at {rfc3339(now)} while {listed(living)} lives"
            )
        elif not ends or now < max(ends) + after:
            ended = f"its plans ended {listed(ends)}" if ends else "no plan of it had ended"
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
        assert not held, f"5: {account.id} was purged while {listed(held)} was open"
        asked = [d for d in resident.disputes if is_open_at_stripe(self.world, d, began)]
        assert not asked, f"5: {account.id} was purged, and a bank had asked by {listed(asked)}"
        ends = [instant(s["ended_at"]) for s in at_stripe(self.world, resident)
                if s["ended_at"] and instant(s["ended_at"]) < began and ever_paid(self.world, s)]  # fmt: skip
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
            mine = [s for s in at_stripe(self.world, resident)
                    if plan_says(self.world, resident, s, "needs_numbers")]  # fmt: skip
            if any(s["ended_at"] is None and was_there(self.world, s, fee.at) for s in mine):
                self.charged_in_time.add((str(fee.note["number"]), fee.at))
            owed = any(was_there(self.world, s, fee.at) for s in mine)
            assert owed, f"3: {fee.cause} was charged, and there was no plan on that day"
            bought = [n.bought_at for n in seen.numbers if n.e164 == fee.note["number"]]
            assert not bought or any(is_months_after(one, fee.at) for one in bought), (
                f"3: {fee.cause} was charged, and the number was bought {listed(bought)}"
            )

    def _nothing_was_sent_after_the_end(self, resident: Resident, seen: Seen) -> None:
        """2, by Stripe's dates: who had heard all of them lets nothing be sent that nobody may send any more."""
        sent, resident.sent = resident.sent, []
        if not sent or self._stripe_says_too_little(resident, seen.account):
            return
        rows = {row["sk"].removeprefix(keys.MESSAGE): row["doc"] for row in seen.of(keys.MESSAGE)}
        for id, at in sent:
            channel = rows[id]["channel"]
            mine = [s for s in at_stripe(self.world, resident)
                    if channel in channels_of(self.world, resident, s)]  # fmt: skip
            assert any(was_there(self.world, s, at) for s in mine), (
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
            living = [s for s in at_stripe(self.world, resident)
                      if is_paid(self.world, s, self.world.now) and instant(s["start_date"]) < entry.at]  # fmt: skip
            for id in entry.note["messages"]:  # type: ignore[attr-defined]
                channel = rows[id]["channel"] if id in rows else None
                able = [s["id"] for s in living if channel in channels_of(self.world, resident, s)]
                assert not able, f"2: {id} was credited, and {listed(able)} could still send it"

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
            assert not found, f"5: {listed(found)} outlived the purge in {row['sk']}"
        if REGISTRATIONS_LAPSE in seen.account.steps:
            # Whoever came back while it went on has an end again, by which a day is counted (seed 450).
            return
        left = still_registered(self.world, resident, seen)
        assert not left, f"5: {seen.account.id} was purged, and {listed(left)} is registered still"


def _a_year_after(moment: datetime) -> datetime:
    """Counted here anew: the app's own way of counting is what is looked at."""
    if (moment.month, moment.day) == (2, 29):
        return moment.replace(year=moment.year + 1, month=3, day=1)
    return moment.replace(year=moment.year + 1)
