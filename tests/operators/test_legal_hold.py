"""On legal hold nothing is purged; released, the purge is due as before."""

from datetime import timedelta

from chalicelib.sweeping import sweep
from tests.operators.desk import ACME, DAY, PURGE, WHY, Desk

SECOND = timedelta(seconds=1)


def purged(desk):
    return bool(desk.told("step.data_purged"))


def test_nothing_is_purged_while_it_stands():
    desk = Desk().leave()
    reply = desk.legal_hold("POST")
    desk.life.move(PURGE + 400 * DAY)

    assert (reply.status, reply.body["legal_hold"]["reason"]) == (200, WHY)
    assert not purged(desk)
    assert desk.timeline()["legal_hold"]["reason"] == WHY
    assert desk.step("data_purged", ["held"])["held"]["reason"] == WHY
    assert desk.life.mail("deleted") == []


def test_released_before_its_day_the_purge_comes_on_its_day():
    desk = Desk().leave()
    desk.legal_hold("POST")
    desk.life.move(PURGE - 30 * DAY)
    assert desk.legal_hold("DELETE").body["legal_hold"] is None

    desk.life.move(PURGE - SECOND)
    assert not purged(desk)
    desk.life.move(PURGE)

    assert purged(desk)


def test_released_after_its_day_the_next_sweep_purges():
    desk = Desk().leave()
    desk.legal_hold("POST")
    desk.life.move(PURGE + 30 * DAY)
    assert not purged(desk)

    desk.legal_hold("DELETE")
    desk.life.run_jobs()

    assert purged(desk)


def test_released_after_its_day_no_reminder_of_a_purge_that_still_waits_is_tried_for_ever():
    """Seed 167: a number that an operator kept held up the purge, and the reminders of it stayed due as long: nobody may be
    reminded any more, and every sweep asked Stripe."""
    desk = Desk().leave()
    desk.legal_hold("POST")
    desk.act("waive", "numbers_released")
    desk.life.move(PURGE + 30 * DAY)
    desk.legal_hold("DELETE")
    desk.life.run_jobs()

    asked_again = desk.life.run_jobs()

    assert not purged(desk)
    assert [one["last_error"] for one in desk.timeline()["failed"]] == ["numbers_not_released"]
    assert asked_again == {}
    assert "reminder" not in desk.kinds("future")
    assert desk.life.mail("Reminder", "deleted") == []


def test_a_purge_that_waits_for_a_number_here_asks_nobody_while_it_waits():
    """It is tried four times a day, for as long as somebody keeps the number."""
    desk = Desk().leave()
    desk.act("waive", "numbers_released")
    desk.life.move(PURGE + DAY)
    asked = []
    answer = desk.life.emulator.handle

    def counted(*request):
        asked.append(request)
        return answer(*request)

    desk.life.emulator.handle = counted
    step = desk.step("data_purged", ["failed"])
    sweep(desk.life.world, "data_purged")
    desk.life.clock.move_to(PURGE + 2 * DAY)
    sweep(desk.life.world, "data_purged")

    assert step["last_error"] == "numbers_not_released"
    assert desk.step("data_purged", ["failed"])["attempts"] == step["attempts"] + 1
    assert not purged(desk)
    assert asked == []


def test_retrying_the_purge_does_not_release_a_legal_hold():
    desk = Desk().leave()
    desk.legal_hold("POST")
    desk.life.move(PURGE + DAY)

    reply = desk.act("retry", "data_purged")
    desk.life.run_jobs()

    assert (reply.status, reply.code) == (409, "blocked")
    assert not purged(desk)


def test_both_acts_are_in_the_history_once_each():
    desk = Desk().leave()
    for method in ("POST", "POST", "DELETE", "DELETE"):
        assert desk.legal_hold(method).status == 200

    acts = [*desk.told("account.legal_hold_set"), *desk.told("account.legal_hold_released")]
    assert [one["why"]["reason"] for one in acts] == [WHY, WHY]
    assert all(one["by"] for one in acts)


def test_a_purge_that_began_cannot_be_held_any_more():
    from chalicelib.domain.facts import PurgeBegan
    from chalicelib.domain.steps import Step
    from chalicelib.lifecycle import tell

    desk = Desk().leave()
    desk.life.sleep(PURGE)
    tell(desk.life.world, ACME, PurgeBegan(step=Step("data_purged", PURGE)), id="p", by="sweep")

    for reply in (
        desk.legal_hold("POST"),
        desk.act("hold", "data_purged"),
        desk.act("waive", "data_purged"),
    ):
        assert (reply.status, reply.code) == (409, "blocked")


def test_it_needs_a_reason_and_an_operator():
    desk = Desk()
    path, said = f"/v1/admin/accounts/{ACME}/legal-hold", {"reason": WHY}

    for method in ("POST", "DELETE"):
        assert desk.life.operator(method, path).status == 422
        assert desk.life.operator(method, path, {"reason": " "}).status == 422
        assert desk.life.service(method, path, said).status == 403
        assert desk.life.customer(ACME, method, path, said).status == 403
        gone = desk.life.operator(method, path.replace(ACME, "nobody"), said)
        assert gone.status == 404
