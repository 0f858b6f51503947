"""Plays all lives on one clock: stops where a story goes on, and one second before and at every promised instant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from infra.local.demo.api import Api, Unexpected
from infra.local.demo.books import Snapshot
from infra.local.demo.customer import Customer
from infra.local.demo.judge import Finding, Verdict, judge, when
from infra.local.demo.promise import Promise
from infra.local.demo.stories import Story, days
from infra.local.seeds import ACCOUNTS

LOOKS_EVERY = days(14)
"""How often everything is compared with Stripe and checked on the way. The schedule does so every day."""
QUIET = days(90)
"""How long to go on after the last promise, to see that nothing comes a second time."""

Progress = Callable[[datetime, str], None]


@dataclass(slots=True, eq=False)
class Lived:
    """One account's life: how it goes on, and in the end how it turned out."""

    story: Story
    customer: Customer
    script: Iterator[datetime]
    wakes_at: datetime | None = None
    last: Snapshot | None = None
    verdict: Verdict = field(default_factory=Verdict)

    def findings(self) -> list[Finding]:
        """Each fault once. Where the day and the books tell of the same promise, the books know by how much."""
        diary = self.customer.diary
        in_books = {finding.promise for finding in self.verdict.findings}
        on_the_day = [
            finding
            for one in diary.standing()
            for finding in one.findings
            if finding.promise not in in_books
        ]
        return [*diary.findings, *on_the_day, *self.verdict.findings]


def play(api: Api, stories: Sequence[Story], progress: Progress) -> list[Lived]:
    lives = [_begun(api, story) for story in stories]
    for life in lives:
        _go_on(life)
    now = looked = api.now()
    while (stop := _next_stop(lives, now)) is not None:
        if walks := stop >= looked + LOOKS_EVERY:
            looked = stop
        api.move_to(stop, walks=walks)
        now = stop
        for life in lives:
            _look(life, now, progress)
        for life in lives:
            if life.wakes_at is not None and life.wakes_at <= now:
                progress(now, life.story.title)
                _go_on(life)
    api.move_to(now + QUIET)
    for life in lives:
        _close(life)
    return lives


def _begun(api: Api, story: Story) -> Lived:
    email = f"owner@{story.account}.example.com"
    if story.account not in ACCOUNTS:
        _sign_up(api, story.account, email, story.policy, story.currency)
    customer = Customer(api, story.account, email, _customer_of(api, email), story.currency)
    return Lived(story, customer, story.life(customer))


def _sign_up(api: Api, account_id: str, email: str, policy: str, currency: str) -> None:
    """An account that the stack did not seed, with a card at Stripe."""
    card = "pm_card_visa"
    customer = api.stripe(
        "POST",
        "/v1/customers",
        **{"email": email, "payment_method": card,
           "invoice_settings[default_payment_method]": card},
    )  # fmt: skip
    api.as_operator(
        "PUT",
        f"/v1/admin/accounts/{account_id}",
        {"stripe_customer_id": customer["id"], "policy": policy, "currency": currency,
         "email": email},
    )  # fmt: skip


def _customer_of(api: Api, email: str) -> str:
    found = api.stripe("GET", "/v1/customers", email=email)["data"]
    if len(found) != 1:
        raise Unexpected(f"Stripe knows {len(found)} customers with the address {email}.")
    return str(found[0]["id"])


def _go_on(life: Lived) -> None:
    """One that breaks off must not keep the others from being played, nor pass as done."""
    try:
        life.wakes_at = next(life.script, None)
    except Exception as error:  # noqa: BLE001 - told as a finding of this story
        _break_off(life, error)


def _break_off(life: Lived, error: Exception) -> None:
    life.wakes_at = None
    for one in life.customer.diary.expected:
        one.looked = True
    why = f"the story could not go on. {type(error).__name__}: {error}"
    finding = Finding("other", f"{when(life.customer.now())}: {why}")
    life.customer.diary.findings.append(finding)


def _next_stop(lives: Sequence[Lived], now: datetime) -> datetime | None:
    stops = [life.wakes_at for life in lives]
    stops += [one.next_look(now) for life in lives for one in life.customer.diary.expected]
    return min((max(stop, now) for stop in stops if stop is not None), default=None)


def _look(life: Lived, now: datetime, progress: Progress) -> None:
    due = [
        one
        for one in life.customer.diary.expected
        if (at := one.next_look(now)) is not None and at <= now
    ]
    if not due:
        return
    progress(now, life.story.title)
    try:
        seen = _seen(life, [one.promise for one in due])
    except Unexpected as error:
        _break_off(life, error)
        return
    for one in due:
        one.look(seen)
        if one.looked:
            life.customer.kept(one)


def _seen(life: Lived, due: Sequence[Promise]) -> Snapshot:
    """No more than these promises are about, or a year of looking would take minutes."""
    books = {trace.book for promise in due for trace in promise.traces}
    return life.customer.books.read(books, page=any(promise.is_seen for promise in due))


def _close(life: Lived) -> None:
    diary = life.customer.diary
    try:
        life.last = life.customer.books.read()
    except Unexpected as error:
        _break_off(life, error)
        return
    life.verdict = judge([one.promise for one in diary.standing()], life.last.traces)
    booked = sum(entry["amount"]["amount"] for entry in life.last.entries)
    balance = life.last.membership["wallet"]["balance"]["amount"]
    if booked != balance:
        sentence = f"The ledger sums to {booked}, but the page says {balance} (minor units)."
        diary.findings.append(Finding("other", sentence))
