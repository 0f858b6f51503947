"""The membership page in a browser: paying, removing, coming and going, whoever looks and whatever they look with."""

import re
from urllib.parse import quote

import pytest

from tests.support.browser import new_account

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def smarter(stack):
    return new_account(stack, "smarter-contact")


def balance(stack, account_id):
    return stack.membership(account_id)["wallet"]["balance"]["amount"]


# -- paying


def test_a_top_up_goes_through_checkout_and_is_there_on_return(window, stack, smarter):
    before = balance(stack, smarter)
    window.open(smarter)

    window.press("25.00 USD")
    window.page.get_by_role("button", name="Pay", exact=True).click()

    window.heading("Wallet")
    assert balance(stack, smarter) == before + 2500
    assert "checkout_session_id" not in window.page.url


@pytest.mark.parametrize("typed", ["12.34", " 12,34 "])
def test_an_amount_may_be_typed_with_a_point_or_a_comma(window, smarter, typed):
    window.open(smarter)
    window.page.get_by_label("Amount in USD").fill(typed)

    window.press("Top up")

    window.sees("12.34 USD")
    window.page.get_by_role("button", name="Pay", exact=True).wait_for()


def test_an_amount_that_cannot_be_is_refused_before_anything_is_asked(window, smarter):
    window.open(smarter)
    field = window.page.get_by_label("Amount in USD")

    for typed in ("", "0.99", "10000.01", "12.345", "-5", "1e3", "ten"):
        field.fill(typed)
        window.press("Top up")
        window.sees("Enter an amount such as 25, from 1.00 USD to 10000.00 USD.")
        assert field.get_attribute("aria-invalid") is not None, typed
        assert "/membership" in window.page.url


def test_a_plan_is_subscribed_to_and_shown_at_once(window, stack):
    account_id = new_account(stack, "1smtg", filled=False)
    window.open(account_id)
    window.sees("You have no plan yet.")

    window.press("Subscribe to Standard plan, 29.00 USD a month")
    window.page.get_by_role("button", name="Pay", exact=True).click()

    window.page.locator(".badge.active").wait_for()
    assert [s["status"] for s in stack.membership(account_id)["subscriptions"]] == ["active"]


def test_cancelling_in_stripes_portal_shows_the_same_here(window, stack):
    """M1-3."""
    account_id = new_account(stack, "1msg")
    window.open(account_id)

    window.press("Open Stripe's billing portal")
    window.page.get_by_role("button", name="Cancel subscription").click()
    window.page.get_by_role("link", name="Return").click()

    window.page.locator(".badge.pending_cancellation").wait_for()
    window.page.locator("#plans").get_by_text("It will not renew").wait_for()
    window.press("Resume subscription")
    window.sees("Resumed. Your subscription renews as before.")


def test_closing_checkout_leaves_everything_as_it_was(window, stack, smarter):
    before = balance(stack, smarter)
    window.open(smarter)
    window.press("10.00 USD")

    window.page.get_by_role("button", name="Back", exact=True).click()

    window.heading("Wallet")
    assert balance(stack, smarter) == before


# -- what it holds


def test_a_number_is_removed_only_after_asking(window, stack, smarter):
    first = stack.membership(smarter)["numbers"][0]["number"]
    window.open(smarter)

    window.press(f"Remove {first}")
    window.press("Keep the number")
    assert len(stack.membership(smarter)["numbers"]) == 2

    window.press(f"Remove {first}")
    window.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    window.sees("The number is removed. It costs nothing more.")
    assert stack.must("GET", "/_carrier")["numbers"][first]["status"] == "released"


def test_escape_means_no(window, stack, smarter):
    first = stack.membership(smarter)["numbers"][0]["number"]
    window.open(smarter)
    window.press(f"Remove {first}")

    window.page.keyboard.press("Escape")

    window.page.get_by_role("dialog").wait_for(state="detached")
    assert len(stack.membership(smarter)["numbers"]) == 2


