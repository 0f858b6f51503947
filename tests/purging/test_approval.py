"""Where the policy wants it, nothing is deleted before two different people have said so."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import wiring
from chalicelib.domain.policy import Data
from tests.operators.desk import ACME, DAY, PURGE, WHY, Desk
from tests.purging.test_purge import certificates

SECOND = timedelta(seconds=1)
PATH = f"/v1/admin/accounts/{ACME}/purge-approval"


class Strict:
    """The shipped policies, and two people for every purge."""

    def __init__(self, policies):
        self._policies = policies

    def get(self, name):
        found = self._policies.get(name)
        return (
            found
            if found.data is None
            else replace(found, data=Data(purge_after_years=1, second_approval=True))
        )

    def __getattr__(self, name):
        return getattr(self._policies, name)


@pytest.fixture
def desk():
    desk = Desk().leave()
    desk.life.world = replace(desk.life.world, policies=Strict(desk.life.world.policies))
    wiring.use(desk.life.world)
    return desk


def says(desk, who, reason=WHY, **more):
    token = desk.life.token(None, "operator", sub=who)
    return desk.life.api("POST", PATH, {"reason": reason}, token=token, **more)


def test_one_proposes_another_approves_and_it_comes_on_its_day(desk):
    proposed = says(desk, "ann")
    approved = says(desk, "bob", "checked")
    desk.life.move(PURGE - SECOND)
    before = certificates(desk.life)

    desk.life.move(PURGE)

    assert (proposed.status, proposed.body["state"], proposed.body["due_at"]) == (
        200,
        "proposed",
        "2027-02-28T12:00:00Z",
    )
    assert (approved.status, approved.body["state"]) == (200, "approved")
    assert approved.body["proposed"]["by"] == "ann"
    assert (approved.body["approved"]["by"], approved.body["approved"]["reason"]) == (
        "bob",
        "checked",
    )
    assert before == []
    (one,) = certificates(desk.life)
    assert one["approvals"] == 2
    assert [(one["what"], one["by"]) for one in desk.timeline()["past"] if one["what"].startswith("purge.")] == [
        ("purge.proposed", "ann"), ("purge.approved", "bob")]  # fmt: skip


@pytest.mark.parametrize("spoken", [[], ["ann"], ["ann", "ann"]])
def test_until_two_have_spoken_a_due_purge_waits_and_says_so(desk, spoken):
    for who in spoken:
        says(desk, who)

    desk.life.move(PURGE + 30 * DAY)

    assert certificates(desk.life) == []
    assert desk.life.saas.view()["purges"] == []
    listed = desk.life.operator("GET", "/v1/admin/deadlines?kind=data_purged").body["data"]
    (step,) = [one for one in listed if one["account_id"] == ACME]
    assert (step["overdue"], step["last_error"]) == (True, "waits_for_approval")
    assert step["approval"]["state"] == ("proposed" if spoken else "needed")
    assert desk.life.membership(ACME)["subscriptions"]


def test_approved_late_it_is_due_at_once(desk):
    desk.life.move(PURGE + 30 * DAY)
    says(desk, "ann")
    says(desk, "bob")

    desk.life.run_jobs()

    assert len(certificates(desk.life)) == 1


def test_the_same_person_twice_is_one_person(desk):
    says(desk, "ann")

    again = says(desk, "ann")

    assert (again.status, again.code) == (409, "blocked")
    assert "somebody else" in again.body["detail"]


def test_said_again_when_both_have_spoken_nothing_changes(desk):
    for who in ("ann", "bob"):
        says(desk, who)

    third = says(desk, "cyd")

    assert (third.status, third.body["approved"]["by"]) == (200, "bob")
    assert len(desk.told("purge.approved")) == 1


def test_a_repeat_under_its_key_is_the_same_word(desk):
    first, second = (says(desk, "ann", headers={"Idempotency-Key": "k"}) for _ in range(2))

    assert (first.status, second.status) == (200, 200)
    assert first.body == second.body


def test_when_the_date_moves_nobody_has_said_anything_yet(desk):
    for who in ("ann", "bob"):
        says(desk, who)
    desk.life.move("2026-06-01T00:00:00Z")
    back = desk.life.subscribe(ACME)
    desk.life.cancel(ACME, back)

    desk.life.move(desk.life.upcoming(ACME)["data_purged"] + DAY)

    assert certificates(desk.life) == []
    assert desk.step("data_purged")["approval"]["state"] == "needed"
    assert says(desk, "bob").body["state"] == "proposed"
    assert says(desk, "ann").body["state"] == "approved"
    desk.life.run_jobs()
    assert len(certificates(desk.life)) == 1


def test_after_a_purge_the_next_one_needs_its_own_two(desk):
    for who in ("ann", "bob"):
        says(desk, who)
    desk.life.move(PURGE)
    desk.life.cancel(ACME, desk.life.subscribe(ACME))

    desk.life.move(PURGE + 500 * DAY)

    assert len(certificates(desk.life)) == 1


def test_where_no_purge_lies_ahead_or_none_is_wanted_there_is_nothing_to_approve(desk):
    desk.life.resume(ACME, desk.subscription)
    nothing_ahead = says(desk, "ann")
    desk.life.world = replace(desk.life.world, policies=desk.life.world.policies._policies)
    wiring.use(desk.life.world)

    not_wanted = says(desk, "ann")

    assert (nothing_ahead.code, not_wanted.code) == ("blocked", "blocked")
    assert nothing_ahead.body["detail"] != not_wanted.body["detail"]


def test_it_needs_a_reason_and_an_operator(desk):
    assert desk.life.operator("POST", PATH).status == 422
    assert says(desk, "ann", " ").status == 422
    assert desk.life.service("POST", PATH, {"reason": WHY}).status == 403
    assert desk.life.customer(ACME, "POST", PATH, {"reason": WHY}).status == 403
    assert desk.life.operator("POST", PATH.replace(ACME, "nobody"), {"reason": WHY}).status == 404


def test_a_legal_hold_outranks_two_approvals(desk):
    for who in ("ann", "bob"):
        says(desk, who)
    desk.legal_hold("POST")

    desk.life.move(PURGE + DAY)

    assert certificates(desk.life) == []


def test_the_shipped_policies_need_nobody():
    desk = Desk().leave()

    desk.life.move(PURGE)

    (one,) = certificates(desk.life)
    assert one["approvals"] == 0
