"""`/v1/exports`: everything the account has, as a zip to save or take along (GT-6, OS-5)."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

from chalicelib import exporting, sweeping
from chalicelib.domain.account import Export
from chalicelib.domain.exports import NothingLeft, TooMany, expires_at
from chalicelib.domain.facts import ExportAsked
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.steps import EXPORT_MADE, Step
from chalicelib.gateways.files import Files
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.problems import Problem, not_found, storage_unavailable
from chalicelib.lifecycle import must_load, tell
from chalicelib.store import keys

LINK_LASTS = timedelta(minutes=15)


def ask(call: Call[None]) -> Answer:
    files, export_id = _files(call), _id(call)
    fact = ExportAsked(export_id=export_id)
    try:
        told = tell(
            call.world,
            call.account.id,
            fact,
            id=f"request:{call.request_id}",
            by=call.caller.sub,
        )
    except TooMany as error:
        why = "There are three exports already. Fetch one of them, or wait until it expires."
        raise Problem(429, "rate_limited", why, headers={"Retry-After": "3600"}) from error
    except NothingLeft as error:
        raise _nothing_left() from error
    account = told.account
    if files.at_hand:
        _make_now(call, export_id)
        account = must_load(call.world, call.account.id).account
    export = account.exports.get(export_id)
    if export is None:
        raise _nothing_left()
    return Answer(202, _shown(export_id, export))


def find(call: Call[Any]) -> None:
    if call.params["id"] not in call.account.exports:
        raise not_found("export")


def show(call: Call[None]) -> Answer:
    """Being made, or a link that was made for this answer. The link itself is stored nowhere."""
    export_id = call.params["id"]
    export = call.account.exports[export_id]
    expires = expires_at(export)
    if expires is None:
        return Answer(202, {**_shown(export_id, export), "progress": _progress(call, export_id)})
    if expires <= call.now:
        raise not_found("export")
    lasts = min(LINK_LASTS, expires - call.now)
    url = _files(call).link(
        exporting.file_of(call.account.id, export_id), now=call.now, lasts=lasts
    )
    ends = {"url": url, "url_expires_at": rfc3339(call.now + lasts)}
    return Answer(200, {**_shown(export_id, export), **ends})


def of_account(call: Call[Any]) -> list[dict[str, Any]]:
    """Those that can still be fetched, newest first; the links come from `show`."""
    known = [(id, one, expires_at(one)) for id, one in call.account.exports.items()]
    there = [(id, one) for id, one, until in known if until is None or until > call.now]
    return [
        _shown(id, one)
        for id, one in sorted(there, key=lambda pair: pair[1].asked_at, reverse=True)
    ]


def _progress(call: Call[None], export_id: str) -> int:
    """How far the run is that makes it, in per cent; one that died left it where it was."""
    step = Step(EXPORT_MADE, call.now, export_id)
    row = call.world.table.get(keys.step(call.account.id, step.id))
    return int((row or {}).get("doc", {}).get("progress", 0))


def _make_now(call: Call[None], export_id: str) -> None:
    """Where that is quick. What fails stays due, and the schedule goes on with it."""
    step = Step(EXPORT_MADE, call.now, export_id)
    try:
        sweeping.carry_out(call.world, call.account.id, step.id)
    except Exception as error:  # noqa: BLE001 - recorded with its next try; the wish itself is saved
        sweeping.failed(call.world, keys.step(call.account.id, step.id), error)


def _id(call: Call[None]) -> str:
    """Of the request: a repeat that goes on where the first one died means the same export."""
    return "ex_" + sha256(f"{call.account.id}#{call.request_id}".encode()).hexdigest()[:24]


def _nothing_left() -> Problem:
    why = "The account's data was deleted: there is nothing left to export."
    return Problem(409, "blocked", why, blockers=[])


def _files(call: Call[Any]) -> Files:
    if call.world.files is None:
        raise storage_unavailable()
    return call.world.files


def _shown(export_id: str, export: Export) -> dict[str, Any]:
    expires = expires_at(export)
    return {
        "id": export_id,
        "state": "ready" if expires is not None else "making",
        "progress": 100 if expires is not None else 0,
        "asked_at": rfc3339(export.asked_at),
        "expires_at": rfc3339(expires) if expires is not None else None,
    }
