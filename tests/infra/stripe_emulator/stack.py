"""An emulator with a clock to move, an SDK client to call it, and a shelf for its webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import stripe

from infra.local.stripe_emulator import Emulator, Response
from infra.local.stripe_emulator.client import in_process_http_client

Json = dict[str, Any]

BASE = "http://127.0.0.1:9/_stripe"
HOOK = "http://127.0.0.1:9/webhooks/stripe"
SECRET = "whsec_local"
VERSION = "2026-10-28.endive"
START = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Stack:
    """The parts a test needs. `received` holds the events that arrived, in their order."""

    def __init__(self, *, start: datetime = START, state: Path | None = None) -> None:
        self.now = start
        self.emulator = Emulator(now=lambda: self.now, base_url=BASE, state=state)
        self.received: list[Json] = []
        self.refusing = False
        self.client = stripe.StripeClient(
            "sk_test_local",
            http_client=in_process_http_client(self.emulator),
            base_addresses={"api": BASE},
            stripe_version=VERSION,
        )
        # Untyped on purpose: a test may say what the SDK's types would not let it.
        self.v1: Any = self.client.v1
        self.price = self.emulator.seed_price(
            lookup_key="1msg:channel:month",
            unit_amount=4900,
            currency="usd",
            interval="month",
            product_name="Channel",
        )

    def listen(self, **options: Any) -> Json:
        return self.emulator.seed_webhook_endpoint(url=HOOK, secret=SECRET, **options)

    def send(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        if self.refusing:
            return 500
        assert signed(body, headers["Stripe-Signature"])
        self.received.append(json.loads(body))
        return 200

    def deliver(self) -> int:
        return self.emulator.deliver(self.send)

    def to(self, moment: datetime) -> list[str]:
        """Moves the clock as the local stack does: occurrence by occurrence, inclusively."""
        did = []
        while (at := self.emulator.next_at()) is not None and at <= moment:
            self.now = max(self.now, at)
            did += self.emulator.run_due()
            self.deliver()
        self.now = moment
        return did

    def by(self, **length: float) -> list[str]:
        return self.to(self.now + timedelta(**length))

    def seconds(self, moment: datetime | None = None) -> int:
        return int((moment or self.now).timestamp())

    def customer(self, card: str | None = "pm_card_visa", **params: Any) -> Any:
        if card:
            params |= {
                "payment_method": card,
                "invoice_settings": {"default_payment_method": card},
            }
        return self.v1.customers.create({"email": "ann@example.com", **params})

    def subscribe(self, card: str | None = "pm_card_visa", **params: Any) -> Any:
        customer = self.customer(card)
        return self.v1.subscriptions.create(
            {"customer": customer.id, "items": [{"price": self.price["id"]}], **params}
        )

    def again(self, subscription: Any) -> Any:
        return self.v1.subscriptions.retrieve(subscription.id)

    def types(self) -> list[str]:
        """The types of all events so far, oldest first."""
        return [event["type"] for event in self.emulator.truth()["events"].values()]

    def raw(self, method: str, path: str, body: str = "", **headers: str) -> Response:
        """A call as any other client would make it."""
        path, _, query = path.partition("?")
        sent = {"Authorization": "Bearer sk_test_raw"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.emulator.handle(method, path, query, sent, body.encode())

    def form(self, path: str, **fields: str) -> Response:
        """A press on a button of a hosted page."""
        from urllib.parse import urlencode

        relative = path.removeprefix(BASE)
        return self.emulator.handle("POST", relative, "", {}, urlencode(fields).encode())


def signed(body: bytes, header: str) -> bool:
    parts = dict(part.split("=", 1) for part in header.split(","))
    expected = hmac.new(SECRET.encode(), f"{parts['t']}.".encode() + body, hashlib.sha256)
    return hmac.compare_digest(parts["v1"], expected.hexdigest())


def period(subscription: Any) -> tuple[datetime, datetime]:
    item = subscription["items"].data[0]
    return (
        datetime.fromtimestamp(item.current_period_start, UTC),
        datetime.fromtimestamp(item.current_period_end, UTC),
    )
