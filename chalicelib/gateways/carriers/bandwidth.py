"""Bandwidth: numbers and 10DLC campaigns through its Dashboard API, which speaks XML.

From Bandwidth's own pages: "How to disconnect phone numbers" (dev.bandwidth.com/docs/numbers/guides/
disconnectNumbers), the /tns/{number}/tndetails and /campaignManagement/10dlc/campaigns resources as its own command
line uses them (dev.bandwidth.com/tools/cli), and its SDKs' recorded answers. Disconnecting and deactivating are
orders: they are accepted first and carried out later, so the number or campaign itself is looked at again.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING

from chalicelib.gateways.carriers import CarrierError, NotRecoverable
from chalicelib.gateways.carriers.asking import UNREADABLE, Declined, Desk, Gone, must_be
from chalicelib.gateways.secrets import Secret

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

API = "https://dashboard.bandwidth.com/api"
XML = "application/xml; charset=utf-8"
NANP = re.compile(r"\+1([2-9][0-9]{9})")
"""Bandwidth's Dashboard knows American numbers by their ten digits."""
CAMPAIGN_ID = re.compile(r"[A-Za-z0-9]{1,32}")
NOT_OURS = frozenset({"aging", "available", "disconnected"})
"""Of a number's `Status`, those after a disconnect: ageing, and back in the inventory."""
ENDED = frozenset({"expired", "deactivated"})
NOT_ON_ACCOUNT = "5006"
"""A disconnect's error: the number "is not associated with your account"."""
FAILED = frozenset({"failed", "partial"})


class Bandwidth:
    recoverable_for = None

    def __init__(self, account_id: str, user: str, secret: Secret, *, api: str = API) -> None:
        self._api = api
        self._account_id = account_id
        self._account = f"{api}/accounts/{account_id}"
        self._desk = Desk(
            secret,
            lambda text: "Basic " + b64encode(f"{user}:{text}".encode()).decode(),
            _code_in,
        )

    def release_number(self, e164: str, provider_id: str, *, key: str) -> None:
        if not self.holds_number(e164, provider_id):
            return
        url = f"{self._account}/disconnects"
        try:
            answer = self._desk.ask("POST", url, body=_order(_digits(e164), key), type=XML)
        except Declined as declined:
            if declined.their_code == NOT_ON_ACCOUNT:
                return
            raise
        except Gone as gone:
            raise CarrierError("account_not_found", retryable=False) from gone
        order = _read(answer.body)
        code = _code(order)
        if code is not None and code != NOT_ON_ACCOUNT:
            raise Declined(answer.status, code)
        if (_text(order, "OrderStatus") or "").lower() in FAILED:
            raise CarrierError("disconnect_failed", retryable=False)
        if self.holds_number(e164, provider_id):
            raise CarrierError("release_pending")

    def holds_number(self, e164: str, provider_id: str) -> bool:
        try:
            answer = self._desk.ask("GET", f"{self._api}/tns/{_digits(e164)}/tndetails")
        except Gone:
            return False
        details = _read(answer.body).find(".//TelephoneNumberDetails")
        if details is None:
            raise CarrierError(UNREADABLE)
        # Its own two, not those of a feature further down.
        owner, status = _text(details, "AccountId"), _text(details, "Status")
        if status is None:
            raise CarrierError(UNREADABLE)
        return owner == self._account_id and status.lower() not in NOT_OURS

    def recover_number(self, e164: str, provider_id: str, *, key: str) -> str:
        raise NotRecoverable

    def lapse_registration(self, registration_id: str, provider_id: str, *, key: str) -> None:
        if not self.holds_registration(registration_id, provider_id):
            return
        try:
            self._desk.ask("DELETE", self._campaign(provider_id))
        except Gone:
            return
        if self.holds_registration(registration_id, provider_id):
            raise CarrierError("lapse_pending")

    def holds_registration(self, registration_id: str, provider_id: str) -> bool:
        try:
            answer = self._desk.ask("GET", self._campaign(provider_id))
        except Gone:
            return False
        found = _read(answer.body)
        campaign = found if found.tag == "Campaign" else found.find(".//Campaign")
        if campaign is None:
            raise CarrierError(UNREADABLE)
        return (_text(campaign, "Status") or "").lower() not in ENDED

    def _campaign(self, provider_id: str) -> str:
        campaign = must_be(CAMPAIGN_ID, provider_id)
        return f"{self._account}/campaignManagement/10dlc/campaigns/{campaign}"


def _digits(e164: str) -> str:
    found = NANP.fullmatch(e164)
    if found is None:
        raise CarrierError("number_not_american", retryable=False)
    return found[1]


def _order(digits: str, key: str) -> bytes:
    """The customer's own id of the order is one for one key, so that an order made twice shows as such."""
    own = sha256(key.encode()).hexdigest()[:32]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        "<DisconnectTelephoneNumberOrder>"
        f"<CustomerOrderId>{own}</CustomerOrderId>"
        "<DisconnectTelephoneNumberOrderType><TelephoneNumberList>"
        f"<TelephoneNumber>{digits}</TelephoneNumber>"
        "</TelephoneNumberList></DisconnectTelephoneNumberOrderType>"
        "</DisconnectTelephoneNumberOrder>"
    ).encode()


def _read(body: bytes) -> Element:
    found = _xml(body)
    if found is None:
        raise CarrierError(UNREADABLE)
    return found


def _xml(body: bytes) -> Element | None:
    from xml.etree.ElementTree import ParseError, fromstring

    # No answer of theirs declares a document type; one that does would have its entities expanded.
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        return None
    try:
        return fromstring(body)  # noqa: S314 - see above
    except (ParseError, ValueError, LookupError):
        return None


def _text(element: Element, path: str) -> str | None:
    found = element.find(path)
    return found.text.strip() if found is not None and found.text else None


def _code(element: Element) -> str | None:
    return _text(element, ".//ErrorCode") or _text(element, ".//ErrorList/Error/Code")


def _code_in(body: bytes) -> str | None:
    found = _xml(body)
    return _code(found) if found is not None else None
