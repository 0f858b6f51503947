"""SC-10 and SC-11: a year of keeping, then nothing; and the door stays open."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.store import keys
from chalicelib.store.holdings import rows
from chalicelib.store.records import to_doc
from tests.support.life import Life
from tests.support.smarter_contact import (
    ACME,
    CALLING,
    END,
    MESSAGING,
    ONE,
    PURGE,
    RELEASE,
    SECOND,
    TEN_DLC,
    TWO,
    leaving,
    subscribed,
)

KEPT_KINDS = {
    "account", "wallet", "entry", "cause", "evidence", "confirmation", "history", "step", "published",
    "purger", "certificate",
}  # fmt: skip


def kept(life: Life, account_id: str = ACME) -> list[dict[str, Any]]:
    return list(rows(life.world.table, account_id, ""))


def kinds(life: Life) -> set[str]:
    """The kinds of rows there are, but for the receipt of the purge itself, which was written after it."""
    others = [r for r in kept(life) if r["doc"].get("notice", {}).get("kind") != "data_purged"]
    return {row["sk"].partition("#")[0] for row in others}


@pytest.mark.parametrize(
    ("bought", "end", "purge"),
    [
        ("2026-01-31T12:00:00Z", "2026-02-28T12:00:00Z", "2027-02-28T12:00:00Z"),
        ("2028-01-29T08:15:30Z", "2028-02-29T08:15:30Z", "2029-03-01T08:15:30Z"),
        ("2027-01-29T08:15:30Z", "2027-02-28T08:15:30Z", "2028-02-28T08:15:30Z"),
        ("2026-11-30T23:59:59Z", "2026-12-30T23:59:59Z", "2027-12-30T23:59:59Z"),
    ],
)
def test_data_is_kept_for_one_year_to_the_second(bought, end, purge):
    """SC-10: "will be retained for one year. After that, all data will be permanently deleted."."""
    life, messaging = leaving(start=datetime.fromisoformat(bought))
    assert life.access_ends_at(ACME, messaging) == datetime.fromisoformat(end)

    life.move(datetime.fromisoformat(purge) - SECOND)
    before = kinds(life), life.membership(ACME, "status")
    life.move(purge)

    assert {"number", "registration", "preview"} <= before[0]
    assert before[1] == ["canceled"]
    assert kinds(life) <= KEPT_KINDS
    assert life.membership(ACME, "status") == []


def test_numbers_registrations_and_messages_leave_no_row():
    """SC-10: "Your account data, including campaigns, messages, contacts, and reports"."""
    life, (messaging,) = subscribed()
    life.number(ACME, ONE)
    life.registration(ACME, TEN_DLC)
    life.schedule(ACME, ("sent", "sms", END - SECOND, 3), ("unsent", "sms", END, 5))
    life.service("POST", f"/v1/scheduled-messages/sent/sent?account_id={ACME}")
    life.cancel(ACME, messaging)

    life.move(PURGE)

    assert kinds(life) <= KEPT_KINDS
    assert life.world.table.get(keys.live_number(ONE)) is None


def test_nothing_that_stays_has_the_account_s_address():
    """SC-10: "all data will be permanently deleted": what law keeps has no content."""
    life, _ = leaving()
    before = json.dumps(to_doc(kept(life)))

    life.move(PURGE)

    assert "acme@example.com" in before
    assert "acme@example.com" not in json.dumps(to_doc(kept(life)))


def test_the_ledger_and_the_evidence_stay():
    """SC-10: what law makes a business keep stays as a minimal record."""
    life, (messaging,) = subscribed("smarter-contact:messaging:year")
    life.number(ACME, ONE)
    evidence = life.cancel(ACME, messaging).body["evidence_id"]
    entries = 11
    life.move("2028-01-31T11:59:59Z")
    before = life.entries(ACME)

    life.move("2028-01-31T12:00:00Z")

    assert len(before) == entries
    assert life.entries(ACME) == before
    assert life.balance(ACME) == -100 * entries
    assert life.world.table.get(keys.evidence(ACME, evidence)) is not None


def test_the_neighbour_s_data_is_untouched():
    """SC-10: "Your account data": nobody else's."""
    life, _ = leaving()
    life.account("acme2")
    theirs = life.subscribe("acme2", "smarter-contact:messaging:year")
    life.number("acme2", TWO)
    life.registration("acme2", "R2")
    life.schedule("acme2", ("later", "sms", PURGE + timedelta(days=20), 3))
    life.cancel("acme2", theirs)
    life.resume("acme2", theirs)
    life.move(PURGE - SECOND)
    before = without_fees(kept(life, "acme2"))

    life.move(PURGE)

    assert kinds(life) <= KEPT_KINDS
    assert without_fees(kept(life, "acme2")) == before
    assert life.features("acme2")["send_sms"] is True
    assert life.at_carrier()[TWO] == "active"


