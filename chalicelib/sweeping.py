"""Carries out what is due. Each sweep reads one kind from the due index and takes one step after another.

For each: load the account; check that the step is still on its timeline; ask Stripe again where it cannot be undone,
and decide again; carry it out; mark it done, on the account's version. One that fails is tried again later, by itself.
A sweep that is doubled, late or killed anywhere does the same in the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from chalicelib import log
from chalicelib.disputing import hear_open
from chalicelib.domain import capabilities, returning, steps
from chalicelib.domain.account import Account
from chalicelib.domain.capabilities import OFF, ON, SHADOW, Mode, SwitchedOff
from chalicelib.domain.decide import decide
from chalicelib.domain.ending import has_ended
from chalicelib.domain.facts import StepDone, StripeSaysAll
from chalicelib.domain.moments import from_rfc3339, rfc3339
from chalicelib.domain.needs import numbers_needed_at
from chalicelib.domain.number_fees import paid_beyond
from chalicelib.domain.steps import Step, step_of
from chalicelib.effects import at_carrier, at_stripe
from chalicelib.effects.case_clock import case_clock
from chalicelib.effects.charge_number_fees import charge_number_fees
from chalicelib.effects.credit_messages import credit_messages
from chalicelib.effects.effect import Done, Effect, Moot, MoreToDo, NotYet, OutOfTime, Task
from chalicelib.effects.end_access import end_access
from chalicelib.effects.end_plan import end_plan
from chalicelib.effects.export_data import expire_export, make_export
from chalicelib.effects.purge_data import purge_data
from chalicelib.effects.purge_data import waits_for as purge_waits_for
from chalicelib.effects.recover_number import recover_number
from chalicelib.effects.refund import credit_appeal, pay_refund
from chalicelib.effects.remind import remind
from chalicelib.effects.unassign_seats import unassign_seats
from chalicelib.effects.would import WOULD
from chalicelib.hearing import Unusable, retry_parked
from chalicelib.lifecycle import ATTEMPTS, must_load, save, settle
from chalicelib.sharing import Reach
from chalicelib.store import keys, parked, shadows
from chalicelib.store.accounts import Loaded, Stale, still
from chalicelib.store.shadows import Noted
from chalicelib.store.table import Contended, Due, If, Key, Refused, StoreError, Update
from chalicelib.wiring import World

Outcome = Literal[
    "done",
    "called off",
    "to be tried again",
    "left",
    "more to do",
    "shared out",
    "switched off",
    "noted in shadow",
    "in shadow",
]

TICK = timedelta(minutes=5)
LONGEST_BACKOFF = timedelta(hours=6)
ALARM_AFTER = 5
"""Failures of one step after which a person is told, an hour and a quarter after the first: until then trying again
is more likely to help than they are. What time alone will not mend is told at once."""
SECOND = timedelta(seconds=1)
CLAIM = steps.CALL_IS_OVER
"""Longer than any sweep may run: after it, another run may take the step."""
PAGE = 50


def _always(_task: Task) -> bool:
    return True


def _never(_task: Task) -> bool:
    return False


def _before_it_begins(task: Task) -> bool:
    """A purge that began finishes, whatever Stripe says by now; and nobody is asked while it waits for something here."""
    return task.loaded.account.purge_began_at is None and purge_waits_for(task) is None


def _unless_paid(task: Task) -> bool:
    """A fee needs no asking while every plan is paid beyond its date, and one needed the numbers on it. A date on which
    none did is passed over for good: there may be one that nobody has told us of."""
    account, date = task.loaded.account, task.step.due
    policy = task.world.policies.get(account.policy)
    paid = paid_beyond(account)
    return paid is None or paid <= date or not numbers_needed_at(account, policy, date)


@dataclass(frozen=True, slots=True)
class How:
    effect: Effect
    asks_stripe: Callable[[Task], bool]
    needs_the_end: bool = False
    claims: bool = False
    """Whether it calls outsiders, so that two runs at once must not both do it."""
    needs_every_plan: bool = False
    """Whether a return on a plan that nobody can read keeps it from being done: it could not be given back."""
    hears_disputes: bool = False
    """Whether a dispute that is open would keep it from being done: Stripe is asked for those as well."""


HOW: Mapping[str, How] = {
    # The effect asks Stripe itself: for the very payment, its refunds and disputes.
    steps.REFUND_PAID: How(pay_refund, _never, claims=True),
    steps.APPEAL_CREDITED: How(credit_appeal, _never),
    steps.PLAN_ENDED: How(end_plan, _always, claims=True),
    steps.CASE_CLOCK: How(case_clock, _never),
    steps.RENEWAL_RESTORED: How(at_stripe.restore_renewal, _always, claims=True),
    steps.RENEWAL_OFF: How(at_stripe.turn_renewal_off, _always, claims=True),
    steps.COLLECTION_STOPPED: How(at_stripe.stop_collection, _always, claims=True),
    steps.COLLECTION_RESUMED: How(at_stripe.resume_collection, _always, claims=True),
    steps.SEATS_UNASSIGNED: How(unassign_seats, _always, needs_the_end=True),
    steps.REMINDER: How(remind, _always),
    steps.ACCESS_ENDS: How(end_access, _always, needs_the_end=True),
    steps.MESSAGES_CREDITED: How(credit_messages, _always, needs_the_end=True),
    steps.NUMBER_FEE: How(charge_number_fees, _unless_paid),
    steps.NUMBER_REMOVED: How(at_carrier.remove_number, _never, claims=True),
    # Whether it may be had back was decided when it was asked for; from then on it is only found out.
    steps.NUMBER_RECOVERED: How(recover_number, _never, claims=True),
    steps.REGISTRATION_WITHDRAWN: How(at_carrier.withdraw_registration, _never, claims=True),
    steps.CALL_SETTLED: How(at_carrier.settle_call, _never, claims=True),
    steps.NUMBERS_RELEASED: How(
        at_carrier.release_numbers, _always, needs_the_end=True, claims=True, needs_every_plan=True
    ),
    steps.REGISTRATIONS_LAPSE: How(
        at_carrier.lapse_registrations,
        _always,
        needs_the_end=True,
        claims=True,
        needs_every_plan=True,
    ),
    # The effect asks Stripe for the invoices itself.
    steps.EXPORT_MADE: How(make_export, _never, claims=True),
    steps.EXPORT_EXPIRES: How(expire_export, _never),
    steps.DATA_PURGED: How(
        purge_data,
        _before_it_begins,
        needs_the_end=True,
        claims=True,
        needs_every_plan=True,
        hears_disputes=True,
    ),
}


@dataclass(slots=True)
class Report:
    """What a sweep did, and what it left: outcome → how many."""

    counts: Counter[Outcome] = field(default_factory=Counter)

    def __str__(self) -> str:
        return ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items() if count)


def sweep(
    world: World, kind: str, out_of_time: OutOfTime = lambda: False, reach: Reach | None = None
) -> Report:
    """Every step of this kind that is due, one by one. One bad row holds up nobody else, and neither does a large
    one: it takes its turn, and has the next when everybody had theirs. What is too much is shared out (`sharing`).

    What is switched off is not even looked at: it stays due."""
    capability = capabilities.of_kind(kind)
    if capability is not None and world.gate.mode((capability,)) == OFF:
        log.event("sweep_switched_off", kind=kind, capability=capability)
        return Report()
    counts: Counter[Outcome] = Counter()
    reach = reach or Reach()
    while True:
        report = each_due(
            world, kind, out_of_time, lambda due: _carry_out_due(world, due, out_of_time), reach
        )
        counts["more to do"] = 0
        counts.update(report.counts)
        if not counts["more to do"] or out_of_time():
            return Report(counts)


def retry_all_parked(
    world: World, out_of_time: OutOfTime = lambda: False, reach: Reach | None = None
) -> Report:
    return each_due(
        world, parked.KIND, out_of_time, lambda due: retry_one_parked(world, due.key), reach
    )


def each_due(
    world: World,
    kind: str,
    out_of_time: OutOfTime,
    carry: Callable[[Due], Outcome],
    reach: Reach | None = None,
) -> Report:
    report, reach = Report(), reach or Reach()
    now = world.clock.now()
    until = oldest = rfc3339(now)
    for shard in reach.shards(kind, world.settings.due_shards):
        after: str | None = None
        while True:
            limit = reach.read_at_once(PAGE)
            page = world.table.due(f"{kind}#{shard}", until, limit=limit, after=after)
            # A full first page: to know that there is more costs no question, and what is less is done sooner alone.
            full = after is None and page.after is not None and len(page.due) == PAGE
            if full and reach.gives_away(kind, shard, page.due[0].due_at, now):
                report.counts["shared out"] += 1
                break
            for due in reach.ours(page.due):
                outcome = "left" if out_of_time() else carry(due)
                report.counts[outcome] += 1
                oldest = min(oldest, due.due_at) if outcome == "left" else oldest
            if page.after is None or out_of_time():
                break
            after = page.after
    if oldest < until:
        left = report.counts["left"]
        log.event("steps_left", kind=kind, left=left, overdue_seconds=_since(world, oldest))
    return report


def _since(world: World, then: str) -> int:
    return int((world.clock.now() - from_rfc3339(then)).total_seconds())


def _carry_out_due(world: World, due: Due, out_of_time: OutOfTime) -> Outcome:
    step_id = due.key.sk.removeprefix(keys.STEP)
    try:
        return carry_out(world, keys.account_of(due.key), step_id, out_of_time)
    except Exception as error:  # noqa: BLE001 - isolated: recorded with its next try, and the rest goes on
        failed(world, due.key, error)
        return "to be tried again"


def try_now(world: World, account_id: str, step_id: str) -> Outcome:
    """One step, without waiting for its sweep; what goes wrong leaves it due, as in a sweep."""
    key = keys.step(account_id, step_id)
    return _carry_out_due(world, Due(key, rfc3339(world.clock.now())), lambda: False)


def carry_out(
    world: World, account_id: str, step_id: str, out_of_time: OutOfTime = lambda: False
) -> Outcome:
    """Carries out one step if it is due, and if what it belongs to is on; in shadow it is only noted what would
    have been done.

    Raises NotYet and whatever went wrong; the caller sees to the next try (`failed`).
    """
    mode = world.gate.mode(capabilities.of_step(step_id))
    if mode == OFF:
        return "switched off"
    claimed: str | None = None
    for _ in range(ATTEMPTS):
        loaded = must_load(world, account_id)
        step = _pending(loaded.account, step_id, world.clock.now())
        if step is None:
            _tidy_index(world, loaded, step_id)
            return "called off"
        if mode == SHADOW and shadows.is_noted(world.table, account_id, step, world.clock.now()):
            return "in shadow"
        if mode == ON and HOW[step.kind].claims and claimed is None:
            claimed = _claim(world, account_id, step)
            if claimed is None:
                return "left"
        try:
            return _carry_out_once(world, loaded, step, out_of_time, mode)
        except SwitchedOff:
            # In the very moment in which it was about to leave.
            if claimed is not None:
                _give_back(world, account_id, step, claimed)
            return "switched off"
        except (Stale, Contended):
            continue
        except Moot:
            return "left"
        except MoreToDo:
            if claimed is not None:
                _give_back(world, account_id, step, claimed)
            return "more to do"
    raise NotYet("account_keeps_changing")


def _carry_out_once(
    world: World, loaded: Loaded, step: Step, out_of_time: OutOfTime, mode: Mode
) -> Outcome:
    how = HOW[step.kind]
    now = world.clock.now()
    task = Task(world, loaded, step, out_of_time)
    if how.asks_stripe(task):
        loaded, said = _after_asking(world, loaded)
        if how.hears_disputes and _pending(loaded.account, step.id, now) == step:
            # Its webhook may be late: what answers the bank would be deleted before we heard of it (seed 868).
            loaded = hear_open(world, loaded)
        task = replace(task, loaded=loaded)
        if _pending(loaded.account, step.id, now) != step:
            return "called off"
        if how.needs_every_plan and said is not None:
            _must_be_read(world, loaded.account, said, now)
    if how.needs_the_end:
        _must_have_ended(loaded.account, now)
    if mode == SHADOW:
        return _note(task)
    done = how.effect(task)
    if step.kind not in steps.SELF_COMPLETING:
        _complete(world, done.loaded or loaded, step, done)
    log.event("step_done", kind=step.kind, account=loaded.account.id)
    return "done"


def _note(task: Task) -> Outcome:
    """Works out what would be done, on what is true now, and writes that down instead. The account stays as it is, and
    the step stays due."""
    would = WOULD[task.step.kind](task)
    shadows.note(
        task.world.table,
        task.account_id,
        Noted(
            what=task.step.id,
            due=task.step.due,
            at=task.world.clock.now(),
            capability=",".join(capabilities.of_step(task.step.id)),
            policy=task.loaded.account.policy,
            would=would.result,
            again_at=would.again_at,
        ),
        task.world.settings.due_shards,
    )
    log.event("step_noted_in_shadow", kind=task.step.kind, account=task.account_id)
    return "noted in shadow"


def _must_have_ended(account: Account, now: datetime) -> None:
    """Whatever follows from an end waits until Stripe has ended it too: acting while Stripe goes on would charge
    a customer who has lost what they pay for."""
    for subscription in account.subscriptions.values():
        if has_ended(account, subscription, now) and subscription.ended_at is None:
            raise NotYet("not_ended_at_stripe")


def _must_be_read(world: World, account: Account, said: StripeSaysAll, now: datetime) -> None:
    policy = world.policies.get(account.policy)
    for id in returning.unread(account, said, policy, now):
        log.event("return_unread", account=account.id, subscription=id)
        raise NotYet("plan_unknown_at_stripe", needs_person=True)


def _pending(account: Account, step_id: str, now: datetime) -> Step | None:
    due = account.steps.get(step_id)
    return step_of(step_id, due) if due is not None and due <= now else None


def _after_asking(world: World, loaded: Loaded) -> tuple[Loaded, StripeSaysAll | None]:
    """Stripe's word now, decided on. What is visibly different is saved at once; that Stripe merely spoke is
    saved along with whatever is saved next, on the same version."""
    customer = loaded.account.stripe_customer_id
    if customer is None:
        return loaded, None
    said = world.stripe.subscriptions_of(customer)
    policy = world.policies.get(loaded.account.policy)
    decision = decide(loaded.account, said, policy, world.clock.now())
    if decision.what is None:
        return replace(loaded, account=decision.account), said
    told = save(world, loaded, decision, id=f"asked:{world.new_id()}", by="stripe")
    return told.loaded, said


def _complete(world: World, loaded: Loaded, step: Step, done: Done) -> None:
    fact = StepDone(
        step=step,
        result=done.result,
        next_fee_at=done.next_fee_at,
        certificate=done.certificate,
    )
    # Its version, because a step may come due again for the very same date (a number that was kept after all, or put
    # in the same second): the second time is no duplicate of the first.
    said = f"step:{step.id}:{rfc3339(step.due)}:{loaded.version}"
    settle(world, loaded, fact, id=said, by="sweep")


def _claim(world: World, account_id: str, step: Step) -> str | None:
    """Takes the step by moving its place in the index on: whoever dies holding it leaves it due again later.

    Answers that place, or None when another run holds the step.
    """
    now = world.clock.now()
    until = rfc3339(now + CLAIM)
    try:
        world.table.write(
            Update(
                keys.step(account_id, step.id),
                {"due_at": until, "claimed_until": until},
                # Half-open, as every span here: at the instant itself it is free again.
                If(equals={"state": "pending"}, before={"claimed_until": rfc3339(now + SECOND)}),
            )
        )
    except Refused:
        return None
    return until


def _give_back(world: World, account_id: str, step: Step, claimed_until: str) -> None:
    """The rest is the next run's: the step goes back to its place, unless it was called off or moved since."""
    try:
        world.table.write(
            Update(
                keys.step(account_id, step.id),
                {"due_at": rfc3339(step.due), "claimed_until": None},
                If(equals={"state": "pending", "due_at": claimed_until}),
            )
        )
    except Refused:
        return


