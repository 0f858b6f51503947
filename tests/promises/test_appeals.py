"""M1-9 to M1-11: appeals are taken in, their clocks run in business days, and what is decided stays."""

from datetime import datetime, timedelta

import pytest

from chalicelib.domain.moments import from_rfc3339, rfc3339
from tests.support.cases import (
    ACME,
    APPEAL,
    DAY,
    DECISION_DUE,
    FIRST_REPLY_DUE,
    SECOND,
    answer,
    appealed,
    cases,
    decide,
    onemsg,
    reply,
    show,
    told,
)
from tests.support.life import START, Life
from tests.support.rewriting import promise_anew
from tests.support.top_ups import held

HOUR = timedelta(hours=1)
FIRST, LAST = from_rfc3339(FIRST_REPLY_DUE), from_rfc3339(DECISION_DUE)


def case_of(life: Life, **fields) -> str:
    return str(appealed(life, **fields).body["id"])


def alarms(life: Life) -> list[tuple[str, str, list[str]]]:
    """What the clocks said: what, about which deadline, waiting for what."""
    said = told(life, "case.reminded", "case.overdue")
    return [(e["type"], e["data"]["due"], e["data"]["waiting_for"]) for e in said]


# -- M1-9: what an appeal states


def test_an_appeal_with_all_four_statements_starts_its_clocks():
    """M1-9: "stating payment details, date, amount and a description of the situation"."""
    life, _ = onemsg()

    made = appealed(life)

    assert made.status == 201
    assert (made.body["kind"], made.body["state"], made.body["missing"]) == ("appeal", "open", [])
    assert made.body["received_at"] == rfc3339(START)
    assert made.body["first_reply_due"] == FIRST_REPLY_DUE
    assert made.body["decision_due"] == DECISION_DUE
    assert made.body["decision"] is None
    assert [one["id"] for one in cases(life)] == [made.body["id"]]


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"payment": None}, ["payment"]),
        ({"payment": "   "}, ["payment"]),
        ({"date": None}, ["date"]),
        ({"date": "yesterday"}, ["date"]),
        ({"date": "2026-02-30"}, ["date"]),
        ({"date": "2026-01-30T12:00:00Z"}, []),
        ({"amount": None}, ["amount"]),
        ({"amount": {"amount": 0, "currency": "usd"}}, ["amount"]),
        ({"description": None}, ["description"]),
        ({"description": "\n"}, ["description"]),
        (dict.fromkeys(APPEAL), ["payment", "date", "amount", "description"]),
    ],
)
def test_what_is_missing_is_named_and_no_clock_runs(fields, missing):
    """M1-10: "provided the request contains sufficient information to identify the payment and the account"."""
    life, _ = onemsg()

    made = appealed(life, **fields)

    assert (made.status, made.body["missing"]) == (201, missing)
    assert made.body["state"] == ("incomplete" if missing else "open")
    assert ("first_reply_due" in made.body) is (not missing)
    assert ("decision_due" in made.body) is (not missing)


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": "49.00"},
        {"amount": {"amount": 49.5, "currency": "usd"}},
        {"amount": {"amount": -1, "currency": "usd"}},
        {"amount": {"amount": 2**63, "currency": "usd"}},
        {"amount": {"amount": 1, "currency": "USD"}},
        {"payment": 5},
        {"date": ["2026-01-30"]},
        {"description": "x" * 5001},
    ],
)
def test_what_is_no_statement_at_all_is_refused(fields):
    life, _ = onemsg()

    refused = appealed(life, **fields)

    assert (refused.status, refused.code) == (422, "invalid_request")
    assert cases(life) == []


def test_a_customer_completes_an_appeal_by_replying_and_its_clocks_start_then():
    """M1-9, M1-10: the clock starts when it is sufficient."""
    life, _ = onemsg()
    case = case_of(life, payment=None, amount=None)
    life.move("2026-02-03T15:00:00Z")
    half = answer(life, case, payment="pi_9")
    life.move("2026-02-04T23:59:59Z")

    done = answer(life, case, amount={"amount": 100, "currency": "usd"}, text="Here it is.")

    assert half.status == 201
    assert (half.body["missing"], "decision_due" in half.body) == (["amount"], False)
    assert (done.body["missing"], done.body["state"]) == ([], "open")
    assert done.body["first_reply_due"] == "2026-02-10T00:00:00Z"
    assert done.body["decision_due"] == "2026-02-25T00:00:00Z"
    assert done.body["received_at"] == rfc3339(START)
    assert [one["role"] for one in done.body["replies"]] == ["customer", "customer"]


