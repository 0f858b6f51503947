"""The books, looked at from outside: what the rows say, not what the app says of them.

`Audited` is a table that looks after every single committed write, so that no moment goes unseen at which the ledger
does not sum to zero or a balance is not the sum of its entries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from chalicelib import wiring
from chalicelib.domain.ledger import Entry, Posting, from_wallet, to_wallet
from chalicelib.domain.moments import from_rfc3339
from chalicelib.domain.money import Money
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.store import keys, wallet
from chalicelib.store.memory import MemoryTable
from chalicelib.store.records import from_doc
from chalicelib.store.table import Action, DuePage, Key, Page, Row, Table
from tests.support.faults import FaultyTable, Plan, faulty
from tests.support.invariants import accounts_in, ledger_balances, messages_end_once, rows_of
from tests.support.life import Life

ACME = "acme"
NOON = from_rfc3339("2026-03-01T12:00:00Z")


def debit(cause: str, amount: int = 100, currency: str = "usd") -> Posting:
    lines = from_wallet(Money(amount, currency), "number_fees")
    return Posting(cause=cause, kind="number_fee", at=NOON, lines=lines)


def credit(cause: str, amount: int = 100, currency: str = "usd") -> Posting:
    lines = to_wallet(Money(amount, currency), "stripe")
    return Posting(cause=cause, kind="top_up", at=NOON, lines=lines)


def booked(table: Table, account_id: str = ACME, kind: str | None = None) -> list[Entry]:
    """Every entry, oldest first, of whatever table."""
    found: list[Entry] = []
    after: str | None = None
    while True:
        page = table.query(keys.partition(account_id), keys.ENTRY, limit=500, after=after)
        found += [from_doc(Entry, row["doc"]) for row in page.rows]
        if (after := page.after) is None:
            return [entry for entry in found if kind in (None, entry.kind)]


def balance(table: Table, account_id: str = ACME, currency: str = "usd") -> int:
    return wallet.load(table, account_id).balance(currency).amount


def check_books(table: MemoryTable) -> None:
    for seen in accounts_in(list(rows_of(table))):
        ledger_balances(seen)
        messages_end_once(seen)


class Audited:
    """A table in memory whose books are checked after every committed write."""

    def __init__(self) -> None:
        self.inner = MemoryTable()
        self.looked = 0

    def get(self, key: Key) -> Row | None:
        return self.inner.get(key)

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Row]:
        return self.inner.get_many(keys)

    def query(self, pk: str, prefix: str = "", **more: Any) -> Page:
        return self.inner.query(pk, prefix, **more)

    def due(self, due_kind: str, until: str, **more: Any) -> DuePage:
        return self.inner.due(due_kind, until, **more)

    def directory(self, dir_kind: str, prefix: str = "", **more: Any) -> DuePage:
        return self.inner.directory(dir_kind, prefix, **more)

    def write(self, action: Action) -> None:
        self._committed(lambda: self.inner.write(action))

    def transact(self, actions: Sequence[Action]) -> None:
        self._committed(lambda: self.inner.transact(actions))

    def _committed(self, write: Callable[[], None]) -> None:
        write()
        check_books(self.inner)
        self.looked += 1


STRIPE_READS = (
    "subscription", "subscriptions_of", "invoice", "price", "checkout", "payment_method",
    "open_invoices", "invoices_of", "invoice_status",
)  # fmt: skip
STRIPE_WRITES = ("checkout_session", "portal_session", "turn_renewal_off", "turn_renewal_on")


def interrupted(life: Life, plan: Plan) -> None:
    """From here on every call of the app to its table and to Stripe is counted, and may go wrong as planned."""
    life.world = replace(
        life.world,
        table=FaultyTable(life.world.table, plan),
        stripe=faulty(
            life.world.stripe,
            plan,
            names=STRIPE_READS + STRIPE_WRITES,
            reads=STRIPE_READS,
            unavailable=lambda: StripeUnavailable("as planned"),
        ),
    )
    wiring.use(life.world)


def recovered(life: Life) -> None:
    """A new process, and outsiders that answer again."""
    table, stripe = life.world.table, life.world.stripe
    assert isinstance(table, FaultyTable)
    life.world = replace(life.world, table=table.inner, stripe=stripe.inner._outsider)  # type: ignore[attr-defined]
    wiring.use(life.world)
