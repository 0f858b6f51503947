"""`lapse reconcile`: dry unless told to, the report adds up, and the exit code says whether something is left."""

import io
import json
import sys

import pytest

from infra.cli.main import main
from tests.support.life import Life
from tests.truth.worlds import CALLING, MESSAGING, subscribe_at_stripe


@pytest.fixture
def life():
    life = Life()
    life.customers = {id: life.account(id) for id in ("one", "two", "gone")}
    life.subs = {id: life.subscribe(id) for id in life.customers}
    life.control("cancel_now", subscription=life.subs["gone"])
    life.sleep("2026-03-01T00:00:00Z")
    life.run_jobs()
    life.control("drop_webhooks")
    return life


def said(capsys, *arguments):
    code = main(list(arguments))
    return code, capsys.readouterr().out


def test_all_equal(life, capsys):
    code, out = said(capsys, "reconcile", "--json")

    assert code == 0
    assert json.loads(out) == {
        "applied": False, "looked_at": 3, "equal": 2, "nothing_live": 1, "drifted": {},
        "repaired": {}, "could_not": 0, "at_stripe": {}, "drift": [],
    }  # fmt: skip


def test_dry_it_says_what_differs_and_changes_nothing(life, capsys):
    life.control("portal_cancel", subscription=life.subs["one"])
    subscribe_at_stripe(life, "gone", MESSAGING)

    for _ in range(2):
        code, out = said(capsys, "reconcile", "--json")
        report = json.loads(out)
        assert code == 1
        assert report["drifted"] == {"subscription.cancellation_scheduled": 1}
        assert report["at_stripe"] == {"drifted: subscription_unknown_here": 1}
    assert life.status("one", life.subs["one"]) == "active"

    code, out = said(capsys, "reconcile")
    assert "nothing was changed: --apply" in out


def test_applied_it_repairs_and_says_so(life, capsys):
    life.control("portal_cancel", subscription=life.subs["one"])
    calling = subscribe_at_stripe(life, "two", CALLING)

    code, out = said(capsys, "reconcile", "--apply", "--json")

    report = json.loads(out)
    assert code == 0, report
    assert report["repaired"] == {"subscription.cancellation_scheduled": 1}
    assert report["at_stripe"] == {"repaired: subscription_unknown_here": 1}
    assert life.status("one", life.subs["one"]) == "pending_cancellation"
    assert life.status("two", calling) == "active"
    assert said(capsys, "reconcile")[0] == 0


def test_one_account_alone(life, capsys):
    life.control("portal_cancel", subscription=life.subs["one"])
    life.control("portal_cancel", subscription=life.subs["two"])

    code, out = said(capsys, "reconcile", "--account", "one", "--apply", "--json")

    assert (code, json.loads(out)["looked_at"]) == (0, 1)
    assert life.status("one", life.subs["one"]) == "pending_cancellation"
    assert life.status("two", life.subs["two"]) == "active"
    assert said(capsys, "reconcile", "--account", "nobody")[0] == 2


def test_what_only_a_person_can_mend_is_said_with_what_to_do(life, capsys):
    subscribe_at_stripe(life, "one", MESSAGING)
    said(capsys, "reconcile", "--apply")

    code, out = said(capsys, "reconcile")

    assert code == 1
    assert "two_live_of_one_plan" in out
    assert "pays twice" in out


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("typed", "code"), [("jobs run\n", 0), ("yes\n", 2)])
def test_at_a_terminal_a_run_is_confirmed_by_typing_it(life, capsys, monkeypatch, typed, code):
    monkeypatch.setattr(sys, "stdin", Terminal(typed))

    assert said(capsys, "jobs", "run", "reconcile", "--apply")[0] == code


def test_a_dry_run_can_be_asked_for_by_its_name(life, capsys):
    assert said(capsys, "jobs", "run", "reconcile", "--dry-run")[0] == 0