def without_fees(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All rows but those that the neighbour's own fee of that very day changes."""
    moving = (
        "account",
        "wallet",
        "entry#",
        "cause#",
        "history#step:",
        "step#number_fee",
        "published",
        "number#",
    )
    return [row for row in found if not row["sk"].startswith(moving)]


def test_no_purge_while_another_plan_lives():
    """SC-10: "retained for one year" after the last plan's end, not the first's."""
    life, (messaging, calling) = subscribed(MESSAGING, CALLING)
    life.cancel(ACME, messaging)
    life.move("2027-06-10T00:00:00Z")
    still_there = life.membership(ACME, "status")

    life.cancel(ACME, calling)
    life.move("2028-06-30T11:59:59Z")
    at_the_last_second = life.membership(ACME, "status")
    life.move("2028-06-30T12:00:00Z")

    assert sorted(still_there) == ["active", "canceled"]
    assert at_the_last_second == ["canceled", "canceled"]
    assert life.membership(ACME, "status") == []


def test_no_purge_while_a_number_is_still_rented():
    """SC-10 beside SC-8: deleting the row of a number that is still rented would leave it rented for ever."""
    life, _ = leaving()
    life.sleep(PURGE)
    life.faults.order({"target": "carrier", "kind": "error", "count": 2})

    life.run_jobs()
    while_rented = kinds(life), life.membership(ACME, "status")
    life.move(PURGE + timedelta(hours=13))

    assert "number" in while_rented[0]
    assert while_rented[1] == ["canceled"]
    assert life.at_carrier() == {ONE: "released", TEN_DLC: "lapsed"}
    assert kinds(life) <= KEPT_KINDS


def test_a_purge_happens_once():
    """SC-10: "permanently deleted": events that come late bring nothing back."""
    life, messaging = leaving()
    life.move(PURGE)
    empty = kept(life)

    again = life.run_jobs()
    life.move(PURGE + timedelta(days=800))

    assert again == {}
    assert kept(life) == empty
    assert life.stripe("GET", f"/v1/subscriptions/{messaging}")["status"] == "canceled"


def test_a_late_webhook_of_the_ended_subscription_brings_nothing_back():
    """SC-10: "all data will be permanently deleted"."""
    life, _ = leaving()
    life.move(END - SECOND)
    life.control("delay_webhooks")
    life.move(PURGE)
    before = life.membership(ACME)

    life.control("resume_webhooks")
    life.move(PURGE + timedelta(days=1))

    assert before["subscriptions"] == []
    assert life.membership(ACME)["subscriptions"] == []
    assert kinds(life) <= KEPT_KINDS


@pytest.mark.parametrize(
    "moment", [END, RELEASE, PURGE - SECOND, PURGE, PURGE + timedelta(days=900)]
)
def test_logging_in_stays_possible(moment):
    """SC-11: "you can still log in to your account, even if your subscription is canceled."."""
    life, _ = leaving()

    life.move(moment)

    features = life.features(ACME)
    assert {name for name, has in features.items() if has} == {"log_in"}
    assert set(features) == {"log_in", "send_sms", "launch_campaigns", "dialer", "send_rvm"}


def test_after_the_purge_the_account_exists_and_is_empty():
    """SC-11: "you can still log in to your account": also after the purge."""
    life, _ = leaving()

    life.move(PURGE)

    page = life.membership(ACME)
    for part in ("subscriptions", "upcoming", "numbers", "registrations", "invoices", "cases"):
        assert page[part] == [], part
    assert page["wallet"]["balance"] == {"amount": 0, "currency": "usd"}
    assert page["as_of"] == "2027-02-28T12:00:00Z"


def test_an_account_that_never_subscribed_is_never_purged():
    """SC-10: "after cancellation": who never had a plan cancelled nothing."""
    life = Life()
    life.account(ACME)
    life.registration(ACME, TEN_DLC)

    life.move(datetime(2030, 1, 1, tzinfo=UTC))

    assert life.at_carrier() == {TEN_DLC: "active"}
    assert life.upcoming(ACME) == {}
