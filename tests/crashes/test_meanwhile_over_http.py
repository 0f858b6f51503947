"""A request through the real app, with a sweep at any moment in the middle of it."""

from datetime import timedelta

import pytest

from chalicelib.domain import steps
from chalicelib.domain.moments import rfc3339
from chalicelib.store.memory import MemoryTable
from chalicelib.sweeping import sweep
from tests.crashes.meanwhile import Meanwhile
from tests.support.faults import FaultyTable
from tests.support.invariants import check_all
from tests.support.life import Life

NUMBERS = ("+14155550101", "+14155550102", "+14155550103")
REGISTRATIONS = ("brand-1", "brand-2")


def gone(days):
    """An account whose plan ended so many days ago; nothing was swept since."""
    plan, table = Meanwhile(), MemoryTable()
    life = Life(FaultyTable(table, plan))
    life.plan, life.memory = plan, table
    life.account()
    sub = life.subscribe("acme")
    for e164 in NUMBERS:
        life.number("acme", e164)
    for id in REGISTRATIONS:
        life.registration("acme", id)
    life.cancel("acme", sub)
    end = life.access_ends_at("acme", sub)
    life.move(end)
    life.clock.move_to(end + timedelta(days=days))
    return life


def moments(days, request, made=gone):
    life = made(days)
    before = len(life.plan.calls)
    request(life)
    return range(len(life.plan.calls) - before)


def at_every_moment(days, request, then):
    for moment in moments(days, request):
        life = gone(days)
        life.plan.then = lambda life=life: then(life)
        life.plan.at = len(life.plan.calls) + moment
        reply = request(life)
        assert life.plan.happened
        check_all(life.world, life.memory, life.carrier)
        life.move(life.now + timedelta(hours=1))
        check_all(life.world, life.memory, life.carrier)
        yield reply, life


@pytest.mark.parametrize("which", NUMBERS[:2])
def test_a_number_removed_while_all_are_released_is_given_back_once(which):
    def remove(life):
        return life.customer("acme", "DELETE", f"/v1/numbers/{which}")

    def release(life):
        sweep(life.world, steps.NUMBERS_RELEASED)

    for reply, life in at_every_moment(14, remove, release):
        assert reply.status in (200, 404)
        view = life.carrier.view()["numbers"]
        assert {one["status"] for one in view.values()} == {"released"}
        done = [c for one in view.values() for c in one["calls"] if c["outcome"] == "done"]
        assert len(done) == len(NUMBERS)


def test_a_registration_withdrawn_while_all_lapse_is_ended_once():
    def withdraw(life):
        return life.customer("acme", "DELETE", f"/v1/registrations/{REGISTRATIONS[0]}")

    def lapse(life):
        sweep(life.world, steps.REGISTRATIONS_LAPSE)

    for reply, life in at_every_moment(30, withdraw, lapse):
        assert reply.status == 200
        view = life.carrier.view()["registrations"]
        assert {one["status"] for one in view.values()} == {"lapsed"}


def test_a_number_put_while_all_are_released_is_released_too():
    """SC-8 speaks of all purchased numbers, also of one we learn of in that moment."""

    def put(life):
        life.carrier.rent_number("+14155550104", "PN14155550104")
        fee = {"amount": 100, "currency": "usd"}
        body = {"account_id": "acme", "provider": "local", "provider_id": "PN14155550104",
                "monthly_fee": fee, "bought_at": rfc3339(life.now)}  # fmt: skip
        return life.service("PUT", "/v1/numbers/+14155550104", body)

    def release(life):
        sweep(life.world, steps.NUMBERS_RELEASED)

    for reply, life in at_every_moment(14, put, release):
        assert reply.status == 200
        assert {one["status"] for one in life.carrier.view()["numbers"].values()} == {"released"}


def test_a_number_taken_back_is_free_for_the_next_account_and_stays_theirs():
    """What one account gave back and another bought is not freed a second time by a late word of the first."""

    def with_another(days):
        life = gone(days)
        life.account("other")
        return life

    def remove(life):
        return life.customer("acme", "DELETE", f"/v1/numbers/{NUMBERS[0]}")

    def released_and_bought(life):
        sweep(life.world, steps.NUMBERS_RELEASED)
        life.bought = life.number("other", NUMBERS[0]).status

    for moment in moments(14, remove, with_another):
        life = with_another(14)
        life.subscribe("other")
        life.plan.then = lambda life=life: released_and_bought(life)
        life.plan.at = len(life.plan.calls) + moment
        remove(life)
        check_all(life.world, life.memory, life.carrier)
        if life.bought == 200:
            assert life.at_carrier()[NUMBERS[0]] == "active", moment
            assert life.number("acme", NUMBERS[0]).code == "taken", moment
