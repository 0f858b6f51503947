"""What bodies look like, coming in and going out. Records leave here as the contract spells them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from chalicelib.domain.blockers import Blocker
from chalicelib.domain.consequence import Consequence
from chalicelib.domain.ledger import Entry, wallet_change
from chalicelib.domain.maintenance import KINDS as MAINTENANCE_KINDS
from chalicelib.domain.messages import CHANNELS
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.money import LARGEST, Money
from chalicelib.domain.policy import Policy, Text
from chalicelib.domain.registrations import KINDS, STATES
from chalicelib.gateways.stripe_reader import BilledInvoice


def one_of(words: Sequence[str]) -> Meta:
    # The last part is not idle: `$` alone would let a line break through.
    return Meta(
        pattern=f"^({'|'.join(words)})$(?!\\n)",
        description=f"One of {', '.join(words)}.",
        extra_json_schema={"enum": list(words)},
    )


Id = Annotated[str, Meta(min_length=1, max_length=200)]
ShortText = Annotated[str, Meta(min_length=1, max_length=500)]
LongText = Annotated[str, Meta(max_length=5000)]
Url = Annotated[str, Meta(min_length=1, max_length=2000)]
Instant = Annotated[
    str,
    Meta(
        max_length=40,
        # Years that any promise can be counted from without leaving the calendar.
        pattern=r"^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}"
        r"(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
        description="An instant such as 2026-12-01T00:00:00Z.",
        extra_json_schema={"format": "date-time"},
    ),
]
Currency = Annotated[
    str, Meta(pattern=r"^[a-z]{3}$(?!\n)", description="Three small letters, such as usd.")
]
PORTAL_FLOWS = ("payment_method_update", "subscription_cancel", "subscription_update")
PurchasedThrough = Annotated[str, one_of(("online", "representative"))]


class MoneyShape(Struct, kw_only=True):
    amount: Annotated[int, Meta(ge=0, le=LARGEST)]
    currency: Currency

    def money(self) -> Money:
        return Money(self.amount, self.currency)


class PortalSession(Struct, kw_only=True):
    return_url: Url
    flow: Annotated[str, one_of(PORTAL_FLOWS)] | None = None
    subscription_id: Id | None = None


class CheckoutSession(Struct, kw_only=True):
    purpose: Annotated[str, one_of(("plan", "top_up", "balance_due"))]
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


class Address(Struct, kw_only=True):
    line1: ShortText
    postal_code: ShortText
    line2: ShortText | None = None
    city: ShortText | None = None
    state: ShortText | None = None
    country: ShortText | None = None


class Cancellation(Struct, kw_only=True):
    preview_id: Id
    reason: ReasonShape | None = None
    consents: Annotated[list[Consent], Meta(max_length=50)] = []


class Identity(Struct, kw_only=True):
    """GT-8: what support asks a caller for. Compared, never kept."""

    account_id: Id
    billing_admin_email: ShortText
    card_last4: Annotated[str, Meta(pattern=r"^[0-9]{4}$(?!\n)")]
    billing_address: Address | ShortText


class AssistedCancellation(Identity, kw_only=True):
    preview_id: Id
    reason: ReasonShape | None = None
    consents: Annotated[list[Consent], Meta(max_length=50)] = []


class ContractShape(Struct, kw_only=True):
    subscription_id: Id
    starts_at: Instant
    months: Annotated[int, Meta(ge=1, le=240)]
    purchased_through: PurchasedThrough | None = None


class AccountShape(Struct, kw_only=True):
    stripe_customer_id: Id | None = None
    policy: Id | None = None
    currency: Currency | None = None
    time_zone: Id | None = None
    locale: Annotated[str, Meta(min_length=2, max_length=35)] | None = None
    email: Annotated[str, Meta(min_length=3, max_length=254)] | None = None
    contracts: Annotated[list[ContractShape], Meta(max_length=20)] | None = None
    purchased_through: PurchasedThrough | None = None
    reason: LongText | None = None


class Reasoned(Struct, kw_only=True):
    """What an operator does by hand says why."""

    reason: Annotated[
        str, Meta(min_length=1, max_length=500, description="Say why, in 1 to 500 characters.")
    ]


class MaintenanceShape(Struct, kw_only=True):
    """Work on the systems, as it is announced."""

    starts_at: Instant
    ends_at: Instant
    kind: Annotated[str, one_of(MAINTENANCE_KINDS)]
    reason: ShortText
    policies: Annotated[list[Id], Meta(min_length=1, max_length=20)] | None = None
    withdrawn: bool | None = None
    preview: Annotated[
        bool, Meta(description="Only says what would follow: nothing is kept, nobody is told.")
    ] = False


class MaintenanceChangeShape(Struct, kw_only=True):
    """What is different about it now. What is left out stays as it is."""

    starts_at: Instant | None = None
    ends_at: Instant | None = None
    kind: Annotated[str, one_of(MAINTENANCE_KINDS)] | None = None
    reason: ShortText | None = None
    policies: Annotated[list[Id], Meta(min_length=1, max_length=20)] | None = None
    withdrawn: bool | None = None
    preview: Annotated[
        bool, Meta(description="Only says what would follow: nothing is kept, nobody is told.")
    ] = False


class Recovery(Reasoned, kw_only=True):
    """Whose number it was: more than one account may have had it."""

    account_id: Id


class NumberShape(Struct, kw_only=True):
    account_id: Id
    provider: Id
    provider_id: Id
    monthly_fee: MoneyShape
    bought_at: Instant


class RegistrationShape(Struct, kw_only=True):
    account_id: Id
    kind: Annotated[str, one_of(KINDS)]
    state: Annotated[str, one_of(STATES)]
    provider: Id | None = None
    provider_id: Id | None = None


class MessageShape(Struct, kw_only=True):
    id: Id
    channel: Annotated[str, one_of(CHANNELS)]
    send_at: Instant
    price: MoneyShape
    subscription_id: Id | None = None


class PriceShape(MoneyShape, kw_only=True):
    """Money that must be something: more than 0."""

    amount: Annotated[int, Meta(ge=1, le=LARGEST)]


class UsageChargeShape(Struct, kw_only=True):
    account_id: Id
    id: Id
    amount: PriceShape
    kind: Id
    at: Instant


class ActivityShape(Struct, kw_only=True):
    account_id: Id
    id: Id
    kind: Id
    at: Instant


class MessagesShape(Struct, kw_only=True):
    account_id: Id
    messages: Annotated[list[MessageShape], Meta(min_length=1, max_length=100)]


class RefundRequest(Struct, kw_only=True):
    """M1-7, M1-16: one of the two."""

    subscription_id: Id | None = None
    ledger_entry: Id | None = None
    comment: LongText | None = None


class Appeal(Struct, kw_only=True):
    """M1-9: whatever is missing, or is no date, is asked for."""

    payment: Annotated[str, Meta(max_length=500)] | None = None
    date: Annotated[str, Meta(max_length=40)] | None = None
    amount: MoneyShape | None = None
    description: LongText | None = None


class CaseReply(Appeal, kw_only=True):
    text: LongText | None = None
    interim: bool = False
    next_step_at: Instant | None = None


class CaseDecision(Struct, kw_only=True):
    approve: bool
    reason: Annotated[str, Meta(max_length=5000)]
    amount: MoneyShape | None = None


def canceled(access_ends_at: datetime | None, evidence_id: str) -> dict[str, Any]:
    return {
        "status": "pending_cancellation",
        "access_ends_at": rfc3339(access_ends_at) if access_ends_at else None,
        "evidence_id": evidence_id or None,
    }


PORTAL_OPENS = Text(
    en="The billing portal opens after the first successful payment.",
    fr="Le portail de facturation s'ouvre après le premier paiement réussi.",
)
SUBSCRIBE = Text(en="Subscribe", fr="S'abonner")


def support(policy: Policy, locale: str) -> dict[str, Any]:
    """OS-7, NX-6: whom to turn to."""
    known = policy.support
    return {
        "email": known.email,
        "phone": known.phone,
        "hours": known.hours.in_language(locale) if known.hours else None,
        "how": known.how.in_language(locale) if known.how else None,
    }


def invoice(one: BilledInvoice) -> dict[str, Any]:
    return {
        "id": one.id,
        "number": one.number,
        "date": rfc3339(one.created),
        "status": one.status,
        "amount": money(Money(one.total, one.currency)),
        "link": one.link,
        "pdf": one.pdf,
    }


def blocker(one: Blocker) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "code": one.code,
        "title": one.title,
        "action": {"label": one.label, "href": one.href},
    }
    return shown | ({"amount": money(one.amount)} if one.amount is not None else {})


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
