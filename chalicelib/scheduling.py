"""Scheduled messages: registered against the wallet; then sent, or deleted, or credited, one of them, once.

Each outcome is one conditional write on the message itself, together with its booking, so two that race cannot both
happen. A registration is judged after the wallet was read, and crediting closes the wallet before it looks
(`wallet.fence`): so no message can slip in behind the crediting of the plan that was to send it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from chalicelib import usage
from chalicelib.domain import crediting
from chalicelib.domain.account import Account
from chalicelib.domain.ledger import Posting, from_wallet, to_wallet
from chalicelib.domain.messages import ScheduledMessage, is_long_past
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.money import total
from chalicelib.lifecycle import must_load
from chalicelib.store import holdings, keys, wallet
from chalicelib.store.records import to_doc
from chalicelib.store.table import Action, Contended, If, Put, Refused
from chalicelib.wiring import World

Registered = Literal["scheduled", "already_scheduled", "conflict", "no_live_plan", "long_past"]
Outcomes = dict[str, Registered]

ATTEMPTS = 8


class UnknownMessage(Exception):
    """The account has no such message."""


def register(world: World, account: Account, messages: Sequence[ScheduledMessage]) -> Outcomes:
    """Registers each and debits its price, in chunks. A repeat completes what an earlier call began.

    Raises ledger.Unbookable and the table's errors; what was registered before that stays.
    """
    outcomes, new = _judged(world, account, messages)
    for start in range(0, len(new), wallet.ROOM):
        outcomes |= _debited(world, account, new[start : start + wallet.ROOM])
    return outcomes


def _judged(
    world: World, account: Account, messages: Sequence[ScheduledMessage]
) -> tuple[Outcomes, list[ScheduledMessage]]:
    """What is to be said of each already, and those still to be debited."""
    now = world.clock.now()
    channels = crediting.sendable_channels(account, world.policies.get(account.policy), now)
    known = holdings.messages_named(world.table, account.id, [m.id for m in messages])
    outcomes: Outcomes = {}
    new: list[ScheduledMessage] = []
    for message in messages:
        earlier = known.get(message.id)
        if earlier is not None:
            outcomes[message.id] = "already_scheduled" if earlier.same_as(message) else "conflict"
        elif message.channel not in channels:
            outcomes[message.id] = "no_live_plan"
        elif is_long_past(message, now):
            outcomes[message.id] = "long_past"
        else:
            new.append(message)
    return outcomes, new


def _debited(world: World, account: Account, chunk: list[ScheduledMessage]) -> Outcomes:
    """One chunk, which others may be registering (or the end may be overtaking) at the same time."""
    outcomes: Outcomes = {}
    for _ in range(ATTEMPTS):
        try:
            _debit(world, account, chunk)
        except wallet.Overtaken:
            booked = False
        except wallet.AlreadyBooked:
            booked = True
        else:
            return outcomes | {m.id: "scheduled" for m in chunk}
        account = must_load(world, account.id).account
        told, rest = _judged(world, account, chunk)
        outcomes |= told
        if booked and len(rest) == len(chunk):
            # Debited once, this very chunk; its messages ended so long ago that they are tidied up.
            return outcomes | {m.id: "already_scheduled" for m in rest}
        if not rest:
            return outcomes
        chunk = rest
    raise Contended(f"the messages of {account.id} changed {ATTEMPTS} times in a row")


def _debit(world: World, account: Account, chunk: list[ScheduledMessage]) -> None:
    posting = Posting(
        cause=f"messages:{chunk[0].id}:{_fingerprint(chunk)}",
        kind="messages_scheduled",
        at=world.clock.now(),
        lines=from_wallet(total([m.price for m in chunk], account.currency), "messages"),
        note={"messages": [m.id for m in chunk]},
    )

    def still_sendable() -> bool:
        found = must_load(world, account.id).account
        policy = world.policies.get(found.policy)
        channels = crediting.sendable_channels(found, policy, world.clock.now())
        return all(m.channel in channels for m in chunk)

    now = world.clock.now()
    rows: list[Action] = [_row(account.id, replace(m, known_since=now)) for m in chunk]
    wallet.post(world.table, account.id, posting, rows, still=still_sendable)


def _fingerprint(chunk: Sequence[ScheduledMessage]) -> str:
    """Of the whole content, so that the same ids used again for other messages are another cause."""
    said = "\n".join(
        f"{m.id!r} {m.channel} {rfc3339(m.send_at)} {m.price.amount} {m.price.currency}"
        for m in chunk
    )
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _row(account_id: str, message: ScheduledMessage) -> Put:
    key = keys.message(account_id, message.id)
    row = {"pk": key.pk, "sk": key.sk, "state": message.state, "doc": to_doc(message)}
    return Put(row, If(absent=True))


def mark_sent(world: World, account: Account, message_id: str) -> str:
    """`sent`, or the outcome that came first. After the end of the plans that could send it, it may not be sent any
    more: it is being credited."""
    message = _must_know(world, account.id, message_id)
    now = world.clock.now()
    if message.state == "scheduled":
        if _is_withdrawn(world, account, message):
            return "credited"
        message = _end(world, account.id, message)
    if message.state == "sent":
        # Again on a repeat: the first call may have ended between the two writes.
        usage.note(world, account.id, now)
    return message.state


def _end(world: World, account_id: str, message: ScheduledMessage) -> ScheduledMessage:
    outcome = holdings.message_outcome(account_id, message, "sent", world.clock.now())
    try:
        # In a transaction although it is single: a lost answer must not look like somebody else's write.
        world.table.transact([outcome])
    except Refused:
        return _must_know(world, account_id, message.id)
    return replace(message, state="sent")


def delete(world: World, account: Account, message_id: str) -> str:
    """`deleted`, with its price given back, or the outcome that came first. After the end it is being credited, and
    stays so: somebody else may have been told that already (invariant 2)."""
    message = _must_know(world, account.id, message_id)
    if message.state != "scheduled":
        return message.state
    if _is_withdrawn(world, account, message):
        return "credited"
    return _give_back(world, account, message)


def _give_back(world: World, account: Account, message: ScheduledMessage) -> str:
    now = world.clock.now()
    posting = Posting(
        cause=f"delete:{message.id}:{rfc3339(message.send_at)}",
        kind="message_deleted",
        at=now,
        lines=to_wallet(message.price, "messages"),
        note={"messages": [message.id]},
    )
    try:
        outcome = holdings.message_outcome(account.id, message, "deleted", now)
        wallet.post(world.table, account.id, posting, [outcome])
    except (wallet.Overtaken, wallet.AlreadyBooked):
        return _must_know(world, account.id, message.id).state
    return "deleted"


def _is_withdrawn(world: World, account: Account, message: ScheduledMessage) -> bool:
    policy = world.policies.get(account.policy)
    return crediting.is_withdrawn(account, policy, message.channel, world.clock.now())


def _must_know(world: World, account_id: str, message_id: str) -> ScheduledMessage:
    message = holdings.message(world.table, account_id, message_id)
    if message is None:
        raise UnknownMessage(message_id)
    return message
