"""Telnyx: numbers and 10DLC campaigns through its API, version 2.

From Telnyx's own reference (developers.telnyx.com/api-reference): phone-number-configurations/retrieve-a-phone-number
and delete-a-phone-number, campaign/get-campaign and deactivate-campaign. A deleted number is not promised back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.gateways.carriers import CarrierError, NotRecoverable
from chalicelib.gateways.carriers.asking import (
    ANOTHER_NUMBER,
    UNREADABLE,
    Desk,
    Gone,
    must_be,
    object_in,
    read,
)
from chalicelib.gateways.secrets import Secret

API = "https://api.telnyx.com"
ID = re.compile(r"[A-Za-z0-9-]{1,64}")
NOT_OURS = ("deleted", "ported-out")
"""Of a number's `status`, those in which we pay for it no more."""
EXPIRED = "EXPIRED"
"""A campaign's `status`: ACTIVE or EXPIRED. Once expired it cannot be restored."""


class Telnyx:
    recoverable_for = None

    def __init__(self, secret: Secret, *, api: str = API) -> None:
        self._api = f"{api}/v2"
        self._desk = Desk(secret, lambda text: f"Bearer {text}", _code_in)

    def release_number(self, e164: str, provider_id: str, *, key: str) -> None:
        url = self._number(provider_id)
        try:
            if self._is_ours(url, e164):
                left = read(self._desk.ask("DELETE", url)).get("data")
                if not isinstance(left, dict) or left.get("status") not in NOT_OURS:
                    # Accepted, and not done yet: looked at again later.
                    raise CarrierError("release_pending")
        except Gone:
            return

    def holds_number(self, e164: str, provider_id: str) -> bool:
        try:
            return self._is_ours(self._number(provider_id), e164)
        except Gone:
            return False

    def recover_number(self, e164: str, provider_id: str, *, key: str) -> str:
        raise NotRecoverable

    def lapse_registration(self, registration_id: str, provider_id: str, *, key: str) -> None:
        # Asked first: what a second deactivation of an expired campaign is answered is not documented.
        if self.holds_registration(registration_id, provider_id):
            try:
                self._desk.ask("DELETE", self._campaign(provider_id))
            except Gone:
                return

    def holds_registration(self, registration_id: str, provider_id: str) -> bool:
        try:
            campaign = read(self._desk.ask("GET", self._campaign(provider_id)))
        except Gone:
            return False
        return bool(campaign.get("status") != EXPIRED)

    def _is_ours(self, url: str, e164: str) -> bool:
        """Raises Gone."""
        number = read(self._desk.ask("GET", url)).get("data")
        if not isinstance(number, dict):
            raise CarrierError(UNREADABLE)
        if number.get("phone_number") != e164:
            raise CarrierError(ANOTHER_NUMBER, retryable=False)
        return number.get("status") not in NOT_OURS

    def _number(self, provider_id: str) -> str:
        return f"{self._api}/phone_numbers/{must_be(ID, provider_id)}"

    def _campaign(self, provider_id: str) -> str:
        return f"{self._api}/10dlc/campaign/{must_be(ID, provider_id)}"


def _code_in(body: bytes) -> str | None:
    """`{"errors": [{"code": "10015", "title": …}]}`."""
    errors = object_in(body).get("errors")
    first: Mapping[str, Any] = errors[0] if isinstance(errors, list) and errors else {}
    return first.get("code") if isinstance(first, dict) else None
