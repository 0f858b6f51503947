"""Stages with somebody listening, to whom nothing is published by itself: what the stories of every way out begin with."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.decision import Decision
from chalicelib.handlers import stream
from chalicelib.handlers.jobs import JOBS
from chalicelib.lifecycle import must_load, save
from chalicelib.store import aside, keys, switches
from chalicelib.store.switches import Turned
from chalicelib.sweeping import TICK
from tests.publishing.outside import Listener, Wanting
from tests.support.stage import Stage

ALL = ["account.created", "subscription.started", "subscription.cancellation_scheduled"]


class Listening(Stage):
    """A stage with somebody listening. Nothing is published by itself."""

    def __init__(self, table=None):
        super().__init__(table)
        self.listener = Listener()
        self.world = self.process(mail=self.listener, events=self.listener)

    def leaving(self, id="acme", customer="cus_1", subscription="sub_1"):
        self.account(id, customer)
        self.subscribe(subscription, customer)
        self.cancel(subscription)

    def tell(self, what, *, id, account_id="acme", **data):
        loaded = must_load(self.world, account_id)
        save(self.world, loaded, Decision(loaded.account, what, data), id=id, by="test")

    def history(self, account_id="acme"):
        rows = self.table.query(keys.partition(account_id), keys.HISTORY, limit=1000).rows
        return sorted((row["doc"] for row in rows), key=lambda doc: doc["version"])


class Sending(Listening):
    """A stage with the bus and two endpoints, called app and crm."""

    def __init__(self):
        super().__init__()
        self.app, self.crm = Wanting(), Wanting()
        self.world = self.anew()

    def anew(self, **parts):
        """Another process."""
        given = {"mail": self.listener, "events": self.listener}
        return self.process(**{**given, "endpoints": {"app": self.app, "crm": self.crm}, **parts})

    def flow(self, *accounts, world=None):
        """What the stream's two functions do, each in a process of its own."""
        records = [record(id, "x") for id in accounts or ("acme",)]
        stream.receive(world or self.anew(), records)
        stream.send(world or self.anew(), records)

    def ticks(self, n=1):
        for _ in range(n):
            self.move(self.now + TICK)
            for name in ("publish_again", "send_again"):
                JOBS[name].run(self.anew())

    def set_aside(self):
        return list(aside.everything(self.table, self.world.settings.due_shards))


def record(account_id, fact_id, sequence="1", *, name="INSERT", sk=None):
    return {
        "eventName": name,
        "dynamodb": {
            "Keys": {"pk": {"S": f"A#{account_id}"}, "sk": {"S": sk or f"history#{fact_id}"}},
            "SequenceNumber": sequence,
        },
    }


def fails(error, *types):
    return lambda what: error if not types or what in types else None


def switched(stage, mode):
    world = stage.anew()
    settings = replace(world.settings, capabilities={"events": mode})
    return replace(world, settings=settings)


def turned(stage, on):
    switches.turn(stage.table, Turned(on=on, at=stage.now, by="test", reason="test"))
