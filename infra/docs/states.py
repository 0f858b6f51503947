"""docs/explanation/states.md: how a subscription moves from status to status, found by letting everything happen to it
that can, through the domain's own `decide`; and what follows its end, read off `timeline` for each company."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from chalicelib.domain.account import Account
from chalicelib.domain.decide import decide
from chalicelib.domain.ending import end_of
from chalicelib.domain.facts import InvoiceAtStripe, StripeSaysSubscription, SubscriptionAtStripe
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.origins import ORIGINS, title_for_operators
from chalicelib.domain.policy import Policy
from chalicelib.domain.status import STATUSES, status
from chalicelib.domain.timeline import timeline
from chalicelib.policies import Policies
from infra.docs.tables import code, made_from, table

POLICIES = Policies()
BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
ENDS = datetime(2026, 4, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

HEAD = f"""# States, and what moves them

{made_from("chalicelib/domain")}

No status is stored. What is stored are facts (what Stripe said, and when), and `domain/status.py` works the one word out
that a customer sees, at the moment of looking. So a status can never contradict the dates beside it, and the end of access
needs no job to have run. The diagram was not drawn by hand: everything that can happen was let happen to a subscription in
every state, through the same `decide` that the webhook goes through, until nothing new came of it.
"""
BETWEEN = """
What is ended at Stripe in the middle of a paid period keeps its access to the period's end, unless the payment went back
(M1-15): until then it is `pending_cancellation`. What nobody has paid for is over at once.

Ended is final for a Stripe subscription id: no event, however late, leads out of `canceled`. Coming back is a new
subscription, and it calls off every consequence that has not been carried out yet.

## What follows the end

