"""A request through the real app, with a sweep at any moment in the middle of it."""

from datetime import timedelta

import pytest

from chalicelib.domain import steps
from chalicelib.domain.moments import rfc3339
from chalicelib.store.memory import MemoryTable
from chalicelib.sweeping import sweep
from tests.crashes.again import at_each
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


def before_each_call(life, request, then, looked_at):
    """`then` happens before one call of the request after the other, each time from here; `looked_at` then sees
    the life, with the request's answer. What it made of each."""

    def count():
        before = len(life.plan.calls)
        request(life)
        return len(life.plan.calls) - before

    def at(moment):
        life.plan.then = lambda: then(life)
        life.plan.at = len(life.plan.calls) + moment
        reply = request(life)
        assert life.plan.happened
        check_all(life.world, life.memory, life.carrier)
        return looked_at(reply)

    return at_each(count, at)


def an_hour_later(life):
    life.move(life.now + timedelta(hours=1))
    check_all(life.world, life.memory, life.carrier)


@pytest.mark.parametrize("which", NUMBERS[:2])
def test_a_number_removed_while_all_are_released_is_given_back_once(which):
    def remove(life):
        return life.customer("acme", "DELETE", f"/v1/numbers/{which}")

    def release(life):
        sweep(life.world, steps.NUMBERS_RELEASED)

    life = gone(14)

    def looked_at(reply):
        assert reply.status in (200, 404)
        an_hour_later(life)
        view = life.carrier.view()["numbers"]
        assert {one["status"] for one in view.values()} == {"released"}
        done = [c for one in view.values() for c in one["calls"] if c["outcome"] == "done"]
        assert len(done) == len(NUMBERS)

    before_each_call(life, remove, release, looked_at)


def test_a_registration_withdrawn_while_all_lapse_is_ended_once():
    def withdraw(life):
        return life.customer("acme", "DELETE", f"/v1/registrations/{REGISTRATIONS[0]}")

    def lapse(life):
        sweep(life.world, steps.REGISTRATIONS_LAPSE)

    life = gone(30)

    def looked_at(reply):
        assert reply.status == 200
        an_hour_later(life)
        view = life.carrier.view()["registrations"]
        assert {one["status"] for one in view.values()} == {"lapsed"}

    before_each_call(life, withdraw, lapse, looked_at)


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

    life = gone(14)

    def looked_at(reply):
        assert reply.status == 200
        an_hour_later(life)
        assert {one["status"] for one in life.carrier.view()["numbers"].values()} == {"released"}

    before_each_call(life, put, release, looked_at)


def test_a_number_taken_back_is_free_for_the_next_account_and_stays_theirs():
    """What one account gave back and another bought is not freed a second time by a late word of the first."""

    life = gone(14)
    life.account("other")
    life.subscribe("other")

    def remove(life):
        return life.customer("acme", "DELETE", f"/v1/numbers/{NUMBERS[0]}")

    def released_and_bought(life):
        sweep(life.world, steps.NUMBERS_RELEASED)
        life.bought = life.number("other", NUMBERS[0]).status

    def looked_at(_reply):
        if life.bought == 200:
            assert life.at_carrier()[NUMBERS[0]] == "active"
            assert life.number("acme", NUMBERS[0]).code == "taken"
        return life.bought

    outcomes = before_each_call(life, remove, released_and_bought, looked_at)
    assert 200 in outcomes
