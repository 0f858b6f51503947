"""What each key of a policy means for a customer, as a sentence. A key without a sentence of its own here is told by
its docstring in `domain/policy.py`, so a new one is never silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from chalicelib.domain.policy import Policy, Text
from infra.cli.policy_schema import docstrings
from infra.local.demo.money import spelled

Say = Callable[[Any, "Leaf"], str]

SECTIONS: Mapping[str, str] = {
    "plans": "Plans",
    "access": "Access",
    "cancellation": "Cancelling",
    "numbers": "Phone numbers",
    "registrations": "Registrations",
    "data": "Data",
    "messages": "Scheduled messages",
    "reminders": "Reminders",
    "wallet": "Wallet",
    "refunds": "Refunds",
    "appeals": "Appeals",
    "maintenance": "Maintenance",
    "disputes": "Disputes",
    "support": "Support",
    "texts": "In the company's own words",
}
GENERAL = "The policy"
IDS = ("Reason.code", "Disclosure.id", "Reminder.before")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of a policy: where it is, by names (`disclosures.renewal_off`) and as the file has it (by place)."""

    names: tuple[str, ...]
    path: tuple[str | int, ...]
    kind: str
    """`Record.key`, as in domain/policy.py."""
    value: Any
    currency: str

    @property
    def dotted(self) -> str:
        return ".".join(self.names)

    @property
    def section(self) -> str:
        return SECTIONS.get(self.names[0], GENERAL)


def leaves(policy: Policy) -> list[Leaf]:
    """Every value of the policy, defaults included, section by section; but for the ids by which a thing is told from
    another of its kind."""
    order = {section: n for n, section in enumerate((GENERAL, *SECTIONS.values()))}
    found = _record(policy, (), (), policy.currency)
    return sorted((leaf for leaf in found if leaf.kind not in IDS), key=lambda x: order[x.section])


def sentence(leaf: Leaf) -> str:
    say = WORDS.get(leaf.kind)
    if say is not None:
        return say(leaf.value, leaf)
    told = docstrings().get(leaf.kind, "").split("\n")[0]
    return f"{leaf.dotted} = {_plain(leaf.value)}. {told}".strip()


def _record(record: Any, names: tuple[str, ...], path: Any, currency: str) -> Iterator[Leaf]:
    for field in fields(record):
        value = getattr(record, field.name)
        kind = f"{type(record).__name__}.{field.name}"
        yield from _value(value, (*names, field.name), (*path, field.name), kind, currency)


def _value(value: Any, names: Any, path: Any, kind: str, currency: str) -> Iterator[Leaf]:
    if is_dataclass(value) and not isinstance(value, Text):
        yield from _record(value, names, path, currency)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _value(one, (*names, key), (*path, key), kind, currency)
    elif isinstance(value, tuple) and value and is_dataclass(value[0]):
        for n, one in enumerate(value):
            called = next((v for k in ("id", "code", "before") if (v := getattr(one, k, None))), n)
            yield from _record(one, (*names, str(called)), (*path, n), currency)
    elif value is not None:
        yield Leaf(names, path, kind, value, currency)


def hours(count: int) -> str:
    days, rest = divmod(count, 24)
    return f"{count} hours" + (f" ({days} days)" if days and not rest else "")


def years(count: int) -> str:
    return "1 year" if count == 1 else f"{count} years"


def listed(words: tuple[str, ...]) -> str:
    return ", ".join(word.replace("_", " ") for word in words) or "nothing"


def quoted(text: Text) -> str:
    return f"“{text.en}”" + (f" / « {text.fr} »" if text.fr else "")


def _plain(value: Any) -> str:
    if isinstance(value, Text):
        return quoted(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)


def _either(yes: str, no: str) -> Say:
    return lambda value, _leaf: yes if value else no


def _of_plan(yes: str, no: str) -> Say:
    return lambda value, leaf: f"{_plan(leaf)} {yes if value else no}"


def _choice(said: Mapping[str, str]) -> Say:
    return lambda value, _leaf: said[value]


def _plan(leaf: Leaf) -> str:
    return leaf.names[1]