def test_what_was_stated_well_is_not_overwritten_by_a_reply():
    life, _ = onemsg()
    case = case_of(life, payment=None)

    answer(life, case, payment="pi_9", description="Something else.")

    shown = show(life, case)
    assert (shown["payment"], shown["description"]) == ("pi_9", APPEAL["description"])
    assert shown["replies"][0]["description"] == "Something else."


def test_an_incomplete_appeal_reminds_nobody():
    life, _ = onemsg()
    case_of(life, payment=None)

    life.move(LAST + 30 * DAY)

    assert alarms(life) == []


# -- M1-10: the two deadlines, both sides


@pytest.mark.parametrize(
    ("received", "first", "decision"),
    [
        # Saturday: Monday 2 is the first business day, Wednesday 4 the third, Thursday 19 the fourteenth.
        ("2026-01-31T12:00:00Z", "2026-02-05T00:00:00Z", "2026-02-20T00:00:00Z"),
        # Thursday, its last second: Friday, Monday, Tuesday.
        ("2026-02-05T23:59:59Z", "2026-02-11T00:00:00Z", "2026-02-26T00:00:00Z"),
        # Friday, its first second: the day of receipt does not count.
        ("2026-02-06T00:00:00Z", "2026-02-12T00:00:00Z", "2026-02-27T00:00:00Z"),
        # Over the end of the year; the document names no holidays.
        ("2026-12-30T10:00:00Z", "2027-01-05T00:00:00Z", "2027-01-20T00:00:00Z"),
        # Over 29 February.
        ("2028-02-25T10:00:00Z", "2028-03-02T00:00:00Z", "2028-03-17T00:00:00Z"),
    ],
)
def test_a_reply_is_due_after_three_and_a_decision_after_fourteen_business_days(
    received, first, decision
):
    """M1-10: "an initial reply … within 2–3 business days of receipt"; "within no more than 14 business days"."""
    life = Life(start=datetime.fromisoformat(received))
    life.account(ACME, "1msg")

    made = appealed(life)

    assert (made.body["first_reply_due"], made.body["decision_due"]) == (first, decision)


def test_a_first_reply_in_the_last_second_is_in_time():
    """M1-10: "an initial reply … within 2–3 business days of receipt"."""
    life, _ = onemsg()
    case = case_of(life)
    life.move(FIRST - SECOND)

    replied = reply(life, case, text="We are looking into it.")
    life.move(FIRST + HOUR)

    assert replied.status == 201
    assert replied.body["state"] == "in_review"
    assert [one for one in alarms(life) if one[0] == "case.overdue"] == []


def test_a_first_reply_that_is_a_second_late_is_overdue_and_said_so_once():
    """M1-10; overdue is visible, and alarms once at the breach."""
    life, _ = onemsg()
    case = case_of(life)

    life.move(FIRST - SECOND)
    before = alarms(life)
    life.move(FIRST)
    after = alarms(life)
    life.move(FIRST + 7 * DAY)

    assert before == [("case.reminded", FIRST_REPLY_DUE, ["first_reply"])]
    assert after[1:] == [("case.overdue", FIRST_REPLY_DUE, ["first_reply"])]
    assert alarms(life) == after
    (listed,) = life.operator("GET", "/v1/admin/cases").body["data"]
    waiting = [(one["kind"], one["overdue"]) for one in listed["waiting_for"]]
    assert (listed["id"], waiting) == (case, [("first_reply", True), ("decision", False)])


@pytest.mark.parametrize(("at", "overdue"), [(LAST - SECOND, 0), (LAST, 1)])
def test_a_decision_is_in_time_until_the_last_second(at, overdue):
    """M1-10: "A substantive decision … within no more than 14 business days"."""
    life, _ = onemsg()
    case = case_of(life)
    reply(life, case, text="We are looking into it.")

    life.move(at)
    decided = decide(life, case, approve=False)
    life.move(LAST + DAY)

    assert decided.status == 200
    assert len([one for one in alarms(life) if one[0] == "case.overdue"]) == overdue


def test_whoever_must_act_is_reminded_a_day_before_each_deadline():
    life, _ = onemsg()
    case_of(life)
    life.move(FIRST - DAY - SECOND)
    none = alarms(life)
    life.move(FIRST - DAY)
    first = alarms(life)

    life.move(LAST - DAY)

    assert none == []
    assert first == [("case.reminded", FIRST_REPLY_DUE, ["first_reply"])]
    assert alarms(life)[-1] == ("case.reminded", DECISION_DUE, ["decision"])


def test_a_job_that_slept_over_both_says_only_what_is_overdue():
    life, _ = onemsg()
    case_of(life)
    life.sleep(LAST + DAY)

    life.run_jobs()
    life.stream.flow()

    assert [one[0] for one in alarms(life)] == ["case.overdue"]
    assert alarms(life)[0][2] == ["first_reply", "decision"]
    life.run_jobs()
    assert len(alarms(life)) == 1


