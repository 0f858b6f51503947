"""The operators' page in a browser: finding an account, seeing why, holding and releasing a step, and what is due."""

import pytest

from tests.support.browser import desk, new_account, open_console

HOSTILE = "<img src=x onerror=alert(2)>"


def test_anybody_is_served_the_page_and_it_holds_nothing(stack):
    reply = stack.ask("GET", "/console")

    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/html")
    assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
    assert b"smarter" not in reply.body


def test_a_step_is_found_held_with_a_reason_and_released(window, stack):
    account_id = new_account(stack, "smarter-contact")
    open_console(window, stack, "/accounts")
    window.page.get_by_role("searchbox").fill(f"owner@{account_id}.example.com")
    window.press("Search")
    window.sees("1 account shown.")
    window.page.get_by_role("link", name=account_id, exact=True).click()
    window.heading("Ahead")
    assert window.page.evaluate("document.activeElement.tagName") == "H1"
    window.page.get_by_text("SC-6").first.wait_for()
    window.page.get_by_text("numbers.fee_cycle: number").first.wait_for()

    window.page.get_by_role("button", name="Hold: Phone number fee").first.click()
    dialog = window.page.get_by_role("dialog")
    assert dialog.get_by_role("button", name="Hold").is_disabled()
    dialog.get_by_label("Reason").fill("   ")
    assert dialog.get_by_role("button", name="Hold").is_disabled()
    dialog.get_by_label("Reason").fill("The carrier billed it twice")
    dialog.get_by_role("button", name="Hold").click()
    window.sees("On hold: Phone number fee.")
    window.heading("On hold")
    assert "The carrier billed it twice" in desk(window).inner_text()

    window.page.get_by_role("button", name="Release: Phone number fee").click()
    dialog.get_by_label("Reason").fill("Put right")
    dialog.get_by_role("button", name="Release").click()
    window.sees("Released: Phone number fee.")
    assert window.page.get_by_role("heading", name="On hold", exact=True).count() == 0
    assert window.page.get_by_role("heading", name="Step released").count() == 1


def test_what_cannot_be_done_is_refused_in_a_sentence(window, stack):
    account_id = new_account(stack, "1msg")
    for one in stack.membership(account_id)["subscriptions"]:
        stack.stripe("POST", f"/v1/subscriptions/{one['id']}", cancel_at_period_end="true")
    open_console(window, stack, f"/accounts/{account_id}")
    ends = desk(window).locator(".row", has=window.page.get_by_role("heading", name="Access"))
    ends.first.get_by_role("button", name="Waive").click()
    dialog = window.page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("They asked nicely")
    dialog.get_by_role("button", name="Waive").click()

    window.sees("what was not paid for cannot be given by waiving its end.")
    dialog.get_by_role("button", name="Back").click()
    dialog.wait_for(state="detached")


def test_deadlines_are_listed_and_can_be_kept_in_a_calendar(window, stack):
    account_id = new_account(stack, "smarter-contact")
    open_console(window, stack, "/deadlines")
    account = desk(window).get_by_role("link", name=account_id, exact=True)
    desk(window).get_by_role("heading", level=3).first.wait_for()
    while account.count() == 0:
        window.press("Show more")

    with window.page.expect_download() as told:
        window.press("Download as calendar (.ics)")

    text = told.value.path().read_text()
    assert text.startswith("BEGIN:VCALENDAR")
    assert f"{account_id}" in text.replace("\r\n ", "").replace("\n ", "")


def test_a_case_has_its_clocks_and_is_answered_and_decided(window, stack):
    account_id = new_account(stack, "1msg")
    statement = {
        "payment": "in_1",
        "date": "2026-03-01",
        "amount": {"amount": 500, "currency": "usd"},
        "description": "Charged twice",
    }
    stack.must("POST", "/v1/appeals", statement, token=stack.token(account_id, "super_admin"))
    open_console(window, stack, "/cases")
    window.page.get_by_role("link", name=f"Appeal of {account_id}").click()
    window.heading("Clocks")
    window.page.get_by_text("First reply due").first.wait_for()

    window.page.get_by_label("What the customer is told").fill("We look into it.")
    window.press("Send reply")
    window.sees("The reply is sent.")
    window.page.get_by_label("Refuse").check()
    window.page.get_by_label("Reason, as the customer reads it").fill("It was charged once.")
    window.press("Decide")

    window.sees("The case is refused.")
    window.heading("Decision")


