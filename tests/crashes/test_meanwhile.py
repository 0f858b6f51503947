"""Whatever else happens at any moment of a sweep: a second run, a customer who returns, a removal, a change of price."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain import steps
from chalicelib.domain.facts import NumberPut
from chalicelib.domain.money import Money
from chalicelib.lifecycle import tell
from chalicelib.scheduling import delete, mark_sent
from chalicelib.store import holdings
from chalicelib.sweeping import carry_out, sweep
from tests.crashes.stories import STORIES, TWO, Down, Story, fees
from tests.crashes.test_sweeps import (
    at_every_moment,
    at_every_moment_of,
    prepared,
    recover,
    stories,
    told_cleanly,
)
from tests.support.endings import differences, ending
from tests.support.invariants import Witness, accounts_in, check_all, rows_of
from tests.support.stage import END, Stage


@stories
def test_a_second_run_at_any_moment_changes_nothing(story):
    right = told_cleanly(story.kind)

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        assert not differences(ending(stage), right), plan

    at_every_moment(story, lambda stage: story.sweep(stage.world), looked_at)


@stories
def test_the_whole_schedule_running_at_any_moment_changes_nothing(story):
    right = told_cleanly(story.kind)

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        assert not differences(ending(stage), right), plan

    at_every_moment(story, lambda stage: stage.run_schedule(), looked_at)


@pytest.mark.parametrize("end", [mark_sent, delete], ids=["sent", "deleted"])
def test_a_message_that_is_sent_or_deleted_while_it_is_credited_ends_once(end):
    def ends(stage):
        stage.outcome = end(stage.world, stage.load(), "m2")

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        state = holdings.message(stage.table, "acme", "m2").state
        if stage.outcome == "credited":
            assert state == "credited", plan
        else:
            assert state == stage.outcome, plan
        return state

    seen = set(at_every_moment(STORIES[steps.MESSAGES_CREDITED], ends, looked_at))
    assert "credited" in seen


def test_a_number_removed_by_hand_while_all_are_released_is_counted_off_once():
    """Two ways to give one number back, at the same time: the other numbers must still be released."""

    def removes(stage):
        stage.ask_removal(TWO)
        sweep(stage.world, steps.NUMBER_REMOVED)

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        assert set(_states(stage).values()) == {"released"}, plan
        assert {n["status"] for n in stage.carrier.view()["numbers"].values()} == {"released"}
        assert stage.load().numbers == 0

    at_every_moment(STORIES[steps.NUMBERS_RELEASED], removes, looked_at)


def test_all_released_while_one_is_removed_by_hand_is_counted_off_once():
    story = STORIES[steps.NUMBERS_RELEASED]
    stage, witness = prepared(story)
    stage.ask_removal(TWO)

    def removed(world):
        sweep(world, steps.NUMBER_REMOVED)

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        assert set(_states(stage).values()) == {"released"}, plan

    at_every_moment_of(stage, witness, removed, lambda stage: story.sweep(stage.world), looked_at)


def test_a_fee_put_anew_while_fees_are_charged_is_not_overwritten():
    """A new fee counts from the next cycle; the sweep's own write must not bring the old one back."""

    def dearer(stage):
        existing = holdings.number(stage.table, "acme", TWO)
        dear = NumberPut(number=_with_fee(existing, 999), existing=existing)
        tell(stage.world, "acme", dear, id="dearer", by="test")

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        assert holdings.number(stage.table, "acme", TWO).monthly_fee == Money(999, "usd"), plan

    at_every_moment(STORIES[steps.NUMBER_FEE], dearer, looked_at)


def _with_fee(number, minor):
    return replace(number, monthly_fee=Money(minor, "usd"))


