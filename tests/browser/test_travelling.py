"""The page while time goes by: the strip moves the clock, visits end, and what a plan took along is gone."""

from datetime import datetime, timedelta

import pytest

from tests.browser.conftest import HOUSE
from tests.support.browser import PATIENCE_MS, link, new_account, open_console


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


def test_a_whole_year_is_travelled_by_the_strip_and_every_consequence_lands(window, travelled):
    """As somebody does it who sees this for the first time: nothing but buttons, in the page and in the console."""
    account_id = new_account(travelled, "smarter-contact")
    numbers = [one["number"] for one in travelled.membership(account_id)["numbers"]]
    window.open(account_id)
    for plan in ("Calling plan", "Messaging plan"):
        window.press("Unsubscribe")
        # The last one is chosen already.
        window.choose_plan(plan)
        window.give_reason()
        window.press("Continue")
        window.agree("I understand the consequences and still want to cancel")
        window.heading(f"{plan} is cancelled")
        window.press("Back to membership")

    window.press("Next consequence")
    window.page.locator(".bar-ran", has_text="Ran").wait_for()
    while left := travelled.membership(account_id)["upcoming"]:
        # From date to date of its own: what lies ahead of other accounts is done on the way.
        day = f"{datetime.fromisoformat(left[0]['at']) + timedelta(days=1):%Y-%m-%d}"
        window.page.get_by_label("Date to go to").fill(day)
        window.press("Go")
        window.page.locator("#bar-now", has_text=day).wait_for()

    window.heading("Membership")
    carrier = travelled.must("GET", "/_carrier")["numbers"]
    assert {carrier[one]["status"] for one in numbers} == {"released"}
    window.sees("You have no plan")

    open_console(window, travelled, f"/accounts/{account_id}")
    window.heading("Purge certificates")
    past = window.page.locator("lapse-console main").inner_text()
    for done in (
        "Access ends", "Messages credited", "Number fee", "Numbers released",
        "Registrations lapse", "Data purged",
    ):  # fmt: skip
        assert f"\n{done}\n" in past, done
    for promise in ("SC-3", "SC-6", "SC-8", "SC-9", "SC-10", "SC-12"):
        assert promise in past


def test_an_unpaid_invoice_blocks_and_is_paid_by_its_link(window, travelled):
    """GT-3, GT-9: "outstanding balance"."""
    account_id = new_account(travelled, "goto")
    customer = travelled.customer_of(account_id)
    failing = {"action": "fail_payment", "customer": customer}
    travelled.must("POST", "/_stripe/_control", failing)
    travelled.move_by("P33D")
    window.open(account_id, locale="en")
    window.sees("Payment overdue")

    window.press("Cancel a plan")
    window.choose_plan("GoTo Webinar")
    window.give_reason()

    window.heading("Something stands in the way")
    blockers = window.page.locator("#blockers")
    link = blockers.get_by_role("link").first
    assert link.get_attribute("href").startswith(f"{travelled.url}/_stripe/")
    assert "USD" in blockers.inner_text()
    travelled.must("POST", "/_stripe/_control", {**failing, "action": "allow_payment"})
    open_ones = travelled.stripe("GET", "/v1/invoices", customer=customer, status="open")["data"]
    assert open_ones
    for invoice in open_ones:
        travelled.stripe("POST", f"/v1/invoices/{invoice['id']}/pay")
    window.press("Check again")
    window.page.get_by_role("button", name="Continue").wait_for()
    assert blockers.count() == 0
