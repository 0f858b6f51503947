"""What bodies look like, coming in and going out. Records leave here as the contract spells them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from chalicelib.domain.consequences import Consequence
from chalicelib.domain.ledger import Entry, wallet_change
from chalicelib.domain.messages import CHANNELS
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.money import LARGEST, Money

Id = Annotated[str, Meta(min_length=1, max_length=200)]
ShortText = Annotated[str, Meta(min_length=1, max_length=500)]
LongText = Annotated[str, Meta(max_length=5000)]
Url = Annotated[str, Meta(min_length=1, max_length=2000)]
Instant = Annotated[str, Meta(min_length=10, max_length=40)]
Currency = Annotated[str, Meta(pattern="^[a-z]{3}$")]


class MoneyShape(Struct, kw_only=True):
    amount: Annotated[int, Meta(ge=0, le=LARGEST)]
    currency: Currency

    def money(self) -> Money:
        return Money(self.amount, self.currency)


class PortalSession(Struct, kw_only=True):
    return_url: Url
    flow: str | None = None
    subscription_id: Id | None = None


class CheckoutSession(Struct, kw_only=True):
    purpose: str
    success_url: Url
    cancel_url: Url
    price: Id | None = None
    amount: MoneyShape | None = None


class ReasonShape(Struct, kw_only=True):
    code: Annotated[str, Meta(max_length=100)]
    comment: LongText | None = None


class Consent(Struct, kw_only=True):
    id: Id
    version: Id


class Cancellation(Struct, kw_only=True):
    preview_id: Id
    reason: ReasonShape | None = None
    consents: Annotated[list[Consent], Meta(max_length=50)] = []


class ContractShape(Struct, kw_only=True):
    subscription_id: Id
    starts_at: Instant
    months: Annotated[int, Meta(ge=1, le=240)]
    purchased_through: str | None = None


class AccountShape(Struct, kw_only=True):
    stripe_customer_id: Id | None = None
    policy: Id | None = None
    currency: Currency | None = None
    time_zone: Id | None = None
    locale: Annotated[str, Meta(min_length=2, max_length=35)] | None = None
    email: Annotated[str, Meta(min_length=3, max_length=254)] | None = None
    contracts: Annotated[list[ContractShape], Meta(max_length=20)] | None = None
    purchased_through: str | None = None
    reason: LongText | None = None


class NumberShape(Struct, kw_only=True):
    account_id: Id
    provider: Id
    provider_id: Id
    monthly_fee: MoneyShape
    bought_at: Instant


class RegistrationShape(Struct, kw_only=True):
    account_id: Id
    kind: str
    state: str
    provider: Id | None = None
    provider_id: Id | None = None


class MessageShape(Struct, kw_only=True):
    id: Id
    channel: Annotated[str, Meta(pattern=f"^({'|'.join(CHANNELS)})$")]
    send_at: Instant
    price: MoneyShape
    subscription_id: Id | None = None


class MessagesShape(Struct, kw_only=True):
    account_id: Id
    messages: Annotated[list[MessageShape], Meta(min_length=1, max_length=100)]


def money(value: Money) -> dict[str, Any]:
    return {"amount": value.amount, "currency": value.currency}


def consequence(one: Consequence) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "kind": one.kind,
        "at": rfc3339(one.at),
        "title": one.title,
        "reversible": one.reversible,
    }
    if one.subject is not None:
        shown["subject"] = one.subject
    if one.amount is not None:
        shown["amount"] = money(one.amount)
    if one.count is not None:
        shown["count"] = one.count
    return shown


def entry(one: Entry) -> dict[str, Any]:
    return {
        "id": f"{one.seq:012d}",
        "kind": one.kind,
        "cause": one.cause,
        "at": rfc3339(one.at),
        "amount": money(wallet_change(one)),
        "lines": [{"account": ln.account, "amount": money(ln.money)} for ln in one.lines],
        "hash": one.hash,
    }


def page(data: list[dict[str, Any]], next_cursor: str | None) -> dict[str, Any]:
    return {"data": data, "has_more": next_cursor is not None, "next_cursor": next_cursor}
