"""`lapse setup stripe`: the webhook's endpoint, pinned to our API version and to what we hear, and our configuration of
the portal. Made once however often it is run; dry unless told otherwise.

The endpoint's signing secret is told by Stripe this once. It goes straight to the place named for it, and is printed
only where no place is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from chalicelib import settings as settings_
from chalicelib.gateways.secrets import Vault
from chalicelib.gateways.stripe import API_VERSION, Stripe, StripeRefused, StripeUnavailable
from chalicelib.hearing import HEARD
from chalicelib.settings import SettingsError
from infra.cli import portal_rules, secret_places
from infra.cli.desk import Groups, say_json
from infra.cli.secret_places import NoPlace

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
    parser.add_argument("--url", required=True, help=f"where Stripe reaches us: https://…{PATH}")
    parser.add_argument(
        "--secret-to",
        metavar="PLACE",
        help="secretsmanager:NAME#KEY or ssm:NAME, for the new secret",
    )
    parser.add_argument("--apply", action="store_true", help="do it; without it, only say what")
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    try:
        stripe, region = _stripe()
        url = _url(given.url)
        if given.secret_to:
            secret_places.parse(given.secret_to)
        changes = [*_endpoint(stripe, url, given, region), *_portal(stripe, apply=given.apply)]
    except (SettingsError, NoPlace, ValueError) as error:
        print(f"lapse: {error.args[0]}", file=sys.stderr)
        return 2
    except (StripeRefused, StripeUnavailable) as error:
        print(f"lapse: Stripe: {error}", file=sys.stderr)
        return 1
    if given.json:
        say_json(
            {
                "applied": given.apply,
                "changes": [{"says": c.says, "gives": c.gives} for c in changes],
            }
        )
        return 0
    for change in changes:
        print(change.says + (f"\n    {change.gives}" if change.gives else ""))
    if not changes:
        print("everything is there already")
    elif not given.apply:
        print("Nothing was done. Say --apply to do it.")
    return 0


def _stripe() -> tuple[Stripe, str]:
    given = settings_.of_stripe()
    key = Vault(region=given.region).secret(given.key)
    return Stripe(key, base_url=given.base_url), given.region


def _url(text: str) -> str:
    if not text.startswith(SAFE) or not text.endswith(PATH):
        raise ValueError(f"--url is https and ends with {PATH}: {text!r} is not")
    return text


def _endpoint(stripe: Stripe, url: str, given: argparse.Namespace, region: str) -> Iterator[Change]:
    here = [dict(one) for one in stripe.endpoints() if one["url"] == url]
    ours = next((one for one in here if one.get("api_version") == API_VERSION), None)
    if ours is not None:
        if set(ours["enabled_events"]) != set(HEARD) or ours["status"] != "enabled":
            if given.apply:
                stripe.update_endpoint(ours["id"], events=list(HEARD))
            yield Change(f"endpoint {ours['id']}: enabled, for the {len(HEARD)} types that we hear")
    elif given.apply:
        yield _created(stripe, url, given.secret_to, region)
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
    ours = next((dict(one) for one in stripe.portal_configurations() if _is_ours(one)), None)
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


def _is_ours(configuration: Any) -> bool:
    metadata = configuration.get("metadata") or {}
    return all(metadata.get(name) == value for name, value in portal_rules.MARK.items())
