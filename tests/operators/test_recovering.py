"""SC-7, SC-8: an operator has a released number back, while its carrier still gives it back.

Through the real routes and jobs, and by the command line; the local carrier keeps a released number for ten days.
"""

import io
import json
import sys
from datetime import timedelta

import pytest

from chalicelib import wiring
from chalicelib.domain.moments import rfc3339
from chalicelib.gateways.stripe import Stripe, StripeRefused
from infra.cli.main import main
from tests.operators.desk import ACME, DAY, NUMBER, RELEASE, WHY, Desk
from tests.support.life import Life

OTHER = "+14155550177"
SECOND = timedelta(seconds=1)
BACK = RELEASE + DAY
UNTIL = RELEASE + 10 * DAY


def released(back=BACK):
    """Its numbers were released fourteen days after the end; then the customer came back."""
    desk = Desk().leave()
    desk.life.move(back)
    assert desk.life.at_carrier()[NUMBER] == "released"
    desk.life.subscribe(ACME)
    return desk


@pytest.fixture
def desk():
    return released()


def recover(desk, number=NUMBER, account_id=ACME, reason=WHY, **more):
    return desk.life.operator(
        "POST",
        f"/v1/admin/numbers/{number}/recovery",
        {"account_id": account_id, "reason": reason},
        **more,
    )


def numbers(desk):
    return {n["number"]: n for n in desk.life.membership(ACME)["numbers"]}


def calls(desk, call="recover"):
    record = desk.life.carrier.view()["numbers"][NUMBER]
    return [one["outcome"] for one in record["calls"] if one["call"] == call]


def test_the_number_is_the_accounts_again(desk):
    reply = recover(desk)

    assert reply.status == 200, reply.body
    assert (reply.body["number"], reply.body["status"]) == (NUMBER, "active")
    assert desk.life.at_carrier()[NUMBER] == "active"
    assert numbers(desk)[NUMBER]["status"] == "active"
    assert desk.life.membership(ACME)["gone"]["numbers"] == []
    taken = desk.life.service("PUT", f"/v1/numbers/{NUMBER}", other_account(desk))
    assert (taken.status, taken.code) == (409, "taken")


def other_account(desk):
    desk.life.account("globex")
    return {
        "account_id": "globex",
        "provider": "local",
        "provider_id": "PN9",
        "monthly_fee": {"amount": 100, "currency": "usd"},
        "bought_at": rfc3339(desk.life.now),
    }


def shown_on_the_timeline(desk):
    return {one["number"]: one for one in desk.timeline()["numbers"]}[NUMBER]


def test_the_timeline_says_until_when_and_no_longer(desk):
    assert shown_on_the_timeline(desk) == {
        "number": NUMBER,
        "status": "released",
        "provider": "local",
        "released_at": rfc3339(RELEASE),
        "recoverable_until": rfc3339(UNTIL),
    }

    desk.life.move(UNTIL - SECOND)
    assert shown_on_the_timeline(desk)["recoverable_until"] == rfc3339(UNTIL)
    desk.life.move(UNTIL)
    assert shown_on_the_timeline(desk)["recoverable_until"] is None


def test_who_did_it_and_why_stays_in_the_history(desk):
    recover(desk)

    (asked,) = desk.told("number.recovery_asked")
    (had,) = desk.told("number.recovered")
    assert asked["why"]["reason"] == WHY
    assert asked["by"] != "sweep"
    assert had["data"]["number"] == NUMBER


def test_the_customer_is_told_and_so_are_other_systems(desk):
    recover(desk)
    desk.life.move(desk.life.now + timedelta(minutes=10))

    (mail,) = [m for m in desk.life.outbox.view()["mail"] if "yours again" in m["subject"]]
    assert NUMBER in mail["subject"]
    assert "nothing is charged for the time between" in mail["text"]
    events = [e for e in desk.life.outbox.view()["events"] if e["type"] == "number.recovered"]
    assert [e["data"]["number"] for e in events] == [NUMBER]


