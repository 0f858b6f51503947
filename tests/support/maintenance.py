"""A company that works on its systems, and customers whom that keeps out: shared by the stories about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.domain.moments import rfc3339
from tests.support.life import Life, Reply
from tests.support.rewriting import promise_anew

ACME = "acme"
CHANNEL = "1msg:channel:month"
START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
END = datetime(2026, 2, 28, 12, 0, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
WHY = "New disks"


def on(text: str) -> datetime:
    """`02-10`, `02-10 23:30`: an instant of that year."""
    day, _, time = text.partition(" ")
    return datetime.fromisoformat(f"2026-{day}T{time or '00:00'}:00+00:00")


SMARTER, MESSAGING = "smarter-contact", "smarter-contact:messaging:month"
PROMISED = """[maintenance]
# Ours: for a test, as M1-13.
longest_business_days = 3
# Ours: for a test, as M1-13.
extends_access = true

[numbers]"""


def promising_life(policy: str = SMARTER) -> Life:
    """A life in which another company promises the same as 1msg."""
    life = Life()
    promise_anew(life, policy, ("[numbers]", PROMISED))
    return life


class Works:
    """The company's side: an operator who announces, moves and withdraws work."""

    def __init__(
        self, life: Life | None = None, policy: str = "1msg", price: str = CHANNEL
    ) -> None:
        self.life = life or Life()
        self.life.account(ACME, policy)
        self.subscription = self.life.subscribe(ACME, price)

    def ask(self, starts: str, ends: str, **more: Any) -> Reply:
        body = {
            "starts_at": rfc3339(on(starts)),
            "ends_at": rfc3339(on(ends)),
            "kind": "scheduled",
            "reason": WHY,
            **more,
        }
        return self.life.operator("POST", "/v1/maintenance-windows", body)

    def announce(self, starts: str, ends: str, **more: Any) -> dict[str, Any]:
        reply = self.ask(starts, ends, **more)
        assert reply.status == 201, reply.body
        announced: dict[str, Any] = reply.body
        return announced

    def change(self, window: dict[str, Any], **now_is: Any) -> dict[str, Any]:
        said = {
            name: rfc3339(on(value)) if name in ("starts_at", "ends_at") else value
            for name, value in now_is.items()
        }
        reply = self.life.operator("PUT", f"/v1/maintenance-windows/{window['id']}", said)
        assert reply.status == 200, reply.body
        changed: dict[str, Any] = reply.body
        return changed

    def leave(self, account_id: str = ACME, subscription: str | None = None) -> None:
        reply = self.life.cancel(account_id, subscription or self.subscription)
        assert reply.status == 200, reply.body

    def shown(self, account_id: str = ACME) -> dict[str, Any]:
        (one,) = self.life.membership(account_id)["subscriptions"]
        found: dict[str, Any] = one
        return found

    def ends(self) -> datetime:
        return self.life.access_ends_at(ACME, self.subscription)

    def may_send(self, account_id: str = ACME) -> bool:
        return self.life.features(account_id)["send_messages"]

    def reason(self, account_id: str = ACME) -> str:
        reply = self.life.customer(account_id, "GET", "/v1/entitlements")
        said: str = reply.body["reasons"]["send_messages"]
        return said

    def customer(self) -> str:
        """The customer at Stripe."""
        found = self.life.operator("GET", f"/v1/admin/accounts?query={ACME}").body["data"][0]
        id: str = found["stripe_customer_id"]
        return id

    def letters(self, account_id: str = ACME) -> list[dict[str, Any]]:
        """What the customer was mailed about work, oldest first."""
        to = f"{account_id}@example.com"
        about = ("work on", "Work on", "Travaux")
        return [
            one
            for one in self.life.mail()
            if one["to"] == to and any(word in one["subject"] for word in about)
        ]
