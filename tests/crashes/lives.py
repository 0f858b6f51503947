"""A whole life with every way out of it broken as planned, and how it ended: in its own books, at Stripe, at the carrier,
with the SaaS and in everybody's mailbox. Without what may differ between two good runs: ids, retries, the time of day.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from chalicelib import wiring
from chalicelib.gates import PORTS
from chalicelib.gateways.carriers import CarrierError
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.store import keys
from chalicelib.store.memory import MemoryTable
from chalicelib.store.records import to_doc
from chalicelib.wiring import World
from tests.support.endings import RETOLD, without_moments
from tests.support.faults import FaultyTable, Plan, faulty
from tests.support.invariants import Seen, accounts_in, check_all, rows_of
from tests.support.life import Life, scratch

UNAVAILABLE: Mapping[str, type[Exception]] = {"stripe": StripeUnavailable, "carriers": CarrierError}
BEGUN = {*RETOLD, "case.refund_begun"}
"""Intents: there are as many as there were tries."""
NEVER_FAIL = {"names", "name", "policies", "plan", "host", "address", "since", "link", "at_hand"}
"""What a port knows by itself: nothing is asked for it."""


def through(life: Life, plan: Plan) -> World:
    """The same world; every call to its table and through its ports is counted, and may go wrong as planned."""
    world = life.world
    return replace(
        world,
        table=FaultyTable(world.table, plan),
        stripe=_port("stripe", world.stripe, plan),
        carriers={name: _port("carriers", world.carriers[name], plan) for name in world.carriers},
        mail=_port("mail", world.mail, plan),
        events=_port("events", world.events, plan),
        files=_port("files", world.files, plan),
        purgers=tuple(_port("purgers", one, plan) for one in world.purgers),
    )


def _port(name: str, port: Any, plan: Plan) -> Any:
    known = PORTS[name]
    asks = (known.gated.keys() | known.looks) - NEVER_FAIL
    made = UNAVAILABLE.get(name, TimeoutError)
    return faulty(
        port,
        plan,
        names=asks,
        reads=known.looks - {"write"},
        unavailable=lambda: made("as planned"),
    )


def with_files_of_its_own(life: Life) -> None:
    """In a copy of the process everything is its own but the disk."""
    before = life.files._folder
    after = Path(scratch().name) / uuid4().hex
    if before.exists():
        shutil.copytree(before, after)
    life.files._folder = after


# -- how it ended


def ending(life: Life, table: MemoryTable) -> Any:
    check_all(life.world, table, life.carrier)
    wiring.use(life.world)
    everything = list(rows_of(table))
    found = {
        "accounts": {seen.account.id: _account(seen) for seen in accounts_in(everything)},
        "parked": sorted(row["sk"] for row in everything if row["sk"].startswith(keys.PARKED)),
        "mail": dict(Counter(f"{one['to']}: {one['subject']}" for one in life.mail())),
        "stripe": _at_stripe(life),
        "carrier": life.at_carrier(),
        "given back": {e164: len(life.releases(e164)) for e164 in life.carrier.view()["numbers"]},
    }
    return _plain(json.loads(json.dumps(found, default=str)))


def _account(seen: Seen) -> Any:
    told = [row["doc"] for row in seen.of(keys.HISTORY)]
    return {
        "record": without_moments(to_doc(seen.account)),
        "numbers": sorted((n.e164, n.state) for n in seen.numbers),
        "registrations": sorted((r.id, r.state) for r in seen.registrations),
        "messages": sorted((r["sk"], r["state"]) for r in seen.of(keys.MESSAGE)),
        "seats": sorted(r["sk"] for r in seen.of(keys.SEAT)),
        "ledger": sorted((e.kind, str(e.lines)) for e in seen.entries),
        "cases": sorted(str(r["doc"].get("state")) for r in seen.of(keys.CASE)),
        "evidence": len(seen.of(keys.EVIDENCE)),
        "certificates": len(seen.of(keys.CERTIFICATE)),
        "history": dict(Counter(d["what"] for d in told if d["what"] not in BEGUN)),
    }


def _at_stripe(life: Life) -> Any:
    subscriptions = life.stripe("GET", "/v1/subscriptions?status=all&limit=100")["data"]
    refunds = life.stripe("GET", "/v1/refunds?limit=100")["data"]
    return {
        "subscriptions": [
            (one["id"], one["status"], one["cancel_at"], one["cancel_at_period_end"],
             bool(one.get("pause_collection")))
            for one in subscriptions
        ],
        "refunds": [(one["amount"], one["status"]) for one in refunds],
    }  # fmt: skip


_OURS = re.compile(r"\b(?:case_|ex_|mw)?[0-9a-f]{8,}\b")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\dZ")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_plain(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return _OURS.sub("#", _MOMENT.sub(r"\1", value)) if isinstance(value, str) else value