def test_fees_go_on_from_the_next_date_of_its_cycle_and_none_is_charged_for_the_gap(desk):
    """SC-6: bought on the 31st of January, released on the 14th of March, back on the 15th."""
    before = desk.life.entries(ACME, "number_fee")

    reply = recover(desk)

    assert reply.body["next_fee_at"] == "2026-03-31T12:00:00Z"
    desk.life.move("2026-03-31T11:59:59Z")
    assert desk.life.entries(ACME, "number_fee") == before
    desk.life.move("2026-03-31T12:00:00Z")
    assert len(desk.life.entries(ACME, "number_fee")) == len(before) + 1


def test_it_can_be_had_until_the_carriers_time_is_over_and_not_a_second_longer():
    in_time, late = released(UNTIL - SECOND), released(UNTIL)

    wiring.use(in_time.life.world)
    assert recover(in_time).status == 200
    wiring.use(late.life.world)
    refused = recover(late)
    assert (refused.status, refused.code) == (409, "not_recoverable")
    assert rfc3339(UNTIL) in refused.body["detail"]
    assert calls(late) == []


def test_without_a_live_plan_it_would_be_released_again_at_once_so_it_is_refused():
    desk = Desk().leave()
    desk.life.move(BACK)

    refused = recover(desk)

    assert (refused.status, refused.code) == (409, "no_live_plan")
    assert "subscribe first" in refused.body["detail"]
    assert calls(desk) == []


def test_stripe_is_asked_first_and_without_its_answer_nothing_is_rented(desk):
    """It costs rent: whether the plan that needs it is still there is for Stripe to say."""
    desk.life.faults.order({"target": "stripe", "kind": "error", "count": 10})

    refused = recover(desk)

    assert (refused.status, refused.code) == (503, "stripe_unavailable")
    assert calls(desk) == []
    desk.life.faults.order({"target": "stripe", "kind": "error", "count": 0})
    assert recover(desk).status == 200


def test_where_stripe_knows_no_such_customer_nothing_is_rented_and_the_sentence_says_where_to_look(
    desk, monkeypatch
):
    def refused(*_given):
        raise StripeRefused("resource_missing", "No such customer")

    monkeypatch.setattr(Stripe, "subscriptions_of", refused)

    answer = recover(desk)

    assert (answer.status, answer.code) == (409, "no_live_plan")
    assert "See whether the account names the right customer." in answer.body["detail"]
    assert calls(desk) == []


def test_a_number_that_another_account_has_by_now_is_taken(desk):
    put = desk.life.service("PUT", f"/v1/numbers/{NUMBER}", other_account(desk))
    assert put.status == 200

    refused = recover(desk)

    assert (refused.status, refused.code) == (409, "taken")
    assert calls(desk) == []


def test_a_carrier_that_gives_nothing_back_says_so(desk, monkeypatch):
    monkeypatch.setattr(type(desk.life.carrier), "recoverable_for", None)

    refused = recover(desk)

    assert (refused.status, refused.code) == (409, "not_recoverable")
    assert "local never gives a released number back" in refused.body["detail"]


def test_a_carrier_that_is_not_set_up_any_more_says_so(desk):
    desk.life.world.carriers.inner.pop("local")

    refused = recover(desk)

    assert (refused.status, refused.code) == (409, "not_recoverable")
    assert "set up here" in refused.body["detail"]


@pytest.mark.parametrize(
    ("number", "account_id"),
    [(OTHER, ACME), (NUMBER, "nobody"), ("x" * 300, ACME)],
)
def test_a_number_the_account_never_had_is_not_found(desk, number, account_id):
    assert recover(desk, number, account_id).status == 404


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_no_reason_no_recovery(desk, reason):
    refused = recover(desk, reason=reason)

    assert (refused.status, refused.code) == (422, "invalid_request")
    assert calls(desk) == []