def failed(world: World, key: Key, error: Exception) -> None:
    """Writes down when to try again: a step that is not marked done is the record that something went wrong.

    If even that cannot be written, the step stays due as it is, and the rest of the sweep goes on.
    """
    try:
        _write_down(world, key, error)
    except StoreError as unwritten:
        log.problem("failure_not_written", unwritten, step=key.sk)


def _write_down(world: World, key: Key, error: Exception) -> None:
    reason = str(error) if isinstance(error, NotYet) else type(error).__name__
    row = world.table.get(key)
    attempts = (row or {}).get("attempts", 0) + 1
    # When it was promised: its place in the index moves with every try.
    promised = (row or {}).get("doc", {}).get("due")
    overdue = _since(world, promised) if promised else None
    log.problem("step_failed", error, step=key.sk, attempts=attempts, overdue_seconds=overdue)
    needs_person = attempts >= ALARM_AFTER or (isinstance(error, NotYet) and error.needs_person)
    if needs_person:
        log.problem("step_needs_person", error, owner=key.pk, step=key.sk, attempts=attempts)
    if row is None or "due_kind" not in row:
        return
    again = world.clock.now() + backoff(attempts)
    world.table.write(
        Update(
            key,
            {
                "due_at": rfc3339(again),
                "attempts": attempts,
                "claimed_until": None,
                "doc": {**row["doc"], "last_error": reason[:200], "needs_person": needs_person},
            },
            # Otherwise it was called off, or moved to another day, since.
            If(equals={"due_kind": row["due_kind"], "due_at": row["due_at"]}),
        )
    )


