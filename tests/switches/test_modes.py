"""Shadow, off and the kill switch, through the real routes and jobs: nothing leaves, nothing is lost, and what fell due
meanwhile is done once, with the same result as if it had merely been late."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import wiring
from chalicelib.domain.capabilities import CAPABILITIES, OFF, ON, SHADOW
from chalicelib.store import keys
from infra.cli.main import main
from tests.operators.desk import ACME, DAY, END, NUMBER, PURGE, RELEASE, WHY, Desk

LATER = timedelta(days=60)
ALL = tuple(CAPABILITIES)


def switch(life, **modes):
    """As a deployment with another LAPSE_CAPABILITIES."""
    settings = replace(life.world.settings, capabilities={**dict.fromkeys(ALL, ON), **modes})
    life.world = replace(life.world, settings=settings)
    wiring.use(life.world)


def leaving():
    """Cancelled, with a number, two messages that will not be sent, and fees falling due."""
    desk = Desk()
    desk.life.schedule(ACME, *[(f"m{n}", "sms", END + 30 * DAY, 7) for n in (1, 2)])
    return desk.leave()


def outcome(life):
    """What came of it, but for when a job woke up and what was sent about it."""
    entries = [(e["kind"], e["amount"]["amount"], e["at"]) for e in life.entries(ACME)]
    carrier = {e164: one["status"] for e164, one in life.carrier.view()["numbers"].items()}
    past = life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body["past"]
    done = [
        one["what"]
        for one in past
        if one["what"].startswith("step.") and "reminder" not in one["what"]
    ]
    return entries, carrier, sorted(done)


def report(capsys, *more):
    capsys.readouterr()
    assert main(["shadow", "report", "--json", *more]) == 0
    return json.loads(capsys.readouterr().out)["data"]


def test_in_shadow_nothing_leaves_and_everything_is_worked_out(capsys):
    desk = leaving()
    life = desk.life
    before = outcome(life)
    mail, events = len(life.mail()), len(life.events())
    switch(life, **dict.fromkeys(ALL, SHADOW))

    life.move(RELEASE + 40 * DAY)

    assert outcome(life) == before
    assert (len(life.mail()), len(life.events())) == (mail, events)
    assert life.releases(NUMBER) == []
    noted = {one["step"]: one for one in report(capsys) if not one["step"].startswith("mail:")}
    sub = desk.subscription
    assert noted["numbers_released"]["would"] == {"count": 1}
    assert noted["numbers_released"]["due_at"] == "2026-03-14T12:00:00Z"
    credited = noted[f"messages_credited:{sub}"]["would"]
    assert (credited["count"], credited["amount"]) == (2, {"amount": 14, "currency": "usd"})
    assert f"access_ends:{sub}" in noted
    assert all(one["still_due"] for step, one in noted.items() if not step.startswith("reminder"))


def test_a_shadow_is_written_down_once_however_often_the_job_looks(capsys):
    desk = leaving()
    switch(desk.life, release=SHADOW)
    desk.life.move(RELEASE)
    before = report(capsys)

    desk.life.run_jobs()
    desk.life.move(RELEASE + DAY)
    desk.life.run_jobs()

    assert report(capsys) == before
    # And the customer is not reminded of what will not happen.
    steps = [one["step"] for one in before]
    assert [step for step in steps if not step.startswith("reminder:numbers_released")] == [
        "numbers_released"
    ]


def test_access_ends_by_the_clock_whatever_is_switched():
    desk = leaving()
    switch(desk.life, **dict.fromkeys(ALL, OFF))

    desk.life.move(END - timedelta(seconds=1))
    assert desk.life.features(ACME)["send_sms"]
    desk.life.move(END)
    assert not desk.life.features(ACME)["send_sms"]


@pytest.mark.parametrize("mode", [SHADOW, OFF])
def test_switched_on_after_weeks_it_ends_as_if_it_had_merely_been_late(mode):
    late, meant = leaving().life, leaving().life
    switch(meant)
    switch(late, **dict.fromkeys(ALL, mode))
    for life in (late, meant):
        life.move(RELEASE + LATER)
    assert outcome(late) != outcome(meant)

    switch(late)
    late.run_jobs()
    late.run_jobs()

    assert outcome(late) == outcome(meant)
    assert len(late.releases(NUMBER)) == 1
    late.run_jobs()
    assert outcome(late) == outcome(meant)


def test_events_held_back_leave_once_in_their_order_when_they_may():
    desk = leaving()
    life = desk.life
    before = [one["id"] for one in life.events()]
    switch(life, events=OFF)
    life.move(RELEASE)
    assert [one["id"] for one in life.events()] == before

    switch(life)
    main(["jobs", "run", "catch_up_publishing", "--apply"])

    types = [one["type"] for one in life.events()][len(before) :]
    assert types.index("subscription.ended") < types.index("numbers.released")
    ids = [one["id"] for one in life.events()]
    assert len(set(ids)) == len(ids)
    row = life.world.table.get(keys.published(ACME))
    assert "attempts" not in row


def test_mail_of_the_shadow_is_noted_and_never_sent_later(capsys):
    desk = leaving()
    life = desk.life
    sent = len(life.mail())
    switch(life, mail=SHADOW)
    life.move(END)
    switch(life)
    life.move(END + DAY)

    assert [one["would"]["notice"] for one in report(capsys) if one["step"].startswith("mail:")]
    assert not [m for m in life.mail()[sent:] if m["at"] < "2026-02-28T12:00:01Z"]


def test_what_belongs_to_a_capability_in_shadow_is_not_mailed_either():
    """Beside an older system that still does it, customers must not be told twice."""
    desk = Desk()
    switch(desk.life, cancel=SHADOW)
    desk.life.control("portal_cancel", subscription=desk.subscription)
    desk.life.deliver()

    assert desk.life.status(ACME, desk.subscription) == "pending_cancellation"
    assert desk.life.mail() == []


# -- the API


def test_cancelling_that_is_not_on_says_so_and_keeps_nothing():
    desk = Desk()
    switch(desk.life, cancel=SHADOW)

    refused = desk.life.cancel(ACME, desk.subscription)

    assert (refused.status, refused.code) == (503, "switched_off")
    assert {name.lower(): value for name, value in refused.headers.items()}["retry-after"] == "300"
    assert refused.body["capability"] == "cancel"
    assert "support" in refused.body
    assert desk.told("subscription.cancellation_asked") == []
    assert desk.life.status(ACME, desk.subscription) == "active"


def test_resuming_removing_a_number_and_withdrawing_say_so_too():
    desk = leaving()
    life = desk.life
    assert life.registration(ACME, "reg1").status == 200
    switch(life, cancel=OFF, release=OFF, lapse=SHADOW)

    assert life.resume(ACME, desk.subscription).code == "switched_off"
    gone = life.service("DELETE", f"/v1/numbers/{NUMBER}?account_id={ACME}")
    assert (gone.status, gone.code) == (503, "switched_off")
    gone = life.service("DELETE", f"/v1/registrations/reg1?account_id={ACME}")
    assert (gone.status, gone.code) == (503, "switched_off")
    assert life.releases(NUMBER) == []


def test_operators_see_what_stays_due_and_why():
    desk = leaving()
    switch(desk.life, release=OFF)
    desk.life.move(RELEASE)

    assert desk.step("numbers_released")["switched"] == "off"
    assert "switched" not in desk.step("data_purged")
    job = desk.life.operator("GET", "/v1/admin/jobs/release_numbers").body
    assert job["switched"]["numbers_released"] == "off"
    assert job["backlog"]["count"] == 1


# -- the kill switch


def kill(life, method="POST", reason=WHY):
    return life.operator(method, "/v1/admin/kill-switch", {"reason": reason})


def test_the_kill_switch_stops_everything_and_off_again_all_of_it_is_done():
    stopped, meant = leaving().life, leaving().life
    meant.move(RELEASE + DAY)
    mail, events = len(stopped.mail()), len(stopped.events())
    wiring.use(stopped.world)
    before = outcome(stopped)

    assert kill(stopped).body["kill_switch"]["on"]
    stopped.move(RELEASE + DAY)

    assert outcome(stopped) == before
    assert (len(stopped.mail()), len(stopped.events())) == (mail, events)
    portal = stopped.customer(
        ACME, "POST", "/v1/portal-sessions", {"return_url": "https://app.example.com/"}
    )
    assert (portal.status, portal.code) == (503, "switched_off")

    assert not kill(stopped, "DELETE").body["kill_switch"]["on"]
    stopped.run_jobs()
    stopped.run_jobs()
    after = outcome(stopped)
    wiring.use(meant.world)
    assert after == outcome(meant)


def test_who_turned_it_and_why_is_kept():
    life = Desk().life

    assert kill(life, reason="wrong numbers were released").status == 200
    assert kill(life, reason="me too").status == 200
    kill(life, "DELETE", "they were right")

    shown = life.operator("GET", "/v1/admin/kill-switch").body
    assert [(one["on"], one["reason"]) for one in shown["turned"]] == [
        (False, "they were right"),
        (True, "wrong numbers were released"),
    ]
    assert shown["kill_switch"]["by"]


def test_only_operators_turn_it_and_they_say_why():
    life = Desk().life

    assert kill(life, reason="  ").status == 422
    refused = life.service("POST", "/v1/admin/kill-switch", {"reason": WHY})
    assert (refused.status, refused.code) == (403, "role_required")
    assert not life.operator("GET", "/v1/admin/kill-switch").body["kill_switch"]["on"]


def test_stripe_is_heard_while_it_is_on():
    desk = Desk()
    kill(desk.life)

    desk.life.control("portal_cancel", subscription=desk.subscription)
    desk.life.deliver()

    assert desk.life.status(ACME, desk.subscription) == "pending_cancellation"


def test_turned_in_the_very_moment_of_the_call_nothing_is_called_and_the_step_is_free_again():
    desk = leaving()
    life = desk.life
    life.sleep(RELEASE)
    gate = life.world.gate
    asked = []

    def is_killed():
        asked.append(1)
        return len(asked) > 3

    type(gate).is_killed, real = (lambda self: is_killed()), type(gate).is_killed
    try:
        life.run_jobs()
    finally:
        type(gate).is_killed = real
    assert life.releases(NUMBER) == []

    life.run_jobs()
    life.run_jobs()

    assert len(life.releases(NUMBER)) == 1


def test_from_the_command_line(capsys):
    life = Desk().life
    wiring.use(life.world)

    assert main(["kill-switch", "on", "--reason", "a bug", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kill_switch"]["by"] == "lapse kill-switch"
    assert main(["kill-switch", "show"]) == 0
    assert "a bug" in capsys.readouterr().out
    assert main(["kill-switch", "off", "--reason", " "]) == 2
    assert main(["kill-switch", "off", "--reason", "mended"]) == 0
    assert main(["shadow", "report"]) == 0
    assert capsys.readouterr().out.endswith("nothing\n")


def test_the_purge_takes_the_shadows_with_it(capsys):
    desk = leaving()
    switch(desk.life, release=SHADOW)
    desk.life.move(RELEASE)
    assert report(capsys, "--account", ACME)
    switch(desk.life)

    desk.life.move(PURGE)

    assert report(capsys) == []
