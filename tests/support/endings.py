"""How a story on a `Stage` ended, without what may differ between two good runs: moments of a retry, versions, ids."""

import json
from collections import Counter
from typing import Any

from chalicelib.store import keys
from chalicelib.store.records import to_doc
from tests.support.invariants import Seen, accounts_in, rows_of
from tests.support.stage import Stage

MOMENTS = ("created_at", "as_of", "as_of_events", "purged_at", "in_flight", "at", "rows")
"""When a thing was done, and how many rows the run deleted that finished a purge."""
RETOLD = ("number.release_begun", "registration.lapse_begun", "step.number_fee")
"""An intent is written down before every try, so there are as many as there were tries. Fees are caught up in one
run or in several; the ledger has each of them."""


def ending(stage: Stage) -> dict[str, Any]:
    everything = list(rows_of(stage.table))
    return {
        "accounts": {seen.account.id: _account(seen) for seen in accounts_in(everything)},
        "parked": sorted(row["sk"] for row in everything if row["sk"].startswith(keys.PARKED)),
        "due": stage.due_now(),
        "given back": _given_back(stage),
    }


def _account(seen: Seen) -> dict[str, Any]:
    return {
        "record": without_moments(to_doc(seen.account)),
        "numbers": sorted((n.e164, n.state, n.next_fee_at) for n in seen.numbers),
        "registrations": sorted((r.id, r.state) for r in seen.registrations),
        "messages": sorted((r["sk"], r["state"]) for r in seen.of(keys.MESSAGE)),
        "ledger": sorted(
            (e.cause, e.kind, e.at, e.lines, json.dumps(e.note)) for e in seen.entries
        ),
        "history": history(seen),
    }


def history(seen: Seen) -> Counter[str]:
    """What happened, as often as it happened."""
    said = [row["doc"] for row in seen.of(keys.HISTORY)]
    return Counter(
        json.dumps([doc["what"], without_moments(doc.get("data", {}))], sort_keys=True)
        for doc in said
        if doc["what"] not in RETOLD
    )


def without_moments(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: without_moments(inner) for name, inner in value.items() if name not in MOMENTS
        }
    return [without_moments(inner) for inner in value] if isinstance(value, list) else value


def _given_back(stage: Stage) -> dict[str, tuple[str, list[str]]]:
    """Number or registration → its status at the carrier, and the keys under which it was given back."""
    view = stage.carrier.view()
    return {
        name: (record["status"], [c["key"] for c in record["calls"] if c["outcome"] == "done"])
        for book in ("numbers", "registrations")
        for name, record in view[book].items()
    }


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two endings differ, one line each."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = sorted({*one, *other})
        return [d for n in names for d in differences(one.get(n), other.get(n), f"{path}/{n}")]
    return [] if one == other else [f"{path}: {one!r} is not {other!r}"]
