"""Seeded worlds in which every call of every sender may fail, crash or be doubled, and each way out goes down and comes
back by itself. Afterwards each way has everything, first in order; meanwhile nothing was ever out of order."""

from contextlib import suppress
from datetime import timedelta
from random import Random

import pytest

from chalicelib import delivering, mailing, publishing
from chalicelib.domain import news
from chalicelib.domain.news import HistoryEntry
from chalicelib.gateways.event_endpoint import NotTaken
from chalicelib.gateways.events import OutOfReach
from chalicelib.handlers import stream
from chalicelib.handlers.jobs import JOBS
from chalicelib.store import positions
from chalicelib.store.records import from_doc
from chalicelib.store.table import StoreError, Unavailable
from chalicelib.sweeping import TICK
from tests.publishing.outside import waiting
from tests.publishing.stages import Sending, fails, record
from tests.support.faults import Crash, FaultyTable, Plan, faulty, struck_by

ACCOUNTS = ("acme", "other", "third")
ACTS = 120
JOBS_OF_SENDERS = ("publish_again", "send_again", "catch_up_publishing")


class Odd(Plan):
    """Breaks any call now and then, in any of its ways."""

    def __init__(self, random, share):
        super().__init__()
        self.random, self.share = random, share
        self.dead = False

    def perform(self, call, do, unavailable=lambda: Unavailable("as it happens")):
        if self.dead:
            raise Crash
        if self.random.random() >= self.share:
            return do()
        try:
            return struck_by(self.random.choice(call.faults), do, unavailable)
        except Crash:
            self.dead = True
            raise


class Bad(Sending):
    def __init__(self, seed):
        super().__init__()
        self.random = Random(seed)
        self.numbers = 0
        for n, id in enumerate(ACCOUNTS):
            self.leaving(id, f"cus_{n}", f"sub_{n}")

    def odd(self):
        """A process that lives until it crashes."""
        plan = Odd(self.random, self.random.choice((0.0, 0.02, 0.1, 0.3)))

        def broken(outsider, *names):
            return faulty(outsider, plan, names=names, unavailable=lambda: OutOfReach("lost"))

        return self.anew(
            table=FaultyTable(self.table, plan),
            mail=broken(self.listener, "send"),
            events=broken(self.listener, "publish"),
            endpoints={"app": broken(self.app, "send"), "crm": broken(self.crm, "send")},
        )

    def act(self):
        account = self.random.choice(ACCOUNTS)
        match self.random.randrange(8):
            case 0 | 1:
                self.numbers += 1
                self.number(f"+1415555{self.numbers:04}", account_id=account)
            case 2 | 3:
                self.receive(self.odd(), self.random.sample(ACCOUNTS, 2))
            case 4:
                self.move(self.now + self.random.choice((TICK, 12 * TICK, timedelta(hours=7))))
                self.run(self.odd(), self.random.choice(JOBS_OF_SENDERS))
            case 5:
                way = self.random.choice((self.listener, self.app, self.crm))
                error = self.random.choice(
                    (None, None, OutOfReach("503"), NotTaken("422"), OSError("x"))
                )
                way.fails = lambda what: error if "." in what else None
            case 6:
                self.meanwhile(account)
            case 7:
                self.run(self.odd(), "send_again")

    def meanwhile(self, account):
        """While one sender sends, another one, who lives, does the same and more."""
        way, before = self.app, self.app.fails
        raced = []

        def race(what):
            if not raced:
                raced.append(True)
                self.numbers += 1
                self.number(f"+1415555{self.numbers:04}", account_id=account)
                delivering.deliver(self.anew(), account)
            return before(what)

        way.fails = race
        self.receive(self.odd(), [account])
        way.fails = before

    def receive(self, world, accounts):
        for act in (stream.receive, stream.send):
            with suppress(Crash, StoreError):
                act(world, [record(id, "x") for id in accounts])

    def run(self, world, name):
        with suppress(Crash, StoreError):
            JOBS[name].run(world)

    def recover(self):
        for way in (self.listener, self.app, self.crm):
            way.fails = fails(None)
        for _ in range(4):
            self.move(self.now + timedelta(hours=7))
            world = self.anew()
            publishing.catch_up(world)
            publishing.retry_stuck(world)
            delivering.send_again(world)
            mailing.send_unsent(world)


def first_arrivals(way, account):
    mine = [event["sequence"] for event in way.events if event["account_id"] == account]
    return list(dict.fromkeys(mine))


def expected(stage, account):
    entries = [from_doc(HistoryEntry, doc) for doc in stage.history(account)]
    return [event.sequence for entry in entries for event in news.events(account, entry)]


@pytest.mark.parametrize("seed", range(24))
def test_whatever_happens_each_way_gets_everything_first_in_order(seed):
    stage = Bad(seed)

    for _ in range(ACTS):
        stage.act()
        for way in (stage.listener, stage.app, stage.crm):
            for account in ACCOUNTS:
                arrived = first_arrivals(way, account)
                assert arrived == expected(stage, account)[: len(arrived)]
    stage.recover()

    # Nobody was out of reach for so long that anything would have been given up.
    assert stage.set_aside() == []
    for way in (stage.listener, stage.app, stage.crm):
        for account in ACCOUNTS:
            assert first_arrivals(way, account) == expected(stage, account), account
    for account in ACCOUNTS:
        for name in ("bus", "app", "crm"):
            assert not positions.position(stage.table, account, name).lags
    assert waiting(stage) == []
    assert len(set(stage.listener.keys)) == len(ACCOUNTS)
