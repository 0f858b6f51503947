"""The demo with one short life, and something planted that must not pass: `python -m tests.support.planted_demo NAME`.

In a process of its own, because what is planted stays planted, and the app has one world per process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.domain import ending
from chalicelib.domain.ledger import Posting
from chalicelib.store import wallet
from infra.local.carrier import NUMBERS, LocalCarrier
from infra.local.demo import main
from infra.local.demo.customer import Customer
from infra.local.demo.promises import (
    access_ends,
    data_purged,
    messages_credited,
    numbers_released,
)
from infra.local.demo.stories import Story, days, on, worked
from infra.local.outbox import Outbox

NUMBER = "+14155550901"


def short_life(me: Customer, release_after: int = 14) -> Iterator[datetime]:
    yield on("2027-11-01")
    plan = me.subscribes(
        "smarter-contact:messaging:month", costs=9900, gives=("send_sms", "launch_campaigns")
    )
    me.buys_number(NUMBER, fee=100, fees_on=("2027-12-01",))
    yield on("2027-12-02")
    shown = me.previews(plan)
    end = shown.access_ends_at
    me.agrees(
        shown,
        access_ends(end, plan),
        messages_credited(end, plan, 0, 0),
        numbers_released(end + days(release_after), [NUMBER]),
        data_purged(end.replace(year=end.year + 1)),
    )


def wrong_day(me: Customer) -> Iterator[datetime]:
    return short_life(me, release_after=13)


def broken_off(me: Customer) -> Iterator[datetime]:
    yield on("2027-11-01")
    me.subscribes("smarter-contact:nothing:month", costs=1, gives=())


STORY = Story(
    account="smarter",
    policy="smarter-contact",
    title="A short life",
    tells="Subscribes and leaves.",
    life=short_life,
)


def release_twice() -> None:
    once: Callable[..., None] = LocalCarrier.release_number

    def twice(self: Any, e164: str, provider_id: str, *, key: str) -> None:
        once(self, e164, provider_id, key=key)
        once(self, e164, provider_id, key=f"{key}, again")

    LocalCarrier.release_number = twice  # type: ignore[method-assign]


def release_never() -> None:
    LocalCarrier.release_number = lambda *_, **__: None  # type: ignore[method-assign]


def release_a_day_late() -> None:
    """The carrier is slow with everything: the call arrives at its books a day later."""
    down = LocalCarrier._write_down

    def late(self: Any, book: str, *call: str, **changes: Any) -> None:
        clock = self._clock
        self._clock = type("Later", (), {"now": lambda _: clock.now() + days(1)})()
        down(self, book, *call, **(changes if book != NUMBERS else {}))
        self._clock = clock

    LocalCarrier._write_down = late  # type: ignore[method-assign]


def charge_twice() -> None:
    """Under another cause, as a bug in the cause would: the wallet itself books one cause once."""
    post: Callable[..., Any] = wallet.post

    def twice(table: Any, account_id: str, posting: Posting, *also: Any, **more: Any) -> Any:
        booked = post(table, account_id, posting, *also, **more)
        if posting.kind == "number_fee":
            post(table, account_id, replace(posting, cause=f"{posting.cause}:again"))
        return booked

    wallet.post = twice


def forget_the_days() -> None:
    """Work extends nobody's access."""
    ending.counted = lambda *_: 0  # type: ignore[attr-defined]


def tell_of_work_twice() -> None:
    """The same letter, under another key."""
    told: Callable[..., Any] = Outbox.send

    def twice(self: Any, *, key: str, subject: str, **mail: Any) -> None:
        told(self, key=key, subject=subject, **mail)
        if "ork on" in subject:
            told(self, key=f"{key}:again", subject=subject, **mail)

    Outbox.send = twice  # type: ignore[method-assign]


PLANTED: dict[str, tuple[Callable[[], None], Story]] = {
    "nothing": (lambda: None, STORY),
    "wrong-day": (lambda: None, replace(STORY, life=wrong_day)),
    "broken-off": (lambda: None, replace(STORY, life=broken_off)),
    "release-twice": (release_twice, STORY),
    "release-never": (release_never, STORY),
    "release-late": (release_a_day_late, STORY),
    "charge-twice": (charge_twice, STORY),
    "no-extension": (forget_the_days, worked.STORY),
    "work-told-twice": (tell_of_work_twice, worked.STORY),
}

if __name__ == "__main__":
    plant, story = PLANTED[sys.argv[1]]
    plant()
    raise SystemExit(main([story]))
