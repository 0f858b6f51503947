"""The page while time goes by: the strip moves the clock, visits end, and what a plan took along is gone."""

from datetime import datetime

import pytest

from tests.browser.conftest import HOUSE
from tests.support.browser import PATIENCE_MS, link, new_account


@pytest.fixture
def account_id(travelled):
    return new_account(travelled, HOUSE)


def in_words(instant):
    at = datetime.fromisoformat(instant)
    return f"{at.day} {at:%B %Y} at {at:%H:%M} (UTC)"


def test_a_visit_that_is_over_says_how_to_come_back(window, travelled, account_id):
    window.page.goto(link(travelled, account_id))
    window.heading("Plans")
    travelled.move_by("PT31M")

    window.press("10.00 USD")

    window.heading("This visit has ended")
    assert window.page.get_by_role("link", name="Back to where you came from").is_visible()


def test_the_clock_moves_and_the_page_follows(window, travelled):
    account_id = new_account(travelled, "nexorone")
    window.open(account_id)
    before = travelled.now()

    window.press("+1 day")

    window.page.wait_for_function(
        "before => document.querySelector('#bar-now').textContent !== before",
        arg=before.replace("T", " ").replace("Z", " UTC"),
        timeout=PATIENCE_MS,
    )
    window.sees(f"As of {in_words(travelled.now())}")


def test_whoever_comes_back_late_sees_what_is_gone(window, travelled, account_id):
    """SC-7: what is gone stays gone, and the page says so."""
    numbers = [one["number"] for one in travelled.membership(account_id)["numbers"]]
    for one in travelled.membership(account_id)["subscriptions"]:
        travelled.must(
            "POST", "/_stripe/_control", {"action": "portal_cancel", "subscription": one["id"]}
        )
    travelled.move_by("P50D")

    window.open(account_id)

    window.heading("What went with your plan")
    for number in numbers:
        window.page.locator("#gone").get_by_text(number).wait_for()
    window.sees("You have no plan at the moment.")
    assert window.page.get_by_role("button", name="Unsubscribe").count() == 0
    assert window.page.get_by_role("button", name="Subscribe to Messaging plan").count() == 2