@pytest.mark.parametrize("caller", ["customer", "service"])
def test_only_operators_may(desk, caller):
    body = {"account_id": ACME, "reason": WHY}
    path = f"/v1/admin/numbers/{NUMBER}/recovery"
    if caller == "customer":
        refused = desk.life.customer(ACME, "POST", path, body)
    else:
        refused = desk.life.service("POST", path, body)

    assert (refused.status, refused.code) == (403, "role_required")
    assert calls(desk) == []


def test_asking_again_changes_nothing(desk):
    first = recover(desk)
    again = recover(desk)

    assert (first.status, again.status) == (200, 200)
    assert again.body["status"] == "active"
    assert calls(desk) == ["done"]
    assert len(desk.told("number.recovered")) == 1


def test_a_number_that_was_never_released_is_the_accounts_already():
    desk = Desk()

    assert recover(desk).body["status"] == "active"
    assert calls(desk) == []
    assert desk.told("number.recovery_asked") == []


@pytest.mark.parametrize("kind", ["error", "timeout", "throttle", "answer_lost"])
def test_a_carrier_that_does_not_answer_is_asked_again_until_it_has(desk, kind):
    desk.life.faults.order({"target": "carrier", "kind": kind, "count": 1})

    reply = recover(desk)

    assert (reply.status, reply.body["status"]) == (202, "recovering")
    assert numbers(desk) == {}
    step = desk.step("number_recovered")
    assert (step["attempts"], step["subject"]) == (1, NUMBER)

    desk.life.move(desk.life.now + timedelta(minutes=10))

    assert desk.life.at_carrier()[NUMBER] == "active"
    assert numbers(desk)[NUMBER]["status"] == "active"
    assert calls(desk).count("done") == 1
    assert "number_recovered" not in desk.kinds("future") + desk.kinds("failed")


def test_asking_again_while_the_carrier_has_not_answered_asks_the_carrier_again(desk):
    desk.life.faults.order({"target": "carrier", "kind": "timeout", "count": 1})
    assert recover(desk).status == 202

    assert recover(desk).status == 200
    assert len(desk.told("number.recovery_asked")) == 1


def test_a_carrier_that_changes_its_mind_is_believed(desk, monkeypatch):
    """Its time was not over by our reckoning, and the carrier says that it is."""
    from chalicelib.gateways.carriers import NotRecoverable

    def refuse(*_, **__):
        raise NotRecoverable

    monkeypatch.setattr(type(desk.life.carrier), "recover_number", refuse)

    refused = recover(desk)

    assert (refused.status, refused.code) == (409, "not_recoverable")
    (said,) = desk.told("number.not_recovered")
    assert said["why"]["reason"] == "not_recoverable"
    assert "number_recovered" not in desk.kinds("future") + desk.kinds("failed")


def test_nobody_takes_a_recovery_as_done_before_the_carrier_has_answered(desk):
    desk.life.faults.order({"target": "carrier", "kind": "timeout", "count": 1})
    recover(desk)

    refused = desk.act("waive", "number_recovered")

    assert (refused.status, refused.code) == (409, "blocked")
    assert "rented again" in refused.body["detail"]


def test_a_recovered_number_is_released_again_with_the_next_end(desk):
    """SC-8, under another key than the first time: the carrier must not take it for done."""
    recover(desk)
    (live,) = [
        s["id"] for s in desk.life.membership(ACME)["subscriptions"] if s["status"] == "active"
    ]
    desk.life.cancel(ACME, live)
    end = desk.life.access_ends_at(ACME, live)

    desk.life.move(end + 14 * DAY - SECOND)
    assert desk.life.at_carrier()[NUMBER] == "active"
    desk.life.move(end + 14 * DAY)

    assert desk.life.at_carrier()[NUMBER] == "released"
    assert calls(desk, "release") == ["done", "done"]


