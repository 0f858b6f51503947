"""The wallet: balance, entry and the proof of its cause in one transaction, together with what caused it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from chalicelib.domain.auditing import Broken, Kept, first_broken
from chalicelib.domain.ledger import Entry, Posting, Wallet, book
from chalicelib.store import keys
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.table import Action, Contended, If, Key, Put, Refused, Row, Table, Update

ATTEMPTS = 40
PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.2
ROOM = 90
"""Rows of one kind that fit in a posting's transaction, beside its own three and a few conditions."""
PAGE = 1000


class AlreadyBooked(Exception):
    """This cause was booked before."""


class Overtaken(Exception):
    """Something the posting rests on no longer holds. Nothing was booked.

    `failed` says of each accompanying action whether its condition failed.
    """

    def __init__(self, cause: str, failed: Sequence[bool] = ()) -> None:
        super().__init__(cause)
        self.failed = tuple(failed)


def load(table: Table, account_id: str) -> Wallet:
    return _read(table, account_id)[0]


def _always() -> bool:
    return True


def post(
    table: Table,
    account_id: str,
    posting: Posting,
    also: Sequence[Action] = (),
    *,
    still: Callable[[], bool] = _always,
) -> Wallet:
    """Books the posting once, with `also` (actions on other rows), all or nothing.

    `still` is asked after the wallet was read: whoever closes the wallet (`fence`) after it said yes makes this posting
    ask again. Raises AlreadyBooked, Overtaken, ledger.Unbookable, and whatever the table raises.
    """
    for attempt in range(ATTEMPTS):
        before, version = _read(table, account_id)
        if not still():
            raise Overtaken(posting.cause)
        after, entry = book(before, posting)
        own: list[Action] = [
            _wallet(account_id, after, version),
            _cause(account_id, entry),
            _entry(account_id, entry),
        ]
        try:
            table.transact([*own, *also])
        except Contended:
            _let_others_pass(attempt)
            continue
        except Refused as refused:
            if refused.failed[1]:
                raise AlreadyBooked(posting.cause) from refused
            if any(refused.failed[3:]):
                raise Overtaken(posting.cause, refused.failed[3:]) from refused
            _let_others_pass(attempt)
            continue
        return after
    raise Contended(f"the wallet of {account_id} changed {ATTEMPTS} times in a row")


def fence(table: Table, account_id: str) -> None:
    """Whatever was judged before this, and is not booked yet, is judged again before it is."""
    for attempt in range(ATTEMPTS):
        wallet, version = _read(table, account_id)
        try:
            table.write(_wallet(account_id, wallet, version))
        except (Contended, Refused):
            _let_others_pass(attempt)
            continue
        return
    raise Contended(f"the wallet of {account_id} changed {ATTEMPTS} times in a row")


def booked(table: Table, account_id: str, cause: str) -> Entry | None:
    """The entry that was booked under this cause."""
    proof = table.get(keys.cause(account_id, cause))
    row = table.get(keys.entry(account_id, proof["doc"]["seq"])) if proof else None
    return from_doc(Entry, row["doc"]) if row else None


def booked_of(table: Table, account_id: str, causes: Iterable[str]) -> list[Entry]:
    """The entries that were booked under any of these causes."""
    return _of_proofs(
        table, account_id, _many(table, [keys.cause(account_id, one) for one in causes])
    )


def booked_under(table: Table, account_id: str, prefix: str) -> list[Entry]:
    """The entries whose cause begins so."""
    return _of_proofs(table, account_id, list(_rows(table, account_id, keys.CAUSE + prefix)))


def _of_proofs(table: Table, account_id: str, proofs: Sequence[Row]) -> list[Entry]:
    found = _many(table, [keys.entry(account_id, one["doc"]["seq"]) for one in proofs])
    return [from_doc(Entry, row["doc"]) for row in found]


def _many(table: Table, wanted: Sequence[Key]) -> list[Row]:
    return list(table.get_many(wanted).values()) if wanted else []


