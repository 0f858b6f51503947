"""`lapse events`: what Stripe sent, what became of it, and what could not be applied yet."""

from __future__ import annotations

import argparse
from typing import Any

from chalicelib import log, overseeing, sweeping
from chalicelib.domain.moments import rfc3339
from chalicelib.gateways.stripe import StripeRefused
from chalicelib.gateways.stripe_lists import ListedEvent
from chalicelib.gateways.stripe_reader import customer_of
from chalicelib.hearing import HEARD, hear
from chalicelib.store import accounts, keys, parked
from chalicelib.wiring import World
from infra.cli.desk import Groups, command, patiently, say_json, say_table

BY = "lapse events replay"
PAGE, MOST = 100, 1000


def add(groups: Groups) -> None:
    group = groups.add_parser(
        "events", help="Stripe's events: the newest, those that wait, hearing one again"
    )
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    one = command(commands, "parked", "those that wait, soonest next try first", _parked)
    one.add_argument("--limit", type=_many, default=PAGE, help=f"1 to {MOST}, by default {PAGE}")
    one = command(commands, "tail", "what Stripe has sent last, and what became of it", _tail)
    one.add_argument("--limit", type=_limit, default=20, help="1 to 100, by default 20")
    one = command(
        commands, "replay", "hears one again, now: parked, or by its id at Stripe", _replay
    )
    one.add_argument("id", metavar="ID")


def _limit(text: str, most: int = PAGE) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise argparse.ArgumentTypeError(f"a whole number from 1 to {most}")
    return int(text)


def _many(text: str) -> int:
    return _limit(text, MOST)


def _tail(world: World, given: argparse.Namespace) -> int:
    """What Stripe has sent last, and what became of it here."""
    with patiently():
        newest = world.stripe.newest_events(given.limit)
    lines = [_became(world, one) for one in reversed(newest)]
    if given.json:
        say_json({"data": lines})
    else:
        say_table(lines, ("created", "id", "type", "customer", "account_id", "here"))
    return 0


def _became(world: World, one: ListedEvent) -> dict[str, Any]:
    thing = one.event.thing if one.event else None
    customer = customer_of(thing) if thing else None
    if (
        customer is None
        and thing is not None
        and one.type.startswith("customer.")
        and one.type.count(".") == 1
    ):
        customer = one.event.object_id if one.event else None
    account_id = accounts.account_of_customer(world.table, customer) if customer else None
    return {
        "created": rfc3339(one.created) if one.created else None,
        "id": one.id,
        "type": one.type,
        "customer": customer,
        "account_id": account_id,
        "here": _here(world, one, customer, account_id),
    }


def _here(world: World, one: ListedEvent, customer: str | None, account_id: str | None) -> str:
    if one.type not in HEARD:
        return "not heard"
    if parked.load(world.table, keys.parked(customer, one.id)) is not None:
        return "parked"
    if account_id is None:
        return "unknown customer"
    if accounts.was_told(world.table, account_id, one.id):
        return "applied"
    # What changes nothing visible leaves no entry; neither does what never came.
    return "nothing new, or missed"


def _hear(world: World, given: argparse.Namespace) -> int:
    """As if the webhook had brought it: applied once, however often."""
    try:
        with patiently():
            one = world.stripe.event(given.id)
    except StripeRefused as error:
        raise LookupError(f"no event {given.id!r} is parked, and Stripe knows none") from error
    if one.event is None:
        raise LookupError(f"event {given.id!r} cannot be read")
    outcome = hear(world, one.event)
    log.event("event_replayed", event_id=given.id, by=BY)
    if given.json:
        say_json({"id": given.id, "applied": outcome == "applied", "outcome": outcome})
    else:
        print(outcome)
    return 1 if outcome == "parked" else 0


def _parked(world: World, given: argparse.Namespace) -> int:
    found: list[overseeing.Shown] = []
    after: str | None = None
    while len(found) < given.limit:
        room = min(PAGE, given.limit - len(found))
        page, after = overseeing.parked_shown(world, limit=room, after=after)
        found += page
        if after is None:
            break
    if given.json:
        say_json({"data": found, "has_more": after is not None})
        return 0
    say_table(found, ("id", "type", "customer", "reason", "attempts", "parked_at", "next_try_at"))
    if after is not None:
        print("… and more: raise --limit")
    return 0


def _replay(world: World, given: argparse.Namespace) -> int:
    """1 when it still cannot be applied: it stays parked."""
    key = overseeing.find_parked(world, given.id)
    if key is None:
        return _hear(world, given)
    outcome = sweeping.retry_one_parked(world, key)
    log.event("parked_replayed", event_id=given.id, by=BY)
    if given.json:
        named = "applied" if outcome == "done" else "parked"
        say_json({"id": given.id, "applied": outcome == "done", "outcome": named})
    else:
        print("applied" if outcome == "done" else "it still cannot be applied, and stays parked")
    return 0 if outcome == "done" else 1