def backoff(attempts: int) -> timedelta:
    """From one tick, doubling, at most six hours."""
    return min(TICK * (1 << min(attempts - 1, 10)), LONGEST_BACKOFF)


def _tidy_index(world: World, loaded: Loaded, step_id: str) -> None:
    """Puts right a place in the index at which the account has nothing due (a claim moved it, or the index lags).

    Only while the account is as it was loaded: a step that was planned since must not lose its place.
    """
    due = loaded.account.steps.get(step_id)
    right = {"due_kind": None, "due_at": None} if due is None else {"due_at": rfc3339(due)}
    step = Update(keys.step(loaded.account.id, step_id), right, If(present=True))
    try:
        world.table.transact([step, still(loaded)])
    except (Refused, Contended):
        return


def retry_one_parked(world: World, key: Key) -> Outcome:
    """Tries one parked event again; what still cannot be applied stays parked, with its next try."""
    try:
        event = parked.load(world.table, key)
        if event is None:
            return "called off"
        reason = _still_unusable(world, event)
        if reason is None:
            parked.remove(world.table, key)
            return "done"
        waiting = int((world.clock.now() - event.parked_at).total_seconds())
        log.event(
            "event_still_parked", event_id=event.event_id, reason=reason, waiting_seconds=waiting
        )
        attempts = event.attempts + 1
        again = replace(event, attempts=attempts, reason=reason)
        parked.postpone(world.table, key, again, world.clock.now() + backoff(attempts))
    except Exception as error:  # noqa: BLE001 - isolated: it stays parked as it is, and the rest goes on
        log.problem("parked_retry_failed", error, event=key.sk)
    return "to be tried again"


def _still_unusable(world: World, event: parked.ParkedEvent) -> str | None:
    """Why it cannot be applied now, or None once it is."""
    try:
        retry_parked(world, event)
    except Unusable as unusable:
        return unusable.reason
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - a reason like any other, with its own next try
        log.problem("parked_retry_failed", error, event_id=event.event_id)
        return type(error).__name__
    return None
