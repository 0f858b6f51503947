"""M1-13: what an operator says of work on the systems, and what follows from it."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from chalicelib import maintaining, overseeing
from chalicelib.domain.maintenance import Window
from chalicelib.handlers import cursors, shapes
from chalicelib.handlers.asking import instant, limit
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.calls import is_id
from chalicelib.handlers.problems import invalid, not_found
from chalicelib.maintaining import Asked, NotAWindow, UnknownWindow
from chalicelib.store.maintenance import Overtaken
from chalicelib.store.table import Contended

ATTEMPTS = 8

Changes = Call[shapes.MaintenanceChangeShape]


def find(call: Call[Any]) -> None:
    _known(call)


def check_announced(call: Call[shapes.MaintenanceShape]) -> None:
    _announced(call)


def announce(call: Call[shapes.MaintenanceShape]) -> Answer:
    """It extends access from now on. The first accounts are told before this is answered, the rest by the job."""
    if call.body.preview:
        return _previewed(call, _announced(call))
    return Answer(201, _saved(call, _announced(call)))


def check_changed(call: Changes) -> None:
    _changed(call, _known(call))


def change(call: Changes) -> Answer:
    """Saying the same again changes nothing, and tells nobody anything."""
    for _ in range(ATTEMPTS):
        known = _known(call)
        window = _changed(call, known)
        if call.body.preview:
            return _previewed(call, window)
        if window == known:
            return Answer(200, overseeing.window_shown(call.world, window))
        # Somebody else may have changed it just now: then what was said is said of that.
        with suppress(Overtaken):
            return Answer(200, _saved(call, window))
    raise Contended(call.params["id"])


def _previewed(call: Call[Any], window: Window) -> Answer:
    """What it would be: the days it takes, and what is to be thought of first."""
    return Answer(200, {**overseeing.window_shown(call.world, window), "previewed": True})


def check_list(call: Call[None]) -> None:
    _after(call)


def listed(call: Call[None]) -> Answer:
    found, more = maintaining.windows_shown(call.world, limit=limit(call), after=_after(call))
    return Answer(
        200,
        shapes.page(
            [overseeing.window_shown(call.world, one) for one in found],
            more and cursors.written(more),
        ),
    )


def show(call: Call[None]) -> Answer:
    return Answer(200, overseeing.window_shown(call.world, _known(call)))


def _known(call: Call[Any]) -> Window:
    try:
        if is_id(call.params["id"]):
            return maintaining.must_know(call.world, call.params["id"])
    except UnknownWindow:
        pass
    raise not_found("maintenance window")


def _announced(call: Call[shapes.MaintenanceShape]) -> Window:
    try:
        return maintaining.announced(call.world, _asked(call.body), call.caller.sub)
    except NotAWindow as error:
        raise invalid(f"/{error.field}", error.detail) from error


def _changed(call: Changes, known: Window) -> Window:
    try:
        return maintaining.changed(call.world, known, _asked(call.body), call.caller.sub)
    except NotAWindow as error:
        raise invalid(f"/{error.field}", error.detail) from error


def _asked(body: shapes.MaintenanceShape | shapes.MaintenanceChangeShape) -> Asked:
    reason = body.reason and body.reason.strip()
    if reason == "":
        raise invalid("/reason", "Say why, in 1 to 500 characters.")
    return Asked(
        starts_at=instant(body.starts_at, "/starts_at") if body.starts_at else None,
        ends_at=instant(body.ends_at, "/ends_at") if body.ends_at else None,
        kind=body.kind,
        reason=reason,
        policies=None if body.policies is None else tuple(body.policies),
        withdrawn=body.withdrawn,
    )


def _saved(call: Call[Any], window: Window) -> dict[str, Any]:
    maintaining.begin_to_tell(call.world, maintaining.save(call.world, window))
    return overseeing.window_shown(call.world, window)


def _after(call: Call[None]) -> str | None:
    given = cursors.given(call, 1)
    if given is None:
        return None
    (after,) = given
    if after is None or not _PLACE.fullmatch(after):
        raise cursors.wrong()
    return after


_PLACE = re.compile(r"window#mw[0-9a-f]{1,40}")
