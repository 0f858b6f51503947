"""GT-6, OS-5: what is in an export, part by part. Nothing is held in memory that grows with the account.

It has what is the customer's: no links into Stripe's pages, no keys, no operators' notes, nothing of another account.
Each part is named in `manifest.json` with its count, size and SHA-256. Money is in whole minor units, its currency in
a column of its own.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, count
from pathlib import PurePosixPath
from typing import IO, Any
from urllib.parse import quote

from chalicelib.domain import news
from chalicelib.domain.account import Account, Seat
from chalicelib.domain.exports import cell
from chalicelib.domain.ledger import Entry
from chalicelib.domain.messages import ScheduledMessage
from chalicelib.domain.moments import rfc3339
from chalicelib.gateways.files import Files
from chalicelib.gateways.stripe_reader import BilledInvoice
from chalicelib.store import cases, holdings, keys
from chalicelib.store.records import from_doc, to_doc
from chalicelib.wiring import World

Json = dict[str, Any]
LONGEST_NAME = 200
PARTS = 12
"""So many there always are; then the documents, one by one."""


def home(account_id: str) -> str:
    """Where an account's files lie. Escaped, so that no account's name leads into another's."""
    name = quote(account_id, safe="").replace(".", "%2E").replace("~", "%7E")
    if len(name) > LONGEST_NAME:
        name = f"{name[:100]}~{hashlib.sha256(account_id.encode()).hexdigest()}"
    return f"accounts/{name}/"


def documents_of(account_id: str) -> str:
    """Where the platform puts the documents it generates (OS-5)."""
    return f"{home(account_id)}documents/"


def exports_of(account_id: str) -> str:
    return f"{home(account_id)}exports/"


def file_of(account_id: str, export_id: str) -> str:
    return f"{exports_of(account_id)}{export_id}.zip"


@dataclass(slots=True)
class _Part:
    """Something in the zip as it is written: counted and summed on the way."""

    target: IO[bytes]
    rows: int = 0
    size: int = 0
    sum: Any = field(default_factory=hashlib.sha256)

    def write(self, data: bytes) -> None:
        self.target.write(data)
        self.size += len(data)
        self.sum.update(data)

    def say(self, text: str) -> None:
        self.write(text.encode("utf-8", "replace"))


