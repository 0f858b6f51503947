"""`lapse events aside`, `replay`, `endpoints`, `resume`: what could not leave is listed with its reason, and sent again."""

import json
from datetime import timedelta

import pytest

from chalicelib import delivering, publishing, wiring
from chalicelib.domain.moments import rfc3339
from chalicelib.gateways.endpoint_settings import EndpointsWrong
from chalicelib.gateways.events import EventRefused, Gone
from chalicelib.store import outbox, positions
from chalicelib.wiring import MadeWhenAsked
from infra.cli.main import main
from tests.publishing.stages import ALL, Sending, fails, switched, turned

HOUR = timedelta(hours=1)
BAD = fails(EventRefused("MalformedDetail"), "subscription.started")


@pytest.fixture
def stage(monkeypatch):
    """Two accounts, an hour apart, whose second event neither the bus nor the app took."""
    stage = Sending()
    monkeypatch.setattr(wiring, "_world", None)
    stage.listener.fails = stage.app.fails = BAD
    for n, id in enumerate(("acme", "other")):
        stage.leaving(id, f"cus_{n}", f"sub_{n}")
        stage.flow(id)
        stage.move(stage.now + HOUR)
    wiring.use(stage.anew())
    return stage


def said(capsys, *arguments):
    code = main(["events", *arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def listed(capsys, *arguments):
    code, out, _ = said(capsys, *arguments, "--json")
    return code, json.loads(out)


def test_what_was_set_aside_is_listed_with_where_and_why(stage, capsys):
    code, found = listed(capsys, "aside")

    assert code == 0
    assert {(one["account_id"], one["way"]) for one in found["data"]} == {
        (account, way) for account in ("acme", "other") for way in ("bus", "app")
    }
    one = found["data"][0]
    assert one["what"] == "subscription.started"
    assert one["reason"] == "EventRefused: MalformedDetail"
    assert one["id"].startswith(f"{one['account_id']}:")
    assert "EventRefused: MalformedDetail" in said(capsys, "aside")[1]


@pytest.mark.parametrize(
    ("which", "ways"),
    [
        (("--account", "acme"), [("acme", "app"), ("acme", "bus")]),
        (("--account", "acme", "--way", "bus"), [("acme", "bus")]),
        (("--way", "app"), [("acme", "app"), ("other", "app")]),
        (("--account", "nobody"), []),
        (("--way", "crm"), []),
    ],
)
def test_it_can_be_narrowed_down(stage, capsys, which, ways):
    for command in ("aside", "replay"):
        _, found = listed(capsys, command, *which)
        assert sorted((one["account_id"], one["way"]) for one in found["data"]) == ways


def test_since_means_that_instant_or_later(stage, capsys):
    second = stage.now - HOUR
    for since, accounts in ((second, {"other"}), (second + timedelta(seconds=1), set())):
        _, found = listed(capsys, "aside", "--since", rfc3339(since))
        assert {one["account_id"] for one in found["data"]} == accounts


def test_an_instant_that_is_none_is_refused(stage, capsys):
    with pytest.raises(SystemExit):
        main(["events", "aside", "--since", "yesterday"])
    assert "2026-12-01T00:00:00Z" in capsys.readouterr().err


def test_without_apply_nothing_is_sent(stage, capsys):
    stage.listener.fails = stage.app.fails = fails(None)

    code, out, _ = said(capsys, "replay")

    assert code == 0
    assert "nothing was sent: --apply does it" in out
    assert len(stage.app.events) == 4
    assert len(stage.set_aside()) == 4


def test_with_apply_it_leaves_under_the_id_it_always_had_and_only_once(stage, capsys):
    ids = {one["id"] for one in stage.crm.events}
    stage.listener.fails = stage.app.fails = fails(None)

    code, sent = listed(capsys, "replay", "--apply")
    again_code, again = listed(capsys, "replay", "--apply")

    assert (code, sent["applied"], sent["sent"]) == (0, True, 4)
    assert (again_code, again["sent"], again["data"]) == (0, 0, [])
    for way in (stage.listener, stage.app):
        assert {one["id"] for one in way.events} == ids
        assert len(way.events) == 6
        assert {one["sequence"] for one in way.events} == {o["sequence"] for o in stage.crm.events}
    assert stage.set_aside() == []


def test_one_is_sent_by_its_id(stage, capsys):
    stage.listener.fails = stage.app.fails = fails(None)
    (id,) = {one.id for one in stage.set_aside() if one.account_id == "acme"}

    code, sent = listed(capsys, "replay", id, "--apply")

    assert (code, sent["sent"]) == (0, 2)
    assert {one.account_id for one in stage.set_aside()} == {"other"}


def test_what_still_cannot_leave_stays_aside_with_its_new_reason(stage, capsys):
    stage.listener.fails = fails(None)
    stage.app.fails = fails(OSError("down"))

    code, out, _ = said(capsys, "replay", "--apply")

    assert code == 1
    assert " OSError" in out
    assert {one.way for one in stage.set_aside()} == {"app"}
    assert sorted(stage.listener.types) == sorted(ALL * 2)


def test_an_id_that_is_not_aside_is_nothing_to_do(stage, capsys):
    assert said(capsys, "replay", "acme:never", "--apply") == (0, "nothing\n", "")


def test_an_event_of_stripe_s_has_nothing_to_do_with_what_is_ours(stage, capsys):
    code, _, err = said(capsys, "replay", "evt_1", "--account", "acme")

    assert code == 2
    assert "about our own events" in err


def test_while_events_are_switched_off_nothing_is_replayed(stage, capsys):
    stage.listener.fails = stage.app.fails = fails(None)
    wiring.use(switched(stage, "shadow"))
    code, _, err = said(capsys, "replay", "--apply")
    assert (code, err) == (2, "lapse: nothing was done: events is shadow\n")

    wiring.use(stage.anew())
    turned(stage, on=True)
    code, _, err = said(capsys, "replay", "--apply")
    assert (code, err) == (2, "lapse: nothing was done: the kill switch is on\n")
    assert len(stage.set_aside()) == 4


def test_for_an_endpoint_that_is_not_set_up_here_nothing_is_sent(stage, capsys):
    wiring.use(stage.anew(endpoints={}))

    code, sent = listed(capsys, "replay", "--way", "app", "--apply")

    assert code == 1
    assert {one["outcome"] for one in sent["data"]} == {"no endpoint called app is set up here"}


def test_what_nobody_could_read_is_told_to_the_customer_as_well_once_it_can_be_read(
    stage, capsys, monkeypatch
):
    from chalicelib.domain import news

    read = news.events
    monkeypatch.setattr(news, "events", lambda *_: (_ for _ in ()).throw(KeyError("broken")))
    stage.listener.fails = stage.app.fails = fails(None)
    stage.number("+14155550100")
    stage.flow("acme")
    monkeypatch.setattr(news, "events", read)
    assert {one.way for one in stage.set_aside()} == {"bus", "app", "crm"}

    assert listed(capsys, "replay", "--apply")[0] == 0

    assert stage.set_aside() == []
    assert "number.added" in stage.crm.types


def test_a_customer_who_could_not_be_told_is_told_when_it_is_replayed(stage, capsys, monkeypatch):
    stage.listener.fails = stage.app.fails = fails(None)
    told, read = len(stage.listener.mail), outbox.notices_of
    monkeypatch.setattr(outbox, "notices_of", lambda _: (_ for _ in ()).throw(KeyError("broken")))
    stage.resume("sub_0")
    stage.flow("acme")
    monkeypatch.setattr(outbox, "notices_of", read)
    assert len(stage.listener.mail) == told

    for _ in range(2):
        assert listed(capsys, "replay", "--account", "acme", "--apply")[0] == 0

    assert len(stage.listener.mail) == told + 1


# -- endpoints


def test_the_endpoints_are_listed_with_how_they_stand(stage, capsys):
    def wrong():
        raise EndpointsWrong("endpoint old: url is an https address")

    stage.crm.fails = fails(Gone("status_410"))
    stage.number("+14155550100")
    stage.flow()
    made = {"app": lambda: stage.app, "crm": lambda: stage.crm, "old": wrong}
    wiring.use(stage.anew(endpoints=MadeWhenAsked(made)))

    code, found = listed(capsys, "endpoints")

    assert code == 0
    app, crm, old = found["data"]
    assert (app["name"], app["host"], app["state"]) == ("app", "app.example.com", "open")
    assert (crm["state"], crm["reason"]) == ("stopped", "status_410")
    assert (old["state"], old["reason"]) == ("unusable", "endpoint old: url is an https address")
    assert "status_410" in said(capsys, "endpoints")[1]


def test_one_that_was_stopped_is_resumed_with_apply(stage, capsys):
    stage.crm.fails = fails(Gone("status_410"))
    stage.number("+14155550100")
    stage.flow()
    stage.crm.fails = fails(None)

    code, out, _ = said(capsys, "resume", "crm")
    assert code == 0
    assert "nothing was done: --apply does it" in out
    assert delivering.stopped(stage.world, "crm") is not None

    code, out, _ = said(capsys, "resume", "crm", "--apply")
    assert (code, out) == (0, "crm gets what waited for it within five minutes\n")
    stage.ticks(1)
    assert "number.added" in stage.crm.types
    assert said(capsys, "resume", "crm", "--apply")[1] == "crm is not stopped\n"


def test_resuming_reaches_accounts_that_a_walk_under_way_has_passed(stage, capsys):
    stage.crm.fails = fails(Gone("status_410"))
    for id in ("acme", "other"):
        stage.number("+14155550100" if id == "acme" else "+14155550101", account_id=id)
        stage.flow(id)
    stage.crm.fails = fails(None)
    publishing.catch_up(stage.anew())
    stops = iter((False, False, True))
    stage.number("+14155550102", account_id="other")
    stage.number("+14155550103", account_id="acme")
    publishing.catch_up(stage.anew(), lambda: next(stops, True))
    stage.move(stage.now + HOUR)
    wiring.use(stage.anew())

    assert said(capsys, "resume", "crm", "--apply")[0] == 0
    stage.ticks(1)

    for id in ("acme", "other"):
        assert not positions.position(stage.table, id, "crm").lags


def test_one_that_nobody_knows_cannot_be_resumed(stage, capsys):
    code, _, err = said(capsys, "resume", "nobody", "--apply")

    assert (code, err) == (2, "lapse: there is no endpoint 'nobody'\n")
