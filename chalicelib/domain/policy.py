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
    id: str
    version: str
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    code: str
    label: Text
    stripe_feedback: str = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    online: bool = True
    reason_required: bool = True
    preview_minutes: int = 60
    open_invoices_on_cancel: str = "keep"
    """`keep` or `stop_collection`: cancelled while past_due, does Stripe go on trying the card? (SC-2)"""
    roles: tuple[str, ...] = ("super_admin", "billing_admin")
    reasons: tuple[Reason, ...] = ()
    disclosures: tuple[Disclosure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    release_after_hours: int
    """From the end of the last plan that needs them (SC-8)."""
    fee_cycle: str = "number"
    """`number`: each number's own purchase day. `billing`: the plan's billing day (SC-6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrations:
    lapse_after_hours: int
    """SC-9."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    purge_after_years: int
    """Calendar years after the last end (SC-10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    credit_unsent: bool = True
    """SC-12."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunds:
    kind: str = "none"
    """`none` or `zero_usage` (M1-7)."""
    refusal: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    email: str | None = None
    phone: str | None = None
    hours: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    name: str
    title: str
    version: str
    currency: str
    plans: Mapping[str, Plan]
    time_zone: str = "UTC"
    locale: str = "en"
    access: Access = field(default_factory=Access)
    cancellation: Cancellation = field(default_factory=Cancellation)
    numbers: Numbers | None = None
    registrations: Registrations | None = None
    data: Data | None = None
    messages: Messages | None = None
    refunds: Refunds = field(default_factory=Refunds)
    support: Support = field(default_factory=Support)
    texts: Mapping[str, Text] = field(default_factory=dict)

    def plan_of_price(self, price_id: str, lookup_key: str | None) -> str | None:
        """The plan a Stripe price stands for, or None when this policy does not know the price."""
        for name, plan in self.plans.items():
            keys = {f"{self.name}:{name}:{interval}" for interval in plan.price_minor}
            if lookup_key in keys or {price_id, lookup_key} & set(plan.stripe_prices):
                return name
        return None
