"""Twilio: numbers through its REST API, A2P 10DLC campaigns through its Messaging API.

From Twilio's own references: the IncomingPhoneNumber resource (twilio.com/docs/phone-numbers/api/
incomingphonenumber-resource), emergency calling for SIP trunking (docs/sip-trunking/api/emergency-calling), the
UsAppToPerson resource (docs/messaging/api/usapptoperson-resource), and the support article "Cancel or release a Twilio
number": a registered emergency address is removed first, and a released number can be bought back within ten days.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from chalicelib.gateways.carriers import CarrierError, NotRecoverable
from chalicelib.gateways.carriers.asking import (
    ANOTHER_NUMBER,
    UNREADABLE,
    Declined,
    Desk,
    Gone,
    must_be,
    object_in,
    read,
)
from chalicelib.gateways.secrets import Secret

API = "https://api.twilio.com"
MESSAGING = "https://messaging.twilio.com"
FORM = "application/x-www-form-urlencoded"

NUMBER_ID = re.compile(r"PN[0-9a-fA-F]{32}")
CAMPAIGN_ID = re.compile(r"(MG[0-9a-fA-F]{32})(?:/(QE[0-9a-fA-F]{32}))?")
"""The messaging service, which has at most one campaign, and that campaign's own id."""
ONLY_CAMPAIGN = "QE2c6890da8086d771620e9b13fadeba0b"
"""The id that every campaign has, by Twilio's reference."""
NOT_AVAILABLE = "21422"
"""docs/errors/21422: Twilio does not own the number, or it is reserved for another account."""
NO_ADDRESS = ("unregistered", "registration-failure")
FAILED_TO_CLEAR = "unregistration-failure"


class Twilio:
    recoverable_for = timedelta(days=10)

    def __init__(
        self,
        account_sid: str,
        secret: Secret,
        *,
        user: str | None = None,
        api: str = API,
        messaging: str = MESSAGING,
    ) -> None:
        """`user` is an API key's SID, whose secret `secret` then is; without one it is the account's auth token."""
        self._numbers = f"{api}/2010-04-01/Accounts/{account_sid}/IncomingPhoneNumbers"
        self._services = f"{messaging}/v1/Services"
        name = user or account_sid
        self._desk = Desk(
            secret,
            lambda text: "Basic " + b64encode(f"{name}:{text}".encode()).decode(),
            lambda body: object_in(body).get("code"),
        )

    def release_number(self, e164: str, provider_id: str, *, key: str) -> None:
        url = self._number(provider_id)
        try:
            self._clear_emergency_address(url, self._known(url, e164))
            self._desk.ask("DELETE", url)
        except Gone:
            return

    def holds_number(self, e164: str, provider_id: str) -> bool:
        try:
            self._known(self._number(provider_id), e164)
        except Gone:
            return False
        return True

    def recover_number(self, e164: str, provider_id: str, *, key: str) -> str:
        """Bought like any number, by its digits: a released one is kept for the account that had it. Twilio takes no
        idempotency key, so it is asked first whether an earlier call went through."""
        try:
            listed = read(self._desk.ask("GET", f"{self._numbers}.json?" + _form(PhoneNumber=e164)))
            for one in listed.get("incoming_phone_numbers") or ():
                if one.get("phone_number") == e164:
                    return _sid(one)
            body = _form(PhoneNumber=e164).encode()
            return _sid(read(self._desk.ask("POST", f"{self._numbers}.json", body=body, type=FORM)))
        except Declined as declined:
            if declined.their_code == NOT_AVAILABLE:
                raise NotRecoverable from declined
            raise
        except Gone as gone:
            # The list of an account's numbers is always there, even empty.
            raise CarrierError("account_not_found", retryable=False) from gone

    def lapse_registration(self, registration_id: str, provider_id: str, *, key: str) -> None:
        try:
            self._desk.ask("DELETE", self._campaign(provider_id))
        except Gone:
            return

    def holds_registration(self, registration_id: str, provider_id: str) -> bool:
        try:
            read(self._desk.ask("GET", self._campaign(provider_id)))
        except Gone:
            return False
        return True

    def _known(self, url: str, e164: str) -> Mapping[str, Any]:
        """What Twilio says of the number. Raises Gone."""
        number = read(self._desk.ask("GET", url))
        if number.get("phone_number") != e164:
            raise CarrierError(ANOTHER_NUMBER, retryable=False)
        return number

    def _clear_emergency_address(self, url: str, number: Mapping[str, Any]) -> None:
        """Unregistering it takes Twilio a while; until it is done the number cannot be released."""
        if number.get("emergency_address_sid"):
            body = _form(EmergencyAddressSid="").encode()
            number = read(self._desk.ask("POST", url, body=body, type=FORM))
        status = number.get("emergency_address_status")
        if status == FAILED_TO_CLEAR:
            raise CarrierError("emergency_address_not_removed", retryable=False)
        if status is not None and status not in NO_ADDRESS:
            raise CarrierError("emergency_address_being_removed")

    def _number(self, provider_id: str) -> str:
        return f"{self._numbers}/{must_be(NUMBER_ID, provider_id)}.json"

    def _campaign(self, provider_id: str) -> str:
        service, _, campaign = must_be(CAMPAIGN_ID, provider_id).partition("/")
        return f"{self._services}/{service}/Compliance/Usa2p/{campaign or ONLY_CAMPAIGN}"


def _sid(number: Mapping[str, Any]) -> str:
    sid = number.get("sid")
    if not isinstance(sid, str) or not NUMBER_ID.fullmatch(sid):
        raise CarrierError(UNREADABLE)
    return sid


def _form(**fields: str) -> str:
    return urlencode(fields)
