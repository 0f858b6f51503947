"""The carriers as small servers on loopback, in the shapes of their published references: what the adapters' one
conformance suite talks to. Each holds numbers and registrations, and can be told to refuse, or to lose an answer.

They check what they are sent as strictly as the references allow, so that a request in the wrong shape is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib.gateways.carriers import CarrierError
from tests.support.carrier_sites.aws import AwsSite
from tests.support.carrier_sites.bandwidth import BandwidthSite
from tests.support.carrier_sites.local import LocalSite
from tests.support.carrier_sites.site import E164, KEY, OTHER, REGISTRATION, SECRET, Site
from tests.support.carrier_sites.telnyx import TelnyxSite
from tests.support.carrier_sites.twilio import TwilioSite

__all__ = [
    "E164",
    "KEY",
    "OTHER",
    "REGISTRATION",
    "SECRET",
    "SITES",
    "LocalSite",
    "code_of",
    "holds",
    "holds_registration",
    "lapse",
    "opened",
    "release",
]

SITES: dict[str, type[Site]] = {
    "twilio": TwilioSite,
    "telnyx": TelnyxSite,
    "bandwidth": BandwidthSite,
    "aws": AwsSite,
    "local": LocalSite,
}


def code_of(error: CarrierError) -> tuple[str, bool]:
    return error.code, error.retryable


def opened(name: str) -> Iterator[Any]:
    """The site, holding one number and one registration, as long as the story needs it."""
    site = SITES[name]()
    try:
        site.rent()
        site.register()
        yield site
    finally:
        site.stop()
    assert site.problems == []


def release(site: Site) -> None:
    site.carrier.release_number(E164, site.number_id, key=KEY)


def lapse(site: Site) -> None:
    site.carrier.lapse_registration(REGISTRATION, site.registration_id, key=KEY)


def holds(site: Site) -> bool:
    return site.carrier.holds_number(E164, site.number_id)


def holds_registration(site: Site) -> bool:
    return site.carrier.holds_registration(REGISTRATION, site.registration_id)
