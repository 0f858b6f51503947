"""`lapse case` and `lapse events tail|replay`: what an operator does at a terminal, with the API's own checks."""

import json

import pytest

from infra.cli.main import main
from tests.support.life import Life

ACME = "acme"


@pytest.fixture
def life():
    life = Life()
    life.account(ACME, "1msg")
    life.sub = life.subscribe(ACME, "1msg:channel:month")
    return life


def said(capsys, *arguments):
    code = main(arguments)
    return code, capsys.readouterr().out


@pytest.fixture
def case(life):
    asked = life.customer(ACME, "POST", "/v1/refund-requests", {"subscription_id": life.sub})
    assert asked.status == 201, asked.body
    return asked.body["id"]


def test_the_open_cases_are_listed_with_what_is_due_next(life, case, capsys):
    code, out = said(capsys, "case", "list")
    assert code == 0
    assert case in out

    listed = json.loads(said(capsys, "case", "list", "--json")[1])["data"]
    assert [one["id"] for one in listed] == [case]
    assert said(capsys, "case", "list", "--closed")[1] == "nothing\n"


def test_one_case_with_its_figures(life, case, capsys):
    code, out = said(capsys, "case", "show", case)
    assert code == 0
    assert "eligibility" in out
    assert said(capsys, "case", "show", "nobody")[0] == 1


def test_a_reply_reaches_the_customer(life, case, capsys):
    assert said(capsys, "case", "reply", case, "--text", "We are looking at it.")[0] == 0

    seen = life.customer(ACME, "GET", f"/v1/cases/{case}").body
    assert [one["text"] for one in seen["replies"]] == ["We are looking at it."]


def test_a_bad_reply_is_refused_in_a_sentence(life, case, capsys):
    yesterday = ("--text", "x", "--next-step-at", "2020-01-01T00:00:00Z")
    code, out = said(capsys, "case", "reply", case, *yesterday)

    assert code == 1
    assert "The next step lies in the future." in out


def test_a_decision_is_only_said_until_it_is_applied(life, case, capsys):
    words = ("case", "decide", case, "--approve", "--reason", "nothing was used")
    code, out = said(capsys, *words)
    assert code == 0
    assert "nothing was decided" in out
    assert life.customer(ACME, "GET", f"/v1/cases/{case}").body["decision"] is None

    code, out = said(capsys, *words, "--apply", "--json")
    assert (code, json.loads(out)["decision"]["approve"]) == (0, True)
    past = life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body["past"]
    assert next(one["by"] for one in past if one["what"] == "case.decided").startswith("lapse:")
    assert said(capsys, *words, "--apply")[0] == 1


def test_the_tail_says_what_became_of_each_event(life, capsys):
    life.control("drop_webhooks")
    life.control("portal_cancel", subscription=life.sub)

    code, out = said(capsys, "events", "tail", "--json", "--limit", "50")

    assert code == 0
    lines = json.loads(out)["data"]
    assert [one["created"] for one in lines] == sorted(one["created"] for one in lines)
    assert lines[-1]["here"] == "nothing new, or missed"
    assert "applied" in {one["here"] for one in lines}
    assert "not heard" in {one["here"] for one in lines}


def test_an_event_that_was_missed_is_replayed_by_its_id(life, capsys):
    life.control("drop_webhooks")
    life.control("portal_cancel", subscription=life.sub)
    lines = json.loads(said(capsys, "events", "tail", "--json")[1])["data"]
    missed = lines[-1]["id"]

    code, out = said(capsys, "events", "replay", missed, "--json")

    assert (code, json.loads(out)["outcome"]) == (0, "applied")
    assert life.status(ACME, life.sub) == "pending_cancellation"
    assert said(capsys, "events", "replay", "evt_nobody")[0] == 2
