"""AWS End User Messaging, in the shapes of its reference."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from chalicelib.gateways.carriers import Carrier
from chalicelib.gateways.carriers.aws import AwsMessaging
from tests.support.carrier_sites.site import (
    SECRET,
    Reply,
    Site,
    in_json,
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
        return in_json(status, {"__type": type, "Message": f"about {SECRET}", **more})

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
        return in_json(200, self.number(id, status))

    def DescribeRegistrations(self, asked: Any) -> Reply:  # noqa: N802
        (id,) = asked["RegistrationIds"]
        if id not in self.campaigns:
            return self.gone("registration", id)
        shown = {"RegistrationArn": "arn:aws:sms-voice:us-east-1:1:registration/1",
                 "RegistrationId": id, "RegistrationType": "US_TEN_DLC_CAMPAIGN_REGISTRATION",
                 "RegistrationStatus": "COMPLETE", "CurrentVersionNumber": 1, "CreatedTimestamp": 1767225600}  # fmt: skip
        return in_json(200, {"Registrations": [shown]})

    def DeleteRegistration(self, asked: Any) -> Reply:  # noqa: N802
        id = asked["RegistrationId"]
        if self.campaigns.pop(id, None) is None:
            return self.gone("registration", id)
        return in_json(200, {"RegistrationArn": "arn:1", "RegistrationId": id,
                           "RegistrationType": "US_TEN_DLC_CAMPAIGN_REGISTRATION",
                           "RegistrationStatus": "DELETED", "CurrentVersionNumber": 1,
                           "CreatedTimestamp": 1767225600})  # fmt: skip
