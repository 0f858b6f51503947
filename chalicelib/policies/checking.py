"""What must hold between the keys of a policy, once each of them is right by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from chalicelib.domain import notices
from chalicelib.domain.access import LOG_IN
from chalicelib.domain.policy import Appeals, Cancellation, Plan, Policy, Reminder, TopUps
from chalicelib.domain.words import LABELS, TITLES

Path = tuple[str | int, ...]

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""Names become parts of price keys, of addresses and of answers."""


MOST_BUSINESS_DAYS = 250


class Wrong(Exception):
    """Something at this place of the file cannot be used."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(why)
        self.path = path
        self.why = why


def must(holds: object, path: Path, why: str) -> None:
    if not holds:
        raise Wrong(path, why)


def check(policy: Policy) -> None:
    """Raises Wrong."""
    _check_head(policy)
    for name, plan in policy.plans.items():
        _check_plan(policy, name, plan)
    _check_reminders(policy.reminders)
    _check_cancellation(policy.cancellation)
    if policy.wallet is not None:
        _check_top_ups(policy.wallet)
    if policy.appeals is not None:
        _check_appeals(policy.appeals)
    known = (*TITLES, *(f"mail_{kind}" for kind in notices.KINDS), *LABELS)
    for kind in policy.texts:
        why = f"is no kind of step or mail, and no button ({', '.join(known)})"
        must(kind in known, ("texts", kind), why)


def _check_head(policy: Policy) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    must(NAME.fullmatch(policy.name), ("name",), "must be a name such as acme-plans")
    must(policy.plans, ("plans",), "needs at least one plan")
    must(re.fullmatch("[a-z]{3}", policy.currency), ("currency",), "must be a code such as usd")
    must(re.fullmatch("[a-z]{2}(-[A-Z]{2})?", policy.locale), ("locale",), "must be such as en")
    try:
        ZoneInfo(policy.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Wrong(("time_zone",), "is no time zone such as Europe/Paris") from error


def _check_plan(policy: Policy, name: str, plan: Plan) -> None:
    here = ("plans", name)
    must(NAME.fullmatch(name), here, "must be a name such as pro")
    must(plan.price_minor, (*here, "price_minor"), "needs month or year")
    for interval in plan.price_minor:
        allowed = interval in ("month", "year")
        must(allowed, (*here, "price_minor", interval), "must be month or year")
    for feature in plan.features:
        good = NAME.fullmatch(feature)
        must(good, (*here, "features"), f"{feature!r} is no name such as send_sms")
    must(LOG_IN not in plan.features, (*here, "features"), f"{LOG_IN} is everybody's, always")
    for key, needed, section in (
        ("needs_numbers", plan.needs_numbers, "numbers"),
        ("needs_registrations", plan.needs_registrations, "registrations"),
        ("message_channels", plan.message_channels, "messages"),
    ):
        there = not needed or getattr(policy, section) is not None
        must(there, (*here, key), f"needs a [{section}] section")


def _check_reminders(reminders: tuple[Reminder, ...]) -> None:
    for n, one in enumerate(reminders):
        must(one.days > 0, ("reminders", n, "days"), "must be at least 1")
    must(len(set(reminders)) == len(reminders), ("reminders",), "names a reminder twice")


def _check_cancellation(rules: Cancellation) -> None:
    here = "cancellation"
    must(rules.preview_minutes > 0, (here, "preview_minutes"), "must be at least 1")
    must(rules.roles, (here, "roles"), "needs at least one role")
    codes = [reason.code for reason in rules.reasons]
    must("other" in codes, (here, "reasons"), "needs a reason with the code other")
    _check_names(codes, (here, "reasons"), "code")
    _check_names([one.id for one in rules.disclosures], (here, "disclosures"), "id")


def _check_names(names: Iterable[str], here: Path, key: str) -> None:
    seen: set[str] = set()
    for n, name in enumerate(names):
        must(NAME.fullmatch(name), (*here, n, key), "must be a name such as renewal_off")
        must(name not in seen, (*here, n, key), f"{name!r} is there twice")
        seen.add(name)


def _check_top_ups(bounds: TopUps) -> None:
    least, most = bounds.top_up_min_minor, bounds.top_up_max_minor
    must(least > 0, ("wallet", "top_up_min_minor"), "must be at least 1")
    must(least <= most, ("wallet", "top_up_max_minor"), "must not be less than the least")


def _check_appeals(appeals: Appeals) -> None:
    first, decision = appeals.first_reply_business_days, appeals.decision_business_days
    must(0 < first <= decision, ("appeals",), "needs a first reply before its decision")
    must(decision <= MOST_BUSINESS_DAYS, ("appeals",), "must be decided within a year")
    country, region = appeals.holiday_country, appeals.holiday_subdivision
    two = country is None or re.fullmatch("[A-Z]{2}", country)
    must(two, ("appeals", "holiday_country"), "must be a country such as SG")
    must(country or not region, ("appeals", "holiday_subdivision"), "needs holiday_country")
    for n, day in enumerate(appeals.holidays):
        try:
            date.fromisoformat(day)
        except ValueError as error:
            raise Wrong(("appeals", "holidays", n), "must be a day such as 2026-12-25") from error