def test_a_pending_registration_request_can_be_cancelled(window, stack):
    """NX-2."""
    account_id = new_account(stack, "nexorone")
    window.open(account_id)

    window.page.locator("#registrations").get_by_role("button", name="Cancel").click()
    window.page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()

    window.sees("Done. The registration is given up.")
    (found,) = stack.membership(account_id)["registrations"]
    assert found["status"] in ("declined", "withdrawn")


def test_a_seat_is_unassigned(window, stack):
    """GT-5."""
    account_id = new_account(stack, "goto")
    window.open(account_id, locale="en")

    window.press("Unassign ines@example.com")

    window.sees("Assigned seats (1)")


def test_everything_can_be_taken_along(window, smarter):
    """GT-6."""
    window.open(smarter)
    window.press("Export everything")
    window.page.get_by_role("button", name="Download the export").wait_for()

    with window.page.expect_download() as downloading:
        window.page.get_by_role("button", name="Download the export").click()

    assert downloading.value.path().read_bytes().startswith(b"PK")


def test_a_refund_and_an_appeal_are_asked_for_here_and_show_their_dates(window, stack):
    """M1-7, M1-9, M1-10."""
    account_id = new_account(stack, "1msg")
    window.open(account_id)
    cases = window.page.locator("#cases")

    cases.get_by_text("Ask for a refund").click()
    cases.get_by_role("button", name="Send").first.click()
    cases.get_by_role("heading", name="Refund request").wait_for()
    cases.get_by_text("Appeal a charge or a decision").click()
    window.page.get_by_label("Its amount in USD").fill("49,00")
    cases.get_by_role("button", name="Send").last.click()
    cases.get_by_role("heading", name="Appeal", exact=True).wait_for()

    window.sees("Something is missing")
    window.sees("the payment, its date, what happened")
    known = {one["kind"]: one for one in stack.membership(account_id)["cases"]}
    assert set(known) == {"refund", "appeal"}
    assert known["refund"]["decision_due"]


def test_a_member_looks_and_changes_nothing(window, smarter):
    window.open(smarter, role="member")

    window.heading("Plans")

    offered = {one.inner_text() for one in window.page.locator("#plans ~ section .button").all()}
    assert offered == set()


# -- whoever looks, and with whatever


def test_french_is_one_press_away_and_everything_follows(window, smarter):
    window.open(smarter)

    window.press("Français")

    window.heading("Numéros de téléphone")
    window.sees("Frais de numéro de téléphone")
    window.sees("1,26 USD")
    window.sees("2 avril 2026 à 09:00 (UTC)")
    left = re.findall(
        r"\b(Plans|Wallet|Renews|Next fee|Remove|Invoices|Paid|Support)\b", window.text()
    )
    assert left == []


def test_the_keyboard_alone_leads_through_the_five_steps(window, stack, smarter):
    window.open(smarter)
    keys = window.page.keyboard

    def until(text):
        for _ in range(60):
            if text in window.focused():
                return
            keys.press("Tab")
        raise AssertionError(f"no way to {text!r} by keyboard; it is at {window.focused()!r}")

    until("Unsubscribe")
    keys.press("Enter")
    window.heading("Select the plan")
    assert "Select the plan" in window.focused()
    keys.press("Tab")
    keys.press("ArrowDown")
    until("Continue")
    keys.press("Enter")
    window.heading("Why do you want")
    assert "Why do you want" in window.focused()
    keys.press("Tab")
    keys.press("Space")
    until("Continue")
    keys.press("Enter")
    window.heading("What will happen if")
    until("Continue")
    keys.press("Enter")
    window.heading("Please confirm")
    for _ in range(7):
        keys.press("Tab")
        keys.press("Space")
    until("still want to cancel")
    keys.press("Enter")
    window.heading("is cancelled")
    assert "is cancelled" in window.focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anybody_out(open_window, smarter, scheme):
    """At every step axe finds nothing serious, on a phone's width, in both colour schemes; nothing runs over the edge."""
    phone = {"width": 390, "height": 844}
    # axe puts itself into the page, which our rules forbid everybody.
    window = open_window(viewport=phone, color_scheme=scheme, bypass_csp=True)

    def looks():
        # The strip above is the local stack's, not the product's.
        window.must_be_open_to_all("lapse-membership", only_colours=scheme == "dark")

    window.open(smarter)
    looks()
    window.press("Unsubscribe")
    window.heading("Select the plan")
    looks()
    window.choose_plan("Messaging plan")
    looks()
    window.give_reason()
    looks()
    window.press("Continue")
    window.heading("Please confirm")
    looks()
    window.agree("I understand the consequences and still want to cancel")
    window.heading("is cancelled")
    looks()