@dataclass(slots=True)
class Archive:
    zip: zipfile.ZipFile
    at: datetime
    told: Callable[[int], object] = lambda _parts: None
    """Told after each part how many there are: whoever must stop, or say how far it is, does it there."""
    parts: list[Json] = field(default_factory=list)

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        def written(part: _Part) -> None:
            part.say(_line(columns))
            for row in rows:
                part.say(_line(row))
                part.rows += 1

        self._part(name, written)

    def listed(self, name: str, things: Iterable[Json]) -> None:
        """A JSON array, one thing a line."""

        def written(part: _Part) -> None:
            part.say("[")
            for thing in things:
                part.say(("," if part.rows else "") + "\n" + _json(thing))
                part.rows += 1
            part.say("\n]\n")

        self._part(name, written)

    def one(self, name: str, thing: Json) -> None:
        def written(part: _Part) -> None:
            part.say(json.dumps(thing, ensure_ascii=False, indent=2) + "\n")
            part.rows = 1

        self._part(name, written)

    def copied(self, name: str, pieces: Iterable[bytes]) -> None:
        def written(part: _Part) -> None:
            for piece in pieces:
                part.write(piece)
            part.rows = 1

        self._part(name, written)

    def _part(self, name: str, written: Callable[[_Part], None]) -> None:
        # A zip knows no time before 1980 and no zone: ours are in UTC.
        info = zipfile.ZipInfo(name, self.at.timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED
        with self.zip.open(info, "w", force_zip64=True) as target:
            part = _Part(target)
            written(part)
        said = {"name": name, "rows": part.rows, "bytes": part.size}
        self.parts.append({**said, "sha256": part.sum.hexdigest()})
        self.told(len(self.parts))


def _line(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([cell(one) for one in cells])
    return text.getvalue()


def _json(thing: Any) -> str:
    return json.dumps(thing, ensure_ascii=False, separators=(",", ":"))


def write(
    target: IO[bytes],
    world: World,
    files: Files,
    account: Account,
    export_id: str,
    invoices: Iterable[BilledInvoice],
    told: Callable[[int], object] = lambda _parts: None,
) -> dict[str, int]:
    """The whole zip. Part → how many rows. Raises FilesUnavailable and whatever the table and `told` raise."""
    now = world.clock.now()
    with zipfile.ZipFile(target, "w", allowZip64=True) as zip:
        archive = Archive(zip, now, told)
        _account(archive, account)
        _money(archive, world, account, invoices)
        _holdings(archive, world, account)
        _records(archive, world, account)
        taken: set[str] = set()
        for name in files.names(documents_of(account.id)):
            # S3's own pages write an empty file for a folder: unpacked, it would stand where the folder has to be.
            if not name.endswith("/"):
                document = _document(account.id, name, taken)
                taken.add(document)
                archive.copied(document, files.read(name))
        counts = {part["name"]: int(part["rows"]) for part in archive.parts}
        manifest = {"format": 1, "export_id": export_id, "account_id": account.id}
        archive.one(
            "manifest.json", {**manifest, "made_at": rfc3339(now), "parts": [*archive.parts]}
        )
    return counts


def _document(account_id: str, name: str, taken: Collection[str]) -> str:
    """Its name within the zip: no part of it leads out of the folder it is unpacked into, and no other has it."""
    told = name.removeprefix(documents_of(account_id)).replace("\\", "/")
    path = PurePosixPath("documents", *(p for p in told.split("/") if p not in ("", ".", "..")))
    again = (path.with_stem(f"{path.stem} ({n})") for n in count(2))
    return next(str(one) for one in chain((path,), again) if str(one) not in taken)


def _account(archive: Archive, account: Account) -> None:
    shown = ("id", "policy", "currency", "created_at", "time_zone", "locale", "email")
    doc = to_doc(account)
    more = ("purchased_through", "contracts", "stripe_customer_id")
    archive.one("account.json", {name: doc[name] for name in (*shown, *more) if name in doc})
    archive.table(
        "subscriptions.csv",
        ("id", "plan", "status", "started_at", "period_start", "period_end", "paid_until",
         "cancel_at", "canceled_at", "ended_at", "interval", "quantity", "price_minor", "currency"),
        ((s.id, s.plan, s.status, *map(_at, (s.started_at, s.period_start, s.period_end,
          s.paid_until, s.cancel_at, s.canceled_at, s.ended_at)), s.interval, s.quantity,
          s.price_minor, account.currency) for s in account.subscriptions.values()),
    )  # fmt: skip


def _money(
    archive: Archive, world: World, account: Account, invoices: Iterable[BilledInvoice]
) -> None:
    archive.table(
        "invoices.csv",
        ("id", "number", "created", "status", "total_minor", "currency"),
        ((i.id, i.number, _at(i.created), i.status, i.total, i.currency) for i in invoices),
    )
    archive.table(
        "ledger.csv",
        ("entry", "at", "kind", "account", "amount_minor", "currency", "cause", "hash"),
        (
            (e.seq, _at(e.at), e.kind, one.account, one.money.amount, one.money.currency, e.cause, e.hash)
            for e in _all(world, account, keys.ENTRY, Entry)
            for one in e.lines
        ),
    )  # fmt: skip


def _holdings(archive: Archive, world: World, account: Account) -> None:
    table, id = world.table, account.id
    archive.table(
        "numbers.csv",
        ("number", "status", "provider", "provider_id", "bought_at", "released_at",
         "monthly_fee_minor", "currency"),
        ((n.e164, n.state, n.provider, n.provider_id, _at(n.bought_at), _at(n.released_at),
          n.monthly_fee.amount, n.monthly_fee.currency) for n in holdings.numbers(table, id)),
    )  # fmt: skip
    archive.table(
        "registrations.csv",
        ("id", "kind", "status", "provider", "provider_id", "ended_at"),
        ((r.id, r.kind, r.state, r.provider, r.provider_id, _at(r.ended_at))
         for r in holdings.registrations(table, id)),
    )  # fmt: skip
    archive.table(
        "members.csv",
        ("subscription_id", "user", "assigned_at"),
        ((s.subscription_id, s.user, _at(s.assigned_at)) for s in _all(world, account, keys.SEAT, Seat)),
    )  # fmt: skip
    archive.table(
        "scheduled_messages.csv",
        ("id", "channel", "send_at", "status", "subscription_id", "price_minor", "currency"),
        (_message(m) for m in holdings.messages(table, id)),
    )


def _message(m: ScheduledMessage) -> tuple[object, ...]:
    price = (m.price.amount, m.price.currency)
    return (m.id, m.channel, _at(m.send_at), m.state, m.subscription_id, *price)


def _records(archive: Archive, world: World, account: Account) -> None:
    archive.listed("cases.json", _cases(world, account))
    evidence = holdings.rows(world.table, account.id, keys.EVIDENCE)
    archive.listed("evidence.json", (row["doc"] for row in evidence))
    archive.listed("history.json", _history(world, account))


def _cases(world: World, account: Account) -> Iterator[Json]:
    for case in cases.of_account(world.table, account.id):
        if not case.purged:
            replies = cases.replies(world.table, account.id, case)
            yield {**to_doc(case), "replies": [to_doc(reply) for reply in replies]}


def _history(world: World, account: Account) -> Iterator[Json]:
    """What happened, as other systems are told it: what operators note for themselves stays with them. `version` puts
    it in order."""
    for entry in _all(world, account, keys.HISTORY, news.HistoryEntry):
        try:
            told = news.events(account.id, entry)
        except news.Uncatalogued:
            continue
        for one in told:
            yield {
                "version": entry.version,
                "id": one.id,
                "type": one.type,
                "at": rfc3339(one.time),
                "data": dict(one.data),
            }


def _all(world: World, account: Account, prefix: str, kind: type[Any]) -> Iterator[Any]:
    for row in holdings.rows(world.table, account.id, prefix):
        yield from_doc(kind, row["doc"])


def _at(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment is not None else None
