"""What the main answers look like, as `GET /v1/openapi.json` publishes them. A description and nothing else: handlers
build the answers, tests hold them against these types, and a field may be added at any time.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from chalicelib.handlers.shapes import Currency, Id, Instant

Status = Literal[
    "trialing", "active", "pending_cancellation", "past_due", "suspended", "canceled", "incomplete"
]


Words = Annotated[
    dict[str, str],
    Meta(description="What the answer's instants and amounts are in words, by JSON pointer."),
]


class Money(Struct, kw_only=True):
    """Whole minor units. A balance may be below zero."""

    amount: int
    currency: Currency


class Action(Struct, kw_only=True):
    label: str
    href: str


class Blocker(Struct, kw_only=True):
    """What stands in the way, and what to do about it."""

    code: str
    title: str
    action: Action | None
    amount: Money | UnsetType = UNSET


class ProblemError(Struct, kw_only=True):
    pointer: Annotated[str, Meta(description="A JSON pointer into the request's body.")]
    code: str
    detail: str


class Problem(Struct, kw_only=True):
    """RFC 9457, served as application/problem+json."""

    type: str
    title: str
    status: int
    detail: Annotated[str, Meta(description="A sentence for a person: what is wrong, what to do.")]
    code: str
    request_id: str
    errors: list[ProblemError] | UnsetType = UNSET
    blockers: list[Blocker] | UnsetType = UNSET
    required_roles: list[str] | UnsetType = UNSET
    stripe_code: (
        Annotated[str, Meta(description="Stripe's own code of its refusal.")] | UnsetType
    ) = UNSET


class Consequence(Struct, kw_only=True):
    """One dated thing that lies ahead."""

    kind: str
    at: Instant
    title: str
    reversible: bool
    subject: str | UnsetType = UNSET
    amount: Money | UnsetType = UNSET
    count: int | UnsetType = UNSET


class Permission(Struct, kw_only=True):
    ok: bool
    blockers: list[Blocker]


class Allowed(Struct, kw_only=True):
    cancel: Permission
    resume: Permission
    portal: Permission


class Seat(Struct, kw_only=True):
    user: str
    assigned_at: Instant


class Charge(Struct, kw_only=True):
    """What the card is charged next, and when."""

    at: Instant
    amount: Money


class SubscriptionShown(Struct, kw_only=True):
    id: Id
    plan: str
    status: Status
    renews_at: Instant | None
    next_charge: Charge | None = None
    access_ends_at: Instant | None
    extended_days: Annotated[
        int, Meta(description="By so many calendar days of work on the systems access is extended.")
    ]
    contract_ends_at: Instant | None
    last_day: Annotated[str | None, Meta(description="The last day of access, in words.")] = None
    allowed: Allowed
    seats: list[Seat]


class MaintenanceWarning(Struct, kw_only=True):
    code: Literal["extends_nothing", "longer_than_promised"]
    policy: str
    detail: str


class MaintenanceWindow(Struct, kw_only=True):
    """Work on the systems, and how far everybody is told of it."""

    id: Id
    revision: int
    starts_at: Instant
    ends_at: Instant
    kind: Literal["scheduled", "emergency"]
    reason: str
    policies: list[str]
    withdrawn: bool
    announced_at: Instant
    announced_by: str
    changed_at: Instant
    changed_by: str
    days: Annotated[
        dict[str, list[str]], Meta(description="Policy → the calendar days it touches there.")
    ]
    warnings: list[MaintenanceWarning]
    telling: Annotated[
        dict[str, Any] | None, Meta(description="The walk over all accounts that tells of it.")
    ]
    previewed: Annotated[
        bool, Meta(description="It was only asked what would follow: nothing was kept.")
    ] = False


class NumberShown(Struct, kw_only=True):
    number: str
    status: str
    release_at: Instant | None
    next_fee_at: Instant | None
    monthly_fee: Money


class RegistrationShown(Struct, kw_only=True):
    id: Id
    kind: str
    status: str


class Amount(Struct, kw_only=True):
    amount: Money


class TopUpBounds(Struct, kw_only=True):
    """How much may be put on the wallet at once, and a few amounts to choose from."""

    minimum: Money
    maximum: Money
    suggested: list[Amount]


class WalletShown(Struct, kw_only=True):
    balance: Money
    decimals: Annotated[int, Meta(description="How many digits of an amount are minor units.")]
    due: Money | None
    """What is owed, when the balance is below zero."""
    top_up: TopUpBounds | None


class PaymentMethodShown(Struct, kw_only=True):
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None


class InvoiceShown(Struct, kw_only=True):
    id: Id
    number: str | None
    date: Instant
    status: str | None
    amount: Money
    link: str | None
    pdf: str | None


class NoticeShown(Struct, kw_only=True):
    """What a mail said, in the account's language."""

    id: str
    at: Instant
    kind: str
    title: str
    text: str


class PriceShown(Struct, kw_only=True):
    """`price` is what Checkout is asked for."""

    plan: str
    price: str
    interval: Literal["month", "year"]
    amount: Money


class AllowedToAccount(Struct, kw_only=True):
    manage: Permission
    export: Permission
    refund: Permission
    appeal: Permission


class Discovered(Struct, kw_only=True):
    plan: str
    title: str


class Support(Struct, kw_only=True):
    email: str | None
    phone: str | None
    hours: str | None
    how: str | None = None


class Deduction(Struct, kw_only=True):
    code: Literal["setup_fee", "stripe_fee"]
    title: str
    amount: Money


