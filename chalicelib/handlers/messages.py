"""Scheduled messages, as the SaaS's back end registers, sends and deletes them."""

from __future__ import annotations

from typing import Any

from chalicelib import scheduling
from chalicelib.domain.messages import ScheduledMessage
from chalicelib.handlers import shapes
from chalicelib.handlers.asking import instant
from chalicelib.handlers.calls import Answer, Call, is_id
from chalicelib.handlers.problems import Problem, invalid, not_found
from chalicelib.store import wallet


def register(call: Call[shapes.MessagesShape]) -> Answer:
    """Not atomic: each id has its own outcome, and a repeat completes it."""
    messages = [_message(call, one, n) for n, one in enumerate(call.body.messages)]
    if len({m.id for m in messages}) != len(messages):
        raise invalid("/messages", "The same id stands twice in this call.")
    outcomes = scheduling.register(call.world, call.account, messages)
    _refuse_if_all(outcomes)
    balance = wallet.load(call.world.table, call.account.id).balance(call.account.currency)
    return Answer(
        200,
        {
            "data": [{"id": m.id, "outcome": outcomes[m.id]} for m in messages],
            "balance": shapes.money(balance),
        },
    )


def _refuse_if_all(outcomes: dict[str, scheduling.Registered]) -> None:
    """When nothing at all could be registered, the answer is a refusal."""
    if set(outcomes.values()) == {"no_live_plan"}:
        raise Problem(
            409,
            "no_live_plan",
            "No plan of the account can send these messages: nothing was scheduled or debited.",
        )
    if set(outcomes.values()) == {"conflict"}:
        raise Problem(
            409, "taken", "These ids were scheduled before, with another content. Nothing changed."
        )


def _message(call: Call[Any], body: shapes.MessageShape, n: int) -> ScheduledMessage:
    if not is_id(body.id):
        raise invalid(f"/messages/{n}/id", "An id has 1 to 200 printable characters.")
    if body.price.currency != call.account.currency:
        raise invalid(
            f"/messages/{n}/price/currency", f"The account's currency is {call.account.currency}."
        )
    if body.subscription_id is not None and body.subscription_id not in call.account.subscriptions:
        raise not_found("subscription")
    return ScheduledMessage(
        id=body.id,
        channel=body.channel,
        send_at=instant(body.send_at, f"/messages/{n}/send_at"),
        price=body.price.money(),
        subscription_id=body.subscription_id,
    )


def sent(call: Call[None]) -> Answer:
    return _ended(call, scheduling.mark_sent, "sent")


def delete(call: Call[None]) -> Answer:
    return _ended(call, scheduling.delete, "deleted")


def _ended(call: Call[None], end: Any, wanted: str) -> Answer:
    if not is_id(call.params["id"]):
        raise not_found("message")
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
}
