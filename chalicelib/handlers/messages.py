"""Scheduled messages, as the SaaS's back end registers, sends and deletes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib import scheduling
from chalicelib.domain.account import Account
from chalicelib.domain.ledger import Unbookable
from chalicelib.domain.messages import REGISTERED_UNTIL, ScheduledMessage
from chalicelib.handlers import shapes
from chalicelib.handlers.asking import instant
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.calls import is_id
from chalicelib.handlers.problems import Problem, invalid, not_found, taken
from chalicelib.store import wallet
from chalicelib.wiring import World


def find_subscriptions(call: Call[Any]) -> None:
    """A subscription that a message names must be the account's."""
    messages = call.body.get("messages") if isinstance(call.body, dict) else None
    for one in messages if isinstance(messages, list) else []:
        named = one.get("subscription_id") if isinstance(one, dict) else None
        if isinstance(named, str) and named not in call.account.subscriptions:
            raise not_found("subscription")


def check(call: Call[shapes.MessagesShape]) -> None:
    ids: set[str] = set()
    for n, one in enumerate(call.body.messages):
        if not is_id(one.id):
            raise invalid(f"/messages/{n}/id", "An id has 1 to 200 printable characters.")
        if one.id in ids:
            raise invalid(f"/messages/{n}/id", "This id stands twice in this call.")
        if one.price.currency != call.account.currency:
            raise invalid(
                f"/messages/{n}/price/currency",
                f"The account's currency is {call.account.currency}.",
            )
        instant(one.send_at, f"/messages/{n}/send_at")
        ids.add(one.id)


def register(call: Call[shapes.MessagesShape]) -> Answer:
    """Not atomic: each id has its own outcome, and a repeat completes it."""
    messages = [_message(one) for one in call.body.messages]
    try:
        outcomes = scheduling.register(call.world, call.account, messages)
    except Unbookable as error:
        raise invalid("/messages", f"The prices cannot be booked: {error}.") from error
    _refuse_if_all(outcomes)
    held = wallet.load(call.world.table, call.account.id).balance(call.account.currency)
    return Answer(
        200,
        {
            "data": [{"id": m.id, "outcome": outcomes[m.id]} for m in messages],
            "balance": shapes.money(held),
        },
    )


def _refuse_if_all(outcomes: scheduling.Outcomes) -> None:
    """When nothing at all could be registered, the answer is a refusal."""
    said = set(outcomes.values())
    if said == {"no_live_plan"}:
        why = "No plan of the account can send these messages: nothing was scheduled or debited."
        raise Problem(409, "no_live_plan", why)
    if said == {"conflict"}:
        raise taken("These ids were scheduled before, with another content. Nothing changed.")
    if said == {"long_past"}:
        days = REGISTERED_UNTIL.days
        why = f"A message is scheduled for a time to come, at most {days} days after it."
        raise invalid("/messages/0/send_at", why)


def _message(body: shapes.MessageShape) -> ScheduledMessage:
    return ScheduledMessage(
        id=body.id,
        channel=body.channel,
        send_at=instant(body.send_at, "/messages"),
        price=body.price.money(),
        subscription_id=body.subscription_id,
    )


def sent(call: Call[None]) -> Answer:
    return _ended(call, scheduling.mark_sent, "sent")


def delete(call: Call[None]) -> Answer:
    return _ended(call, scheduling.delete, "deleted")


def _ended(call: Call[None], end: Callable[[World, Account, str], str], wanted: str) -> Answer:
    try:
        state = end(call.world, call.account, call.params["id"])
    except scheduling.UnknownMessage as error:
        raise not_found("message") from error
    if state != wanted:
        raise Problem(409, "already_credited", _WHY[state], state=state)
    return Answer(200, {"id": call.params["id"], "state": state})


_WHY = {
    "credited": "The plan ended: the message's price is credited to the wallet, so it must not be sent.",
    "deleted": "The message was deleted and its price given back, so it must not be sent.",
    "sent": "The message was sent before.",
    "scheduled": "An earlier message of this id was deleted and given back; this one stays scheduled.",
}
