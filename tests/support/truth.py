"""A Stripe that holds the truth and tells it, and a clock moved by hand: the outside of a `Stage`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any

from chalicelib.domain.disputes import DisputeAtStripe
from chalicelib.domain.facts import InvoiceAtStripe, StripeSaysAll, StripeSaysSubscription
from chalicelib.gateways.money_reader import read_dispute
from chalicelib.gateways.stripe import StripeRefused
from chalicelib.gateways.stripe_lists import Listed, ListedEvent
from chalicelib.gateways.stripe_reader import read_invoice, read_subscription
from tests.support import stripe_shapes

START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
Json = dict[str, Any]


class Hands:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime = START) -> None:
        self.at = start

    def now(self) -> datetime:
        return self.at


class Count:
    """Numbers, one after the other. Unlike an iterator, which can only go on, it can be put back."""

    def __init__(self, first: int = 0) -> None:
        self._next = first

    def __next__(self) -> int:
        self._next += 1
        return self._next - 1


class Truth:
    """What Stripe really holds, and what it answers when asked. Shared by threads."""

    def __init__(self, clock: Hands, delay: Callable[[], None] = lambda: None) -> None:
        self.clock = clock
        self.asked = 0
        self.lag = timedelta()
        """By how much the `Date` of an answer may lie behind."""
        self._delay = delay
        self._lock = RLock()
        self._things: dict[str, Json] = {}
        self._reached: dict[str, int] = {}
        self._ids = Count(1)

    # -- what happens there

    def put(self, thing: Json) -> None:
        with self._lock:
            self._things[thing["id"]] = json.loads(json.dumps(thing))

    def change(self, id: str, **values: Any) -> Json:
        with self._lock:
            self._things[id] = {**self._things[id], **values}
            return json.loads(json.dumps(self._things[id]))  # type: ignore[no-any-return]

    def advance(self, id: str, states: list[Json], n: int) -> None:
        """The object becomes what it was after its nth change, unless it is further already."""
        with self._lock:
            if n > self._reached.get(id, -1):
                self._reached[id] = n
                self._things[id] = json.loads(json.dumps(states[n]))

    def thing(self, id: str) -> Json:
        """The object now: a subscription whose scheduled end has come is ended by then."""
        with self._lock:
            found = self._things.get(id)
            if found is None:
                raise StripeRefused("resource_missing", "There is no such thing.")
            ends = found.get("cancel_at")
            if found["object"] == "subscription" and ends and ends <= self.clock.now().timestamp():
                found |= {"status": "canceled", "ended_at": found["ended_at"] or ends}
            return json.loads(json.dumps(found))  # type: ignore[no-any-return]

    def event(self, type: str, thing: Json, created: int | None = None) -> Json:
        at = created or int(self.clock.now().timestamp())
        return stripe_shapes.event(f"evt_{next(self._ids):06}", type, at, thing)

    # -- what the app asks (gateways.stripe.Stripe)

    def subscription(self, subscription_id: str) -> StripeSaysSubscription:
        found = self._answer(subscription_id)
        latest = self._things.get(found["latest_invoice"])
        now = self.clock.now()
        return StripeSaysSubscription(
            subscription=read_subscription(found, now),
            as_of=now - self.lag,
            invoice=read_invoice(latest) if latest else None,
        )

    def subscriptions_of(self, customer_id: str) -> StripeSaysAll:
        self._delay()
        with self._lock:
            self.asked += 1
            mine = [
                id
                for id, thing in self._things.items()
                if thing["object"] == "subscription" and thing["customer"] == customer_id
            ]
            now = self.clock.now()
            said = tuple(read_subscription(self.thing(id), now) for id in mine)
        return StripeSaysAll(subscriptions=said, as_of=now - self.lag)

    def open_disputes_of(self, customer_id: str) -> tuple[DisputeAtStripe, ...]:
        self._delay()
        with self._lock:
            self.asked += 1
            things = list(self._things.values())
        paid = {one["id"] for one in things
                if one["object"] == "charge" and one["customer"] == customer_id}  # fmt: skip
        mine = [one for one in things if one["object"] == "dispute" and one["charge"] in paid]
        return tuple(one for one in map(read_dispute, mine) if not one.is_over)

    def invoice(self, invoice_id: str) -> InvoiceAtStripe | None:
        return read_invoice(self._answer(invoice_id))

    def first_untaken_events(
        self, since: datetime, until: datetime
    ) -> tuple[Listed[ListedEvent], datetime]:
        """Whatever happens here is delivered by the story that told it."""
        return Listed((), more=False), until

    def _answer(self, id: str) -> Json:
        with self._lock:
            self.asked += 1
            found = self.thing(id)
        # The wait lies between what Stripe knew and our hearing of it: so an answer can be overtaken.
        self._delay()
        return found
