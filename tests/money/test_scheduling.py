"""Scheduled messages: one debit per id, one outcome each."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import scheduling
from chalicelib.domain import steps
from chalicelib.domain.messages import KEPT, REGISTERED_UNTIL
from chalicelib.store import holdings, keys, wallet
from chalicelib.sweeping import sweep
from tests.support.books import balance, booked
from tests.support.scheduling import (
    DAY,
    counting,
    many,
    messages,
    register,
    state,
    subscribed,
    tidied_up,
    together,
)
from tests.support.stage import END, Stage

everywhere = pytest.mark.parametrize("table", ["memory", "ministack"], indirect=True)


# -- registering


def test_a_hundred_are_debited_in_two_transactions_of_at_most_ninety():
    stage = subscribed(Stage())
    counted = counting(stage)

    outcomes = register(stage, messages(*many(100)))

    assert set(outcomes.values()) == {"scheduled"}
    assert counted.transactions == [93, 13]
    assert [len(e.note["messages"]) for e in booked(stage.table)] == [90, 10]
    assert balance(stage.table) == -700


def test_each_id_has_its_own_outcome_and_only_the_new_ones_are_debited():
    stage = subscribed(Stage())
    register(stage, messages("a", "b"))

    outcomes = register(
        stage,
        [
            *messages("a"),
            *messages("b", price=8),
            *messages("c"),
            *messages("d", channel="rvm"),
            *messages("e", send_at=stage.now - REGISTERED_UNTIL),
            *messages("f", send_at=stage.now - REGISTERED_UNTIL + timedelta(seconds=1)),
        ],
    )

    assert outcomes == {
        "a": "already_scheduled",
        "b": "conflict",
        "c": "scheduled",
        "d": "no_live_plan",
        "e": "long_past",
        "f": "scheduled",
    }
    assert balance(stage.table) == -4 * 7


def test_an_outcome_is_not_undone_by_registering_again():
    stage = subscribed(Stage())
    register(stage, messages("a", "b"))
    assert scheduling.mark_sent(stage.world, stage.load(), "a") == "sent"
    assert scheduling.delete(stage.world, stage.load(), "b") == "deleted"

    again = register(stage, messages("a", "b"))

    assert set(again.values()) == {"already_scheduled"}
    assert (state(stage, "a"), state(stage, "b")) == ("sent", "deleted")
    assert balance(stage.table) == -7


def test_a_message_tidied_up_after_its_time_is_never_debited_again():
    stage = subscribed(Stage())
    those = messages("a", "b", send_at=stage.now + DAY)
    register(stage, those)
    for id in ("a", "b"):
        scheduling.mark_sent(stage.world, stage.load(), id)
        row = stage.table.get(keys.message("acme", id))
        assert row is not None
        assert row["expires_at"] == int((stage.now + DAY + KEPT).timestamp())

    tidied_up(stage, "a", "b")
    repeated = register(stage, those)
    stage.move(stage.now + KEPT)
    stage.subscribe("sub_later", "cus_0")
    late = register(stage, those[:1])

    assert set(repeated.values()) == {"already_scheduled"}
    assert set(late.values()) == {"long_past"}
    assert balance(stage.table) == -14


@everywhere
def test_the_same_call_from_eight_threads_debits_each_id_once(table):
    stage = subscribed(Stage(table))
    those = messages(*many(60))

    outcomes = together(lambda n: register(stage, those[n:] + those[:n]))

    for id in many(60):
        said = [one[id] for one in outcomes]
        assert said.count("scheduled") == 1
        assert said.count("already_scheduled") == 7
    assert balance(table) == -60 * 7
    assert sum(len(e.note["messages"]) for e in booked(table)) == 60
    assert wallet.verify(table, "acme")[1] is None


# -- one outcome each


@everywhere
def test_sent_deleted_and_credited_race_and_exactly_one_of_them_happens(table):
    stage = subscribed(Stage(table))
    ids = many(24)
    register(stage, messages(*ids))
    stage.cancel("sub_0")
    live = stage.load()
    stage.move(END)

    def work(number):
        if number == 0:
            sweep(stage.world, steps.MESSAGES_CREDITED)
            return {}
        said = {}
        for id in ids[number:] + ids[:number]:
            # Asked in the last second before the end, and written after it.
            message = holdings.message(table, "acme", id)
            if number % 2:
                said[id] = scheduling._give_back(stage.world, live, message)
            else:
                said[id] = scheduling._end(stage.world, "acme", message).state
        return said

    told = together(work)
    sweep(stage.world, steps.MESSAGES_CREDITED)

    final = {id: state(stage, id) for id in ids}
    assert set(final.values()) <= {"sent", "deleted", "credited"}
    for said in told:
        for id, outcome in said.items():
            assert outcome in (final[id], "scheduled")
    given_back = sum(1 for outcome in final.values() if outcome != "sent")
    assert balance(table) == -7 * 24 + 7 * given_back
    assert wallet.verify(table, "acme")[1] is None
    for kind, outcome in (("messages_credited", "credited"), ("message_deleted", "deleted")):
        listed = [id for e in booked(table, kind=kind) for id in e.note["messages"]]
        assert sorted(listed) == sorted(id for id in ids if final[id] == outcome)


def test_a_registration_judged_before_the_end_cannot_slip_in_behind_the_crediting():
    """It would be debited, unsendable, and credited by nobody."""
    stage = subscribed(Stage())
    stage.cancel("sub_0")
    stage.move(END - timedelta(seconds=1))
    live = stage.load()

    class Slow:
        """The end comes, and its crediting runs, between the wallet's reading and the writing of the debit."""

        def __init__(self, inner):
            self.inner, self.armed = inner, True

        def __getattr__(self, name):
            return getattr(self.inner, name)

        def transact(self, actions):
            if self.armed:
                self.armed = False
                stage.move(END)
                sweep(stage.world, steps.MESSAGES_CREDITED)
                assert stage.load().done
            self.inner.transact(actions)

    slow = stage.process(table=Slow(stage.table))
    outcomes = scheduling.register(slow, live, messages("a", "b"))

    assert set(outcomes.values()) == {"no_live_plan"}
    assert booked(stage.table) == []
    assert holdings.message(stage.table, "acme", "a") is None


def test_one_that_was_written_just_before_is_seen_by_the_crediting():
    stage = subscribed(Stage())
    stage.cancel("sub_0")
    stage.move(END - timedelta(seconds=1))
    register(stage, messages("a"))

    stage.move(END)
    sweep(stage.world, steps.MESSAGES_CREDITED)

    assert state(stage, "a") == "credited"
    assert balance(stage.table) == 0


def test_where_nothing_is_credited_a_message_may_still_be_sent_after_the_end():
    """`credit_unsent = false`: to answer that it was credited would take the price and the message."""
    stage = subscribed(Stage())
    register(stage, messages("a"))
    stage.cancel("sub_0")
    stage.move(END)
    policy = stage.world.policies.get("smarter-contact")
    lenient = replace(policy, messages=replace(policy.messages, credit_unsent=False))

    class Lenient:
        def get(self, name):
            return lenient

    world = replace(stage.world, policies=Lenient())

    assert scheduling.mark_sent(world, stage.load(), "a") == "sent"
