"""Stripe by the key of whoever types, which may make what no function's key may: endpoints, portals, prices."""

from __future__ import annotations

from typing import Final

from chalicelib import settings as settings_
from chalicelib.gateways.secrets import Vault
from chalicelib.gateways.stripe import Stripe

OWN: Final = ("LAPSE_STRIPE_API_KEY",)
"""Also with `--stage` it is never taken from the stage."""


def stripe() -> tuple[Stripe, str]:
    """It, and the region that secrets lie in. Raises SettingsError."""
    given = settings_.of_stripe()
    key = Vault(region=given.region).secret(given.key)
    return Stripe(key, base_url=given.base_url), given.region
