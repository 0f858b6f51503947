"""History is the outbox: at least once, in order per account, nothing lost, one bad entry by itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import publishing
from chalicelib.gateways.events import EventRefused
from chalicelib.lifecycle import must_load
from chalicelib.store import aside, positions
from chalicelib.sweeping import TICK
from tests.publishing.outside import Listener, waiting
from tests.publishing.stages import ALL, Listening

HOUR = timedelta(hours=1)


@pytest.fixture
def stage():
    return Listening()


def set_aside(stage):
    return list(aside.everything(stage.table, stage.world.settings.due_shards))


# -- what leaves, and in which order


def test_every_entry_is_published_in_order(stage):
    stage.leaving()

    assert publishing.publish(stage.world, "acme") == 3
    assert stage.listener.types == ALL


def test_an_event_s_id_is_its_entry_s_and_its_time_the_entry_s(stage):
    stage.leaving()
    stage.move(stage.now + HOUR)

    publishing.publish(stage.world, "acme")

    entries = stage.history()
    assert [event["id"] for event in stage.listener.events] == [f"acme:{e['id']}" for e in entries]
    assert {event["time"] for event in stage.listener.events} == {stage.now - HOUR}


def test_publishing_again_publishes_nothing(stage):
    stage.leaving()
    publishing.publish(stage.world, "acme")

    assert publishing.publish(stage.world, "acme") == 0
    assert len(stage.listener.events) == 3


def test_two_entries_written_between_two_reads_are_both_found(stage):
    stage.leaving()
    publishing.publish(stage.world, "acme")
    stage.number("+14155550100")
    stage.number("+14155550101")

    publishing.publish(stage.world, "acme")

    assert stage.listener.types == [*ALL, "number.added", "number.added"]


def test_that_stripe_merely_spoke_costs_publishing_nothing(stage):
    stage.leaving()
    publishing.publish(stage.world, "acme")
    stage.move(stage.now + HOUR)
    stage.deliver(stage.truth.event("customer.subscription.updated", stage.truth.thing("sub_1")))

    at = positions.position(stage.table, "acme")

    assert stage.load().subscriptions["sub_1"].as_of == stage.now
    assert at is not None
    assert not at.lags


def test_an_account_nobody_knows_is_no_news(stage):
    assert publishing.publish(stage.world, "nobody") == 0


def test_many_entries_leave_in_chunks_and_in_order(stage):
    stage.account()
    for n in range(60):
        stage.number(f"+141555501{n:02}")

    assert publishing.publish(stage.world, "acme") == 61
    numbers = [event["data"].get("number") for event in stage.listener.events[1:]]
    assert numbers == sorted(numbers)


def test_several_subscriptions_changed_at_once_are_an_event_each(stage):
    stage.account()
    stage.subscribe("sub_1", hear=False)
    stage.subscribe("sub_2", price="smarter-contact:calling:month", hear=False)
    loaded = must_load(stage.world, "acme")
    said = stage.truth.subscriptions_of("cus_1")

    from chalicelib.lifecycle import settle

    settle(stage.world, loaded, said, id="asked:1", by="stripe")
    publishing.publish(stage.world, "acme")

    _, *events = stage.listener.events
    assert [event["id"] for event in events] == ["acme:asked:1", "acme:asked:1:1"]
    assert {event["data"]["subscription_id"] for event in events} == {"sub_1", "sub_2"}


# -- two publishers


def test_two_publishers_at_once_lose_nothing_and_send_each_mail_once():
    stage = Listening()
    stage.leaving()
    other = Listener()
    racing = []

    def race(_):
        if not racing:
            racing.append(True)
            publishing.publish(replace(stage.world, mail=other, events=other), "acme")

    stage.listener.fails = race

    publishing.publish(stage.world, "acme")

    assert other.types == ALL
    assert stage.listener.types == ALL
    assert len(stage.listener.mail + other.mail) == 1


def test_an_old_read_of_the_account_publishes_nothing_twice(stage):
    """The position may be newer than the account that was read beside it."""
    stage.leaving()
    before = positions.position(stage.table, "acme")
    publishing.publish(stage.world, "acme")
    stage.number("+14155550100")
    publishing.publish(stage.world, "acme")
    after = positions.position(stage.table, "acme")

    assert before is not None
    assert after is not None
    mixed = replace(after, last=before.last)
    assert mixed.lags
    assert positions.missing(stage.table, mixed) == []


# -- what goes wrong


def test_events_that_cannot_leave_wait_in_order_and_only_their_own_account_waits(stage):
    stage.leaving()
    stage.leaving("other", "cus_2", "sub_2")
    down = {"subscription.started"}
    stage.listener.fails = lambda what: OSError("down") if what in down else None

    publishing.publish(stage.world, "acme")
    assert stage.listener.types == ["account.created"]

    down.clear()
    publishing.publish(stage.world, "other")
    assert stage.listener.types == ["account.created", *ALL]
    stage.tick()
    assert [
        event["type"] for event in stage.listener.events if event["account_id"] == "acme"
    ] == ALL


def test_the_mail_does_not_wait_for_the_events(stage):
    stage.leaving()
    stage.listener.fails = lambda what: OSError("down") if "." in what else None

    publishing.publish(stage.world, "acme")

    assert len(stage.listener.mail) == 1
    assert stage.listener.events == []


def test_tries_are_spaced_however_much_happens_meanwhile(stage):
    stage.leaving()
    tried = []
    stage.listener.fails = lambda what: tried.append(what) or OSError("down")  # type: ignore[func-returns-value]
    for n in range(5):
        stage.number(f"+1415555010{n}")
        publishing.publish(stage.world, "acme")

    assert tried.count("account.created") == 1


def test_a_refused_event_is_set_aside_with_its_reason_and_the_rest_goes_on(stage):
    stage.leaving()
    bad = {"subscription.started"}
    stage.listener.fails = lambda what: EventRefused("MalformedDetail") if what in bad else None

    publishing.publish(stage.world, "acme")

    assert stage.listener.types == [ALL[0], ALL[2]]
    (one,) = set_aside(stage)
    assert "MalformedDetail" in one.reason
    assert (one.what, one.way, one.put_at) == ("subscription.started", "bus", stage.now)


def test_an_entry_that_nobody_can_read_is_set_aside(stage):
    stage.account()
    stage.tell("weather.changed", id="odd:1", temperature=7)
    stage.tell("number.updated", id="fine:1", number="+14155550100", notices=[{"kind": 7}])
    stage.number("+14155550100")

    publishing.publish(stage.world, "acme")

    assert stage.listener.types == ["account.created", "number.added"]
    assert sorted(one.id for one in set_aside(stage)) == ["acme:fine:1", "acme:odd:1"]


def days_pass(stage, days):
    for _ in range(days * 24):
        stage.move(stage.now + HOUR)
        publishing.retry_stuck(stage.world)


def test_an_event_that_fails_for_days_while_others_get_through_is_set_aside(stage):
    stage.leaving()
    stage.listener.fails = lambda what: OSError("poison") if what == "account.created" else None
    publishing.publish(stage.world, "acme")
    days_pass(stage, 1)
    stage.leaving("other", "cus_2", "sub_2")
    stage.listener.fails = lambda what: None
    publishing.publish(stage.world, "other")
    stage.listener.fails = lambda what: OSError("poison") if what == "account.created" else None
    days_pass(stage, 1)
    assert set_aside(stage) == []

    days_pass(stage, 2)

    assert [e["type"] for e in stage.listener.events if e["account_id"] == "acme"] == ALL[1:]
    (one,) = set_aside(stage)
    assert (one.id, one.reason) == ("acme:put:acme", "OSError")


def test_while_nobody_gets_through_nothing_is_set_aside_for_a_whole_week(stage):
    stage.leaving()
    stage.leaving("other", "cus_2", "sub_2")
    stage.listener.fails = lambda what: OSError("down")
    for account in ("acme", "other"):
        publishing.publish(stage.world, account)

    days_pass(stage, 7)
    assert set_aside(stage) == []
    stage.listener.fails = lambda what: None
    days_pass(stage, 1)

    for account in ("acme", "other"):
        mine = [e["type"] for e in stage.listener.events if e["account_id"] == account]
        assert mine == ALL


def test_an_account_that_is_alone_is_not_held_up_for_ever(stage):
    stage.leaving()
    stage.listener.fails = lambda what: OSError("poison") if what == "account.created" else None
    publishing.publish(stage.world, "acme")

    days_pass(stage, 27)
    assert set_aside(stage) == []
    days_pass(stage, 2)

    assert stage.listener.types == ALL[1:]
    assert [one.what for one in set_aside(stage)] == ["account.created"]


# -- nobody, and another way


def test_without_anybody_to_tell_history_is_not_kept_waiting(stage):
    stage.leaving()

    publishing.publish(replace(stage.world, mail=None, events=None), "acme")
    publishing.publish(stage.world, "acme")

    assert stage.listener.events == []
    assert stage.listener.mail == []


def test_a_stuck_account_leaves_the_index_when_it_caught_up_by_another_way(stage):
    stage.leaving()
    stage.listener.fails = lambda what: OSError("down") if "." in what else None
    publishing.publish(stage.world, "acme")
    stage.listener.fails = lambda _: None
    stage.move(stage.now + TICK)
    publishing.publish(stage.world, "acme")

    assert waiting(stage) == []