def test_the_purge_waits_for_a_recovery_that_has_no_answer(desk):
    """A number that may be rented must not be forgotten."""
    desk.life.faults.order({"target": "carrier", "kind": "timeout", "count": 10_000})
    recover(desk)
    (live,) = [
        s["id"] for s in desk.life.membership(ACME)["subscriptions"] if s["status"] == "active"
    ]
    desk.life.cancel(ACME, live)
    end = desk.life.access_ends_at(ACME, live)

    desk.life.move(end.replace(year=end.year + 1) + DAY)
    assert "data_purged" in desk.kinds("failed")

    desk.life.faults.order({"target": "carrier", "kind": "timeout", "count": 0})
    desk.life.move(desk.life.now + 2 * DAY)
    assert "data_purged" not in desk.kinds("failed") + desk.kinds("future")


# -- by the command line


def said(capsys, *arguments, typed="", monkeypatch=None):
    if monkeypatch is not None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    code = main(["number", "recover", *arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


WHOSE = ("--account", ACME, "--reason", WHY)


def test_the_command_only_says_whether_it_can_be_had(desk, capsys):
    code, out, _ = said(capsys, NUMBER, *WHOSE)

    assert code == 0
    assert f"can be had back until {rfc3339(UNTIL)}" in out
    assert "nothing was done" in out
    assert calls(desk) == []

    code, out, _ = said(capsys, NUMBER, *WHOSE, "--json")
    assert json.loads(out) == {
        "number": NUMBER,
        "recoverable_until": rfc3339(UNTIL),
        "applied": False,
    }


def test_the_command_does_it_when_the_number_is_typed_again(desk, capsys, monkeypatch):
    code, out, err = said(
        capsys, NUMBER, *WHOSE, "--apply", typed=f"{NUMBER}\n", monkeypatch=monkeypatch
    )

    assert (code, "again" in out) == (0, True)
    assert "Type it to go on" in err
    assert desk.life.at_carrier()[NUMBER] == "active"
    (asked,) = desk.told("number.recovery_asked")
    assert asked["by"].startswith("cli:")
    assert asked["why"]["reason"] == WHY


@pytest.mark.parametrize("typed", ["", "\n", "yes\n", f"{OTHER}\n"])
def test_whoever_does_not_type_it_again_does_nothing(desk, capsys, monkeypatch, typed):
    code, _, err = said(capsys, NUMBER, *WHOSE, "--apply", typed=typed, monkeypatch=monkeypatch)

    assert code == 1
    assert "nothing was done" in err
    assert calls(desk) == []


def test_a_script_may_confirm_on_the_line_and_read_the_answer_as_json(desk, capsys):
    code, out, _ = said(capsys, NUMBER, *WHOSE, "--apply", "--confirm", NUMBER, "--json")

    assert code == 0
    answer = json.loads(out)
    assert (answer["status"], answer["applied"]) == ("active", True)


def test_the_command_says_why_not(capsys):
    desk = Desk().leave()
    desk.life.move(BACK)

    code, _, err = said(capsys, NUMBER, *WHOSE)
    assert (code, "subscribe first" in err) == (1, True)
    code, out, _ = said(capsys, NUMBER, *WHOSE, "--json")
    assert (code, json.loads(out)["code"]) == (1, "no_live_plan")
    code, _, err = said(capsys, OTHER, *WHOSE)
    assert (code, "never had the number" in err) == (2, True)
    code, _, err = said(capsys, NUMBER, "--account", "nobody", "--reason", WHY)
    assert (code, "no account" in err) == (2, True)


def test_a_number_that_is_none_and_a_reason_that_is_none_are_refused(capsys):
    Desk(Life())
    for arguments in (("4155550100", *WHOSE), (NUMBER, "--account", ACME, "--reason", " ")):
        with pytest.raises(SystemExit) as ended:
            said(capsys, *arguments)
        assert ended.value.code == 2
