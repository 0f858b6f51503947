"""What Stripe is asked when everything is looked at: events nobody took, customers, subscriptions, page by page. A part
of `gateways.stripe`.

Every call here waits its turn (`pacing`). A page says where the next one begins, so that whoever walks can stop
anywhere and go on from there in another process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from chalicelib.gateways.pacing import NoPace, Pace
from chalicelib.gateways.stripe_reader import Json, StripeEvent, Unreadable, read_event

T = TypeVar("T")

PAGE = 100
"""The most that Stripe gives at once."""


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A page of a list. `more`: something follows in the direction of reading."""

    things: tuple[T, ...]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEvent:
    """An event as it stands in Stripe's list, and its content unless nobody could read it."""

    id: str
    type: str
    created: datetime | None
    event: StripeEvent | None


class ListsAtStripe:
    pace: Pace | NoPace = NoPace()

    def _call(self, ask: Callable[[Any], T], *, pays_back: bool = False) -> T:
        raise NotImplementedError

    def _in_turn(self, ask: Callable[[Any], T]) -> T:
        return self.pace.call(lambda: self._call(ask))

    def untaken_events_after(self, event_id: str, until: datetime) -> Listed[ListedEvent]:
        """The next events after this one that some endpoint of ours has not taken, oldest first, created before
        `until`. Raises StripeRefused (`resource_missing`) when Stripe has forgotten the one named."""
        reply = self._untaken({"ending_before": event_id, "created": {"lt": _unix(until)}})
        return Listed(_oldest_first(reply), bool(reply.has_more))

    def first_untaken_events(self, since: datetime, until: datetime) -> Listed[ListedEvent]:
        """The oldest page of those created in [since, until), oldest first. Stripe lists the newest first, so it is
        found by paging to the end: keep the span short."""
        params: dict[str, Any] = {"created": {"gte": _unix(since), "lt": _unix(until)}}
        more = False
        while True:
            reply = self._untaken(params)
            if not reply.has_more or not reply.data:
                return Listed(_oldest_first(reply), more)
            more = True
            params = {**params, "starting_after": reply.data[-1].id}

    def _untaken(self, params: dict[str, Any]) -> Any:
        asked = {**params, "delivery_success": False, "limit": PAGE}
        return self._in_turn(lambda c: c.v1.events.list(asked))


def _oldest_first(reply: Any) -> tuple[ListedEvent, ...]:
    return tuple(_listed(one.to_dict(for_json=True)) for one in reversed(reply.data))


def _listed(body: Json) -> ListedEvent:
    try:
        event = read_event(body)
    except Unreadable:
        return ListedEvent(id=str(body["id"]), type=str(body.get("type")), created=None, event=None)
    return ListedEvent(id=event.id, type=event.type, created=event.created, event=event)


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())
