"""Twilio, in the shapes of its reference."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from chalicelib.gateways.carriers import Carrier
from chalicelib.gateways.carriers.twilio import ONLY_CAMPAIGN, Twilio
from chalicelib.gateways.secrets import Plain
from tests.support.carrier_sites.site import (
    SECRET,
    Reply,
    Site,
    basic,
    in_json,
)


class TwilioSite(Site):
    """docs/phone-numbers/api/incomingphonenumber-resource, docs/messaging/api/usapptoperson-resource."""

    account = "AC" + "0" * 32
    number_id = "PN" + "1" * 32
    another_id = "PN" + "2" * 32
    registration_id = "MG" + "3" * 32
    recoverable = True
    reserved_for_another = False

    def adapter(self, secret: Any = None, url: str | None = None) -> Carrier:
        at = url or self.url
        return Twilio(self.account, secret or Plain(SECRET), api=at, messaging=at)

    def is_authorized(self, headers: Any) -> bool:
        return bool(headers["Authorization"] == basic(self.account))

    def refusal(self, kind: str) -> Reply:
        status, code = {
            "credentials": (401, 20003),
            "permission": (403, 20403),
            "rate": (429, 20429),
            "down": (503, 20503),
        }[kind]
        return self.problem(status, code)

    def problem(self, status: int, code: int) -> Reply:
        more = f"https://www.twilio.com/docs/errors/{code}"
        said = {"code": code, "message": f"about {SECRET}", "more_info": more, "status": status}
        return in_json(status, said)

    def shown(self, sid: str) -> dict[str, Any]:
        number = self.numbers[sid]
        return {
            "account_sid": self.account,
            "sid": sid,
            "phone_number": number["e164"],
            "emergency_address_sid": number.get("address"),
            "emergency_address_status": number.get("address_status", "unregistered"),
        }

    def serve(self, method: str, url: str, headers: Any, body: bytes) -> Reply:
        where = urlsplit(url)
        numbers = f"/2010-04-01/Accounts/{self.account}/IncomingPhoneNumbers"
        if where.path == f"{numbers}.json":
            return self.listed(method, where.query, headers, body)
        if found := re.fullmatch(re.escape(numbers) + r"/(PN[0-9a-f]{32})\.json", where.path):
            return self.one(method, found[1], headers, body)
        service = r"/v1/Services/(MG[0-9a-f]{32})/Compliance/Usa2p/(QE[0-9a-f]{32})"
        if found := re.fullmatch(service, where.path):
            return self.campaign(method, found[1], found[2])
        return self.problem(404, 20404)

    def listed(self, method: str, query: str, headers: Any, body: bytes) -> Reply:
        if method == "GET":
            wanted = parse_qs(query)["PhoneNumber"]
            found = [self.shown(sid) for sid, n in self.numbers.items() if n["e164"] in wanted]
            return in_json(200, {"incoming_phone_numbers": found, "page": 0, "page_size": 50})
        assert headers["Content-Type"] == "application/x-www-form-urlencoded"
        e164 = dict(parse_qsl(body.decode()))["PhoneNumber"]
        if self.reserved_for_another or not self.recoverable:
            return self.problem(400, 21422)
        sid = f"PN{len(self.requests):032x}"
        self.rent(e164, sid)
        return in_json(201, self.shown(sid))

    def one(self, method: str, sid: str, headers: Any, body: bytes) -> Reply:
        if sid not in self.numbers:
            return self.problem(404, 20404)
        number = self.numbers[sid]
        if method == "POST":
            assert headers["Content-Type"] == "application/x-www-form-urlencoded"
            assert dict(parse_qsl(body.decode(), keep_blank_values=True)) == {
                "EmergencyAddressSid": ""
            }
            number["address"] = None
            number["address_status"] = number.pop("then", "unregistered")
            return in_json(200, self.shown(sid))
        if method == "DELETE":
            if number.get("address_status", "unregistered") != "unregistered":
                return self.problem(400, 21440)
            del self.numbers[sid]
            return 204, b"", "application/json"
        return in_json(200, self.shown(sid))

    def campaign(self, method: str, service: str, sid: str) -> Reply:
        assert sid == ONLY_CAMPAIGN
        if service not in self.campaigns:
            return self.problem(404, 20404)
        if method == "DELETE":
            del self.campaigns[service]
            return 204, b"", "application/json"
        return in_json(
            200, {"sid": sid, "messaging_service_sid": service, "campaign_status": "VERIFIED"}
        )
