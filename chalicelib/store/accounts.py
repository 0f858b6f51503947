"""The account, its history and its steps: loaded in one read, saved in one conditional transaction.

The account's version guards everything that depends on it. The history entry's key, made of the fact's own id, is
what makes a second telling of the same fact a duplicate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, assert_never

from chalicelib.domain.account import Account, Seat
from chalicelib.domain.decision import (
    Also,
    CaseSaved,
    CustomerBound,
    Decision,
    NumberClaimed,
    NumberFreed,
    PurgeCertified,
    ReceiptDue,
    ReplySaved,
    SeatEmptied,
    StepDueAgain,
)
from chalicelib.domain.evidence import Evidence
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.number_fees import Number
from chalicelib.domain.registrations import Registration
from chalicelib.domain.steps import Step
from chalicelib.store import cases, directory, keys, purges
from chalicelib.store.compact import packed, unpacked
from chalicelib.store.records import to_doc
from chalicelib.store.table import Action, Check, Delete, If, Key, Put, Refused, Row, Table, Update


@dataclass(frozen=True, slots=True)
class Loaded:
    """An account as it was read. `unknown` is what a newer version of this code wrote and this one keeps."""

    account: Account
    version: int
    unknown: Mapping[str, Any]
    last: str | None = None
    """The newest history entry: each names the one before it, so that what was not published is found without
    reading the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Where a fact came from: its own id (the business cause), who told it, and when."""

    id: str
    by: str
    at: datetime


class AlreadyTold(Exception):
    """This fact is in the account's history: a duplicate."""


class Stale(Exception):
    """The account changed since it was loaded. Load again and decide again."""


class Taken(Exception):
    """Something that goes along with the change is no longer as it was: a number or a Stripe customer belongs to
    another account by now, a seat is taken or given back already."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def load(table: Table, account_id: str) -> Loaded | None:
    row = table.get(keys.account(account_id))
    return loaded_from(row) if row else None


def loaded_from(row: Row) -> Loaded:
    account, unknown = unpacked(keys.account_of(Key(row["pk"], row["sk"])), row["doc"])
    return Loaded(account, row["version"], unknown, row.get("op"))


def ids(table: Table, shards: int) -> Iterator[str]:
    """Every account there is, a page at a time. Never on a hot path."""
    for shard in range(shards):
        after: str | None = None
        while True:
            page = table.directory(f"accounts#{shard}", after=after)
            yield from (found.due_at for found in page.due)
            if (after := page.after) is None:
                break


def account_of_customer(table: Table, customer_id: str) -> str | None:
    row = table.get(keys.customer(customer_id))
    return row["doc"]["account_id"] if row else None


def create(table: Table, account: Account, told: Told, also: Sequence[Also], shards: int) -> Loaded:
    """Raises AlreadyTold when the account exists by now, Taken when its Stripe customer is another's."""
    key = keys.account(account.id)
    row = {
        "pk": key.pk,
        "sk": key.sk,
        "version": 1,
        "op": told.id,
        "doc": packed(account),
        "dir_kind": keys.due_kind("accounts", account.id, shards),
        "dir_key": account.id,
    }
    first = Put(row, If(absent=True))
    entry = _history(account.id, told, "account.created", {"policy": account.policy}, 1, None)
    extra = [action for item in also for action in _also(account.id, item, shards)]
    extra += directory.changes(None, account)
    try:
        table.transact([first, entry, *extra])
    except Refused as refused:
        if refused.failed[0] or refused.failed[1]:
            raise AlreadyTold(told.id) from refused
        raise _taken(also) from refused
    return Loaded(account, 1, {}, told.id)


def save(
    table: Table,
    before: Loaded,
    decision: Decision,
    told: Told,
    timeline: Sequence[Step],
    shards: int,
) -> Loaded:
    """State, history entry and step changes, all or nothing.

    Raises AlreadyTold, Stale or Taken, and whatever the table raises.
    """
    assert decision.what is not None
    account = replace(decision.account, steps={step.id: step.due for step in timeline})
    after = Loaded(account, before.version + 1, before.unknown, told.id)
    actions: list[Action] = [
        _update(before, after),
        _history(account.id, told, decision.what, decision.data, after.version, before.last),
        *_step_changes(before.account, account, timeline, shards),
        *(action for item in decision.also for action in _also(account.id, item, shards)),
        *directory.changes(before.account, account),
    ]
    try:
        table.transact(actions)
    except Refused as refused:
        if refused.failed[1]:
            raise AlreadyTold(told.id) from refused
        if refused.failed[0]:
            raise Stale from refused
        raise _taken(decision.also) from refused
    return after


def advance(table: Table, before: Loaded, account: Account) -> Loaded:
    """Remembers that Stripe spoke, although nothing visible changed: one conditional update, no history.

    Without it an older event arriving later would pass as news. Raises Stale.
    """
    if account == before.account:
        return before
    after = replace(before, account=account, version=before.version + 1)
    try:
        table.write(_update(before, after))
    except Refused as refused:
        raise Stale from refused
    return after


