"""Telnyx, in the shapes of its reference."""

from __future__ import annotations

import re
from typing import Any

from chalicelib.gateways.carriers import Carrier
from chalicelib.gateways.carriers.telnyx import Telnyx
from chalicelib.gateways.secrets import Plain
from tests.support.carrier_sites.site import (
    SECRET,
    Reply,
    Site,
    in_json,
)


class TelnyxSite(Site):
    """developers.telnyx.com/api-reference: phone numbers, 10DLC campaigns."""

    number_id = "1293384261075731499"
    another_id = "1293384261075731500"
    registration_id = "4b20017e-8da9-a992-a6c0-683072fb7729"
    takes_its_time = False

    def adapter(self, secret: Any = None, url: str | None = None) -> Carrier:
        return Telnyx(secret or Plain(SECRET), api=url or self.url)

    def is_authorized(self, headers: Any) -> bool:
        return bool(headers["Authorization"] == f"Bearer {SECRET}")

    def refusal(self, kind: str) -> Reply:
        status, code = {
            "credentials": (401, "10009"),
            "permission": (403, "10010"),
            "rate": (429, "10011"),
            "down": (500, "10016"),
        }[kind]
        return self.problem(status, code)

    def problem(self, status: int, code: str) -> Reply:
        return in_json(
            status, {"errors": [{"code": code, "title": "No", "detail": f"about {SECRET}"}]}
        )

    def shown(self, id: str) -> Reply:
        number = self.numbers[id]
        data = {"id": id, "record_type": "phone_number", "phone_number": number["e164"],
                "status": number["status"], "deletion_lock_enabled": False}  # fmt: skip
        return in_json(200, {"data": data})

    def serve(self, method: str, url: str, headers: Any, body: bytes) -> Reply:
        if found := re.fullmatch(r"/v2/phone_numbers/(\d+)", url):
            number = self.numbers.get(found[1])
            if number is None or (number["status"] == "deleted" and method == "DELETE"):
                return self.problem(404, "10005")
            if method == "DELETE":
                number["status"] = "active" if self.takes_its_time else "deleted"
                self.takes_its_time = False
            return self.shown(found[1])
        if found := re.fullmatch(r"/v2/10dlc/campaign/([0-9a-f-]+)", url):
            campaign = self.campaigns.get(found[1])
            if campaign is None:
                return self.problem(404, "10005")
            if method == "DELETE":
                assert campaign["status"] == "active", "deactivated twice"
                campaign["status"] = "expired"
                return in_json(200, {"time": 1, "record_type": "campaign", "message": "done"})
            return in_json(200, {"campaignId": found[1], "status": campaign["status"].upper()})
        return self.problem(404, "10005")
