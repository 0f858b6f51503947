"""Activity and usage charges, as the SaaS's back end reports them. Neither is ever refused for lack of balance."""

from __future__ import annotations

from typing import Any

from chalicelib import usage
from chalicelib.domain.activity import Activity
from chalicelib.domain.ledger import Unbookable
from chalicelib.handlers import shapes
from chalicelib.handlers.asking import instant
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.calls import is_id
from chalicelib.handlers.problems import invalid, taken
from chalicelib.store import wallet


def check(call: Call[Any]) -> None:
    for name in ("id", "kind"):
        if not is_id(getattr(call.body, name)):
            raise invalid(f"/{name}", f"{name} has 1 to 200 printable characters.")
    instant(call.body.at, "/at")


def check_charge(call: Call[shapes.UsageChargeShape]) -> None:
    check(call)
    if call.body.amount.currency != call.account.currency:
        raise invalid("/amount/currency", f"The account's currency is {call.account.currency}.")


def report(call: Call[shapes.ActivityShape]) -> Answer:
    """M1-7: any kind counts as usage."""
    body = call.body
    told = Activity(id=body.id, kind=body.kind, at=instant(body.at, "/at"))
    try:
        usage.report(call.world, call.account.id, told)
    except usage.AlreadyTold as error:
        raise taken("This id was reported before, with another kind or instant.") from error
    return Answer(200, {"id": body.id, "recorded": True})


def charge(call: Call[shapes.UsageChargeShape]) -> Answer:
    """M1-8: debited once per id, and never given back."""
    body, account = call.body, call.account
    usage_charge = usage.UsageCharge(
        id=body.id, kind=body.kind, amount=body.amount.money(), at=instant(body.at, "/at")
    )
    try:
        is_new = usage.charge(call.world, account.id, usage_charge)
    except usage.AlreadyTold as error:
        raise taken("This id was charged before, with another content. Nothing changed.") from error
    except Unbookable as error:
        raise invalid("/amount", f"This cannot be booked: {error}.") from error
    held = wallet.load(call.world.table, account.id).balance(account.currency)
    return Answer(
        200,
        {
            "id": body.id,
            "outcome": "charged" if is_new else "already_charged",
            "amount": shapes.money(usage_charge.amount),
            "balance": shapes.money(held),
        },
    )
