"""What operators need so that the promises can be kept: to find whom it is about, to see what is late, to say why."""

from datetime import timedelta

from chalicelib.domain.moments import from_rfc3339, rfc3339
from tests.operators.desk import ACME, PURGE, WHY, Desk
from tests.promises.test_goto_assisted import AGENT, cancel, on_the_phone
from tests.support.life import Life

SECOND = timedelta(seconds=1)


def test_nx_1_an_operator_selects_the_account_from_a_list():
    """NX-1: "selecting the user or account associated with the service from a list" """
    desk = Desk()
    desk.life.account("acme-france")

    listed = desk.life.operator("GET", "/v1/admin/accounts?query=acme").body["data"]
    by_user = desk.life.operator("GET", "/v1/admin/accounts?query=ACME%40example.com").body["data"]

    assert [one["account_id"] for one in listed] == [ACME, "acme-france"]
    assert [one["account_id"] for one in by_user] == [ACME]
    assert listed[0]["subscriptions"] == [
        {"id": desk.subscription, "plan": "messaging", "status": "active"}
    ]


def test_m1_10_what_is_overdue_is_visible():
    """M1-10: Initial reply "within 2-3 business days" """
    life = Life()
    life.account(ACME, "1msg")
    appeal = {
        "payment": "ch_1",
        "date": rfc3339(life.now),
        "amount": {"amount": 4900, "currency": "usd"},
        "description": "charged twice",
    }
    opened = life.customer(ACME, "POST", "/v1/appeals", appeal)
    assert opened.status == 201, opened.body
    due = from_rfc3339(opened.body["first_reply_due"])

    def late():
        listed = life.operator("GET", "/v1/admin/deadlines?kind=first_reply").body["data"]
        return [(one["case_id"], one["due_at"], one["overdue"]) for one in listed]

    life.move(due - SECOND)
    assert late() == [(opened.body["id"], rfc3339(due), False)]
    life.move(due)
    assert late() == [(opened.body["id"], rfc3339(due), True)]
    life.move(due + timedelta(days=30))
    assert late() == [(opened.body["id"], rfc3339(due), True)]


def test_gt_8_the_evidence_says_which_agent_it_was():
    """GT-8: By phone: account, billing admin's e-mail, last four digits and billing address of the payment method,
    product(s)"""
    life, subscription = on_the_phone()
    assert cancel(life, subscription).status == 200

    shown = life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body

    (kept,) = shown["evidence"]
    assert (kept["who"], kept["channel"]) == (AGENT, "assisted")
    assert kept["subscription_id"] == subscription
    (asked,) = [one for one in shown["past"] if one["what"] == "subscription.cancellation_asked"]
    assert asked["by"] == AGENT
    assert "4242" not in str(shown)


def test_sc_10_never_a_second_earlier_and_not_at_all_on_legal_hold():
    """SC-10: "will be retained for one year. After that, all data will be permanently deleted." """
    desk = Desk().leave()
    assert desk.step("data_purged")["why"] == {
        "promises": ["SC-10"],
        "policy": {"data.purge_after_years": 1, "data.second_approval": False},
    }
    desk.life.move(PURGE - SECOND)
    assert desk.legal_hold("POST").status == 200

    desk.life.move(PURGE + timedelta(days=365))

    assert desk.told("step.data_purged") == []
    assert desk.timeline()["legal_hold"]["reason"] == WHY


def test_what_happened_says_why_it_did():
    """The same promise and the same lines of the policy that were shown before."""
    desk = Desk().leave()
    ahead = desk.step("numbers_released")["why"]
    desk.life.move(PURGE - SECOND)

    (done,) = desk.told("step.numbers_released")

    assert done["why"] == {
        **ahead,
        "reason": None,
        "says": "All numbers of the account were given back.",
    }
    assert all(one["why"]["says"] for one in desk.told("subscription.started"))


def test_a_step_about_a_plan_names_it_as_people_do():
    desk = Desk().leave()

    assert desk.step("access_ends")["about"] == "Messaging plan"
    assert desk.step("access_ends")["subject"] == desk.subscription
    assert desk.step("numbers_released")["about"] is None


def test_what_will_happen_is_what_happens():
    """An operator is shown the very dates that the jobs follow."""
    desk = Desk().leave()
    shown = {one["kind"]: one["due_at"] for one in desk.timeline()["future"]}

    desk.life.move(PURGE - SECOND)
    done = {
        one["what"].removeprefix("step."): one["data"]["due"]
        for one in desk.timeline()["past"]
        if one["what"].startswith("step.") and "due" in one["data"]
    }

    for kind in ("access_ends", "numbers_released"):
        assert done[kind] == shown[kind]
