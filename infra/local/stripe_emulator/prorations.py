"""Credits and charges for parts of a period. They wait on the subscription for an invoice."""

from __future__ import annotations

from typing import Any

from . import collection, invoices, items
from .invoice_lines import part_line
from .world import World

Json = dict[str, Any]


def credit_unused(world: World, subscription: Json, entries: list[Json]) -> None:
    """The time left of what was paid for, as negative lines."""
    wait(world, subscription, [_part(world, entry, world.at, sign=-1) for entry in entries])


def charge_rest(world: World, subscription: Json, entries: list[Json]) -> None:
    wait(world, subscription, [_part(world, entry, world.at, sign=1) for entry in entries])


def stub_credit(world: World, entry: Json, until: int) -> Json:
    """An end inside the new period: the part after it is given back on the same invoice."""
    return _part(world, entry, until, sign=-1)


def take_pending(world: World, subscription: Json) -> list[Json]:
    # A list of its own: an empty one stays in place, and what the caller adds to it would be billed again.
    lines: list[Json] = [*subscription["_pending_lines"]]
    world.change(subscription, _pending_lines=[])
    return lines


def invoice_pending(world: World, subscription: Json, reason: str) -> Json | None:
    """Bills what waits, at once."""
    lines = take_pending(world, subscription)
    if not lines:
        return None
    invoice = invoices.draft(
        world,
        subscription,
        reason=reason,
        lines=lines,
        start=world.at,
        end=world.at,
    )
    world.change(subscription, latest_invoice=invoice["id"])
    collection.complete(world, invoice)
    return invoice


def _part(world: World, entry: Json, start: int, *, sign: int) -> Json:
    end = entry["current_period_end"]
    whole = end - entry["current_period_start"]
    cost = items.share(items.amount(entry), max(0, end - start), whole)
    word = "Unused time on" if sign < 0 else "Remaining time on"
    return part_line(
        world,
        entry,
        amount=sign * cost,
        start=start,
        end=end,
        proration=True,
        description=f"{word} {entry['price']['id']}",
    )


def wait(world: World, subscription: Json, lines: list[Json]) -> None:
    world.change(subscription, _pending_lines=[*subscription["_pending_lines"], *lines])