class RefundReason(Struct, kw_only=True):
    """Why nothing is to be paid back."""

    code: str
    title: str


class Eligibility(Struct, kw_only=True):
    """Both deductions are always listed."""

    eligible: bool
    reasons: list[RefundReason]
    paid: Money
    already_refunded: Money
    deductions: list[Deduction]
    payable: Money


class Decision(Struct, kw_only=True):
    """Made once, and never changed."""

    approve: bool
    reason: str
    amount: Money | None
    by: str
    role: Literal["operator", "policy"]
    at: Instant
    eligibility: Eligibility | None


class Case(Struct, kw_only=True):
    """Due dates are absent until the clock starts. `state` is one of incomplete, open, in_review, approved, refused,
    refunded, credited, reopened; of a dispute inquiry, open, in_review, won, lost, closed."""

    id: Id
    kind: Literal["refund", "appeal", "top_up", "dispute", "withdrawal"]
    state: str
    received_at: Instant
    missing: list[str]
    replies: list[dict[str, Any]]
    decision: Decision | None
    first_reply_due: Instant | UnsetType = UNSET
    decision_due: Instant | UnsetType = UNSET
    eligibility: Eligibility | UnsetType | None = UNSET
    next_step_at: Instant | UnsetType = UNSET
    purged: bool | UnsetType = UNSET
    what_to_do: (
        Annotated[
            str, Meta(description="For operators: a dispute that a bank took up after a purge.")
        ]
        | UnsetType
    ) = UNSET


class Export(Struct, kw_only=True):
    """Everything the account has, as a zip. `url` is made anew for each answer once it is ready."""

    id: Id
    state: Literal["making", "ready"]
    progress: Annotated[int, Meta(ge=0, le=100)]
    asked_at: Instant
    expires_at: Instant | None
    url: str | UnsetType = UNSET
    url_expires_at: Instant | UnsetType = UNSET


class RecoveryShown(Struct, kw_only=True):
    """Answered with 202 while the status is recovering: the carrier is asked until it has answered."""

    account_id: Id
    number: str
    status: Literal["active", "recovering", "removing", "releasing"]
    provider: str
    provider_id: str
    released_at: Instant | None
    next_fee_at: Instant | None


class GoneNumber(Struct, kw_only=True):
    number: str
    released_at: Instant


class GoneRegistration(Struct, kw_only=True):
    """A new one has to be applied for."""

    id: Id
    lapsed_at: Instant


class Gone(Struct, kw_only=True):
    """What the last end took: it is not had back by returning."""

    numbers: list[GoneNumber]
    registrations: list[GoneRegistration]


class Membership(Struct, kw_only=True):
    account_id: Id
    as_of: Instant
    policy: str
    title: str
    locale: str
    labels: dict[str, str]
    allowed: AllowedToAccount
    subscriptions: list[SubscriptionShown]
    upcoming: list[Consequence]
    wallet: WalletShown
    numbers: list[NumberShown]
    registrations: list[RegistrationShown]
    gone: Gone
    payment_method: PaymentMethodShown | None
    invoices: list[InvoiceShown]
    exports: list[Export]
    cases: list[Case]
    notices: list[NoticeShown]
    discover: list[Discovered]
    prices: list[PriceShown]
    words: Words
    support: Support


class Entitlements(Struct, kw_only=True):
    account_id: Id
    as_of: Instant
    features: dict[str, bool]
    reasons: dict[str, Any]


class Link(Struct, kw_only=True):
    url: str


class CheckoutLink(Struct, kw_only=True):
    url: str
    checkout_session_id: str


class DisclosureShown(Struct, kw_only=True):
    id: str
    version: str
    text: str


class ReasonShown(Struct, kw_only=True):
    code: str
    label: str


class CancellationPreview(Struct, kw_only=True):
    preview_id: Id
    expires_at: Instant
    access_ends_at: Instant
    consequences: list[Consequence]
    blockers: list[Blocker]
    disclosures: list[DisclosureShown]
    reasons: list[ReasonShown]
    reason_required: bool
    last_day: Annotated[str, Meta(description="The last day of access, in words.")]
    words: Words


class PageVisit(Struct, kw_only=True):
    """A token for our own page, to be kept in memory only, and the way back."""

    token: str
    expires_at: Instant
    return_url: str
    subscription_id: Id | None


class Canceled(Struct, kw_only=True):
    status: Literal["pending_cancellation"]
    access_ends_at: Instant | None
    evidence_id: Id | None


class Resumed(Struct, kw_only=True):
    status: Literal["active"]


class WalletBalance(Struct, kw_only=True):
    account_id: Id
    balance: Money


class EntryLine(Struct, kw_only=True):
    account: str
    amount: Money


class WalletEntry(Struct, kw_only=True):
    id: str
    kind: str
    cause: str
    at: Instant
    amount: Money
    lines: list[EntryLine]
    hash: str


class WalletEntries(Struct, kw_only=True):
    data: list[WalletEntry]
    has_more: bool
    next_cursor: str | None


class Page(Struct, kw_only=True):
    data: list[dict[str, Any]]
    has_more: bool
    next_cursor: str | None


class MessageOutcome(Struct, kw_only=True):
    id: Id
    outcome: str


class MessagesScheduled(Struct, kw_only=True):
    data: list[MessageOutcome]
    balance: Money


class WebhookOutcome(Struct, kw_only=True):
    outcome: Literal["applied", "duplicate", "ignored", "parked"]
