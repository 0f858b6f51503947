"""An account with ten thousand messages is exported and purged within a memory that does not grow with it."""

import io
import tracemalloc
from datetime import timedelta

from chalicelib import erasing, exporting
from chalicelib.domain.erasure import Erasure
from chalicelib.domain.messages import ScheduledMessage
from chalicelib.domain.money import Money
from chalicelib.lifecycle import must_load
from chalicelib.store import keys
from chalicelib.store.records import to_doc
from chalicelib.store.table import Put
from tests.operators.desk import ACME
from tests.support.life import Life

MANY = 10_000
MOST_BYTES = 12 * 1024 * 1024


class Sink(io.RawIOBase):
    """Takes everything and keeps nothing, so that only the export's own memory is measured."""

    def writable(self):
        return True

    def write(self, data):
        return len(data)


def large():
    life = Life()
    life.account(ACME)
    for n in range(MANY):
        id = f"message-{n:05}-{'x' * 100}"
        sent = ScheduledMessage(
            id=id, channel="sms", send_at=life.now, price=Money(1, "usd"), state="sent"
        )
        key = keys.message(ACME, id)
        life.world.table.write(
            Put({"pk": key.pk, "sk": key.sk, "state": "sent", "doc": to_doc(sent)})
        )
    return life


def peak(do):
    tracemalloc.start()
    try:
        done = do()
        return done, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_export_needs_no_more_than_a_page_at_a_time():
    life = large()
    account = must_load(life.world, ACME).account

    counts, most = peak(
        lambda: exporting.write(Sink(), life.world, life.files, account, "ex_1", ())
    )

    assert counts["scheduled_messages.csv"] == MANY
    assert most < MOST_BYTES


def test_a_purge_needs_no_more_than_a_page_at_a_time():
    life = large()
    wanted = Erasure(id="purge_1", account_id=ACME, before=life.now + timedelta(days=1))

    done, most = peak(
        lambda: erasing.erase(
            life.world, wanted, [erasing.OurRows(life.world.table)], lambda: False
        )
    )

    assert done.deleted["lapse"]["message"] == MANY
    assert most < MOST_BYTES
