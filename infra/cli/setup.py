"""`lapse setup stripe`: the webhook's endpoint, pinned to our API version and to what we hear, and our configuration of
the portal. Made once however often it is run; dry unless told otherwise.

The endpoint's signing secret is told by Stripe this once. It goes straight to the place named for it, and is printed
only where no place is.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from chalicelib.gateways.stripe import API_VERSION, Stripe, StripeRefused, StripeUnavailable
from chalicelib.hearing import HEARD
from infra.cli import portal_rules, secret_places, setup_prices, setup_secret
from infra.cli.desk import Groups, say_json
from infra.cli.stripe_of_the_operator import OWN, run

PATH = "/webhooks/stripe"
SAFE = ("https://", "http://127.0.0.1:", "http://localhost:")


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done, or was. `gives` is what a setting is to say now."""

    says: str
    gives: str = ""


def add(groups: Groups) -> None:
    group = groups.add_parser("setup", help="make what Lapse needs at others")
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    parser: argparse.ArgumentParser = commands.add_parser(
        "stripe", help="Stripe's webhook endpoint and our configuration of its portal"
    )
    parser.add_argument(
        "--url", help=f"where Stripe reaches us: https://…{PATH}; with --stage it is known"
    )
    parser.add_argument(
        "--secret-to",
        metavar="PLACE",
        help="secretsmanager:NAME#KEY or ssm:NAME, for the new secret; with --stage it is known",
    )
    parser.add_argument("--apply", action="store_true", help="do it; without it, only say what")
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    parser.set_defaults(run=lambda given: run(_set_up, given), own=OWN)
    setup_secret.add(commands)
    setup_prices.add(commands)


def _set_up(stripe: Stripe, region: str, given: argparse.Namespace) -> int:
    url, place = _url(given), _place(given)
    done: list[Change] = []
    try:
        # One by one: a secret that is told this once is shown even when what comes after it fails.
        for change in _changes(stripe, url, place, region, apply=given.apply):
            done.append(change)
            if not given.json:
                print(change.says + (f"\n    {change.gives}" if change.gives else ""))
    finally:
        if given.json and done:
            changes = [{"says": c.says, "gives": c.gives} for c in done]
            say_json({"applied": given.apply, "changes": changes})
    if given.json:
        return 0
    if not done:
        there = [_ours(_at(stripe, url)), _our_portal(stripe)]
        print(f"everything is there already: {', '.join(one['id'] for one in there if one)}")
    elif not given.apply:
        print("Nothing was done. Say --apply to do it.")
    return 0


def _changes(
    stripe: Stripe, url: str, place: str | None, region: str, *, apply: bool
) -> Iterator[Change]:
    yield from _endpoint(stripe, url, place, region, apply=apply)
    yield from _portal(stripe, apply=apply)


def _url(given: argparse.Namespace) -> str:
    text: str | None = given.url or (given.deployed.webhook_url if given.deployed else None)
    if text is None:
        raise ValueError("say --url, or name the stage: lapse --stage NAME setup stripe")
    if not text.startswith(SAFE) or not text.endswith(PATH):
        raise ValueError(f"--url is https and ends with {PATH}: {text!r} is not")
    return text


def _place(given: argparse.Namespace) -> str | None:
    """Where the new secret goes: with --stage, where its functions look for it."""
    place: str | None = given.secret_to
    if place is None and given.deployed:
        place = given.deployed.settings["LAPSE_WEBHOOK_SECRETS"].partition(",")[0]
    if place:
        secret_places.parse(place)
    return place


def _at(stripe: Stripe, url: str) -> list[dict[str, Any]]:
    return [dict(one) for one in stripe.endpoints() if one["url"] == url]


def _ours(here: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((one for one in here if one.get("api_version") == API_VERSION), None)


def _endpoint(
    stripe: Stripe, url: str, place: str | None, region: str, *, apply: bool
) -> Iterator[Change]:
    here = _at(stripe, url)
    ours = _ours(here)
    if ours is not None:
        if set(ours["enabled_events"]) != set(HEARD) or ours["status"] != "enabled":
            if apply:
                stripe.update_endpoint(ours["id"], events=list(HEARD))
            yield Change(f"endpoint {ours['id']}: enabled, for the {len(HEARD)} types that we hear")
    elif apply:
        yield _created(stripe, url, place, region)
    else:
        yield Change(f"a new endpoint for {url}, in {API_VERSION}, for {len(HEARD)} types")
    for one in here:
        if one is not ours and one["status"] == "enabled":
            yield Change(
                f"endpoint {one['id']} speaks {one.get('api_version') or 'another version'}: let both"
                " run for a day, then delete it in Stripe's Dashboard (this command never does)"
            )


def _created(stripe: Stripe, url: str, place: str | None, region: str) -> Change:
    id, secret = stripe.create_endpoint(url, events=list(HEARD), api_version=API_VERSION)
    says = f"endpoint {id} made for {url}, in {API_VERSION}"
    if place is None:
        return Change(f"{says}. Its secret, which is shown this once:", secret)
    try:
        secret_places.add(place, secret, region=region)
    except Exception as error:  # noqa: BLE001 - whatever went wrong there, the secret is lost
        # Nobody will ever know its secret: an endpoint like that only fails.
        with suppress(StripeRefused, StripeUnavailable):
            stripe.delete_endpoint(id)
        raise ValueError(
            f"the secret could not be put at {place} ({type(error).__name__}),"
            f" so endpoint {id} was deleted again"
        ) from None
    return Change(f"{says}. Its secret lies where this says:", f"LAPSE_WEBHOOK_SECRETS={place}")


def _portal(stripe: Stripe, *, apply: bool) -> Iterator[Change]:
    ours = _our_portal(stripe)
    if ours is None:
        given = {
            "name": portal_rules.NAME,
            "features": portal_rules.FEATURES,
            "metadata": portal_rules.MARK,
        }
        if apply:
            id = stripe.create_portal_configuration(given)
            yield Change("portal configuration made", f"LAPSE_PORTAL_CONFIGURATION={id}")
        else:
            yield Change("a new portal configuration: cancelling at the period's end, no pause")
        return
    lacking = portal_rules.lacks(ours)
    if lacking:
        if apply:
            stripe.update_portal_configuration(ours["id"], {"features": lacking})
        yield Change(
            f"portal configuration {ours['id']}: {', '.join(lacking)} as ours",
            f"LAPSE_PORTAL_CONFIGURATION={ours['id']}",
        )


def _our_portal(stripe: Stripe) -> dict[str, Any] | None:
    return next((dict(one) for one in stripe.portal_configurations() if _is_ours(one)), None)


def _is_ours(configuration: Any) -> bool:
    metadata = configuration.get("metadata") or {}
    return all(metadata.get(name) == value for name, value in portal_rules.MARK.items())