def test_what_customers_wrote_is_text_and_stays_text(window, stack):
    account_id = new_account(stack, "goto")
    subscription = stack.membership(account_id)["subscriptions"][0]["id"]
    seat = f"/v1/subscriptions/{subscription}/seats/{quote(HOSTILE, safe='')}"
    stack.must("PUT", f"{seat}?account_id={account_id}", token=stack.token(None, "service"))
    window.page.on("dialog", lambda dialog: window.complaints.append(dialog.message))

    window.open(account_id, locale="en")

    window.sees(HOSTILE)
    assert window.page.locator("lapse-membership img, lapse-membership script").count() == 0


def test_a_name_that_runs_from_right_to_left_turns_nothing_around(window, stack):
    """It is set apart, or what stands beside it would seem to say something else. Marks that only turn text around are
    refused at the door."""
    account_id = new_account(stack, "goto")
    subscription = stack.membership(account_id)["subscriptions"][0]["id"]
    turned = "\u0646\u0648\u0631@example.com"
    marked = quote("\u202eznetni@example.com", safe="")
    seats, whose = f"/v1/subscriptions/{subscription}/seats", f"?account_id={account_id}"
    service = stack.token(None, "service")
    stack.must("PUT", f"{seats}/{quote(turned, safe='')}{whose}", token=service)
    assert stack.ask("PUT", f"{seats}/{marked}{whose}", token=service).status == 422

    window.open(account_id, locale="en")

    shown = window.page.locator("bdi", has_text=turned).first
    shown.wait_for()
    around = shown.locator("xpath=..")
    assert shown.inner_text() == turned
    assert around.evaluate("e => getComputedStyle(e).direction") == "ltr"
    assert shown.evaluate("e => getComputedStyle(e).unicodeBidi") == "isolate"


def test_without_javascript_there_is_stripes_login_and_somebody_to_ask(open_window, stack):
    account_id = new_account(stack, "1msg")
    window = open_window(java_script_enabled=False)
    window.page.goto(f"{stack.url}/membership")

    assert window.page.get_by_text("finance@1msg.io").is_visible()
    window.page.get_by_role("link", name="Continue on Stripe's page").click()
    window.page.get_by_label("Email").fill(f"owner@{account_id}.example.com")
    window.page.get_by_role("button", name="Continue").click()
    window.page.get_by_role("button", name="Cancel subscription").click()

    (subscription,) = stack.membership(account_id)["subscriptions"]
    assert subscription["status"] == "pending_cancellation"


def test_no_token_is_kept_anywhere_but_in_memory(window, smarter):
    window.open(smarter)

    kept = window.page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )

    assert kept == '[{},{},""]'
    assert "token" not in window.page.url
    assert "ey" not in window.page.url.partition("?")[2]


def test_it_prints_without_buttons(window, smarter):
    window.open(smarter)

    window.page.emulate_media(media="print")

    assert not window.page.get_by_role("button", name="Unsubscribe").is_visible()
    assert window.page.get_by_role("heading", name="Plans").is_visible()


def test_when_nobody_answers_it_says_so_and_tries_again(window, smarter):
    down = True

    def answer(route):
        route.abort() if down else route.continue_()

    window.page.route("**/v1/membership*", answer)
    window.page.goto(f"{window.stack.url}/membership?account={smarter}&role=super_admin")
    window.sees("We could not be reached.")

    down = False
    window.press("Try again")

    window.heading("Plans")


# -- the strip


def test_another_account_and_role_are_a_choice_away(window, stack, smarter):
    other = new_account(stack, "nexorone")
    window.open(smarter)

    window.page.get_by_label("Account").fill(other)
    window.page.get_by_label("Account").press("Tab")

    window.sees("NexorONE")
    assert f"account={other}" in window.page.url
