"""Who may do what with a case, whose it is, and what comes in at the door."""

import pytest

from tests.support.cases import (
    ACME,
    APPEAL,
    SECOND,
    appealed,
    ask,
    ask_top_up,
    asked,
    decide,
    disputed,
    onemsg,
    show,
    topped_up,
)
from tests.support.life import START, Life

ROLES = ("super_admin", "billing_admin", "product_admin", "billing_contact", "member")


def as_role(life: Life, role: str, method: str, path: str, body=None, account: str = ACME):
    return life.api(method, path, body, token=life.token(account, role))


@pytest.mark.parametrize("role", ROLES)
def test_cases_are_for_the_accounts_admins(role):
    life, channel = onemsg()
    case = asked(life, channel)
    may = role in ("super_admin", "billing_admin")

    answers = [
        as_role(life, role, "POST", "/v1/refund-requests", {"subscription_id": channel}),
        as_role(life, role, "POST", "/v1/appeals", APPEAL),
        as_role(life, role, "GET", f"/v1/cases/{case}"),
        as_role(life, role, "POST", f"/v1/cases/{case}/replies", {"text": "Hello"}),
    ]

    assert [one.status for one in answers] == ([201, 201, 200, 201] if may else [403] * 4)
    assert may or answers[0].body["required_roles"] == ["billing_admin", "super_admin"]


@pytest.mark.parametrize("role", [*ROLES, "service", "support_agent"])
def test_only_an_operator_decides(role):
    life, channel = onemsg()
    case = asked(life, channel)
    account = ACME if role in ROLES else None

    refused = as_role(
        life, role, "POST", f"/v1/cases/{case}/decision", {"approve": True, "reason": "Mine."},
        account,
    )  # fmt: skip

    assert (refused.status, refused.code) == (403, "role_required")
    assert show(life, case)["decision"] is None


def test_an_operator_finds_a_case_by_its_id_alone():
    life, channel = onemsg()
    case = asked(life, channel)

    assert life.operator("GET", f"/v1/cases/{case}").body["id"] == case


@pytest.mark.parametrize("id", ["case_none", "x" * 300, "%00", "..%2F..", "case%23a", "💥"])
def test_a_case_that_does_not_exist_is_not_found(id):
    life, _ = onemsg()

    for one in (
        life.customer(ACME, "GET", f"/v1/cases/{id}"),
        life.operator("GET", f"/v1/cases/{id}"),
        life.operator("POST", f"/v1/cases/{id}/decision", {"approve": True, "reason": "Yes."}),
        life.customer(ACME, "POST", f"/v1/cases/{id}/replies", {"text": "Hello"}),
    ):
        assert (one.status, one.code) == (404, "not_found")


def test_another_accounts_case_subscription_and_entry_do_not_exist():
    life, channel = onemsg()
    entry, case = topped_up(life), asked(life, channel)
    life.account("other", "1msg")

    answers = [
        life.customer("other", "GET", f"/v1/cases/{case}"),
        life.customer("other", "POST", f"/v1/cases/{case}/replies", {"text": "Mine"}),
        life.customer("other", "POST", "/v1/refund-requests", {"subscription_id": channel}),
        life.customer("other", "POST", "/v1/refund-requests", {"ledger_entry": entry}),
    ]

    assert [(one.status, one.code) for one in answers] == [(404, "not_found")] * 4


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"comment": "Please."},
        {"subscription_id": None, "ledger_entry": None},
        {"subscription_id": 5},
        {"ledger_entry": ["000000000001"]},
        {"comment": "x" * 5001, "subscription_id": "SUB"},
    ],
)
def test_a_refund_request_says_what_for(body):
    life, channel = onemsg()
    if body.get("subscription_id") == "SUB":
        body = {**body, "subscription_id": channel}

    refused = life.customer(ACME, "POST", "/v1/refund-requests", body)

    assert (refused.status, refused.code) == (422, "invalid_request")


def test_both_at_once_is_one_too_many():
    life, channel = onemsg()
    entry = topped_up(life)

    assert ask(life, channel, ledger_entry=entry).status == 422


@pytest.mark.parametrize("entry", ["1", "00000000000a", "000000000099", "0" * 500, "wallet"])
def test_an_entry_that_does_not_exist_is_not_found(entry):
    life, _ = onemsg()

    assert ask_top_up(life, entry).status == 404


def test_an_account_may_not_open_cases_without_end():
    life, _ = onemsg()
    for n in range(20):
        assert appealed(life, payment=None).status == 201, n

    refused = appealed(life)

    assert (refused.status, refused.code) == (429, "rate_limited")


def test_a_repeated_request_opens_one_case_and_makes_one_decision():
    life, channel = onemsg()
    once = {"Idempotency-Key": "once"}
    body = {"subscription_id": channel}
    first = life.customer(ACME, "POST", "/v1/refund-requests", body, headers=once)
    again = life.customer(ACME, "POST", "/v1/refund-requests", body, headers=once)
    ruling = {"approve": False, "reason": "No."}
    path = f"/v1/cases/{first.body['id']}/decision"

    decided = [life.operator("POST", path, ruling, headers=once) for _ in range(2)]

    assert again.body == first.body
    assert [one.status for one in decided] == [200, 200]
    assert decided[0].body == decided[1].body


def test_operators_read_all_cases_by_deadline_page_by_page():
    life, channel = onemsg()
    ids = []
    for n in range(7):
        life.account(f"a{n}", "1msg")
        made = life.customer(f"a{n}", "POST", "/v1/appeals", APPEAL)
        ids.append(made.body["id"])
        life.move(START + (n + 1) * 86_400 * SECOND)
    ids.insert(0, asked(life, channel))
    life.customer("a0", "POST", "/v1/appeals", {"payment": "pi"})

    found, cursor, pages = [], "", 0
    while True:
        page = life.operator("GET", f"/v1/admin/cases?limit=2{cursor}").body
        found += [one["id"] for one in page["data"]]
        pages += 1
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"

    dues = [min(w["due_at"] for w in one["waiting_for"]) for one in
            life.operator("GET", "/v1/admin/cases?limit=100").body["data"] if one["waiting_for"]]  # fmt: skip
    assert len(found) == len(set(found)) == 9
    assert dues == sorted(dues)
    assert pages == 5
    assert set(ids) < set(found)


@pytest.mark.parametrize("query", ["cursor=abc", "cursor=", "limit=0", "limit=101", "state=lost"])
def test_a_made_up_place_is_refused(query):
    life, _ = onemsg()

    refused = life.operator("GET", f"/v1/admin/cases?{query}")

    assert (refused.status, refused.code) == (422, "invalid_request")


def test_a_disputed_subscription_is_told_before_a_case_is_opened():
    life, channel = onemsg()
    disputed(life, subscription=channel)

    refused = ask(life, channel)

    assert (refused.status, refused.code) == (409, "disputed")
    assert "bank" in refused.body["detail"]


def test_what_a_customer_writes_stays_out_of_the_log_the_history_and_the_news(caplog):
    life, channel = onemsg()
    case = ask(life, channel, comment="hunter2 <script>").body["id"]
    life.customer(ACME, "POST", f"/v1/cases/{case}/replies", {"text": "hunter2 again"})
    decide(life, case, approve=False)

    said = str(life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body["past"])

    assert show(life, case)["replies"][0]["text"] == "hunter2 again"
    for place in (caplog.text, said, str(life.outbox.view())):
        assert "hunter2" not in place
        assert "We looked into it" not in place
