"""What operators do in the console beside looking: announcing work, having a number back, taking a purge's proof."""

import json
from datetime import datetime, timedelta

import pytest

from chalicelib.domain.erasure import is_genuine
from tests.support.browser import desk, new_account, open_console

WHY = "New disks"


@pytest.fixture
def smarter(travelled):
    return new_account(travelled, "smarter-contact")


def leave(stack, account_id):
    for one in stack.membership(account_id)["subscriptions"]:
        cancelling = {"action": "portal_cancel", "subscription": one["id"]}
        stack.must("POST", "/_stripe/_control", cancelling)


def windows(stack):
    return stack.must("GET", "/v1/maintenance-windows", token=stack.token(None, "operator"))["data"]


def in_a_day(stack, hour):
    day = datetime.fromisoformat(stack.now()) + timedelta(days=1)
    return f"{day:%Y-%m-%d}T{hour:02}:00"


def test_work_is_looked_at_announced_moved_and_withdrawn(window, travelled):
    """M1-13. Nothing is kept before the second press, and what is done is what was shown."""
    open_console(window, travelled, "/maintenance")
    window.sees("No work has been announced.")
    page = window.page
    assert page.get_by_role("button", name="See what follows").is_disabled()
    page.get_by_label("Begins (UTC)").fill(in_a_day(travelled, 2))
    page.get_by_label("Ends (UTC)").fill(in_a_day(travelled, 4))
    page.get_by_label("Reason, as customers read it").fill(WHY)
    page.get_by_label("Whose customers").fill("1msg")

    window.press("See what follows")
    window.heading("What follows")
    window.sees("1msg: 1 day")
    assert windows(travelled) == []
    page.get_by_label("Ends (UTC)").fill(in_a_day(travelled, 5))
    assert page.get_by_role("heading", name="What follows").count() == 0
    window.press("See what follows")
    window.press("Announce")
    window.sees("The work is announced.")
    (made,) = windows(travelled)
    assert (made["reason"], made["policies"]) == (WHY, ["1msg"])

    page.get_by_role("link", name="Change").click()
    window.heading("Change it")
    assert page.get_by_label("Ends (UTC)").input_value() == in_a_day(travelled, 5)
    page.get_by_label("Reason, as customers read it").fill("Newer disks")
    window.press("See what follows")
    window.press("Change")
    window.sees("The work is changed.")
    assert windows(travelled)[0]["reason"] == "Newer disks"

    window.press("Withdraw: Newer disks")
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    window.sees("The work is withdrawn.")
    assert windows(travelled)[0]["withdrawn"] is True


def test_work_that_cannot_be_is_refused_beside_what_was_typed(window, travelled):
    open_console(window, travelled, "/maintenance")
    window.page.get_by_label("Begins (UTC)").fill(in_a_day(travelled, 4))
    window.page.get_by_label("Ends (UTC)").fill(in_a_day(travelled, 2))
    window.page.get_by_label("Reason, as customers read it").fill(WHY)

    window.press("See what follows")

    window.page.locator("form .refusal").wait_for()
    assert window.page.get_by_label("Reason, as customers read it").input_value() == WHY


def test_a_released_number_is_had_back_for_a_customer_who_returned(window, travelled, smarter):
    """SC-7, SC-8."""
    numbers = [one["number"] for one in travelled.membership(smarter)["numbers"]]
    leave(travelled, smarter)
    travelled.move_by("P46D")
    travelled.subscribe(smarter, "smarter-contact:messaging:month")
    open_console(window, travelled, f"/accounts/{smarter}")
    window.sees("can be had back until")

    window.press(f"Have it back: {numbers[0]}")
    dialog = window.page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("They came back in time")
    dialog.get_by_role("button", name="Have it back").click()

    window.sees(f"{numbers[0]} is the account's again.")
    carrier = travelled.must("GET", "/_carrier")["numbers"]
    assert [carrier[one]["status"] for one in numbers] == ["active", "released"]
    assert "They came back in time" in desk(window).inner_text()


def test_a_purge_leaves_its_proof(window, travelled, smarter):
    """SC-10: what was deleted is certified, and anybody can check that the certificate is the one that was sealed."""
    leave(travelled, smarter)
    travelled.move_by("P1Y2M")
    open_console(window, travelled, f"/accounts/{smarter}")
    window.heading("Purge certificates")

    with window.page.expect_download() as downloading:
        window.press("Download the certificate")

    sealed = json.loads(downloading.value.path().read_text())
    assert sealed["account_id"] == smarter
    assert is_genuine(sealed)
    assert not is_genuine({**sealed, "account_id": "another"})


def test_every_line_of_the_past_says_what_it_is_and_why(window, travelled, smarter):
    leave(travelled, smarter)
    travelled.move_by("P46D")
    open_console(window, travelled, f"/accounts/{smarter}")
    window.heading("Past")

    past = desk(window).locator(".card", has=window.page.get_by_role("heading", name="Past"))
    released = past.locator(".row").filter(has_text="All numbers of the account were given back.")

    assert "SC-8" in released.inner_text()
    assert "numbers.release_after_hours: 336" in released.inner_text()
    started = past.locator(".row").filter(has_text="A subscription began.").first
    assert "M1-1" in started.inner_text()


def test_everything_is_stopped_and_goes_on_with_a_reason_each(window, travelled):
    open_console(window, travelled, "/switches")
    window.sees("Nothing is stopped.")
    dialog = window.page.get_by_role("dialog")

    window.press("Stop everything")
    dialog.get_by_label("Reason").fill("The carrier answers for somebody else")
    dialog.get_by_role("button", name="Stop").click()
    window.sees("Nothing leaves since")
    operator = travelled.token(None, "operator")
    assert travelled.must("GET", "/v1/admin/kill-switch", token=operator)["kill_switch"]["on"]
    window.press("Let everything go on")
    dialog.get_by_label("Reason").fill("It is put right")
    dialog.get_by_role("button", name="Go on").click()

    window.sees("Nothing is stopped.")
    for reason in ("The carrier answers for somebody else", "It is put right"):
        assert reason in desk(window).inner_text()
