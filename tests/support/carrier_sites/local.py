"""The local stack's own carrier, without a server."""

from __future__ import annotations

from datetime import datetime, timedelta

from infra.local.carrier import LocalCarrier
from infra.local.faults import Faults
from infra.local.notebook import Notebook
from tests.support.carrier_sites.site import (
    E164,
    REGISTRATION,
    Site,
)
from tests.support.truth import Hands


class LocalSite(Site):
    """The local stack's own carrier, held to the same."""

    takes_secrets = False
    number_id = "PN1"
    registration_id = REGISTRATION

    def __init__(self) -> None:
        from pathlib import Path

        self.clock = Hands()
        self.faults = Faults()
        self.local = LocalCarrier(Notebook(Path(":memory:")), self.clock, self.faults)
        self.carrier = self.local
        self.problems = []

    def stop(self) -> None:
        pass

    def later(self, span: timedelta) -> datetime:
        self.clock.at += span
        return self.clock.at

    def rent(self, e164: str = E164, id: str | None = None) -> None:
        self.local.rent_number(e164, id or self.number_id)

    def register(self, id: str | None = None) -> None:
        self.local.register(id or self.registration_id, "BR1")

    def has_number(self, e164: str = E164) -> bool:
        seen = self.local.view()["numbers"].get(e164)
        return seen is not None and seen["status"] == "active"

    def has_registration(self) -> bool:
        seen = self.local.view()["registrations"].get(REGISTRATION)
        return seen is not None and seen["status"] == "active"
