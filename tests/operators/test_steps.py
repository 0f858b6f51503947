"""Hold, retry, waive: what each does, what it leaves alone, and that saying it twice changes nothing."""

from datetime import timedelta

import pytest

from chalicelib.domain.step_keys import key_of
from tests.operators.desk import ACME, DAY, END, NUMBER, PURGE, RELEASE, WHY, Desk

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk():
    return Desk().leave()


def due_index(desk):
    rows = desk.life.watch
    return [
        due.key.sk
        for kind in ("numbers_released", "data_purged")
        for shard in range(2)
        for due in rows.due(f"{kind}#{shard}", "9999").due
    ]


def test_a_held_step_is_not_carried_out_on_its_day_nor_long_after(desk):
    assert desk.act("hold", "numbers_released").status == 200
    assert "step#numbers_released" not in due_index(desk)

    desk.life.move(RELEASE + 60 * DAY)

    assert desk.life.releases(NUMBER) == []
    held = desk.step("numbers_released", ["held"])
    assert held["held"]["reason"] == WHY
    assert held["held"]["by"]
    assert held["overdue"] is True


def test_a_released_step_comes_at_its_own_date_and_not_a_second_earlier(desk):
    key = desk.step("numbers_released")["key"]
    desk.act("hold", key)
    assert desk.act("retry", key).status == 200

    desk.life.move(RELEASE - SECOND)
    assert desk.life.releases(NUMBER) == []
    desk.life.move(RELEASE)

    assert desk.life.releases(NUMBER) == [RELEASE]


def test_a_step_released_after_its_date_is_carried_out_by_the_next_sweep(desk):
    desk.act("hold", "numbers_released")
    desk.life.move(RELEASE + 5 * DAY)

    desk.act("retry", "numbers_released")
    desk.life.run_jobs()

    assert desk.life.releases(NUMBER) == [RELEASE + 5 * DAY]
    assert [one["why"]["reason"] for one in desk.told("step.released")] == [WHY]


def test_a_hold_survives_a_return_and_another_cancellation(desk):
    key = desk.step("numbers_released")["key"]
    desk.act("hold", key)
    assert desk.life.resume(ACME, desk.subscription).status == 200
    assert desk.step("numbers_released", ["held"])["due_at"] is None
    desk.life.move(END + DAY)
    again = desk.life.cancel(ACME, desk.subscription)
    assert again.status == 200

    desk.life.move(RELEASE + 90 * DAY)

    assert desk.life.releases(NUMBER) == []
    assert desk.step("numbers_released", ["held"])["key"] == key


def test_a_hold_stands_where_the_index_lags_behind(desk):
    """The sweep is handed the step by a stale index, and finds that it is on hold."""
    from chalicelib import sweeping

    desk.act("hold", "numbers_released")
    desk.life.wait(RELEASE + DAY)

    assert sweeping.carry_out(desk.life.world, ACME, "numbers_released") == "called off"
    assert desk.life.releases(NUMBER) == []


def test_a_held_step_is_not_announced_to_the_customer(desk):
    assert "numbers_released" in desk.life.upcoming(ACME)

    desk.act("hold", "numbers_released")

    assert "numbers_released" not in desk.life.upcoming(ACME)


def test_retrying_starts_a_failed_step_anew_at_once(desk):
    desk.life.move(RELEASE - SECOND)
    desk.life.faults.order({"target": "carrier", "kind": "error", "count": 1})
    desk.life.wait(RELEASE)
    desk.life.run_jobs()
    failed = desk.step("numbers_released", ["failed"])
    assert failed["attempts"] == 1
    assert failed["last_error"].startswith("carrier:")
    assert failed["next_try_at"] > failed["due_at"]

    reply = desk.act("retry", "numbers_released")
    desk.life.run_jobs()

    assert (reply.status, reply.body["attempts"], reply.body["last_error"]) == (200, 0, None)
    assert desk.life.releases(NUMBER) == [RELEASE]
    (told,) = desk.told("step.retried")
    assert (told["why"]["reason"], bool(told["by"])) == (WHY, True)


def test_retrying_what_is_not_due_carries_nothing_out(desk):
    reply = desk.act("retry", "numbers_released")
    desk.life.run_jobs()

    assert reply.status == 200
    assert reply.body["due_at"] == "2026-03-14T12:00:00Z"
    assert desk.life.releases(NUMBER) == []
    assert desk.told("step.retried") == []


def test_a_waived_step_is_never_carried_out(desk):
    reply = desk.act("waive", "numbers_released")

    desk.life.move(RELEASE + 60 * DAY)

    assert (reply.status, reply.body["waived"]) == (200, True)
    assert desk.life.releases(NUMBER) == []
    (told,) = desk.told("step.waived")
    assert told["why"]["reason"] == WHY
    assert told["data"]["step"] == "numbers_released"


