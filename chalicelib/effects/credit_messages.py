"""SC-12: every scheduled but unsent message of the channels that nobody can send on any more is withdrawn and
credited to the wallet, once, to the cent.

In chunks: one transaction each, holding the credit, its ledger entry and every message's own change from scheduled
to credited. A message that was sent in the meantime fails the condition and is left out.
"""

from collections.abc import Iterator
from itertools import islice

from chalicelib.domain import crediting
from chalicelib.domain.ledger import Posting, to_wallet
from chalicelib.domain.messages import ScheduledMessage
from chalicelib.domain.money import Money
from chalicelib.effects.effect import Done, MoreToDo, Task
from chalicelib.store import holdings, keys, wallet
from chalicelib.store.table import If, Update


def credit_messages(task: Task) -> Done:
    account, policy = task.loaded.account, task.world.policies.get(task.loaded.account.policy)
    subscription_id = task.step.subject or ""
    channels = crediting.channels_lost(account, policy, subscription_id, task.step.due)
    count, amount = 0, Money(0, account.currency)
    unsent = _unsent(task, channels)
    while chunk := list(islice(unsent, wallet.ROOM)):
        for part in _by_currency(chunk):
            credited = _credit(task, part)
            count += len(credited)
            amount += sum((m.price for m in credited), Money(0, account.currency))
        if task.out_of_time():
            raise MoreToDo
    return Done({"subscription_id": subscription_id, "count": count, "amount": amount})


def _unsent(task: Task, channels: frozenset[str]) -> Iterator[ScheduledMessage]:
    """Those the ended plan can no longer send. One due at the very end is among them: it is credited, not sent."""
    return (
        message
        for message in holdings.messages(task.world.table, task.account_id)
        if message.state == "scheduled" and message.channel in channels
    )


def _by_currency(chunk: list[ScheduledMessage]) -> list[list[ScheduledMessage]]:
    return [
        [m for m in chunk if m.price.currency == currency]
        for currency in sorted({m.price.currency for m in chunk})
    ]


def _credit(task: Task, chunk: list[ScheduledMessage]) -> list[ScheduledMessage]:
    while chunk:
        ids = [m.id for m in chunk]
        amount = sum((m.price for m in chunk[1:]), chunk[0].price)
        posting = Posting(
            cause=f"credit:{task.step.id}:{ids[0]}",
            kind="messages_credited",
            at=task.step.due,
            lines=to_wallet(amount, "messages"),
            note={"messages": ids},
        )
        changes = [
            Update(
                keys.message(task.account_id, m.id),
                {"state": "credited"},
                If(equals={"state": "scheduled"}),
            )
            for m in chunk
        ]
        try:
            wallet.post(task.world.table, task.account_id, posting, changes)
        except (wallet.Overtaken, wallet.AlreadyBooked):
            # Somebody was faster with one of them (sent, deleted, or another run of this very step).
            chunk = _still_unsent(task, chunk)
            continue
        return chunk
    return []


def _still_unsent(task: Task, chunk: list[ScheduledMessage]) -> list[ScheduledMessage]:
    found = task.world.table.get_many([keys.message(task.account_id, m.id) for m in chunk])
    now = {row["sk"]: row["state"] for row in found.values()}
    return [m for m in chunk if now.get(keys.MESSAGE + m.id) == "scheduled"]
