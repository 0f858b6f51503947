"""SC-8 counts from an end. What has no end is not released by the clock, but by whoever rented it
(docs/decisions/0029-numbers-without-a-plan.md)."""

from tests.support.life import Life

ACME, NUMBER, LATER = "acme", "+14155550100", "+14155550101"


def test_a_number_of_an_account_that_never_had_a_plan_stays_until_it_is_deleted():
    life = Life()
    life.account(ACME)
    life.number(ACME, NUMBER)

    life.move("2028-02-01T12:00:00Z")
    kept = life.at_carrier()[NUMBER], life.entries(ACME)
    life.customer(ACME, "DELETE", f"/v1/numbers/{NUMBER}")

    # Nor does it cost anything: a fee is for a number that a plan needs.
    assert kept == ("active", [])
    assert life.at_carrier()[NUMBER] == "released"


def test_a_first_payment_that_failed_is_no_end_either():
    """Seeds 150, 683: Stripe gives up what was never paid. Nothing began, so nothing ends 14 days later."""
    life = Life()
    customer = life.account(ACME)
    life.number(ACME, NUMBER)
    made = life.customer(ACME, "POST", "/v1/checkout-sessions", {
        "purpose": "plan", "price": "smarter-contact:messaging:month",
        "success_url": "https://app.example.com/ok", "cancel_url": "https://app.example.com/no",
    })  # fmt: skip
    session = made.body["checkout_session_id"]
    life.control("pay_checkout", session=session, outcome="async_failed")

    life.move("2028-02-01T12:00:00Z")

    (theirs,) = life.emulator._world.where("subscription", "customer", customer)
    assert theirs["status"] not in ("active", "trialing", "past_due")
    assert life.at_carrier()[NUMBER] == "active"


def test_a_number_put_after_the_release_day_of_the_last_plan_is_released_as_the_others_were():
    """SC-8: "All purchased phone numbers will be released": there is an end, and it is more than 14 days ago."""
    life = Life()
    life.account(ACME)
    life.number(ACME, NUMBER)
    life.cancel(ACME, life.subscribe(ACME))
    life.move("2026-03-15T12:00:00Z")
    life.number(ACME, LATER)

    life.move("2026-03-15T12:05:00Z")

    assert life.at_carrier() == {NUMBER: "released", LATER: "released"}
