"""The emulated account behind one lock: HTTP in, time passing, webhooks out.

It listens on no socket and runs no thread of its own. Its driver hands it requests, moves the
clock, and calls `run_due` and `deliver`; it only ever reads the clock.
"""

from __future__ import annotations

import json
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from . import (
    catalogue,
    checkout_page,
    controls,
    due,
    knobs,
    login_page,
    parameters,
    portal_page,
    webhooks,
)
from .api import Call, Faults, Response, answer
from .errors import ControlError
from .pages import Page
from .state import StateFile
from .world import World

Json = dict[str, Any]
Send = Callable[[str, bytes, dict[str, str]], int]

# More occurrences than this at one second can only be one that does not move on.
_STUCK = 100_000


class Emulator:
    """One Stripe account in test mode."""

    def __init__(
        self, *, now: Callable[[], datetime], base_url: str, state: Path | None = None
    ) -> None:
        self.faults: Faults = lambda _method, _path: None
        self._now = now
        self._lock = threading.RLock()
        self._did: list[str] = []
        self._world = World(
            start=self._second(),
            base_url=base_url.rstrip("/"),
            due=due.DUE,
            state=StateFile(state) if state else None,
        )
        self._world.commit()

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        """Answers one request; `path` is relative to the base URL. Never raises."""
        call = Call(method.upper(), path, query, headers, body)
        self._dawdle(call)
        try:
            with self._lock:
                self._catch_up()
                response = self._route(call)
                self._world.commit()
        except Exception:  # noqa: BLE001 -- an answer is owed whatever goes wrong
            traceback.print_exc()
            response = Response(500, {}, b"The emulator failed; see its output.")
        headers = {**response.headers, "Date": _date(self._second())}
        return Response(response.status, headers, response.body)

    def control(self, action: str, **fields: Any) -> Json:
        with self._lock:
            self._catch_up()
            self._world.request = {"id": None, "idempotency_key": None}
            try:
                return controls.carry_out(self._world, action, fields)
            finally:
                self._world.commit()

    def next_at(self) -> datetime | None:
        """The earliest moment at which something happens by itself or a webhook is due."""
        with self._lock:
            found = (self._world.timers.first(), self._world.post.first())
            moments = [first[0] for first in found if first is not None]
            return datetime.fromtimestamp(min(moments), UTC) if moments else None

    def missed_since(self, moment: datetime) -> datetime | None:
        """When the earliest event was created, from this moment on, that an endpoint has not taken."""
        with self._lock:
            at = webhooks.missed_since(self._world, int(moment.timestamp()))
            return None if at is None else datetime.fromtimestamp(at, UTC)

    def is_quiet(self) -> bool:
        """Whether nothing is due by now, and nothing was done that nobody was told of."""
        with self._lock:
            return not self._did and not self._is_due()

    def run_due(self) -> list[str]:
        """Carries out all that is due, in order of time, and says what was done since last asked.

        Requests catch up first too, so something may already have happened when this is called.
        """
        with self._lock:
            self._catch_up()
            did, self._did = self._did, []
            return did

    def deliver(self, send: Send) -> int:
        """Sends every webhook due now, never holding the lock while sending."""
        attempted = 0
        while parcels := self._claim():
            waiting = list(parcels)
            try:
                while waiting:
                    status = _sent(send, waiting[0])
                    attempted += 1
                    with self._lock:
                        webhooks.record(self._world, waiting.pop(0), status, self._second())
                        self._world.commit()
            finally:
                if waiting:
                    with self._lock:
                        webhooks.unclaim(self._world, waiting)
        return attempted

    def seed_price(
        self, *, lookup_key: str, unit_amount: int, currency: str, interval: str, product_name: str
    ) -> Json:
        """The price with this lookup key, made if it is not there yet."""
        with self._lock:
            self._catch_up()
            known = self._world.where("price", "lookup_key", lookup_key)
            if known:
                return dict(known[0])
            product = self._product_named(product_name)
            price = catalogue.create_price(
                self._world,
                {
                    "lookup_key": lookup_key,
                    "unit_amount": unit_amount,
                    "currency": currency,
                    "recurring": {"interval": interval},
                    "product": product["id"],
                },
            )
            self._world.commit()
            return dict(price)

    def seed_webhook_endpoint(
        self,
        *,
        url: str,
        secret: str,
        enabled_events: list[str] | None = None,
        api_version: str | None = None,
    ) -> Json:
        """The endpoint at this URL, made if it is not there yet."""
        with self._lock:
            self._catch_up()
            for endpoint in self._world.all("webhook_endpoint"):
                if endpoint["url"] == url:
                    return dict(endpoint)
            given = {
                "url": url,
                "enabled_events": enabled_events or ["*"],
                "api_version": api_version,
            }
            endpoint = webhooks.add(self._world, given, secret)
            self._world.commit()
            return dict(endpoint)

    def truth(self) -> dict[str, dict[str, Json]]:
        """A copy of everything, by kind and id: `truth()["subscriptions"]["sub_…"]`."""
        with self._lock:
            return {
                _plural(kind): self._world.copy(kind) for kind in {*_ALWAYS, *self._world.kinds()}
            }

    def _product_named(self, name: str) -> Json:
        for product in self._world.all("product"):
            if product["name"] == name:
                return product
        return catalogue.create_product(self._world, {"name": name})

    def _second(self) -> int:
        return int(self._now().timestamp())

    def _dawdle(self, call: Call) -> None:
        """`set_delay` is a real wait; it must not hold up other threads by the lock."""
        with self._lock:
            delay_ms = knobs.knobs(self._world)["delay_ms"]
        if delay_ms and call.path.startswith("/v1/"):
            time.sleep(delay_ms / 1000)

    def _catch_up(self) -> None:
        """What is due happens before anything else does, each at its own moment."""
        now, world = self._second(), self._world
        world.request = {"id": None, "idempotency_key": None}
        for _ in range(_STUCK):
            first = world.timers.first()
            if first is None or first[0] > now:
                break
            at, key = first
            # Never backwards: a reminder may turn out to have been due before it was wanted.
            world.at = max(at, world.at)
            world.timers.set(key, None)
            if (thing := world.find(*key)) is not None:
                self._did.append(due.carry_out(world, key[0], thing))
                if world.find(*key) is thing:
                    world.touch(thing)
            # One commit for each: a process killed here has done this one, and only this one.
            world.commit()
        world.at = max(now, world.at)

    def _route(self, call: Call) -> Response:
        if call.path.startswith("/v1/"):
            return answer(self._world, call, self.faults)
        if call.path == "/_control" and call.method == "POST":
            return self._control(call.body)
        head, _, identity = call.path.rpartition("/")
        if head in _PAGES and call.method in ("GET", "POST"):
            show, act = _PAGES[head]
            if call.method == "GET":
                return _html(show(self._world, identity))
            form = parameters.decode(call.body.decode("utf-8", "replace"))
            return _html(act(self._world, identity, form))
        return _json(404, {"error": {"message": f"There is nothing at {call.path}."}})

    def _control(self, body: bytes) -> Response:
        try:
            fields = json.loads(body or b"{}")
            action = fields.pop("action", None) if isinstance(fields, dict) else None
            if not isinstance(action, str):
                raise ControlError("Send a JSON object with an `action`.")
            return _json(200, controls.carry_out(self._world, action, fields))
        except (ControlError, ValueError) as refusal:
            return _json(400, {"error": {"message": str(refusal)}})

    def _claim(self) -> list[webhooks.Parcel]:
        with self._lock:
            if not self._is_due():
                return []
            self._catch_up()
            return webhooks.claim(self._world, self._second())

    def _is_due(self) -> bool:
        """Whether something happens by itself or a webhook is due by now: mostly not, whenever a driver asks."""
        first, owed = self._world.timers.first(), self._world.post.first()
        if first is None and owed is None:
            return False
        now = self._second()
        return (first is not None and first[0] <= now) or (owed is not None and owed[0] <= now)


_PAGES: dict[str, tuple[Callable[..., Page], Callable[..., Page]]] = {
    "/c/pay": (checkout_page.show, checkout_page.act),
    "/p/login": (login_page.show, login_page.act),
    "/p/session": (portal_page.show, portal_page.act),
}

_ALWAYS = (
    "customer",
    "subscription",
    "invoice",
    "charge",
    "payment_intent",
    "refund",
    "dispute",
    "event",
    "price",
    "product",
    "payment_method",
    "checkout.session",
)


@lru_cache(maxsize=64)
def _date(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC), usegmt=True)


def _sent(send: Send, parcel: webhooks.Parcel) -> int:
    try:
        return send(parcel.url, parcel.body, dict(parcel.headers))
    except Exception:  # noqa: BLE001 -- whatever went wrong is one failed attempt, repeated later
        return 0


def _plural(kind: str) -> str:
    if kind.startswith("_"):
        return {"_delivery": "_deliveries"}.get(kind, kind)
    return kind.replace(".", "_") + "s"


def _html(page: Page) -> Response:
    headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}
    if page.location is not None:
        headers["Location"] = page.location
    return Response(page.status, headers, page.html.encode())


def _json(status: int, body: Json) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(body).encode())
