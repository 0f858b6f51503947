"""A case's whole life on the real DynamoDB server, where an index returns keys alone and a page ends where it likes."""

import pytest

from tests.support.cases import (
    ACME,
    APPEAL,
    DAY,
    DECISION_DUE,
    PAYABLE,
    answer,
    asked,
    decide,
    disputed,
    in_force,
    newest_charge,
    onemsg,
    reply,
    settled,
    show,
    told,
    topped_up,
)
from tests.support.life import START
from tests.support.top_ups import held


@pytest.mark.parametrize("table", ["memory", "ministack"], indirect=True)
def test_requests_appeals_and_disputes_live_on_the_table(table):
    life, channel = onemsg(table)
    topped_up(life)
    top_up = disputed(life, charge=newest_charge(life))
    for n in range(5):
        life.account(f"a{n}", "1msg")
        life.customer(f"a{n}", "POST", "/v1/appeals", {**APPEAL, "payment": f"pi_{n}"})
    case = asked(life, channel)
    answer(life, case, text="Any news?")
    reply(life, case, text="Soon.", interim=True, next_step_at="2026-03-02T00:00:00Z")

    found, cursor = [], ""
    while True:
        page = life.operator("GET", f"/v1/admin/cases?limit=3{cursor}").body
        found += [(one["account_id"], one["kind"]) for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    life.move(DECISION_DUE)
    settled(life, top_up, "lost")
    decide(life, case)
    life.move(life.now + DAY)

    assert sorted(found) == sorted(
        [(f"a{n}", "appeal") for n in range(5)] + [(ACME, "dispute"), (ACME, "refund")]
    )
    assert [one["role"] for one in show(life, case)["replies"]] == ["customer", "operator"]
    assert show(life, case)["state"] == "refunded"
    assert (in_force(life), held(life)) == ([PAYABLE], 0)
    overdue = {e["account_id"] for e in told(life, "case.overdue")}
    assert overdue == {ACME, *(f"a{n}" for n in range(5))}
    assert life.now > START
