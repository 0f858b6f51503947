"""One Smarter Contact customer and their dates, as the document promises them. Written out, not computed:
a test that computes its expectation repeats the mistake it looks for.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.life import START, Life

SECOND = timedelta(seconds=1)
ACME = "acme"
MESSAGING = "smarter-contact:messaging:month"
CALLING = "smarter-contact:calling:month"
ONE, TWO, THREE = "+14155550100", "+14155550101", "+14155550102"
TEN_DLC = "R1"

BOUGHT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
END = datetime(2026, 2, 28, 12, 0, tzinfo=UTC)
RELEASE = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
LAPSE = datetime(2026, 3, 30, 12, 0, tzinfo=UTC)
PURGE = datetime(2027, 2, 28, 12, 0, tzinfo=UTC)
assert BOUGHT == START


def subscribed(*prices: str, start: datetime = START) -> tuple[Life, list[str]]:
    """A customer with these plans (a messaging plan, if none is named), and their subscriptions."""
    life = Life(start=start)
    life.account(ACME)
    return life, [life.subscribe(ACME, price) for price in prices or (MESSAGING,)]


def leaving(*, start: datetime = START) -> tuple[Life, str]:
    """A customer with a messaging plan, a number and a 10DLC registration, who has cancelled."""
    life, (messaging,) = subscribed(start=start)
    life.number(ACME, ONE)
    life.registration(ACME, TEN_DLC)
    canceled = life.cancel(ACME, messaging)
    assert canceled.status == 200, canceled.body
    return life, messaging


def instants(life: Life, kind: str) -> list[str]:
    """When the steps of one kind lie ahead, as the membership page says."""
    return [one["at"] for one in life.membership(ACME)["upcoming"] if one["kind"] == kind]


def as_seen(life: Life) -> dict[str, Any]:
    """All that is promised of the membership page, without the names by which two worlds differ."""
    page = life.membership(ACME)
    seen = {name: page[name] for name in ("wallet", "numbers", "registrations", "discover")}
    return seen | {
        "features": life.features(ACME),
        "subscriptions": [
            (one["plan"], one["status"], one["renews_at"], one["access_ends_at"])
            for one in page["subscriptions"]
        ],
        "allowed": [one["allowed"] for one in page["subscriptions"]],
        "upcoming": sorted(
            (one["at"], one["kind"], one["title"], one.get("count", 0)) for one in page["upcoming"]
        ),
    }
