"""What a company promised, as numbers and words. One TOML file per company; no company's name in the rules.

Every key a file may have stands here with its unit and, where there is one, the promise it serves. The files are
read and checked in `chalicelib.policies`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A sentence for a customer, in the languages we ship. English is always there."""

    en: str
    fr: str | None = None

    def in_language(self, locale: str) -> str:
        return self.fr if locale[:2].lower() == "fr" and self.fr else self.en


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    title: str
    """What customers call it."""
    features: tuple[str, ...]
    """Entitlements while the plan gives access (SC-5)."""
    price_minor: Mapping[str, int]
    """Interval (`month`, `year`) → price. Stripe charges it; we show it and seed the local stack with it."""
    stripe_prices: tuple[str, ...] = ()
    """Price ids or lookup keys that mean this plan, beside the lookup key `POLICY:PLAN:INTERVAL`."""
    message_channels: tuple[str, ...] = ()
    """Scheduled messages this plan can send (SC-12): `sms`, `rvm`."""
    needs_numbers: bool = False
    """Numbers are kept, and their fee is due, while such a plan lives (SC-6, SC-8)."""
    cancelable_online: bool = True
    """GT-9: "not cancellable online": then only support can, after checking who asks (GT-8)."""
    cancel_roles: tuple[str, ...] = ()
    """Who may cancel this plan, where it differs from the policy's rule (GT-7)."""
    needs_registrations: bool = False
    """10DLC registrations are kept while such a plan lives (SC-9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    settling_hours: int = 72
    """Stripe finalizes a renewal's invoice an hour, at most 72 h, after the boundary: so long an unpaid
    renewal without a failed charge keeps access (M1-14)."""
    grace_hours: int = 0
    """Access after the first failed charge (M1-14)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """What a customer consents to, one by one, before anything is cancelled (SC-1)."""

    id: str
    version: str
    """To be changed with the text: it is kept with the consent."""
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a customer leaves (SC-1, NX-3). Every policy has one with the code `other`."""

    code: str
    label: Text
    stripe_feedback: str = "other"
    """Stripe's own word for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    online: bool = True
    """Whether plans can be cancelled by the customers themselves (GT-9, OS-3)."""
    reason_required: bool = True
    """Whether nobody may leave without saying why (SC-1, NX-3)."""
    preview_minutes: int = 60
    """How long the dates and amounts that were shown may be consented to."""
    open_invoices_on_cancel: str = "keep"
    """`keep` or `stop_collection`: cancelled while past_due, does Stripe go on trying the card? (SC-2)"""
    roles: tuple[str, ...] = ("super_admin", "billing_admin")
    """Who may cancel and resume (GT-7)."""
    representative_roles: tuple[str, ...] = ()
    """Who may cancel what was bought through a representative (GT-7). Empty: the same people."""
    page: str = "stripe"
    """`stripe` or `ours`: where a portal link leads that is asked for to look around or to cancel (SC-7, M1-2)."""
    blocks_on_balance: bool = False
    """An unpaid invoice or a negative wallet blocks cancelling online (GT-3)."""
    reasons: tuple[Reason, ...] = ()
    """What a customer can choose from (SC-1)."""
    disclosures: tuple[Disclosure, ...] = ()
    """All of what is consented to (SC-1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    release_after_hours: int
    """From the end of the last plan that needs them (SC-8)."""
    fee_cycle: str = "number"
    """`number`: each number's own purchase day. `billing`: the plan's billing day (SC-6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrations:
    lapse_after_hours: int
    """From the end of the last plan that needs them, or from `counted_from` (SC-9)."""
    counted_from: str = "end"
    """`end`: the cancellation takes effect. `request`: somebody cancelled. Never before the end (SC-9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    purge_after_years: int
    """Calendar years after the last end (SC-10)."""
    second_approval: bool = False
    """Whether two different operators must have approved a purge before it begins (SC-10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """A word to the customer before something that cannot be undone."""

    before: str
    """The kind of the step it reminds of, such as `data_purged`."""
    days: int
    """How many days beforehand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    credit_unsent: bool = True
    """Scheduled messages that the ended plan can send no more are credited to the wallet (SC-12)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUps:
    """How much may be put on the wallet at once, in minor units of the account's currency (M1-5)."""

    top_up_min_minor: int
    """The least that Stripe is asked to take."""
    top_up_max_minor: int
    """The most that may be paid in advance at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunds:
    kind: str = "none"
    """`none`, or `zero_usage`: a request is considered if the plan was never used (M1-7)."""
    set_up_fee_minor: int = 0
    """Deducted from a refund: what setting up and hosting the line cost (M1-7)."""
    deducts_stripe_fee: bool = False
    """Whether Stripe's own fee for the payment, which Stripe keeps, is deducted from a refund (M1-7)."""
    ends_plan: bool = True
    """Whether the refunded plan ends with its refund (M1-7)."""
    top_ups: str = "none"
    """Refunds of top-ups: `none`, or `considered` by a person, never by themselves (M1-16)."""
    refusal: Text | None = None
    """What a customer is told who asks for a refund that this policy does not give (SC-13)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeals:
    first_reply_business_days: int
    """An initial reply by the end of this business day after receipt (M1-10)."""
    decision_business_days: int
    """A decision, or a reasoned interim reply, by the end of this business day after receipt (M1-10)."""
    holidays: tuple[str, ...] = ()
    """Days that are no business days, beside Saturdays and Sundays, such as 2026-12-25 (M1-10)."""
    holiday_country: str | None = None
    """Whose public holidays are no business days either: a country's two letters, such as `SG` (M1-10)."""
    holiday_subdivision: str | None = None
    """The state or region of that country, where holidays differ: such as `CA` (M1-10)."""
    remind_before_hours: int = 24
    """So long before a deadline whoever must act is reminded (M1-10)."""
    credit_limit_minor: int = 0
    """The most an approved appeal may credit to the wallet, in the account's currency (M1-11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    longest_business_days: int
    """The longest suspension that is promised. A longer one is flagged, and extends access all the same (M1-13)."""
    extends_access: bool = True
    """Access is extended by as many calendar days as the suspension took (M1-13)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disputes:
    lost_ends_access: bool = False
    """A lost dispute ends the access that the disputed payment bought (M1-12)."""
    lost_debits_wallet: bool = True
    """A lost dispute over a top-up takes it off the wallet again (M1-12)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Whom to turn to, on the page and in every refusal (OS-7, NX-6)."""

    email: str | None = None
    """Where to write to."""
    phone: str | None = None
    """Whom to call."""
    hours: Text | None = None
    """When somebody answers, in the customer's words."""
    how: Text | None = None
    """How else to get there, in the customer's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    name: str
    """What accounts, prices (`NAME:PLAN:INTERVAL`) and operators call this policy."""
    title: str
    """What customers call the company."""
    version: str
    """To be changed with every change of a promise: it is kept with every consent."""
    currency: str
    """The currency of every amount here, which are whole minor units."""
    plans: Mapping[str, Plan]
    """What can be subscribed to."""
    time_zone: str = "UTC"
    """Where business days and their ends are counted; new accounts begin with it."""
    locale: str = "en"
    """The language new accounts begin with: `en` or `fr`."""
    access: Access = field(default_factory=Access)
    cancellation: Cancellation = field(default_factory=Cancellation)
    numbers: Numbers | None = None
    registrations: Registrations | None = None
    data: Data | None = None
    messages: Messages | None = None
    wallet: TopUps | None = None
    """None: nothing can be topped up here; a balance that is due can still be paid."""
    reminders: tuple[Reminder, ...] = ()
    refunds: Refunds = field(default_factory=Refunds)
    appeals: Appeals | None = None
    maintenance: Maintenance | None = None
    disputes: Disputes = field(default_factory=Disputes)
    support: Support = field(default_factory=Support)
    texts: Mapping[str, Text] = field(default_factory=dict)
    """What customers read for a kind of step, as the opening of a mail (`mail_<kind>`) or on a button of the membership
    page (`page_<button>`), where the company has its own words for it."""

    def plan_of_price(self, price_id: str, lookup_key: str | None) -> str | None:
        """The plan a Stripe price stands for, or None when this policy does not know the price."""
        for name, plan in self.plans.items():
            keys = {f"{self.name}:{name}:{interval}" for interval in plan.price_minor}
            if lookup_key in keys or {price_id, lookup_key} & set(plan.stripe_prices):
                return name
        return None