def test_an_interim_reply_with_its_next_step_stops_the_breach_until_then():
    """M1-10: "a reasoned interim reply with the timing of the next step"."""
    life, _ = onemsg()
    case = case_of(life)
    life.move(LAST - SECOND)
    step = "2026-03-02T00:00:00Z"

    interim = reply(life, case, text="We wait for the bank.", interim=True, next_step_at=step)
    life.move(from_rfc3339(step) - SECOND)
    before = [one for one in alarms(life) if one[0] == "case.overdue"]
    life.move(step)

    assert interim.status == 201
    assert interim.body["next_step_at"] == step
    assert interim.body["decision_due"] == DECISION_DUE
    # The first reply was late: its breach stands.
    assert [one[2] for one in before] == [["first_reply"]]
    assert alarms(life)[-1] == ("case.overdue", step, ["next_step"])


def test_another_interim_reply_names_another_step():
    life, _ = onemsg()
    case = case_of(life)
    for at, step in (
        ("2026-02-04T12:00:00Z", "2026-02-25T00:00:00Z"),
        ("2026-02-24T12:00:00Z", "2026-03-10T00:00:00Z"),
    ):
        life.move(at)
        reply(life, case, text="Not yet.", interim=True, next_step_at=step)

    life.move("2026-03-09T23:59:59Z")
    before = [one for one in alarms(life) if one[0] == "case.overdue"]
    life.move("2026-03-10T00:00:00Z")

    assert before == []
    assert alarms(life)[-1] == ("case.overdue", "2026-03-10T00:00:00Z", ["next_step"])


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "Wait.", "interim": True},
        {"interim": True, "next_step_at": "2026-03-10T00:00:00Z"},
        {"text": "Wait.", "interim": True, "next_step_at": "2026-01-31T12:00:00Z"},
        {"text": "Wait.", "interim": True, "next_step_at": "soon"},
        {"text": "Wait.", "next_step_at": "2026-03-10T00:00:00Z"},
        {"text": "  "},
        {},
    ],
)
def test_an_interim_reply_has_its_reason_and_a_date_ahead(fields):
    """M1-10: "a reasoned interim reply with the timing of the next step"."""
    life, _ = onemsg()
    case = case_of(life)

    refused = reply(life, case, **fields)

    assert (refused.status, refused.code) == (422, "invalid_request")
    assert show(life, case)["replies"] == []


def test_a_customer_cannot_stop_the_clock():
    life, _ = onemsg()
    case = case_of(life)

    refused = answer(
        life, case, text="Take your time.", interim=True, next_step_at="2026-03-10T00:00:00Z"
    )
    answer(life, case, text="Hello?")
    life.move(FIRST)

    assert refused.status == 422
    assert [one[0] for one in alarms(life)] == ["case.reminded", "case.overdue"]


# -- the policy's zone and holidays


@pytest.mark.parametrize(
    ("zone", "received", "first"),
    [
        # 23:30 in Berlin is Thursday 26 March; Monday 30 lies behind the change of clocks: 24:00 is 22:00 UTC then.
        ("Europe/Berlin", "2026-03-26T22:30:00Z", "2026-03-31T22:00:00Z"),
        # One hour later it is Friday there, and the day of receipt does not count.
        ("Europe/Berlin", "2026-03-26T23:00:00Z", "2026-04-01T22:00:00Z"),
        # Before the change, 24:00 is 23:00 UTC.
        ("Europe/Berlin", "2026-03-20T12:00:00Z", "2026-03-25T23:00:00Z"),
        ("America/New_York", "2026-10-29T12:00:00Z", "2026-11-04T05:00:00Z"),
        ("Asia/Singapore", "2026-01-30T15:59:59Z", "2026-02-04T16:00:00Z"),
        ("Asia/Singapore", "2026-01-30T16:00:00Z", "2026-02-04T16:00:00Z"),
        ("Pacific/Kiritimati", "2026-01-30T12:00:00Z", "2026-02-04T10:00:00Z"),
    ],
)
def test_a_business_day_ends_at_midnight_where_the_policy_counts(zone, received, first):
    """M1-17: periods, and where they are counted, are policy keys."""
    life = Life(start=datetime.fromisoformat(received))
    life.account(ACME, "1msg")
    promise_anew(life, "1msg", ('time_zone = "UTC"', f'time_zone = "{zone}"'))

    assert appealed(life).body["first_reply_due"] == first


