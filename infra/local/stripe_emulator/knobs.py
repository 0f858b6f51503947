"""What a test or a person has set by `/_control` and what holds until it is taken back."""

from __future__ import annotations

from typing import Any

from .world import World

Json = dict[str, Any]


def knobs(world: World) -> Json:
    found = world.find("_control", "control")
    if found is None:
        found = world.add(
            {
                "object": "_control",
                "id": "control",
                "modes": {},
                "old_version": None,
                "delay_ms": 0,
                "failing_customers": [],
                "failing_refunds": [],
            }
        )
    return found


def set_knob(world: World, **values: Any) -> None:
    world.change(knobs(world), **values)


def due_at(control: Json) -> int | None:
    """When the first webhook mode ends by itself."""
    ends = [mode["until"] for mode in control["modes"].values() if mode["until"] is not None]
    return min(ends, default=None)


def applies(world: World, name: str) -> bool:
    """Whether this webhook mode takes hold of one more event; uses up one of its `count`."""
    modes = knobs(world)["modes"]
    mode = modes.get(name)
    if mode is None or (mode["until"] is not None and mode["until"] <= world.at):
        return False
    if mode["count"] is not None:
        left = {**mode, "count": mode["count"] - 1}
        others = {key: value for key, value in modes.items() if key != name}
        set_knob(world, modes={**others, name: left} if left["count"] > 0 else others)
    return True
