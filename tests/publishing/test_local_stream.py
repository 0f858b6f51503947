"""The local stream: published before the answer goes out; what is missed is found again."""

from chalicelib import publishing
from chalicelib.store import keys
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Delete, Put, Unavailable, Update
from infra.local.stream import HistoryWatch, Stream
from tests.support.smarter_contact import ACME, subscribed

ENTRY = keys.history("acme", "evt_1")


def watched():
    seen: list[str] = []
    failing: list[str] = []

    def receive(records):
        failed = [r["dynamodb"]["SequenceNumber"] for r in records if failing]
        seen.extend(r["dynamodb"]["Keys"]["sk"]["S"] for r in records if not failing)
        return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}

    watch = HistoryWatch(MemoryTable(), ("access_ends",), 1)
    return watch, Stream(watch, receive), seen, failing


def entry(fact_id):
    key = keys.history("acme", fact_id)
    return Put({"pk": key.pk, "sk": key.sk, "doc": {}})


def test_new_history_flows_once_and_in_order():
    watch, stream, seen, _ = watched()
    watch.transact([entry("b"), Put({"pk": "A#acme", "sk": "wallet", "doc": {}})])
    watch.write(entry("a"))

    stream.flow()
    stream.flow()

    assert seen == ["history#b", "history#a"]


def test_what_was_rewritten_or_deleted_is_no_news():
    watch, stream, seen, _ = watched()
    watch.write(entry("a"))
    stream.flow()

    watch.write(Update(keys.history("acme", "a"), {"doc": {"stripped": True}}))
    watch.write(Delete(keys.history("acme", "a")))
    stream.flow()

    assert seen == ["history#a"]


def test_what_the_handler_could_not_take_comes_again():
    watch, stream, seen, failing = watched()
    failing.append("down")
    watch.write(entry("a"))
    stream.flow()
    failing.clear()
    watch.write(entry("b"))

    stream.flow()

    assert seen == ["history#a", "history#b"]


def test_a_write_whose_answer_is_lost_may_be_news():
    class Lost(MemoryTable):
        def transact(self, actions):
            super().transact(actions)
            raise Unavailable("lost")

    watch = HistoryWatch(Lost(), ("access_ends",), 1)
    try:
        watch.transact([entry("a")])
    except Unavailable:
        assert watch.take_fresh() == [keys.history("acme", "a")]


def test_everything_is_published_before_the_answer_is_there():
    life, (subscription,) = subscribed()

    life.cancel(ACME, subscription)

    assert [event["type"] for event in life.events()][-1] == "subscription.cancellation_scheduled"
    assert str(publishing.catch_up(life.world)) == ""


def test_what_a_killed_stack_had_not_published_is_caught_up():
    life, (subscription,) = subscribed()
    life.stream.flow = lambda: None  # type: ignore[method-assign]
    life.cancel(ACME, subscription)
    assert life.mail() == []
    life.watch.take_fresh()

    publishing.catch_up(life.world)

    assert len(life.mail()) == 1


def test_a_table_that_fails_under_the_publisher_does_not_fail_the_request():
    life, (subscription,) = subscribed()
    shown = life.preview(ACME, subscription)
    assert shown.status == 201
    flow, world = life.stream.flow, life.world
    from dataclasses import replace

    class Down:
        def __getattr__(self, name):
            raise Unavailable("down")

    life.world = replace(world, table=Down())
    canceled = life.cancel(ACME, subscription)
    life.world = world

    assert canceled.status == 200
    assert life.mail() == []
    flow()
    assert len(life.mail()) == 1
