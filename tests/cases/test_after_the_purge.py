"""A bank takes a dispute up again after the account was purged: an operator can answer it, and nobody's data comes back."""

import json

import pytest

from chalicelib.domain.moments import from_rfc3339, rfc3339
from chalicelib.store import keys
from chalicelib.store.holdings import rows
from tests.support.cases import ACME, DAY, becomes, decide, disputed, reply, settled
from tests.support.life import Life

PURGE = from_rfc3339("2027-02-28T12:00:00Z")
APPEALED = PURGE + 5 * DAY
PAID = {"amount": 9900, "currency": "usd"}


def purged_with_a_dispute(status: str = "lost") -> tuple[Life, str]:
    life = Life()
    life.account(ACME)
    plan = life.subscribe(ACME)
    life.cancel(ACME, plan)
    dispute = disputed(life, subscription=plan)
    settled(life, dispute, status)
    life.move(PURGE)
    assert life.membership(ACME, "status") == []
    life.move(APPEALED)
    return life, dispute


@pytest.fixture
def taken_up() -> tuple[Life, str]:
    life, dispute = purged_with_a_dispute()
    due = {"due_by": int((APPEALED + 9 * DAY).timestamp()), "has_evidence": False}
    details = life.emulator._world.get("dispute", dispute)["evidence_details"]
    becomes(life, dispute, "appeal_needs_response", evidence_details={**details, **due})
    return life, dispute


def shown(life: Life, dispute: str):
    return life.operator("GET", f"/v1/cases/{dispute}")


def test_what_was_closed_before_the_purge_is_gone_for_everybody():
    life, dispute = purged_with_a_dispute()

    assert shown(life, dispute).status == 404
    assert life.customer(ACME, "GET", f"/v1/cases/{dispute}").status == 404
    assert life.operator("GET", "/v1/admin/cases").body["data"] == []


def test_an_operator_sees_what_stripe_holds_and_what_can_be_done(taken_up):
    """It stood in the list of cases, and answered 404."""
    life, dispute = taken_up

    (listed,) = life.operator("GET", "/v1/admin/cases").body["data"]
    case = shown(life, dispute)

    assert case.status == 200, case.body
    for seen in (listed, case.body):
        assert (seen["id"], seen["account_id"], seen["state"]) == (dispute, ACME, "open")
        assert seen["purged"] is True
        assert "Stripe's dashboard" in seen["what_to_do"]
    due = rfc3339(APPEALED + 9 * DAY)
    assert case.body["waiting_for"] == [{"kind": "evidence", "due_at": due, "overdue": False}]
    assert case.body["dispute"]["evidence_due"] == due
    assert case.body["dispute"]["amount"] == PAID
    said = json.dumps(case.body)
    assert "example.com" not in said
    assert (case.body["replies"], case.body["comment"]) == ([], None)


def test_to_the_customer_it_is_gone(taken_up):
    """SC-10: "all data will be permanently deleted"."""
    life, dispute = taken_up

    assert life.customer(ACME, "GET", f"/v1/cases/{dispute}").status == 404
    assert life.customer(ACME, "POST", f"/v1/cases/{dispute}/replies", {"text": "?"}).status == 404
    assert life.membership(ACME)["cases"] == []


def test_nothing_is_written_into_it_and_the_bank_alone_decides(taken_up):
    life, dispute = taken_up
    before = list(rows(life.world.table, ACME, keys.CASE))

    replied = reply(life, dispute, text="To whom?")
    decided = decide(life, dispute, approve=False)

    assert (replied.status, replied.code) == (409, "blocked")
    assert "purged" in replied.body["detail"]
    assert (decided.status, decided.code) == (409, "blocked")
    assert "the bank's to decide" in decided.body["detail"]
    assert list(rows(life.world.table, ACME, keys.CASE)) == before
    assert list(rows(life.world.table, ACME, keys.REPLY)) == []


@pytest.mark.parametrize("status", ["won", "lost"])
def test_once_the_bank_has_decided_it_is_gone_again(taken_up, status):
    life, dispute = taken_up

    becomes(life, dispute, status)

    assert shown(life, dispute).status == 404
    assert life.operator("GET", "/v1/admin/cases").body["data"] == []
    assert life.operator("GET", "/v1/admin/cases?state=closed").body["data"] == []
    (kept,) = rows(life.world.table, ACME, keys.CASE)
    assert (kept["doc"]["purged"], kept["doc"]["dispute"]["status"]) == (True, status)


def test_taken_up_twice_it_is_found_twice(taken_up):
    life, dispute = taken_up
    becomes(life, dispute, "won")

    becomes(life, dispute, "appeal_under_review")

    assert shown(life, dispute).body["state"] == "in_review"


def test_the_event_told_twice_leaves_one_case(taken_up):
    life, dispute = taken_up

    becomes(life, dispute, "appeal_needs_response")

    assert [one["id"] for one in life.operator("GET", "/v1/admin/cases").body["data"]] == [dispute]
