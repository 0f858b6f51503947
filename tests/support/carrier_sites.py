"""The carriers as small servers on loopback, in the shapes of their published references: what the adapters' one
conformance suite talks to. Each holds numbers and registrations, and can be told to refuse, or to lose an answer.

They check what they are sent as strictly as the references allow, so that a request in the wrong shape is refused.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit
from xml.etree import ElementTree as ET

from chalicelib.gateways.carriers import Carrier, CarrierError
from chalicelib.gateways.carriers.aws import AwsMessaging
from chalicelib.gateways.carriers.bandwidth import Bandwidth
from chalicelib.gateways.carriers.telnyx import Telnyx
from chalicelib.gateways.carriers.twilio import ONLY_CAMPAIGN, Twilio
from chalicelib.gateways.secrets import Plain
from infra.local.carrier import LocalCarrier
from infra.local.faults import Faults
from infra.local.notebook import Notebook
from tests.support.truth import Hands

SECRET = "a-very-secret-word"
E164 = "+14155550100"
OTHER = "+14155550199"
REGISTRATION = "reg-1"
KEY = "acme:numbers_released:+14155550100:2026-03-14T12:00:00Z"

Reply = tuple[int, bytes, str]
"""Status, body and content type."""

REFUSALS = ("credentials", "permission", "rate", "down")


class Site:
    """One carrier: what it holds, and how its next answers go wrong."""

    secret = SECRET
    takes_secrets = True

    def __init__(self) -> None:
        self.numbers: dict[str, dict[str, Any]] = {}
        self.campaigns: dict[str, dict[str, Any]] = {}
        self.refusing: list[str] = []
        self.losing = 0
        self.garbled = 0
        self.requests: list[tuple[str, str]] = []
        self.problems: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()
        self.carrier = self.adapter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def answer(self, method: str, url: str, headers: Any, body: bytes) -> Reply | None:
        self.requests.append((method, url))
        if not self.is_authorized(headers):
            return self.refusal("credentials")
        if self.refusing:
            return self.refusal(self.refusing.pop(0))
        given = self.serve(method, url, headers, body)
        if self.losing:
            self.losing -= 1
            return None
        if self.garbled and given[1]:
            self.garbled -= 1
            return given[0], b"\x00<not what was agreed", given[2]
        return given

    # -- what each carrier says for itself

    number_id = "N1"
    another_id = "N2"
    registration_id = "C1"

    def adapter(self, secret: Any = None, url: str | None = None) -> Carrier:
        raise NotImplementedError

    def is_authorized(self, headers: Any) -> bool:
        return True

    def refusal(self, kind: str) -> Reply:
        raise NotImplementedError

    def serve(self, method: str, url: str, headers: Any, body: bytes) -> Reply:
        raise NotImplementedError

    def rent(self, e164: str = E164, id: str | None = None) -> None:
        self.numbers[id or self.number_id] = {"e164": e164, "status": "active"}

    def register(self, id: str | None = None) -> None:
        self.campaigns[id or self.registration_id] = {"status": "active"}

    def has_number(self, e164: str = E164) -> bool:
        return any(n["e164"] == e164 and n["status"] == "active" for n in self.numbers.values())

    def has_registration(self) -> bool:
        return any(c["status"] == "active" for c in self.campaigns.values())

    def changes(self) -> list[tuple[str, str]]:
        """Requests that were to change something."""
        return [one for one in self.requests if one[0] != "GET"]


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            try:
                given = site.answer(self.command, self.path, self.headers, body)
            except AssertionError as error:
                site.problems.append(str(error))
                given = 400, b"{}", "application/json"
            if given is None:
                self.close_connection = True
                return
            status, content, type = given
            self.send_response(status)
            self.send_header("Content-Type", type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = do  # noqa: N815 - the library's own words

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _json(status: int, said: Any) -> Reply:
    return status, json.dumps(said).encode(), "application/json"


def _xml(status: int, said: str) -> Reply:
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    return status, (head + said).encode(), "application/xml"


def _basic(user: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{SECRET}".encode()).decode()


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
        return bool(headers["Authorization"] == _basic(self.account))

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
        return _json(status, said)

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
            return _json(200, {"incoming_phone_numbers": found, "page": 0, "page_size": 50})
        assert headers["Content-Type"] == "application/x-www-form-urlencoded"
        e164 = dict(parse_qsl(body.decode()))["PhoneNumber"]
        if self.reserved_for_another or not self.recoverable:
            return self.problem(400, 21422)
        sid = f"PN{len(self.requests):032x}"
        self.rent(e164, sid)
        return _json(201, self.shown(sid))

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
            return _json(200, self.shown(sid))
        if method == "DELETE":
            if number.get("address_status", "unregistered") != "unregistered":
                return self.problem(400, 21440)
            del self.numbers[sid]
            return 204, b"", "application/json"
        return _json(200, self.shown(sid))

    def campaign(self, method: str, service: str, sid: str) -> Reply:
        assert sid == ONLY_CAMPAIGN
        if service not in self.campaigns:
            return self.problem(404, 20404)
        if method == "DELETE":
            del self.campaigns[service]
            return 204, b"", "application/json"
        return _json(
            200, {"sid": sid, "messaging_service_sid": service, "campaign_status": "VERIFIED"}
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
        return _json(
            status, {"errors": [{"code": code, "title": "No", "detail": f"about {SECRET}"}]}
        )

    def shown(self, id: str) -> Reply:
        number = self.numbers[id]
        data = {"id": id, "record_type": "phone_number", "phone_number": number["e164"],
                "status": number["status"], "deletion_lock_enabled": False}  # fmt: skip
        return _json(200, {"data": data})

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
                return _json(200, {"time": 1, "record_type": "campaign", "message": "done"})
            return _json(200, {"campaignId": found[1], "status": campaign["status"].upper()})
        return self.problem(404, "10005")


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
        return bool(headers["Authorization"] == _basic(self.user))

    def refusal(self, kind: str) -> Reply:
        status = {"credentials": 401, "permission": 403, "rate": 429, "down": 502}[kind]
        return _xml(status, f"<Error><Description>about {SECRET}</Description></Error>")

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
        return _xml(404, "<Error/>")

    def details(self, digits: str) -> Reply:
        number = self.numbers.get(digits)
        if number is None:
            return _xml(404, "<TelephoneNumberResponse/>")
        status = {"active": "Inservice", "released": "Aging"}[number["status"]]
        return _xml(
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
            return _xml(400, f"<{root}><ErrorList>{error}</ErrorList></{root}>")
        if not self.takes_its_time:
            self.numbers[str(digits)]["status"] = "released"
        self.takes_its_time = False
        return _xml(
            201,
            f"<{root}><orderRequest><id>ba05e04b</id></orderRequest>"
            f"<OrderStatus>RECEIVED</OrderStatus></{root}>",
        )

    def campaign(self, method: str, id: str) -> Reply:
        if id not in self.campaigns:
            return _xml(404, "<CampaignResponse/>")
        if method == "DELETE":
            if not self.takes_its_time:
                del self.campaigns[id]
            self.takes_its_time = False
            return 204, b"", "application/xml"
        return _xml(
            200,
            "<CampaignResponse><Campaign>"
            f"<CampaignId>{id}</CampaignId><Status>ACTIVE</Status>"
            "</Campaign></CampaignResponse>",
        )


class AwsSite(Site):
    """The service's JSON protocol, each request and answer judged by botocore's own model of it."""

    number_id = "phone-1234"
    another_id = "phone-5678"
    registration_id = "registration-1234"
    takes_its_time = False
    conflict: str | None = None
    takes_secrets = False

    def adapter(self, secret: Any = None, url: str | None = None) -> Carrier:
        return AwsMessaging(region="us-east-1", endpoint=url or self.url)

    def refusal(self, kind: str) -> Reply:
        status, type = {
            "credentials": (400, "UnrecognizedClientException"),
            "permission": (400, "AccessDeniedException"),
            "rate": (400, "ThrottlingException"),
            "down": (500, "InternalServerException"),
        }[kind]
        return self.problem(status, type)

    def problem(self, status: int, type: str, **more: str) -> Reply:
        return _json(status, {"__type": type, "Message": f"about {SECRET}", **more})

    def changes(self) -> list[tuple[str, str]]:
        return [one for one in self.requests if not one[1].startswith("Describe")]

    def serve(self, method: str, url: str, headers: Any, body: bytes) -> Reply:
        from botocore.session import get_session
        from botocore.validate import ParamValidator

        model = get_session().get_service_model("pinpoint-sms-voice-v2")
        prefix, _, operation = headers["X-Amz-Target"].partition(".")
        assert prefix == model.metadata["targetPrefix"]
        self.requests[-1] = (method, operation)
        known = model.operation_model(operation)
        asked = json.loads(body)
        report = ParamValidator().validate(asked, known.input_shape)
        assert not report.has_errors(), report.generate_report()
        act: Callable[[Any], Reply] = getattr(self, operation)
        given = act(asked)
        if given[0] == 200:
            report = ParamValidator().validate(json.loads(given[1]), known.output_shape)
            assert not report.has_errors(), report.generate_report()
        return given

    def gone(self, type: str, id: str) -> Reply:
        return self.problem(400, "ResourceNotFoundException", ResourceType=type, ResourceId=id)

    def number(self, id: str, status: str) -> dict[str, str]:
        return {"PhoneNumberId": id, "PhoneNumber": self.numbers[id]["e164"], "Status": status}

    def DescribePhoneNumbers(self, asked: Any) -> Reply:  # noqa: N802 - the service's own word
        (id,) = asked["PhoneNumberIds"]
        if self.numbers.get(id, {}).get("status") != "active":
            return self.gone("phone-number", id)
        # The model requires these of an entry.
        more = {"PhoneNumberArn": "arn:aws:sms-voice:us-east-1:1:phone-number/1",
                "IsoCountryCode": "US", "MessageType": "TRANSACTIONAL",
                "NumberCapabilities": ["SMS"], "NumberType": "TEN_DLC",
                "MonthlyLeasingPrice": "1.00", "TwoWayEnabled": False,
                "SelfManagedOptOutsEnabled": False, "OptOutListName": "Default",
                "DeletionProtectionEnabled": False, "CreatedTimestamp": 1767225600}  # fmt: skip
        shown = {**self.number(id, "ACTIVE"), **more}
        return 200, json.dumps({"PhoneNumbers": [shown]}).encode(), "application/x-amz-json-1.0"

    def ReleasePhoneNumber(self, asked: Any) -> Reply:  # noqa: N802
        id = asked["PhoneNumberId"]
        if self.numbers.get(id, {}).get("status") != "active":
            return self.gone("phone-number", id)
        if self.conflict:
            return self.problem(400, "ConflictException", Reason=self.conflict,
                                ResourceType="phone-number", ResourceId=id)  # fmt: skip
        status = "DISASSOCIATING" if self.takes_its_time else "DELETED"
        if not self.takes_its_time:
            self.numbers[id]["status"] = "released"
        self.takes_its_time = False
        return _json(200, self.number(id, status))

    def DescribeRegistrations(self, asked: Any) -> Reply:  # noqa: N802
        (id,) = asked["RegistrationIds"]
        if id not in self.campaigns:
            return self.gone("registration", id)
        shown = {"RegistrationArn": "arn:aws:sms-voice:us-east-1:1:registration/1",
                 "RegistrationId": id, "RegistrationType": "US_TEN_DLC_CAMPAIGN_REGISTRATION",
                 "RegistrationStatus": "COMPLETE", "CurrentVersionNumber": 1, "CreatedTimestamp": 1767225600}  # fmt: skip
        return _json(200, {"Registrations": [shown]})

    def DeleteRegistration(self, asked: Any) -> Reply:  # noqa: N802
        id = asked["RegistrationId"]
        if self.campaigns.pop(id, None) is None:
            return self.gone("registration", id)
        return _json(200, {"RegistrationArn": "arn:1", "RegistrationId": id,
                           "RegistrationType": "US_TEN_DLC_CAMPAIGN_REGISTRATION",
                           "RegistrationStatus": "DELETED", "CurrentVersionNumber": 1,
                           "CreatedTimestamp": 1767225600})  # fmt: skip


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
