"""Scheduled messages: registered against the wallet; then sent, or deleted, or credited, one of them, once.

Each outcome is one conditional write on the message itself, together with its booking, so two that race cannot both
happen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from chalicelib.domain import crediting
from chalicelib.domain.account import Account
from chalicelib.domain.ledger import Posting, from_wallet, to_wallet
from chalicelib.domain.messages import ScheduledMessage
from chalicelib.domain.money import total
from chalicelib.store import holdings, keys, wallet
from chalicelib.store.records import to_doc
from chalicelib.store.table import Action, If, Put, Refused, Update
from chalicelib.wiring import World

Registered = Literal["scheduled", "already_scheduled", "conflict", "no_live_plan"]
Ended = Literal["sent", "deleted", "credited"]


class UnknownMessage(Exception):
    """The account has no such message."""


def register(
    world: World, account: Account, messages: Sequence[ScheduledMessage]
) -> dict[str, Registered]:
    """Registers each and debits its price, in chunks. A repeat completes what an earlier call began."""
    policy = world.policies.get(account.policy)
    channels = crediting.sendable_channels(account, policy, world.clock.now())
    outcomes: dict[str, Registered] = {}
    new: list[ScheduledMessage] = []
    known = _known(world, account.id, messages)
    for message in messages:
        earlier = known.get(message.id)
        if earlier is not None:
            outcomes[message.id] = "already_scheduled" if _same(earlier, message) else "conflict"
        elif message.channel not in channels:
            outcomes[message.id] = "no_live_plan"
        else:
            new.append(message)
    while new:
        chunk, new = new[: wallet.ROOM], new[wallet.ROOM :]
        outcomes |= _debit(world, account, chunk)
    return outcomes


def _debit(world: World, account: Account, chunk: list[ScheduledMessage]) -> dict[str, Registered]:
    posting = Posting(
        cause=f"messages:{chunk[0].id}",
        kind="messages_scheduled",
        at=world.clock.now(),
        lines=from_wallet(total([m.price for m in chunk], account.currency), "messages"),
        note={"messages": [m.id for m in chunk]},
    )
    rows: list[Action] = [_row(account.id, m) for m in chunk]
    try:
        wallet.post(world.table, account.id, posting, rows)
    except (wallet.Overtaken, wallet.AlreadyBooked):
        # Another call registered some of these in the meantime: look again, and do the rest.
        return dict(register(world, account, chunk))
    return {m.id: "scheduled" for m in chunk}


def _row(account_id: str, message: ScheduledMessage) -> Put:
    key = keys.message(account_id, message.id)
    row = {"pk": key.pk, "sk": key.sk, "state": message.state, "doc": to_doc(message)}
    return Put(row, If(absent=True))


def _known(
    world: World, account_id: str, messages: Sequence[ScheduledMessage]
) -> dict[str, ScheduledMessage]:
    rows = world.table.get_many([keys.message(account_id, m.id) for m in messages])
    found = [holdings.message_from(row) for row in rows.values()]
    return {message.id: message for message in found}


def _same(one: ScheduledMessage, other: ScheduledMessage) -> bool:
    return (one.channel, one.send_at, one.price, one.subscription_id) == (
        other.channel,
        other.send_at,
        other.price,
        other.subscription_id,
    )


def mark_sent(world: World, account: Account, message_id: str) -> str:
    """`sent`, or the outcome that came first. After the end of the plans that could send it, it may not be sent any
    more: it is being credited."""
    message = _must_know(world, account.id, message_id)
    policy = world.policies.get(account.policy)
    channels = crediting.sendable_channels(account, policy, world.clock.now())
    if message.state == "scheduled" and message.channel not in channels:
        return "credited"
    return _end(world, account.id, message, "sent")


def delete(world: World, account: Account, message_id: str) -> str:
    """`deleted`, with its price given back, or the outcome that came first."""
    message = _must_know(world, account.id, message_id)
    if message.state != "scheduled":
        return message.state
    posting = Posting(
        cause=f"delete:{message.id}",
        kind="message_deleted",
        at=world.clock.now(),
        lines=to_wallet(message.price, "messages"),
        note={"messages": [message.id]},
    )
    try:
        wallet.post(world.table, account.id, posting, [_outcome(account.id, message, "deleted")])
    except (wallet.Overtaken, wallet.AlreadyBooked):
        return _must_know(world, account.id, message_id).state
    return "deleted"


def _end(world: World, account_id: str, message: ScheduledMessage, state: Ended) -> str:
    if message.state != "scheduled":
        return message.state
    try:
        # In a transaction although it is single: a lost answer must not look like somebody else's write.
        world.table.transact([_outcome(account_id, message, state)])
    except Refused:
        return _must_know(world, account_id, message.id).state
    return state


def _outcome(account_id: str, message: ScheduledMessage, state: Ended) -> Update:
    return Update(
        keys.message(account_id, message.id),
        {"state": state},
        If(equals={"state": "scheduled"}),
    )


def _must_know(world: World, account_id: str, message_id: str) -> ScheduledMessage:
    message = holdings.message(world.table, account_id, message_id)
    if message is None:
        raise UnknownMessage(message_id)
    return message
