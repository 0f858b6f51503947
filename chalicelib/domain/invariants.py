"""What must hold of an account at every moment: design's invariants, as far as one account's rows can show them.

Pure: the account's rows in, what does not hold out. Each rule stands in the table with its number and what to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain import lapsing, releasing, steps
from chalicelib.domain.access import has_access
from chalicelib.domain.account import Account
from chalicelib.domain.billing_periods import SLACK
from chalicelib.domain.ending import contract_end, extension_of
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.number_fees import Number
from chalicelib.domain.policy import Policy
from chalicelib.domain.registrations import Registration
from chalicelib.domain.timeline import timeline

OVERDUE_AFTER = timedelta(hours=24)
"""Longer than the longest pause between two tries, and some runs more."""
ENDED = ("canceled", "incomplete_expired")
SECRETS = ("whsec_", "sk_live", "sk_test", "rk_live", "rk_test", "billing.stripe.com",
           "invoice.stripe.com", "checkout.stripe.com", "/p/session/", "Bearer ")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A ledger entry, as far as the rules look at it."""

    kind: str
    at: datetime
    note: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Everything of one account, sorted out."""

    account: Account
    numbers: Sequence[Number] = ()
    registrations: Sequence[Registration] = ()
    seats: Mapping[str, int] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    """Message → its state."""
    bookings: Sequence[Booking] = ()
    ledger: str | None = None
    """What is wrong with the books."""
    indexed: Mapping[str, str] = field(default_factory=dict)
    """Step → the date its row in the due index says it is for."""
    customer_owner: str | None = None
    number_owners: Mapping[str, str] = field(default_factory=dict)
    subscription_owners: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    """Row → its words."""


@dataclass(frozen=True, slots=True)
class Violation:
    rule: str
    subject: str
    says: str


Broken = Iterator[tuple[str, str]]
"""What it is about, and what is wrong with it."""
Rule = Callable[[Rows, Policy, datetime], Broken]


def violations(rows: Rows, policy: Policy, now: datetime) -> Iterator[Violation]:
    for name, (_, rule, what_to_do) in RULES.items():
        for subject, wrong in rule(rows, policy, now):
            yield Violation(name, subject, f"{wrong} {what_to_do}")


def _ledger(rows: Rows, _policy: Policy, _now: datetime) -> Broken:
    if rows.ledger is not None:
        yield "wallet", f"The books are broken: {rows.ledger}."


def _messages(rows: Rows, _policy: Policy, _now: datetime) -> Broken:
    booked: dict[str, list[str]] = {}
    for one in rows.bookings:
        for id in one.note.get("messages", ()):
            booked.setdefault(id, []).append(one.kind)
    for id, kinds in booked.items():
        back = [kind for kind in kinds if kind in ("messages_credited", "message_deleted")]
        if len(back) > 1:
            yield id, "Its price was given back twice."
        elif back and rows.messages.get(id) == "sent":
            yield id, "It was sent, and its price was given back."
        elif not back and rows.messages.get(id) in ("credited", "deleted"):
            yield id, "Its price was never given back."


def _fees(rows: Rows, _policy: Policy, now: datetime) -> Broken:
    charged = Counter(
        (str(one.note.get("number")), one.at) for one in rows.bookings if one.kind == "number_fee"
    )
    released = {one.e164: one.released_at for one in rows.numbers if one.released_at}
    for (e164, at), times in charged.items():
        if times > 1:
            yield e164, f"Its fee of {rfc3339(at)} was charged {times} times."
        if at > now:
            yield e164, f"Its fee of {rfc3339(at)} was charged before that day."
        gone = released.get(e164)
        if gone is not None and at > gone:
            yield e164, f"A fee was charged for {rfc3339(at)}, after its release."


def _releases(rows: Rows, policy: Policy, _now: datetime) -> Broken:
    done, due = (
        rows.account.done.get(steps.NUMBERS_RELEASED),
        releasing.release_at(rows.account, policy),
    )
    if done is not None and due is not None and done < due and not rows.account.numbers:
        yield "numbers", f"They were released for {rfc3339(done)}, and are due on {rfc3339(due)}."


def _lapses_and_purges(rows: Rows, policy: Policy, _now: datetime) -> Broken:
    account = rows.account
    done, due = account.done.get(steps.REGISTRATIONS_LAPSE), lapsing.lapse_at(account, policy)
    if done is not None and due is not None and done < due and not account.registrations:
        yield "registrations", f"They lapsed for {rfc3339(done)}, and are due on {rfc3339(due)}."
    if account.legal_hold is not None and account.purge_began_at is not None:
        yield "data", "A purge has begun under a legal hold."


def _access(rows: Rows, policy: Policy, now: datetime) -> Broken:
    for one in rows.account.subscriptions.values():
        until = one.paid_until
        paid = until is not None and now < until + extension_of(rows.account, one)
        cut = one.suspended_at or one.is_forfeited or one.refunded_until
        is_owed = paid and one.has_started and not cut
        if is_owed and not has_access(rows.account, one, policy, now):
            yield one.id, "It is paid for, and gives no access."


def _contracts(rows: Rows, _policy: Policy, _now: datetime) -> Broken:
    for one in rows.account.subscriptions.values():
        end = contract_end(rows.account, one)
        if end is None or one.is_forfeited or one.refunded_until:
            continue
        if one.ended_at is not None and one.ended_at < end - SLACK:
            yield one.id, f"It ended at Stripe before its contract's end of {rfc3339(end)}."
        if one.leaves_with_contract and one.ended_at is None and one.period_start > end + SLACK:
            yield (
                one.id,
                f"It was cancelled, and renewed after its contract's end of {rfc3339(end)}.",
            )


def _ended(rows: Rows, _policy: Policy, _now: datetime) -> Broken:
    for one in rows.account.subscriptions.values():
        if one.ended_at is not None and one.has_started and one.status not in ENDED:
            yield one.id, f"It has ended, and its status is {one.status}."
        if one.ended_at is None and one.status == "canceled":
            yield one.id, "Its status is canceled, and it has no end."


def _owners(rows: Rows, _policy: Policy, _now: datetime) -> Broken:
    account = rows.account
    customer = account.stripe_customer_id
    if customer is not None and rows.customer_owner != account.id:
        yield customer, f"This Stripe customer leads to {rows.customer_owner or 'nobody'}."
    for id in account.subscriptions:
        owner = rows.subscription_owners.get(id)
        if owner != account.id:
            yield id, f"This subscription leads to {owner or 'nobody'}."


def _holdings(rows: Rows, _policy: Policy, _now: datetime) -> Broken:
    account = rows.account
    held = {one.e164 for one in rows.numbers if one.state != "released"}
    if account.numbers != len(held):
        yield "numbers", f"The account counts {account.numbers}, and holds {len(held)}."
    for e164 in held:
        owner = rows.number_owners.get(e164)
        if owner != account.id:
            yield e164, f"The number leads to {owner or 'nobody'}."
    lapsing_ones = sum(one.lapses for one in rows.registrations)
    if account.registrations != lapsing_ones:
        yield (
            "registrations",
            f"The account counts {account.registrations}, and has {lapsing_ones}.",
        )
    for id in {*account.seats, *rows.seats}:
        if account.seats.get(id, 0) != rows.seats.get(id, 0):
            yield (
                id,
                f"The account counts {account.seats.get(id, 0)} seats, and has {rows.seats.get(id, 0)}.",
            )


def _planned(rows: Rows, policy: Policy, _now: datetime) -> Broken:
    """A step that stands in no index is never carried out: that is how a promise is lost in silence."""
    account = rows.account
    ahead = {step.id: step.due for step in timeline(account, policy)}
    for id in {*ahead, *account.steps}:
        if ahead.get(id) != account.steps.get(id):
            yield (
                id,
                f"It lies ahead at {_when(ahead.get(id))}, and is stored for {_when(account.steps.get(id))}.",
            )
    for id in {*account.steps, *rows.indexed}:
        if _when(account.steps.get(id)) != rows.indexed.get(id, "never"):
            yield (
                id,
                f"It is stored for {_when(account.steps.get(id))}, and its row says {rows.indexed.get(id, 'never')}.",
            )


def _when(due: datetime | None) -> str:
    return "never" if due is None else rfc3339(due)


def _overdue(rows: Rows, _policy: Policy, now: datetime) -> Broken:
    for id, due in rows.account.steps.items():
        if due + OVERDUE_AFTER < now:
            yield id, f"It is overdue since {rfc3339(due)}."


def _in_flight(rows: Rows, _policy: Policy, now: datetime) -> Broken:
    for id, since in rows.account.in_flight.items():
        if since + OVERDUE_AFTER < now:
            yield (
                id,
                f"It was called at its carrier at {rfc3339(since)}, and nobody knows what came of it.",
            )


def _secrets(rows: Rows, _policy: Policy, _now: datetime) -> Broken:
    for row, text in rows.texts.items():
        if any(word in text for word in SECRETS):
            yield row, "The row holds a secret, or a link that lets somebody in."


PURGES = "lapses_and_purges_in_time"

RULES: Mapping[str, tuple[int, Rule, str]] = {
    "ledger": (1, _ledger, "`lapse ledger verify` names the entry; book nothing by hand before it is understood."),
    "messages_once": (2, _messages, "Book the difference in a case, and find out how it came."),
    "fees_once": (3, _fees, "Give the fee back in a case."),
    "releases_in_time": (4, _releases, "Try `lapse number recover` at once; some carriers give them back for ten days."),
    PURGES: (5, _lapses_and_purges, "Hold what is still ahead of the account."),
    "access_whole": (6, _access, "`lapse reconcile --account` asks Stripe; then report it as a bug."),
    "contracts_whole": (7, _contracts, "Talk to the customer: Stripe ends, or renews, what was agreed otherwise."),
    "ended_is_terminal": (8, _ended, "`lapse reconcile --account --apply` tells it Stripe's word."),
    "owners": (9, _owners, "Find out whose it is before anything of either account is changed."),
    "holdings_counted": (9, _holdings, "Put the number, registration or seat again; it is counted anew."),
    "steps_planned": (11, _planned, "Did the policy change? Any change of the account saves its steps anew."),
    "nothing_overdue": (11, _overdue, "`lapse account timeline` says what went wrong; retry, hold or waive it."),
    "calls_settled": (12, _in_flight, "Ask the carrier by hand, then retry the step `call_settled`."),
    "nothing_secret": (13, _secrets, "Take it out of the row, change the secret, and find out how it came there."),
}  # fmt: skip
"""Rule → its number in the design, the check, and what a person is to do."""