def test_a_plan_that_turns_out_to_have_ended_while_fees_are_charged_costs_nothing_from_its_end_on():
    """Invariant 3: none at or after the end, also when the end becomes known in the middle."""
    story = STORIES[steps.NUMBER_FEE]

    # Renewed, and not paid yet.
    stage, witness = prepared(Story(story.kind, lambda stage: fees(stage, paid_days=28)))
    (item,) = stage.truth.thing("sub_1")["items"]["data"]
    item["current_period_end"] += 92 * 86_400
    renewed = stage.truth.change("sub_1", items={"object": "list", "data": [item]})
    stage.deliver(stage.truth.event("customer.subscription.updated", renewed))
    stage.move(stage.now + timedelta(seconds=5))
    paid_until = stage.load().subscriptions["sub_1"].paid_until

    def ends(stage):
        stage.before = [e.cause for e in _fees(stage)]
        ended = stage.truth.change("sub_1", status="canceled", ended_at=stage.unix - 3600)
        stage.deliver(stage.truth.event("customer.subscription.deleted", ended))
        stage.end = stage.load().subscriptions["sub_1"].ended_at

    def looked_at(plan, stage, witness):
        assert paid_until < stage.end
        after = [e for e in _fees(stage) if e.at >= stage.end]
        assert not [e for e in after if e.cause not in stage.before], plan

    at_every_moment_of(stage, witness, story.sweep, ends, looked_at)


def _fees(stage):
    (seen,) = accounts_in(list(rows_of(stage.table)))
    return [e for e in seen.entries if e.kind == "number_fee"]


def test_a_step_planned_again_while_the_index_is_tidied_keeps_its_place_in_it():
    """The index lags: a sweep is handed a step that was called off. While it looks, the customer cancels again."""

    stage, witness = Stage(), Witness()
    stage.account()
    stage.subscribe()
    stage.cancel()
    stage.resume()

    def tidied(world):
        carry_out(world, "acme", "access_ends:sub_1")

    def looked_at(plan, stage, witness):
        stage.move(END)
        stage.run_schedule()
        assert stage.load().subscriptions["sub_1"].ended_at == END, plan
        assert "access_ends:sub_1" in stage.load().done

    at_every_moment_of(stage, witness, tidied, lambda stage: stage.cancel(), looked_at)


def test_a_step_put_off_while_a_failure_is_written_down_is_done_on_its_new_day_and_not_before():
    """A release fails; meanwhile the customer returns for a month: the failure must not bring the old day back."""
    story = STORIES[steps.NUMBERS_RELEASED]

    stage, witness = prepared(story)

    def failing(world):
        down = {"local": Down(stage.carrier)}
        story.sweep(stage.process(table=world.table, carriers=down))

    def returns_and_leaves(stage):
        stage.subscribe("sub_2")
        stage.cancel("sub_2")

    def looked_at(plan, stage, witness):
        stage.move(END + timedelta(days=14 + 28 + 13))
        stage.tick(4)
        assert set(_states(stage).values()) == {"active"}, plan
        stage.move(END + timedelta(days=14 + 28 + 14))
        stage.run_schedule()
        assert set(_states(stage).values()) == {"released"}, plan

    at_every_moment_of(stage, witness, failing, returns_and_leaves, looked_at)


def _states(stage):
    return {n.e164: n.state for n in holdings.numbers(stage.table, "acme")}


def test_a_number_and_a_registration_put_while_the_purge_runs_are_not_forgotten():
    """They are rented, and paid for: deleting their rows would leave them rented for ever."""

    def puts(stage):
        stage.number("+14155550109")
        stage.registration("brand-9")

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        given_back = stage.carrier.view()["numbers"]["+14155550109"]["status"] == "released"
        held = holdings.number(stage.table, "acme", "+14155550109")
        assert given_back or (held is not None and held.state == "active"), plan

    at_every_moment(STORIES[steps.DATA_PURGED], puts, looked_at)


def test_the_purge_waits_for_a_registration_that_its_carrier_does_not_let_go():
    story = STORIES[steps.REGISTRATIONS_LAPSE]
    stage, witness = prepared(story)
    stage.world = stage.process(carriers={"local": Down(stage.carrier)})
    stage.move(END.replace(year=END.year + 1))
    stage.tick(2)
    assert stage.load().purge_began_at is None
    assert stage.load().registrations == 2

    stage.world = stage.process()
    stage.tick(12)
    check_all(stage.world, stage.table, stage.carrier, witness)
    assert stage.load().purged_at is not None
    assert {r["status"] for r in stage.carrier.view()["registrations"].values()} == {"lapsed"}