Worked out by `timeline()` for an account of each company that has everything its policy knows, and whose last plan was
cancelled and ends. The days are the policies' own keys; `–` means that the company promised no such thing. Fees for phone
numbers end with the plan. Everything moves along when the end does.
"""


@dataclass(frozen=True, slots=True)
class World:
    """A subscription as Stripe has it, and what we made of it."""

    account: Account
    said: SubscriptionAtStripe
    now: datetime

    @property
    def status(self) -> str:
        return status(self.account, self.account.subscriptions[self.said.id], self.now)

    @property
    def key(self) -> tuple[object, ...]:
        """What tells one world from another: not how late it is."""
        return (
            self.said.status,
            self.said.cancel_at_period_end,
            self.said.ended_at is not None,
            self.is_over,
        )

    @property
    def is_over(self) -> bool:
        return self.now >= self.said.period_end


Change = Callable[[SubscriptionAtStripe, datetime], SubscriptionAtStripe | None]
"""What Stripe says next, or None where this cannot happen."""


def _becomes(word: str, *before: str) -> Change:
    return lambda said, _: replace(said, status=word) if said.status in before else None


def _fails(said: SubscriptionAtStripe, _: datetime) -> SubscriptionAtStripe | None:
    """The next period has begun, and nobody has paid for it yet."""
    if said.status not in ("active", "trialing") or said.cancel_at_period_end:
        return None
    following = said.period_end + (said.period_end - said.period_start)
    return replace(said, status="past_due", period_start=said.period_end, period_end=following)


def _mark(is_off: bool) -> Change:
    live = ("trialing", "active", "past_due", "unpaid", "paused")

    def change(said: SubscriptionAtStripe, _: datetime) -> SubscriptionAtStripe | None:
        is_news = said.status in live and said.cancel_at_period_end is not is_off
        return replace(said, cancel_at_period_end=is_off) if is_news else None

    return change


def _ended(said: SubscriptionAtStripe, now: datetime) -> SubscriptionAtStripe | None:
    return replace(said, status="canceled", ended_at=now) if said.ended_at is None else None


def _late(said: SubscriptionAtStripe, _: datetime) -> SubscriptionAtStripe | None:
    """Sent before the end, and delivered after it."""
    return (
        replace(said, status="active", cancel_at_period_end=False, ended_at=None)
        if said.ended_at
        else None
    )


HAPPENINGS: Mapping[str, Change] = {
    "the first payment succeeds": _becomes("active", "incomplete"),
    "the first payment never comes": _becomes("incomplete_expired", "incomplete"),
    "the trial ends and is paid": _becomes("active", "trialing"),
    "a renewal's charge fails": _fails,
    "it is paid after all": _becomes("active", "past_due", "unpaid"),
    "Stripe gives up charging": _becomes("unpaid", "past_due"),
    "Stripe pauses it": _becomes("paused", "active", "trialing"),
    "Stripe goes on with it": _becomes("active", "paused"),
    "cancelled": _mark(True),
    "resumed": _mark(False),
    "ended at Stripe": _ended,
    "an older event comes late": _late,
}
"""Everything Stripe can say next. Time passing is the one thing besides."""
AT_THE_END = ("ended at Stripe", "an older event comes late")
"""What is left to be said once the end is reached."""
PASSES = "its end is reached"
FIRST = ("incomplete", "trialing", "active")


def page() -> str:
    return f"{HEAD}\n{_diagram()}\n{BETWEEN}\n{_consequences()}"


def edges() -> dict[tuple[str, str], list[str]]:
    """From and to, by status → what leads there. `[*]` is nothing yet."""
    found: dict[tuple[str, str], list[str]] = {}
    seen: set[tuple[object, ...]] = set()
    waiting = deque[World]()
    for word in FIRST:
        world = _heard(_nothing(), _new(word), BEGAN)
        found.setdefault(("[*]", world.status), []).append(f"begins as {word}")
        waiting.append(world)
    while waiting:
        world = waiting.popleft()
        if world.key in seen:
            continue
        seen.add(world.key)
        for what, after in _next(world):
            if after.status != world.status:
                labels = found.setdefault((world.status, after.status), [])
                labels += [what] if what not in labels else []
            waiting.append(after)
    return found


def _next(world: World) -> Iterator[tuple[str, World]]:
    for what, change in HAPPENINGS.items():
        said = change(world.said, world.now)
        if said is not None and (what in AT_THE_END or not world.is_over):
            yield what, _heard(world.account, said, max(world.now, said.period_start) + MINUTE)
    ends = world.said.cancel_at_period_end or world.said.ended_at is not None
    if not world.is_over and ends:
        yield PASSES, replace(world, now=world.said.period_end)


def _heard(account: Account, said: SubscriptionAtStripe, now: datetime) -> World:
    fact = StripeSaysSubscription(subscription=said, as_of=now, invoice=_paid(said))
    return World(decide(account, fact, _policy("smarter-contact"), now).account, said, now)


def _paid(said: SubscriptionAtStripe) -> InvoiceAtStripe | None:
    if said.status not in ("active", "trialing"):
        return None
    return InvoiceAtStripe(
        id=f"in_{said.period_end:%Y%m%d}",
        customer_id=said.customer_id,
        subscription_id=said.id,
        status="paid",
        covers_until=said.period_end,
        amount_due=0,
    )


def _nothing() -> Account:
    return Account(
        id="somebody",
        policy="smarter-contact",
        currency="usd",
        created_at=BEGAN,
        stripe_customer_id="cus_1",
    )


def _new(
    word: str, policy: str = "smarter-contact", plan: str = "messaging"
) -> SubscriptionAtStripe:
    return SubscriptionAtStripe(
        id="sub_1",
        customer_id="cus_1",
        status=word,
        price_id="price_1",
        lookup_key=f"{policy}:{plan}:month",
        interval="month",
        price_minor=0,
        quantity=1,
        started_at=BEGAN,
        period_start=BEGAN,
        period_end=ENDS,
    )


def _policy(name: str) -> Policy:
    return POLICIES.get(name)


def _diagram() -> str:
    lines = ["```mermaid", "stateDiagram-v2"]
    for (before, after), labels in sorted(edges().items(), key=lambda one: _place(*one[0])):
        lines.append(f"    {before} --> {after}: {' / '.join(labels)}")
    return "\n".join([*lines, "    canceled --> [*]", "```"])


def _place(before: str, after: str) -> tuple[int, int]:
    order = ("[*]", "incomplete", *(one for one in STATUSES if one != "incomplete"))
    return order.index(before), order.index(after)


# -- what follows


def _consequences() -> str:
    names = POLICIES.names()
    dates = {name: _dates(name) for name in names}
    kinds = list(dict.fromkeys(kind for its in dates.values() for kind in its))
    rows = [
        (
            code(kind),
            title_for_operators(kind, _policy(names[0])),
            ", ".join(ORIGINS[kind].promises),
            *(dates[name].get(kind, "–") for name in names),
        )
        for kind in kinds
    ]
    return table(("step", "what happens", "promises", *names), rows)


def _dates(name: str) -> dict[str, str]:
    """Kind of step → how long after the end, in this company's policy."""
    policy = _policy(name)
    account = replace(_nothing(), policy=name)
    for n, plan in enumerate(policy.plans):
        said = replace(_new("active", name, plan), id=f"sub_{n}", cancel_at_period_end=True)
        fact = StripeSaysSubscription(subscription=said, as_of=BEGAN)
        account = decide(account, fact, policy, BEGAN).account
    account = replace(
        account, numbers=2, registrations=1, seats=dict.fromkeys(account.subscriptions, 2)
    )
    end = end_of(account, next(iter(account.subscriptions.values())))
    assert end is not None
    return {
        step.kind: _after(end, step.due) for step in timeline(account, policy) if step.due >= end
    }


def _after(end: datetime, due: datetime) -> str:
    if due == end:
        return "at the end"
    if (due.month, due.day, due.time()) == (end.month, end.day, end.time()):
        years = due.year - end.year
        return f"+ {years} year{'' if years == 1 else 's'}"
    assert (due - end) % timedelta(days=1) == timedelta(0), rfc3339(due)
    return f"+ {(due - end).days} days"
