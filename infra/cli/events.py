"""`lapse events`: what Stripe sent, what became of it, and what could not be applied yet; and what of ours could not
leave."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Any

from chalicelib import delivering, log, publishing, replaying, sweeping, unheard
from chalicelib.domain.moments import from_rfc3339, rfc3339
from chalicelib.gateways.stripe import StripeRefused
from chalicelib.gateways.stripe_lists import ListedEvent
from chalicelib.gateways.stripe_reader import customer_of
from chalicelib.hearing import HEARD, hear
from chalicelib.replaying import Replayed, Wanted
from chalicelib.store import accounts, keys, parked
from chalicelib.store.aside import Aside
from chalicelib.wiring import World
from infra.cli.desk import Groups, command, patiently, say_json, say_table

BY = "lapse events replay"
PAGE, MOST = 100, 1000


def add(groups: Groups) -> None:
    group = groups.add_parser(
        "events",
        help="Stripe's events and ours: the newest, those that wait, hearing or sending one again",
    )
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    one = command(commands, "parked", "those that wait, soonest next try first", _parked)
    one.add_argument("--limit", type=_many, default=PAGE, help=f"1 to {MOST}, by default {PAGE}")
    one = command(commands, "tail", "what Stripe has sent last, and what became of it", _tail)
    one.add_argument("--limit", type=_limit, default=20, help="1 to 100, by default 20")
    one = command(
        commands,
        "replay",
        "hears one of Stripe's again, now: parked, or by its id there. Or sends ours that were set aside, with --apply",
        _replay,
    )
    one.add_argument("id", metavar="ID", nargs="?", help="evt_… is Stripe's, ACCOUNT:… is ours")
    _which(one)
    one.add_argument("--apply", action="store_true", help="send ours, instead of saying which")
    _which(command(commands, "aside", "ours that could not leave, and why", _aside))
    command(commands, "endpoints", "who gets our events by HTTP, and who was stopped", _endpoints)
    one = command(
        commands,
        "resume",
        "speaks again to an endpoint that was stopped; says so without --apply",
        _resume,
    )
    one.add_argument("name", metavar="NAME")
    one.add_argument("--apply", action="store_true", help="do it, instead of saying it")


def _which(one: argparse.ArgumentParser) -> None:
    one.add_argument("--account", metavar="ID", help="of ours: only this account's")
    one.add_argument(
        "--since", metavar="INSTANT", type=_instant, help="of ours: what happened then or later"
    )
    one.add_argument(
        "--way", metavar="NAME", help="of ours: only for the bus, or for this endpoint"
    )


def _instant(text: str) -> datetime:
    try:
        return from_rfc3339(text)
    except ValueError:
        raise argparse.ArgumentTypeError("an instant is written as 2026-12-01T00:00:00Z") from None


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
    found: list[unheard.Shown] = []
    after: str | None = None
    while len(found) < given.limit:
        room = min(PAGE, given.limit - len(found))
        page, after = unheard.parked_shown(world, limit=room, after=after)
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
    if given.id is None or ":" in given.id:
        return _send_again(world, given)
    if given.account or given.since or given.way:
        raise LookupError(
            "--account, --since and --way are about our own events, not about one of Stripe's"
        )
    key = unheard.find_parked(world, given.id)
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


# -- ours


def _aside(world: World, given: argparse.Namespace) -> int:
    lines = [_shown(one) for one in replaying.found(world, _wanted(given, None))]
    if given.json:
        say_json({"data": lines})
    else:
        say_table(lines, ("id", "way", "what", "at", "set_aside_at", "reason"))
    return 0


def _wanted(given: argparse.Namespace, id: str | None) -> Wanted:
    return Wanted(id=id, account_id=given.account, since=given.since, way=given.way)


def _shown(one: Aside) -> dict[str, Any]:
    return {
        "id": one.id,
        "account_id": one.account_id,
        "way": one.way,
        "what": one.what,
        "at": rfc3339(one.said_at),
        "set_aside_at": rfc3339(one.put_at),
        "reason": one.reason,
    }


def _send_again(world: World, given: argparse.Namespace) -> int:
    """1 when something still cannot leave. Sent twice, it is the same event; sent already, there is nothing to do."""
    meant = list(replaying.found(world, _wanted(given, given.id)))
    if not given.apply:
        return _say_meant(given, meant)
    done = [replaying.replay(world, one) for one in meant]
    still = [one for one in done if one.error is not None]
    if given.json:
        say_json({"applied": True, "sent": len(done) - len(still), "data": [*map(_outcome, done)]})
    else:
        say_table([*map(_outcome, done)], ("id", "way", "outcome"))
    return 1 if still else 0


def _say_meant(given: argparse.Namespace, meant: list[Aside]) -> int:
    if given.json:
        say_json({"applied": False, "data": [*map(_shown, meant)]})
        return 0
    say_table([*map(_shown, meant)], ("id", "way", "what", "at", "reason"))
    if meant:
        print("nothing was sent: --apply does it")
    return 0


def _outcome(one: Replayed) -> dict[str, Any]:
    return {**_shown(one.aside), "outcome": one.error or "sent"}


def _endpoints(world: World, given: argparse.Namespace) -> int:
    lines = [_endpoint(world, name) for name in world.endpoints]
    if given.json:
        say_json({"data": lines})
    else:
        say_table(lines, ("name", "host", "since", "state", "stopped_at", "reason"))
    return 0


def _endpoint(world: World, name: str) -> dict[str, Any]:
    endpoint, stop = delivering.usable(world, name), delivering.stopped(world, name)
    if endpoint is None:
        return {"name": name, "state": "unusable", "reason": delivering.why_unusable(world, name)}
    return {
        "name": name,
        "host": endpoint.host,
        "since": rfc3339(endpoint.since),
        "state": "open" if stop is None else "stopped",
        "stopped_at": rfc3339(stop.at) if stop else None,
        "reason": stop.reason if stop else None,
    }


def _resume(world: World, given: argparse.Namespace) -> int:
    if given.name not in world.endpoints:
        raise LookupError(f"there is no endpoint {given.name!r}")
    stop = delivering.stopped(world, given.name)
    if stop is not None and given.apply:
        delivering.resume(world, given.name)
        publishing.catch_up_with_all(world)
    applied = stop is not None and given.apply
    if given.json:
        say_json({"name": given.name, "was_stopped": stop is not None, "applied": applied})
    elif stop is None:
        print(f"{given.name} is not stopped")
    elif applied:
        print(f"{given.name} gets what waited for it within five minutes")
    else:
        print(f"{given.name} was stopped at {rfc3339(stop.at)}: {stop.reason}")
        print("nothing was done: --apply does it")
    return 0
