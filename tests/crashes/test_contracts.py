"""Contracts, broken at every call in every way: the correction of a portal cancellation, renewal going off in the last
month, cancelling and resuming under a contract, and cancelling by phone.

Whatever went wrong: tried again, it ends as promised. Never early, never renewed, billed exactly as announced."""

from datetime import timedelta

import pytest

from chalicelib import wiring
from chalicelib.domain import steps
from chalicelib.sweeping import sweep
from chalicelib.wiring import World
from tests.crashes.pressing import each_fault, pressing, resuming
from tests.promises.test_goto_assisted import RIGHT, ask, press, with_address
from tests.support.goto import (
    ACME,
    WEBINAR,
    billed,
    ended_at,
    marked,
    noon,
    under_contract,
)
from tests.support.life import Life, consenting

END = noon("2026-03-31")
ALL_MONTHS = ["2026-01-31", "2026-02-28"]
LATER = timedelta(hours=2)


def leaves_with_the_contract(life: Life, webinar: str, where: str) -> None:
    assert life.status(ACME, webinar) == "pending_cancellation", where
    assert life.access_ends_at(ACME, webinar) == END, where
    assert not marked(life, webinar), where


def left_with_the_contract(life: Life, webinar: str, where: str) -> None:
    assert life.access_ends_at(ACME, webinar) == END, where
    life.move(END + timedelta(days=40))
    assert ended_at(life, webinar) == END, where
    assert billed(life) == ALL_MONTHS, where


# -- sweeps


def cancelled_in_the_portal() -> tuple[Life, str]:
    life, webinar = under_contract(2)
    life.move(noon("2026-02-10"))
    life.control("portal_cancel", subscription=webinar)
    return life, webinar


def in_the_last_month() -> tuple[Life, str]:
    """The job that was to turn renewal off has not run yet."""
    life, webinar = under_contract(2)
    assert life.cancel(ACME, webinar).status == 200
    life.move(noon("2026-02-28") - timedelta(seconds=1))
    life.sleep(noon("2026-02-28") + LATER)
    return life, webinar


@pytest.mark.parametrize(
    ("prepare", "kind"),
    [
        (cancelled_in_the_portal, steps.RENEWAL_RESTORED),
        (in_the_last_month, steps.RENEWAL_OFF),
    ],
    ids=["correction", "renewal off"],
)
def test_a_sweep_broken_anywhere_leaves_the_contract_whole(prepare, kind):
    """GT-2: invariant 7: a contract never ends early and never renews after a cancellation."""

    def then(life, webinar, where):
        life.move(life.now + LATER)

        left_with_the_contract(life, webinar, where)

    each_fault(prepare, lambda _l, _w, world: sweep(world, kind), then)


def test_a_customer_who_resumes_in_the_portal_after_a_broken_correction_stays():
    """GT-2: whose doing it was that the mark is gone, is known for certain."""

    def then(life, webinar, where):
        if not marked(life, webinar):
            return  # Corrected after all: the portal has nothing to resume.
        life.control("portal_resume", subscription=webinar)

        life.move(END + timedelta(days=10))

        assert life.status(ACME, webinar) == "active", where

    each_fault(
        cancelled_in_the_portal, lambda _l, _w, world: sweep(world, steps.RENEWAL_RESTORED), then
    )


# -- requests


def test_a_cancellation_under_contract_broken_anywhere_is_finished_by_pressing_again():
    """GT-2, SC-1: a timed-out first press; one cancellation."""

    def then(life, webinar, where):
        again = life.cancel(ACME, webinar)

        assert again.status == 200, where
        leaves_with_the_contract(life, webinar, where)

    each_fault(lambda: under_contract(2), pressing, then)


def left_and_corrected() -> tuple[Life, str]:
    life, webinar = cancelled_in_the_portal()
    life.move(life.now + LATER)
    return life, webinar


def left_here() -> tuple[Life, str]:
    life, webinar = under_contract(2)
    life.cancel(ACME, webinar)
    return life, webinar


@pytest.mark.parametrize("prepare", [left_here, left_and_corrected, cancelled_in_the_portal])
def test_a_resume_under_contract_broken_anywhere_is_finished_by_pressing_again(prepare):
    """SC-4, GT-2: resumed is resumed."""

    def then(life, webinar, where):
        again = life.resume(ACME, webinar)

        assert again.status == 200, where
        life.move(END + timedelta(days=10))
        assert life.status(ACME, webinar) == "active", where
        assert not marked(life, webinar), where

    each_fault(prepare, resuming, then)


def by_phone() -> tuple[Life, str]:
    life, webinar = under_contract(2, WEBINAR)
    with_address(life)
    return life, webinar


def calling(life: Life, webinar: str, world: World) -> None:
    shown = ask(life, webinar, RIGHT).body
    wiring.use(world)
    press(life, webinar, RIGHT | consenting(shown))


def test_a_cancellation_by_phone_broken_anywhere_is_finished_by_pressing_again():
    """GT-8: the agent presses again, with everything the customer told."""

    def then(life, webinar, where):
        shown = ask(life, webinar, RIGHT)
        assert shown.status == 201, where

        again = press(life, webinar, RIGHT | consenting(shown.body))

        assert again.status == 200, where
        leaves_with_the_contract(life, webinar, where)

    each_fault(by_phone, calling, then)