def still(loaded: Loaded) -> Check:
    """The condition that the account is as it was loaded, for a write that rests on it but changes other rows."""
    return Check(keys.account(loaded.account.id), If(equals={"version": loaded.version}))


def was_told(table: Table, account_id: str, fact_id: str) -> bool:
    return table.get(keys.history(account_id, fact_id)) is not None


def _update(before: Loaded, after: Loaded) -> Update:
    doc = {**before.unknown, **packed(after.account)}
    return Update(
        keys.account(after.account.id),
        {"doc": doc, "version": after.version, "op": after.last},
        If(equals={"version": before.version}),
    )


def _history(
    account_id: str,
    told: Told,
    what: str,
    data: Mapping[str, object],
    version: int,
    previous: str | None,
) -> Put:
    key = keys.history(account_id, told.id)
    doc = to_doc(
        {
            "id": told.id,
            "what": what,
            "by": told.by,
            "at": told.at,
            "version": version,
            "previous": previous,
            "data": data,
        }
    )
    return Put({"pk": key.pk, "sk": key.sk, "doc": doc}, If(absent=True))


def _step_changes(
    before: Account, after: Account, timeline: Sequence[Step], shards: int
) -> list[Update]:
    changed = [step for step in timeline if before.steps.get(step.id) != step.due]
    gone = [step_id for step_id in before.steps if step_id not in after.steps]
    return [
        *(_scheduled(after.id, step, shards) for step in changed),
        *(_off(after, step_id) for step_id in gone),
    ]


def _scheduled(account_id: str, step: Step, shards: int) -> Update:
    return Update(
        keys.step(account_id, step.id),
        {
            "state": "pending",
            "due_kind": keys.due_kind(step.kind, account_id, shards),
            "due_at": rfc3339(step.due),
            "attempts": None,
            # A claim on the step as it was is none on the step as it is now.
            "claimed_until": None,
            "doc": to_doc({"kind": step.kind, "subject": step.subject, "due": step.due}),
        },
    )


def _off(account: Account, step_id: str) -> Update:
    """Done, or called off: out of the index by removing its keys, never by deleting the row."""
    taken_out = {"held": account.held, "done": account.done, "waived": account.waived}
    state = next((name for name, ids in taken_out.items() if step_id in ids), "called_off")
    return Update(
        keys.step(account.id, step_id), {"state": state, "due_kind": None, "due_at": None}
    )


def _also(account_id: str, item: Also, shards: int) -> list[Action]:
    match item:
        case Number():
            return [_put(keys.number(account_id, item.e164), item)]
        case Registration():
            return [_put(keys.registration(account_id, item.id), item)]
        case Evidence():
            key = keys.evidence(account_id, item.id)
            row = {"pk": key.pk, "sk": key.sk, "doc": to_doc(item)}
            return [Put(row, If(absent=True))]
        case Seat():
            key = keys.seat(account_id, item.subscription_id, item.user)
            row = {"pk": key.pk, "sk": key.sk, "doc": to_doc(item)}
            return [Put(row, If(absent=True))]
        case SeatEmptied():
            return [
                Delete(keys.seat(account_id, item.subscription_id, item.user), If(present=True))
            ]
        case NumberClaimed():
            key = keys.live_number(item.e164)
            row = {"pk": key.pk, "sk": key.sk, "state": account_id, "doc": {}}
            return [Put(row, If(absent=True))]
        case NumberFreed():
            return [Delete(keys.live_number(item.e164))]
        case ReceiptDue():
            key = keys.receipt(account_id)
            return [Put({"pk": key.pk, "sk": key.sk, "doc": to_doc(item)})]
        case PurgeCertified():
            return [purges.certificate_row(account_id, dict(item.certificate))]
        case CustomerBound():
            key = keys.customer(item.customer_id)
            row = {"pk": key.pk, "sk": key.sk, "doc": {"account_id": account_id}}
            return [Put(row, If(absent=True))]
        case CaseSaved():
            return cases.saved(account_id, item, shards)
        case StepDueAgain():
            return [_due_again(account_id, item.step, shards)]
        case ReplySaved():
            return cases.reply_saved(account_id, item)
        case _:
            assert_never(item)


def _due_again(account_id: str, step: Step, shards: int) -> Update:
    """A claim on it is left as it is: whoever carries it out right now is not to be joined by another."""
    again = _scheduled(account_id, step, shards)
    return replace(again, set={k: v for k, v in again.set.items() if k != "claimed_until"})


def _put(key: Key, record: Number | Registration) -> Update:
    return Update(key, {"state": record.state, "doc": to_doc(record)})


def _taken(also: Sequence[Also]) -> Taken:
    bound = any(isinstance(item, CustomerBound) for item in also)
    return Taken("stripe_customer_id" if bound else "number")