def test_a_hostile_name_is_text_and_stays_text(window, stack):
    stack.must(
        "PUT",
        "/v1/admin/accounts/hostile",
        {"policy": "1msg", "currency": "usd", "email": f'"{HOSTILE}"@example.com'},
        token=stack.token(None, "operator"),
    )
    body = {"reason": HOSTILE}
    token = stack.token(None, "operator")
    stack.must("POST", "/v1/admin/accounts/hostile/legal-hold", body, token=token)
    window.page.on("dialog", lambda dialog: window.complaints.append(dialog.message))

    open_console(window, stack, "/accounts/hostile")

    window.sees(HOSTILE)
    assert window.page.locator("lapse-console img, lapse-console script").count() == 0


def test_without_a_token_it_asks_for_one_and_keeps_it_nowhere(window, stack):
    # Without the local stack's strip, which would hand one over.
    window.page.route(
        "**/_bar/bar.js", lambda route: route.fulfill(body="", content_type="text/javascript")
    )
    open_console(window, stack, "/jobs")
    window.heading("Sign in")
    window.page.get_by_label("Operator's access token").fill(stack.token(None, "operator"))
    window.press("Sign in")
    window.heading("Jobs")

    kept = window.page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    assert kept == '[{},{},""]'
    assert window.page.url.endswith("/console#/jobs")


def test_whoever_is_no_operator_is_told_so(window, stack):
    open_console(window, stack, "/deadlines")
    window.page.get_by_label("Role").select_option("support_agent")

    window.heading("You may not see this")
    window.sees("This needs the role operator.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anybody_out(open_window, stack, scheme):
    """On a phone's width axe finds nothing serious on any page, and nothing runs over the edge."""
    account_id = new_account(stack, "smarter-contact")
    long = f"donaudampfschifffahrtsgesellschaft-{'x' * 80}-{scheme}"
    stack.must(
        "PUT",
        f"/v1/admin/accounts/{long}",
        {"policy": "smarter-contact", "currency": "usd"},
        token=stack.token(None, "operator"),
    )
    phone = {"width": 360, "height": 844}
    window = open_window(viewport=phone, color_scheme=scheme, bypass_csp=True)

    pages = {
        "/accounts": "Accounts",
        f"/accounts/{account_id}": account_id,
        f"/accounts/{long}": long,
        f"/accounts/{account_id}/ledger": account_id,
        "/deadlines": "Deadlines",
        "/cases": "Cases",
        "/parked": "Parked events",
        "/jobs": "Jobs",
        "/maintenance": "Maintenance",
        "/switches": "Switches",
    }
    for where, title in pages.items():
        open_console(window, stack, where)
        window.page.get_by_role("heading", level=1, name=title, exact=True).wait_for()
        window.must_be_open_to_all("lapse-console", only_colours=scheme == "dark")


def test_a_parked_event_is_tried_again_and_what_comes_of_it_is_said(window, stack):
    """Nobody knows its customer yet, so it still has to wait."""
    customer = stack.stripe(
        "POST",
        "/v1/customers",
        email="nobody@example.com",
        payment_method="pm_card_visa",
        **{"invoice_settings[default_payment_method]": "pm_card_visa"},
    )
    messaging = {"lookup_keys[0]": "smarter-contact:messaging:month"}
    price = stack.stripe("GET", "/v1/prices", **messaging)["data"][0]["id"]
    stack.stripe("POST", "/v1/subscriptions", customer=customer["id"], **{"items[0][price]": price})
    open_console(window, stack, "/parked")
    window.sees(customer["id"])

    window.page.get_by_role("button", name="Replay").first.click()
    dialog = window.page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("The account is there now")
    dialog.get_by_role("button", name="Replay").click()

    window.sees(
        "It still cannot be applied (unknown_customer). It stays parked, and is tried again by itself."
    )