WORDS: Mapping[str, Say] = {
    "Policy.name": lambda v, _: f"Accounts and prices call it {v}.",
    "Policy.title": lambda v, _: f"Customers call the company {v}.",
    "Policy.version": lambda v, _: f"This is version {v}.",
    "Policy.currency": lambda v, _: f"Amounts are in {v.upper()}.",
    "Policy.time_zone": lambda v, _: f"Business days are counted in {v}.",
    "Policy.locale": lambda v, _: f"New accounts begin with the language {v}.",
    "Policy.texts": lambda v, leaf: f"For {leaf.names[-1]} customers read {quoted(v)}.",
    "Policy.reminders": lambda _v, _: "Nobody is reminded of anything.",
    "Cancellation.disclosures": lambda _v, _: "There is nothing to consent to.",
    "Plan.title": lambda v, leaf: f"The plan {_plan(leaf)} is called {v}.",
    "Plan.features": lambda v, leaf: f"{_plan(leaf)} gives {listed(v)}.",
    "Plan.price_minor": lambda v, leaf: (
        f"{_plan(leaf)} costs {spelled(v, leaf.currency)} a {leaf.names[-1]}."
    ),
    "Plan.message_channels": lambda v, leaf: (
        f"{_plan(leaf)} sends scheduled messages by {listed(v)}."
    ),
    "Plan.stripe_prices": lambda v, leaf: f"{_plan(leaf)} is also sold as {_plain(v)}.",
    "Plan.needs_numbers": _of_plan(
        "keeps phone numbers, which cost their fee, while it lives.", "keeps no phone numbers."
    ),
    "Plan.needs_registrations": _of_plan(
        "keeps 10DLC registrations while it lives.", "keeps no registrations."
    ),
    "Plan.cancelable_online": _of_plan(
        "can be cancelled online.", "can be cancelled by support only."
    ),
    "Plan.cancel_roles": lambda v, leaf: (
        f"{_plan(leaf)} can be cancelled and resumed by: {listed(v)}."
        if v
        else f"{_plan(leaf)} follows the policy's roles."
    ),
    "Access.settling_hours": lambda v, _: (
        f"A renewal that Stripe has not tried to collect yet keeps access for {hours(v)}."
    ),
    "Access.grace_hours": lambda v, _: (
        f"After a renewal's first failed charge, access goes on for {hours(v)}."
        if v
        else "Access ends with a renewal's first failed charge; there is no grace."
    ),
    "Cancellation.online": _either(
        "Customers can cancel online, by themselves.", "Only support can cancel."
    ),
    "Cancellation.reason_required": _either("A reason is required.", "A reason is optional."),
    "Cancellation.preview_minutes": lambda v, _: (
        f"What a preview shows may be consented to for {v} minutes."
    ),
    "Cancellation.open_invoices_on_cancel": _choice(
        {
            "keep": "After cancelling, Stripe goes on collecting an open invoice.",
            "stop_collection": "After cancelling, the card is not tried for an open invoice.",
        }
    ),
    "Cancellation.page": _choice(
        {
            "stripe": "A portal link leads to Stripe's portal.",
            "ours": "A portal link leads to our own page, to look around and to cancel.",
        }
    ),
    "Cancellation.roles": lambda v, _: f"Cancelling and resuming is for: {listed(v)}.",
    "Cancellation.representative_roles": lambda v, _: (
        f"What was bought through a representative is cancelled by: {listed(v)}."
        if v
        else "What was bought through a representative is cancelled by the same people."
    ),
    "Cancellation.blocks_on_balance": _either(
        "An unpaid invoice or a negative wallet blocks cancelling online.",
        "Nobody is kept from cancelling by what they owe.",
    ),
    "Reason.label": lambda v, leaf: f"The reason {leaf.names[-2]} reads {quoted(v)}.",
    "Reason.stripe_feedback": lambda v, leaf: f"Stripe is told {v} for {leaf.names[-2]}.",
    "Disclosure.version": lambda v, leaf: f"{leaf.names[-2]} is in version {v}.",
    "Disclosure.text": lambda v, leaf: f"{leaf.names[-2]} reads {quoted(v)}.",
    "Numbers.release_after_hours": lambda v, _: (
        f"Phone numbers are released {hours(v)} after the end of the last plan that needs them."
    ),
    "Numbers.fee_cycle": _choice(
        {
            "number": "Each number's monthly fee falls on its own purchase day.",
            "billing": "Each number's monthly fee falls on the plan's billing day.",
        }
    ),
    "Registrations.lapse_after_hours": lambda v, _: (
        f"Registrations lapse {hours(v)} after the last plan that needs them was cancelled."
    ),
    "Registrations.counted_from": _choice(
        {
            "end": "Cancelled means here that the cancellation has taken effect: the plan's end.",
            "request": "Cancelled means here that somebody asked for it; no registration lapses "
            "before the plan's end.",
        }
    ),
    "Data.purge_after_years": lambda v, _: (
        f"All account data is deleted {years(v)} after the last plan's end."
    ),
    "Data.second_approval": _either(
        "Two different operators approve each deletion before it begins.",
        "Data is deleted on its day, without anybody's approval.",
    ),
    "Messages.credit_unsent": _either(
        "Unsent scheduled messages are credited to the wallet at the end.",
        "Unsent scheduled messages are not credited.",
    ),
    "Reminder.days": lambda v, leaf: f"The reminder comes {v} days before {leaf.names[-2]}.",
    "TopUps.top_up_min_minor": lambda v, leaf: (
        f"A top-up is of {spelled(v, leaf.currency)} at least."
    ),
    "TopUps.top_up_max_minor": lambda v, leaf: (
        f"A top-up is of {spelled(v, leaf.currency)} at most."
    ),
    "Refunds.kind": _choice(
        {
            "none": "There are no refunds.",
            "zero_usage": "A refund can be requested for a plan that was never used.",
        }
    ),
    "Refunds.set_up_fee_minor": lambda v, leaf: (
        f"A set-up fee of {spelled(v, leaf.currency)} is deducted from a refund."
    ),
    "Refunds.deducts_stripe_fee": _either(
        "Stripe's own fee is deducted from a refund.", "Stripe's own fee is not deducted."
    ),
    "Refunds.ends_plan": _either("A refunded plan ends.", "A refunded plan goes on."),
    "Refunds.top_ups": _choice(
        {
            "none": "Top-ups are not refunded.",
            "considered": "A refund of a top-up is considered by a person.",
        }
    ),
    "Refunds.refusal": lambda v, _: f"Who asks for a refund that is not given reads {quoted(v)}.",
    "Appeals.first_reply_business_days": lambda v, _: (
        f"An appeal gets a first reply by the end of the {_nth(v)} business day."
    ),
    "Appeals.decision_business_days": lambda v, _: (
        f"An appeal is decided by the end of the {_nth(v)} business day."
    ),
    "Appeals.holidays": lambda v, _: f"No business days: {_plain(v)}.",
    "Appeals.holiday_country": lambda v, _: f"Public holidays of {v} are no business days.",
    "Appeals.holiday_subdivision": lambda v, _: f"Of those, the ones of {v} count.",
    "Appeals.remind_before_hours": lambda v, _: (
        f"Whoever must act is reminded {v} hours before a deadline."
    ),
    "Appeals.credit_limit_minor": lambda v, leaf: (
        f"An approved appeal credits {spelled(v, leaf.currency)} at most."
    ),
    "Maintenance.longest_business_days": lambda v, _: f"Maintenance takes up to {v} business days.",
    "Maintenance.extends_access": _either(
        "Maintenance extends access by as many calendar days.",
        "Maintenance does not extend access.",
    ),
    "Disputes.lost_ends_access": _either(
        "A lost dispute ends the access its payment bought.", "A lost dispute leaves access alone."
    ),
    "Disputes.lost_debits_wallet": _either(
        "A lost dispute over a top-up takes it off the wallet again.",
        "A lost dispute over a top-up leaves the wallet alone.",
    ),
    "Support.email": lambda v, _: f"Support answers at {v}.",
    "Support.phone": lambda v, _: f"Support answers on {v}.",
    "Support.hours": lambda v, _: f"Support answers {quoted(v)}.",
    "Support.how": lambda v, _: f"To reach support: {quoted(v)}.",
}


def _nth(n: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(n % 10 if n not in (11, 12, 13) else 0, "th")
    return f"{n}{ending}"
