"""How everything is switched, and the kill switch: an operator stops whatever leaves, says why, and lets it go on."""

from __future__ import annotations

from typing import Any

from chalicelib import switching
from chalicelib.handlers import shapes
from chalicelib.handlers.asking import reason
from chalicelib.handlers.call import Answer, Call


def show(call: Call[None]) -> Answer:
    return Answer(200, switching.shown(call.world))


def stop(call: Call[shapes.Reasoned]) -> Answer:
    return _turn(call, on=True)


def go_on(call: Call[shapes.Reasoned]) -> Answer:
    return _turn(call, on=False)


def _turn(call: Call[Any], *, on: bool) -> Answer:
    switching.turn(call.world, on=on, by=call.caller.sub, reason=reason(call))
    return Answer(200, switching.shown(call.world))
