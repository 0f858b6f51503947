"""Stripe by the key of whoever types, which may make what no function's key may: endpoints, portals, prices."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Final

from chalicelib import settings as settings_
from chalicelib.gateways.secrets import Vault
from chalicelib.gateways.stripe import Stripe, StripeRefused, StripeUnavailable
from chalicelib.policies import PolicyError
from chalicelib.settings import SettingsError
from infra.cli.secret_places import NoPlace

OWN: Final = ("LAPSE_STRIPE_API_KEY",)
"""Also with `--stage` it is never taken from the stage."""


Act = Callable[[Stripe, str, argparse.Namespace], int]
"""What a command does with it, and with the region that secrets lie in."""


def run(act: Act, given: argparse.Namespace) -> int:
    """1 when Stripe did not do what was asked for, 2 when it could not be asked for."""
    try:
        return act(*stripe(), given)
    except (SettingsError, PolicyError, NoPlace, LookupError, ValueError) as error:
        print(f"lapse: {error.args[0]}", file=sys.stderr)
        return 2
    except (StripeRefused, StripeUnavailable) as error:
        print(f"lapse: Stripe: {error}", file=sys.stderr)
        return 1


def stripe() -> tuple[Stripe, str]:
    given = settings_.of_stripe()
    key = Vault(region=given.region).secret(given.key)
    return Stripe(key, base_url=given.base_url), given.region