def test_a_number_bought_afterwards_does_not_bring_a_waived_release_back(desk):
    desk.act("waive", "numbers_released")
    desk.life.move(RELEASE + DAY)
    desk.life.number(ACME, "+14155550199")
    desk.life.move(RELEASE + 2 * DAY)

    assert desk.life.releases(NUMBER) == []


def test_a_waiver_is_for_one_date_a_later_end_is_due_again(desk):
    desk.act("waive", "numbers_released")
    desk.life.resume(ACME, desk.subscription)
    desk.life.move(END + DAY)
    desk.life.cancel(ACME, desk.subscription)

    desk.life.move(END + 60 * DAY)

    assert len(desk.life.releases(NUMBER)) == 1


def test_a_waived_fee_is_passed_over_and_the_next_one_is_charged():
    desk = Desk()
    desk.act("waive", "number_fee")
    fees = [one for one in desk.life.membership(ACME)["upcoming"] if one["kind"] == "number_fee"]
    assert [one["at"] for one in fees] == ["2026-03-31T12:00:00Z"]

    desk.life.move(END + DAY)
    assert desk.life.entries(ACME, "number_fee") == []
    desk.life.move("2026-04-01T00:00:00Z")

    assert [e["at"] for e in desk.life.entries(ACME, "number_fee")] == ["2026-03-31T12:00:00Z"]


def test_a_waived_removal_counts_the_number_as_gone_without_asking_the_carrier(desk):
    desk.life.faults.order({"target": "carrier", "kind": "error", "count": 1})
    removed = desk.life.customer(ACME, "DELETE", f"/v1/numbers/{NUMBER}")
    assert removed.status < 300, removed.body
    desk.life.run_jobs()

    reply = desk.act("waive", "number_removed")
    desk.life.move(RELEASE)

    assert reply.status == 200, reply.body
    assert desk.life.releases(NUMBER) == []
    assert [n["status"] for n in desk.life.membership(ACME)["numbers"]] in ([], ["released"])


def test_the_end_of_access_is_never_waived(desk):
    reply = desk.act("waive", "access_ends")

    assert (reply.status, reply.code) == (409, "blocked")
    desk.life.move(END)
    assert desk.life.membership(ACME, "status") == ["canceled"]


@pytest.mark.parametrize("what", ["hold", "retry", "waive"])
@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, None, 7, ["a"]])
def test_a_reason_is_needed(desk, what, reason):
    reply = desk.act(what, "numbers_released", reason)

    assert (reply.status, reply.body["errors"][0]["pointer"]) == (422, "/reason")


@pytest.mark.parametrize("what", ["hold", "waive"])
@pytest.mark.parametrize("reason", ["x", "x" * 500, "<script>alert(1)</script>", "\u202egnp.exe"])
def test_any_reason_of_1_to_500_characters_is_kept_as_it_is(desk, what, reason):
    assert desk.act(what, "numbers_released", reason).status == 200

    (told,) = list(desk.told("step.held")) + list(desk.told("step.waived"))
    assert told["why"]["reason"] == reason


@pytest.mark.parametrize(
    "key",
    [
        *("x", "=", "%00", "AAAA", "a" * 3000, "..", "%2e%2e%2fadmin", "é"),
        key_of("nobody", "data_purged"),
        key_of(ACME, "no_such_step"),
        key_of(ACME, "seats_unassigned:sub_x"),
        key_of(ACME, "numbers_released") + "=",
        key_of(ACME + "#x", "numbers_released"),
        key_of("", "numbers_released"),
        key_of("a" * 400, "numbers_released"),
    ],
)
def test_a_key_that_names_no_step_is_not_found(desk, key):
    for what in ("hold", "retry", "waive"):
        reply = desk.life.operator("POST", f"/v1/admin/steps/{key}/{what}", {"reason": WHY})
        assert reply.status == 404, reply.body


@pytest.mark.parametrize("what", ["hold", "retry", "waive"])
def test_only_operators_may(desk, what):
    key = desk.step("numbers_released")["key"]
    path, said = f"/v1/admin/steps/{key}/{what}", {"reason": WHY}

    assert desk.life.customer(ACME, "POST", path, said).status == 403
    assert desk.life.service("POST", path, said).status == 403
    support = desk.life.token(None, "support_agent")
    assert desk.life.api("POST", path, said, token=support).status == 403
    assert desk.life.customer("other", "POST", path, said).status == 404
    assert desk.timeline()["held"] == []


@pytest.mark.parametrize("what", ["hold", "waive"])
def test_saying_it_twice_is_saying_it_once(desk, what):
    key = desk.step("numbers_released")["key"]

    first, second = desk.act(what, key), desk.act(what, key)

    assert (first.status, second.status) == (200, 200)
    assert first.body == second.body
    assert len([*desk.told("step.held"), *desk.told("step.waived")]) == 1


def test_an_irreversible_purge_can_be_waived_too(desk):
    desk.life.move(END + DAY)
    assert desk.act("waive", "data_purged").status == 200

    desk.life.move(PURGE + DAY)

    assert desk.told("step.data_purged") == []
    assert desk.timeline()["past"]