@pytest.mark.parametrize(
    ("keys", "received", "first"),
    [
        # Thursday 24 December: Friday 25 is a holiday in Singapore, Monday 28 counts.
        ('holidays = []\nholiday_country = "SG"', "2026-12-24T10:00:00Z", "2026-12-31T00:00:00Z"),
        # 1 January too, and it is a holiday of the next year's calendar.
        ('holidays = []\nholiday_country = "SG"', "2026-12-30T10:00:00Z", "2027-01-06T00:00:00Z"),
        # A company's own day off, beside the country's.
        ('holidays = ["2026-12-28"]\nholiday_country = "SG"', "2026-12-24T10:00:00Z",
         "2027-01-01T00:00:00Z"),
        # César Chávez Day is one in California alone.
        ('holidays = []\nholiday_country = "US"', "2026-03-30T10:00:00Z", "2026-04-03T00:00:00Z"),
        ('holidays = []\nholiday_country = "US"\nholiday_subdivision = "CA"', "2026-03-30T10:00:00Z",
         "2026-04-04T00:00:00Z"),
        # A calendar nobody has: counted without, which is the earlier day.
        ('holidays = []\nholiday_country = "QQ"', "2026-12-24T10:00:00Z", "2026-12-30T00:00:00Z"),
    ],
)  # fmt: skip
def test_holidays_are_no_business_days(keys, received, first):
    """M1-10: "business days", with a holiday calendar."""
    life = Life(start=datetime.fromisoformat(received))
    life.account(ACME, "1msg")
    promise_anew(life, "1msg", ("holidays = []", keys))

    assert appealed(life).body["first_reply_due"] == first


def test_a_company_without_deadlines_takes_an_appeal_in_without_any():
    life = Life()
    life.account(ACME)

    made = appealed(life)

    assert (made.status, made.body["state"]) == (201, "open")
    assert "decision_due" not in made.body


# -- M1-11: the decision


@pytest.mark.parametrize("amount", [1, 50_000])
def test_an_approved_appeal_is_credited_to_the_wallet_once(amount):
    """M1-11: "The decision is recorded"; what it grants comes to the wallet within the policy's limit."""
    life, _ = onemsg()
    case = case_of(life)

    decided = decide(life, case, amount=amount)
    life.move(START + DAY)

    assert (decided.status, decided.body["state"]) == (200, "credited")
    assert held(life) == amount
    (entry,) = life.entries(ACME)
    assert (entry["kind"], entry["cause"]) == ("appeal_credited", f"appeal:{case}")


@pytest.mark.parametrize(("amount", "currency"), [(50_001, "usd"), (0, "usd"), (100, "eur")])
def test_an_appeal_credits_nothing_beyond_the_policy(amount, currency):
    life, _ = onemsg()
    case = case_of(life)

    refused = life.operator(
        "POST",
        f"/v1/cases/{case}/decision",
        {"approve": True, "reason": "Yes.", "amount": {"amount": amount, "currency": currency}},
    )

    assert (refused.status, refused.code) == (422, "invalid_request")
    assert (held(life), show(life, case)["decision"]) == (0, None)


def test_an_appeal_may_be_right_without_any_money():
    life, _ = onemsg()
    case = case_of(life)

    decided = decide(life, case)

    assert (decided.body["state"], decided.body["decision"]["amount"]) == ("approved", None)
    assert life.entries(ACME) == []


def test_a_decision_is_never_changed():
    """M1-11: an immutable decision record with author and reasons."""
    life, _ = onemsg()
    case = case_of(life)
    decide(life, case, approve=False)
    before = show(life, case)

    again = decide(life, case, amount=100)
    late = answer(life, case, text="But …"), reply(life, case, text="No.")

    assert (again.status, again.code) == (409, "already_decided")
    assert [(one.status, one.code) for one in late] == [(409, "already_decided")] * 2
    assert show(life, case) == before
    assert before["decision"]["reason"] == "We looked into it."


@pytest.mark.parametrize(
    "body",
    [
        {"approve": True},
        {"approve": True, "reason": " "},
        {"reason": "Because."},
        {"approve": "yes", "reason": "Because."},
        {"approve": False, "reason": "No.", "amount": {"amount": 5, "currency": "usd"}},
        {"approve": True, "reason": "x" * 5001},
    ],
)
def test_a_decision_has_its_reason(body):
    life, _ = onemsg()
    case = case_of(life)

    refused = life.operator("POST", f"/v1/cases/{case}/decision", body)

    assert refused.status == 422
    assert show(life, case)["decision"] is None


def test_a_decided_case_reminds_nobody_any_more():
    life, _ = onemsg()
    case = case_of(life)
    decide(life, case, approve=False)

    life.move(LAST + DAY)

    assert alarms(life) == []
    assert life.operator("GET", "/v1/admin/cases").body["data"] == []
    (closed,) = life.operator("GET", "/v1/admin/cases?state=closed").body["data"]
    assert (closed["id"], closed["state"], closed["account_id"]) == (case, "refused", ACME)
