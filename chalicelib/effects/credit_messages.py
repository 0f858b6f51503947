"""SC-12: every scheduled but unsent message of the channels that nobody can send on any more is withdrawn and
credited to the wallet, once, to the cent.

In chunks: one transaction each, holding the credit, its ledger entry and every message's own change from scheduled
to credited. A message that was sent in the meantime fails the condition and is left out. An account with a great many
takes a turn of TURN chunks at a time, so that nobody behind it waits for its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from chalicelib.domain import crediting
from chalicelib.domain.ledger import Posting, to_wallet
from chalicelib.domain.messages import ScheduledMessage
from chalicelib.domain.money import Money
from chalicelib.effects.effect import Done, MoreToDo, Task
from chalicelib.store import holdings, wallet
from chalicelib.store.accounts import Stale, still
from chalicelib.store.table import Action

TURN = 100


@dataclass(slots=True)
class _Tally:
    """What this step credited so far, in this run and in those before it."""

    amount: Money
    count: int = 0

    def add(self, message: ScheduledMessage) -> None:
        self.count += 1
        if message.price.currency == self.amount.currency:
            self.amount += message.price


def credit_messages(task: Task) -> Done:
    channels = _channels_lost(task)
    tally = _Tally(Money(0, task.loaded.account.currency))
    if channels:
        # From here on nobody registers a message who judged the plan to be live before.
        wallet.fence(task.world.table, task.account_id)
        unsent = _unsent(task, channels, tally)
        for turn, chunk in enumerate(iter(lambda: list(islice(unsent, wallet.ROOM)), [])):
            if turn == TURN or (turn and task.out_of_time()):
                raise MoreToDo
            for message in _credit(task, chunk):
                tally.add(message)
    return Done(_said(task, tally))


def would_credit(task: Task) -> dict[str, object]:
    tally = _Tally(Money(0, task.loaded.account.currency))
    if channels := _channels_lost(task):
        for message in _unsent(task, channels, tally):
            tally.add(message)
    return _said(task, tally)


def _channels_lost(task: Task) -> frozenset[str]:
    account = task.loaded.account
    policy = task.world.policies.get(account.policy)
    return crediting.channels_lost(account, policy, task.step.subject or "", task.step.due)


def _said(task: Task, tally: _Tally) -> dict[str, object]:
    ended = crediting.ended_by(task.loaded.account, task.step.subject or "")
    switched = {"switched_from": ended.plan} if ended.was_switched else {}
    result = {
        "subscription_id": ended.subscription_id,
        "count": tally.count,
        "amount": tally.amount,
    }
    return {**result, **switched}


def _unsent(task: Task, channels: frozenset[str], tally: _Tally) -> Iterator[ScheduledMessage]:
    """Those the ended plan can no longer send. One due at the very end is among them: it is credited, not sent."""
    for row in holdings.message_rows(task.world.table, task.account_id):
        message = holdings.message_from(row)
        if message.state == "scheduled" and message.channel in channels:
            yield message
        elif row.get("op") == task.step.id:
            tally.add(message)


def _credit(task: Task, chunk: list[ScheduledMessage]) -> list[ScheduledMessage]:
    credited: list[ScheduledMessage] = []
    # An account has one currency; one that was changed before its first entry may still hold another.
    for currency in sorted({m.price.currency for m in chunk}):
        part = [m for m in chunk if m.price.currency == currency]
        while part and not _posted(task, part):
            # Somebody was faster with one of them (sent, deleted, or another run of this very step).
            part = _still_unsent(task, part)
        credited += part
    return credited


def _posted(task: Task, part: list[ScheduledMessage]) -> bool:
    ids = [m.id for m in part]
    amount = sum((m.price for m in part[1:]), part[0].price)
    posting = Posting(
        cause=crediting.cause_of(task.step, ids[0]),
        kind="messages_credited",
        at=task.step.due,
        lines=to_wallet(amount, "messages"),
        note={"messages": ids},
    )
    now = task.world.clock.now()
    outcomes = [
        holdings.message_outcome(task.account_id, m, "credited", now, by=task.step.id) for m in part
    ]
    # A customer who came back meanwhile can send the rest: then it is decided again.
    also: list[Action] = [still(task.loaded), *outcomes]
    try:
        wallet.post(task.world.table, task.account_id, posting, also)
    except wallet.Overtaken as overtaken:
        if overtaken.failed[0]:
            raise Stale from overtaken
        return False
    except wallet.AlreadyBooked:
        return False
    return True


def _still_unsent(task: Task, part: list[ScheduledMessage]) -> list[ScheduledMessage]:
    known = holdings.messages_named(task.world.table, task.account_id, [m.id for m in part])
    return [m for m in part if m.id in known and known[m.id].state == "scheduled"]
