"""Bandwidth, in the shapes of its reference."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

from chalicelib.gateways.carriers import Carrier
from chalicelib.gateways.carriers.bandwidth import Bandwidth
from chalicelib.gateways.secrets import Plain
from tests.support.carrier_sites.site import (
    E164,
    SECRET,
    Reply,
    Site,
    basic,
    in_xml,
)


class BandwidthSite(Site):
    """dev.bandwidth.com: disconnects, tndetails, campaignManagement."""

    account = "9900012"
    user = "api-user"
    number_id = "4155550100"
    another_id = "4155550199"
    registration_id = "CEXMPL1"
    takes_its_time = False
    order_fails_with: str | None = None

    def adapter(self, secret: Any = None, url: str | None = None) -> Carrier:
        return Bandwidth(
            self.account, self.user, secret or Plain(SECRET), api=f"{url or self.url}/api"
        )

    def is_authorized(self, headers: Any) -> bool:
        return bool(headers["Authorization"] == basic(self.user))

    def refusal(self, kind: str) -> Reply:
        status = {"credentials": 401, "permission": 403, "rate": 429, "down": 502}[kind]
        return in_xml(status, f"<Error><Description>about {SECRET}</Description></Error>")

    def rent(self, e164: str = E164, id: str | None = None) -> None:
        super().rent(e164, e164.removeprefix("+1"))

    def serve(self, method: str, url: str, headers: Any, body: bytes) -> Reply:
        account = f"/api/accounts/{self.account}"
        if found := re.fullmatch(r"/api/tns/(\d{10})/tndetails", url):
            return self.details(found[1])
        if url == f"{account}/disconnects" and method == "POST":
            assert headers["Content-Type"].startswith("application/xml")
            return self.disconnect(ET.fromstring(body))
        campaign = rf"{account}/campaignManagement/10dlc/campaigns/(\w+)"
        if found := re.fullmatch(campaign, url):
            return self.campaign(method, found[1])
        return in_xml(404, "<Error/>")

    def details(self, digits: str) -> Reply:
        number = self.numbers.get(digits)
        if number is None:
            return in_xml(404, "<TelephoneNumberResponse/>")
        status = {"active": "Inservice", "released": "Aging"}[number["status"]]
        return in_xml(
            200,
            "<TelephoneNumberResponse><TelephoneNumberDetails>"
            f"<City>CARY</City><FullNumber>{digits}</FullNumber><Status>{status}</Status>"
            f"<AccountId>{number.get('account', self.account)}</AccountId>"
            "<Features><E911><Status>Success</Status></E911></Features>"
            "</TelephoneNumberDetails></TelephoneNumberResponse>",
        )

    def disconnect(self, order: ET.Element) -> Reply:
        assert order.tag == "DisconnectTelephoneNumberOrder"
        assert re.fullmatch("[0-9a-f]{32}", order.findtext("CustomerOrderId") or "")
        path = "DisconnectTelephoneNumberOrderType/TelephoneNumberList/TelephoneNumber"
        (digits,) = [one.text for one in order.findall(path)]
        root = "DisconnectTelephoneNumberOrderResponse"
        if self.order_fails_with is not None:
            error = (
                f"<Error><Code>{self.order_fails_with}</Code><Description>No</Description></Error>"
            )
            return in_xml(400, f"<{root}><ErrorList>{error}</ErrorList></{root}>")
        if not self.takes_its_time:
            self.numbers[str(digits)]["status"] = "released"
        self.takes_its_time = False
        return in_xml(
            201,
            f"<{root}><orderRequest><id>ba05e04b</id></orderRequest>"
            f"<OrderStatus>RECEIVED</OrderStatus></{root}>",
        )

    def campaign(self, method: str, id: str) -> Reply:
        if id not in self.campaigns:
            return in_xml(404, "<CampaignResponse/>")
        if method == "DELETE":
            if not self.takes_its_time:
                del self.campaigns[id]
            self.takes_its_time = False
            return 204, b"", "application/xml"
        return in_xml(
            200,
            "<CampaignResponse><Campaign>"
            f"<CampaignId>{id}</CampaignId><Status>ACTIVE</Status>"
            "</Campaign></CampaignResponse>",
        )
