"""A released number is had back, and something else happens at any moment of it."""

from datetime import timedelta

import pytest

from chalicelib.domain import steps
from chalicelib.domain.facts import NumberPut
from chalicelib.domain.money import Money
from chalicelib.domain.number_fees import Number, first_fee_at
from chalicelib.lifecycle import tell
from chalicelib.store import holdings
from chalicelib.store.accounts import Taken
from tests.crashes.again import from_here
from tests.crashes.stories import ONE, STORIES
from tests.crashes.test_meanwhile_over_http import NUMBERS, an_hour_later, before_each_call, gone
from tests.crashes.test_sweeps import at_every_moment, recover
from tests.support.invariants import check_all

STORY = STORIES[steps.NUMBER_RECOVERED]


def put(stage, account_id, existing=None):
    number = Number(
        e164=ONE,
        provider="local",
        provider_id="PN-anew",
        monthly_fee=Money(100, "usd"),
        bought_at=stage.now,
        known_since=stage.now,
        next_fee_at=first_fee_at(stage.now, stage.now),
    )
    fact = NumberPut(number=number, existing=existing)
    tell(stage.world, account_id, fact, id=f"number:{account_id}", by="test")


def states(stage, account_id="acme"):
    return {n.e164: n.state for n in holdings.numbers(stage.table, account_id)}


def test_the_saas_puts_the_number_again_while_it_is_had_back_and_it_is_counted_once():
    def puts(stage):
        existing = holdings.number(stage.table, "acme", ONE)
        put(stage, "acme", existing)

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        account = stage.load()
        assert (account.numbers, account.recoveries) == (1, {}), plan
        assert states(stage)[ONE] == "active", plan

    at_every_moment(STORY, puts, looked_at)


def test_another_account_puts_the_number_while_it_is_had_back_and_one_of_them_has_it():
    def puts(stage):
        stage.account("globex", "cus_2")
        try:
            put(stage, "globex")
        except Taken:
            stage.other = False
        else:
            stage.other = True

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        assert stage.load().recoveries == {}, plan
        owner = holdings.owner_of_number(stage.table, ONE)
        assert owner == ("globex" if stage.other else "acme"), plan
        assert (states(stage)[ONE] == "active") is (not stage.other), plan
        return owner

    seen = set(at_every_moment(STORY, puts, looked_at))
    assert seen == {"acme", "globex"}


def test_the_plan_ends_while_the_number_is_had_back_and_what_is_rented_is_given_back():
    """Whatever the carrier did is known in the end: nothing stays rented that nobody counts."""

    def ends(stage):
        ended = stage.truth.change("sub_2", status="canceled", ended_at=stage.unix)
        stage.truth.change("in_sub_2", status="void")
        stage.deliver(stage.truth.event("customer.subscription.deleted", ended))

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        assert stage.load().recoveries == {}, plan
        active = {n for n, r in stage.carrier.view()["numbers"].items() if r["status"] == "active"}
        assert active == {n for n, state in states(stage).items() if state == "active"}, plan
        stage.move(stage.now + timedelta(days=60))
        stage.tick(4)
        check_all(stage.world, stage.table, stage.carrier, witness)
        assert set(states(stage).values()) == {"released"}, plan
        held = [r["status"] for r in stage.carrier.view()["numbers"].values()]
        assert set(held) == {"released"}, plan

    at_every_moment(STORY, ends, looked_at)


# -- through the real route


def wanted_back():
    life = gone(14)
    life.move(life.now)
    life.clock.move_to(life.now + timedelta(days=1))
    life.subscribe("acme")
    return life


def ask(life):
    body = {"account_id": "acme", "reason": "released by mistake"}
    return life.operator("POST", f"/v1/admin/numbers/{NUMBERS[0]}/recovery", body)


@pytest.mark.parametrize("other", ["the schedule", "a second operator"])
def test_the_number_is_asked_for_while_somebody_else_is_at_it(other):
    def then(life):
        if other == "the schedule":
            life.run_jobs()
        else:
            life.replied = ask(life).status

    life = wanted_back()

    assert from_here(lambda: ask(life).status)() == 200

    def looked_at(reply):
        assert reply.status in (200, 202), reply.body
        an_hour_later(life)
        calls = life.carrier.view()["numbers"][NUMBERS[0]]["calls"]
        assert [c["outcome"] for c in calls if c["call"] == "recover"].count("done") == 1
        assert [n["number"] for n in life.membership("acme")["numbers"]] == [NUMBERS[0]]

    before_each_call(life, ask, then, looked_at)
