"""Tells operators of one account: what happened and why, what lies ahead, what is on hold, and how each step goes.

It reads and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from chalicelib.domain import approving, purging
from chalicelib.domain.account import Account, Hold
from chalicelib.domain.capabilities import ON, of_step
from chalicelib.domain.holding import held_by_cases, is_held, is_waived_until, without_holds
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.news import CATALOGUE
from chalicelib.domain.number_fees import Number
from chalicelib.domain.origins import (
    ORIGINS,
    keys_and_values,
    promises_of,
    title_for_operators,
)
from chalicelib.domain.policy import Policy
from chalicelib.domain.status import status
from chalicelib.domain.step_keys import key_of
from chalicelib.domain.steps import DATA_PURGED, KINDS, Step, step_of
from chalicelib.domain.timeline import timeline
from chalicelib.store import accounts, cases, holdings, keys, purges
from chalicelib.store.holdings import rows
from chalicelib.store.table import Row
from chalicelib.wiring import World

Shown = dict[str, Any]

MOST_PAST = 1000
MOST_NUMBERS = 200


# -- accounts


def account_shown(account: Account, now: datetime) -> Shown:
    return {
        "account_id": account.id,
        "policy": account.policy,
        "email": account.email,
        "stripe_customer_id": account.stripe_customer_id,
        "subscriptions": [
            {"id": id, "plan": one.plan, "status": status(account, one, now)}
            for id, one in account.subscriptions.items()
        ],
    }


def accounts_shown(world: World, ids: Sequence[str]) -> list[Shown]:
    """In the order of the ids; one that is gone is left out."""
    found = world.table.get_many([keys.account(id) for id in ids])
    now = world.clock.now()
    known = [found[key] for key in map(keys.account, ids) if key in found]
    return [account_shown(accounts.loaded_from(row).account, now) for row in known]


# -- one account's past and future


def timeline_shown(world: World, account: Account) -> Shown:
    """What happened, what went wrong and is tried again, what is on hold, and what will happen."""
    policy, now = world.policies.get(account.policy), world.clock.now()
    stored = {row["sk"].removeprefix(keys.STEP): row for row in _rows(world, account, keys.STEP)}
    ahead = _ahead(account, policy)
    shown = [step_shown(world, account, step, stored.get(step.id)) for step in ahead]
    waiting = [one for one in shown if "held" not in one]
    past, left_off = _past(world, account)
    return {
        "account_id": account.id,
        "policy": account.policy,
        "as_of": rfc3339(now),
        "legal_hold": account.legal_hold and hold_shown(account.legal_hold),
        "past": past,
        "past_left_off": left_off,
        "evidence": [_evidence(row) for row in _rows(world, account, keys.EVIDENCE)],
        "failed": [one for one in waiting if one["attempts"]],
        "held": [one for one in shown if "held" in one] + list(_held_and_gone(account, ahead)),
        "future": [one for one in waiting if not one["attempts"]],
        "purge": purge_shown(world, account),
        "numbers": numbers_shown(world, account),
    }


def step_shown(world: World, account: Account, step: Step, row: Row | None) -> Shown:
    """A step as operators see it. `row` says how carrying it out went so far."""
    policy, now = world.policies.get(account.policy), world.clock.now()
    doc = (row or {}).get("doc", {})
    held = _hold_of(world, account, step)
    shown = {
        "key": key_of(account.id, step.id),
        "kind": step.kind,
        "subject": step.subject,
        "about": _plan_of(account, step.subject, policy),
        "title": title_for_operators(step.kind, policy),
        "due_at": rfc3339(step.due),
        "overdue": step.due <= now,
        "reversible": step.reversible,
        "attempts": (row or {}).get("attempts", 0),
        "last_error": doc.get("last_error"),
        "needs_person": bool(doc.get("needs_person")),
        "next_try_at": None if held else (row or {}).get("due_at"),
        "why": {
            "promises": list(ORIGINS[step.kind].promises),
            "policy": keys_and_values(step.kind, policy),
        },
    }
    if held is not None:
        shown["held"] = hold_shown(held)
    if step.kind == DATA_PURGED and (approval := approval_shown(account, policy)) is not None:
        shown["approval"] = approval
    mode = world.gate.mode(of_step(step.id))
    if mode != ON:
        # Said only where it is so: until it is on, it stays due.
        shown["switched"] = mode
    if is_waived_until(account, step.id, step.due):
        shown["waived"] = True
    return shown


def _plan_of(account: Account, subject: str | None, policy: Policy) -> str | None:
    """What people call the plan that a step is about: an id says nothing to whoever reads it."""
    subscription = account.subscriptions.get(subject or "")
    plan = policy.plans.get(subscription.plan) if subscription else None
    return plan.title if plan else None


def hold_shown(hold: Hold) -> Shown:
    return {"at": rfc3339(hold.at), "by": hold.by, "reason": hold.reason}


def approval_shown(account: Account, policy: Policy) -> Shown | None:
    """How far the two people are whose word a purge needs. None where none is needed, or no purge lies ahead."""
    due = account.purge_began_at or purging.purge_at(account, policy)
    if due is None or not approving.is_needed(policy):
        return None
    said = approving.given(account, due)
    approved = said and said.approved
    return {
        "due_at": rfc3339(due),
        "state": "approved" if approved else "proposed" if said else "needed",
        "proposed": hold_shown(said.proposed) if said else None,
        "approved": hold_shown(approved) if approved else None,
    }


def purge_shown(world: World, account: Account) -> Shown:
    """How far each purger is with the newest purge, and why one is not done."""
    return {
        "began_at": account.purges_before and rfc3339(account.purges_before),
        "purged_at": account.purged_at and rfc3339(account.purged_at),
        "purgers": [
            {
                "name": name,
                "deleted": dict(kept.progress.deleted),
                "newer": kept.progress.newer,
                "done_at": kept.progress.done_at and rfc3339(kept.progress.done_at),
                "attempts": kept.attempts,
                "last_error": kept.last_error,
            }
            for name, kept in purges.all_progress(world.table, account.id).items()
        ],
    }


def step_now(world: World, account: Account, step_id: str) -> Shown:
    """One step as it is now, also when it was waived or called off."""
    policy = world.policies.get(account.policy)
    row = world.table.get(keys.step(account.id, step_id))
    for step in _ahead(account, policy):
        if step.id == step_id:
            return step_shown(world, account, step, row)
    kind, _, subject = step_id.partition(":")
    gone = {"key": key_of(account.id, step_id), "kind": kind, "subject": subject or None}
    return {**gone, "due_at": None, **({"waived": True} if step_id in account.waived else {})}


def _ahead(account: Account, policy: Policy) -> list[Step]:
    """What the sweeps will do, as it is stored, and what they would do if it were not on hold."""
    stored = [step_of(id, due) for id, due in account.steps.items()]
    held = [s for s in timeline(without_holds(account), policy) if is_held(account, s)]
    return sorted([*stored, *held], key=lambda step: (step.due, KINDS.index(step.kind), step.id))


def _hold_of(world: World, account: Account, step: Step) -> Hold | None:
    if not is_held(account, step):
        return None
    by_person = account.held.get(step.id) or account.legal_hold
    return by_person or _hold_of_case(world, account, held_by_cases(account, step)[0])


def _hold_of_case(world: World, account: Account, case_id: str) -> Hold | None:
    case = cases.load(world.table, account.id, case_id)
    if case is None or case.complete_at is None:
        return None
    reason = "It is not decided: what it rests on is still needed."
    return Hold(at=case.complete_at, by=case_id, reason=reason)


def _held_and_gone(account: Account, ahead: Sequence[Step]) -> Iterator[Shown]:
    """On hold, and called off for now: should it come back, it is held."""
    for step_id, hold in account.held.items():
        if step_id not in {step.id for step in ahead}:
            kind, _, subject = step_id.partition(":")
            yield {
                "key": key_of(account.id, step_id),
                "kind": kind,
                "subject": subject or None,
                "due_at": None,
                "held": hold_shown(hold),
            }


def _past(world: World, account: Account) -> tuple[list[Shown], int]:
    """The history, oldest first: who, and why."""
    docs = [row["doc"] for row in _rows(world, account, keys.HISTORY)]
    docs.sort(key=lambda doc: (doc["version"], doc["at"]))
    policy = world.policies.get(account.policy)
    shown = [_happened(doc, policy) for doc in docs[-MOST_PAST:]]
    return shown, max(0, len(docs) - MOST_PAST)


def _happened(doc: Row, policy: Policy) -> Shown:
    """An entry, and why it is there: somebody's reason, what it means, the promises it keeps, and for a step the lines
    of the policy, as they are now, that set its date."""
    what = doc["what"]
    kind = what.removeprefix("step.")
    why = {
        "reason": doc.get("data", {}).get("reason"),
        "says": CATALOGUE[what].says if what in CATALOGUE else None,
        "promises": list(promises_of(what)),
        "policy": keys_and_values(kind, policy) if kind in ORIGINS else {},
    }
    return {**doc, "why": why}


def numbers_shown(world: World, account: Account) -> list[Shown]:
    """The first of its numbers, and until when its carrier gives back one that was released."""
    return [
        {
            "number": one.e164,
            "status": one.state,
            "provider": one.provider,
            "released_at": one.released_at and rfc3339(one.released_at),
            "recoverable_until": _recoverable_until(world, one),
        }
        for one in islice(holdings.numbers(world.table, account.id), MOST_NUMBERS)
    ]


def _recoverable_until(world: World, number: Number) -> str | None:
    carrier = world.carriers.get(number.provider)
    if number.released_at is None or carrier is None or carrier.recoverable_for is None:
        return None
    until = number.released_at + carrier.recoverable_for
    return rfc3339(until) if world.clock.now() < until else None


def _evidence(row: Row) -> Shown:
    """SC-1, GT-8: who agreed to it, in which role, by which way. The rest is on record."""
    doc = row["doc"]
    named = {name: doc.get(name) for name in ("id", "at", "who", "roles", "channel")}
    return {**named, "subscription_id": doc.get("preview", {}).get("subscription_id")}


def _rows(world: World, account: Account, prefix: str) -> Iterator[Row]:
    return rows(world.table, account.id, prefix)