def entry(table: Table, account_id: str, seq: int) -> Entry | None:
    row = table.get(keys.entry(account_id, seq))
    return from_doc(Entry, row["doc"]) if row else None


def entries(
    table: Table, account_id: str, *, limit: int, before: int | None = None
) -> tuple[list[Entry], bool]:
    """Newest first, from the one numbered `before` (not included) down; and whether older ones follow.

    Numbers have no gaps, so the last one says whether anything follows, however a page was cut.
    """
    found: list[Entry] = []
    after = keys.entry(account_id, before).sk if before is not None else None
    while len(found) < limit:
        page = table.query(
            keys.partition(account_id),
            keys.ENTRY,
            limit=limit - len(found),
            after=after,
            newest_first=True,
        )
        found += [from_doc(Entry, row["doc"]) for row in page.rows]
        after = page.after
        if after is None:
            break
    return found, bool(found) and found[-1].seq > 1


def verify(table: Table, account_id: str) -> tuple[int, Broken | None]:
    """How many entries the ledger has, and the first that is broken. While somebody books, it looks again."""
    while True:
        wallet = load(table, account_id)
        causes = _rows(table, account_id, keys.CAUSE)
        broken = first_broken(wallet, _kept(_rows(table, account_id, keys.ENTRY)), _causes(causes))
        if broken is None or load(table, account_id) == wallet:
            return wallet.seq, broken


def verify_rows(wallet: Row | None, entries: Iterable[Row], causes: Iterable[Row]) -> Broken | None:
    """The first entry that is broken, of rows that were read already."""
    known = from_doc(Wallet, wallet["doc"]) if wallet else Wallet()
    return first_broken(known, _kept(entries), _causes(causes))


def _kept(entries: Iterable[Row]) -> Iterator[Kept]:
    for row in entries:
        number = row["sk"].removeprefix(keys.ENTRY)
        try:
            entry = from_doc(Entry, row["doc"])
        except (msgspec.ValidationError, ValueError):
            entry = None
        yield Kept(int(number) if number.isdecimal() else -1, entry)


def _causes(causes: Iterable[Row]) -> dict[str, int]:
    return {
        row["doc"].get("cause") or row["sk"].removeprefix(keys.CAUSE): row["doc"].get("seq")
        for row in causes
    }


def _rows(table: Table, account_id: str, prefix: str) -> Iterator[Row]:
    after: str | None = None
    while True:
        page = table.query(keys.partition(account_id), prefix, limit=PAGE, after=after)
        yield from page.rows
        if page.after is None:
            return
        after = page.after


def _read(table: Table, account_id: str) -> tuple[Wallet, int | None]:
    row = table.get(keys.wallet(account_id))
    return (from_doc(Wallet, row["doc"]), row["version"]) if row else (Wallet(), None)


def _wallet(account_id: str, after: Wallet, version: int | None) -> Update:
    return Update(
        keys.wallet(account_id),
        {"version": (version or 0) + 1, "doc": to_doc(after)},
        If(equals={"version": version}),
    )


def _cause(account_id: str, entry: Entry) -> Put:
    key = keys.cause(account_id, entry.cause)
    said = {} if key.sk == keys.CAUSE + entry.cause else {"cause": entry.cause}
    return Put({"pk": key.pk, "sk": key.sk, "doc": {"seq": entry.seq, **said}}, If(absent=True))


def _entry(account_id: str, entry: Entry) -> Put:
    key = keys.entry(account_id, entry.seq)
    return Put({"pk": key.pk, "sk": key.sk, "doc": to_doc(entry)}, If(absent=True))


def _let_others_pass(attempt: int) -> None:
    """A random while, so that two who met do not meet again."""
    most = min(PAUSE_SECONDS * (attempt + 1), LONGEST_PAUSE_SECONDS)
    time.sleep(random.uniform(0, most))  # noqa: S311 - spreads retries, keeps no secret
