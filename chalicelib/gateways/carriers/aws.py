"""AWS End User Messaging: numbers and 10DLC registrations through `pinpoint-sms-voice-v2`.

botocore's own model of the service is the reference, and docs.aws.amazon.com/sms-voice/latest/userguide/
phone-numbers-delete ("permanent and can't be undone") and registrations-delete (the numbers of a campaign are
released before it). The function's role is the credential.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from chalicelib.gateways import aws
from chalicelib.gateways.carriers import CarrierError, NotRecoverable
from chalicelib.gateways.carriers.asking import (
    ANOTHER_NUMBER,
    CREDENTIALS_REFUSED,
    LONGEST_SECONDS,
    NOT_PERMITTED,
    OUTCOME_UNKNOWN,
    RATE_LIMITED,
    UNAVAILABLE,
    UNREACHABLE,
    UNREADABLE,
    Declined,
    Gone,
    must_be,
    usable_code,
)

ID = re.compile(r"[A-Za-z0-9_:/-]{1,256}")
"""The pattern of `PhoneNumberIdOrArn` and `RegistrationIdOrArn`."""
DELETED = "DELETED"

_OF_CODE: Mapping[str, tuple[str, bool]] = {
    "AccessDeniedException": (NOT_PERMITTED, False),
    "UnrecognizedClientException": (CREDENTIALS_REFUSED, False),
    "InvalidSignatureException": (CREDENTIALS_REFUSED, False),
    "ExpiredTokenException": (CREDENTIALS_REFUSED, False),
    "IncompleteSignature": (CREDENTIALS_REFUSED, False),
    "MissingAuthenticationTokenException": (CREDENTIALS_REFUSED, False),
    "ThrottlingException": (RATE_LIMITED, True),
}
"""AWS's own code → ours, and whether trying later may help."""


class AwsMessaging:
    recoverable_for = None

    def __init__(self, *, region: str, endpoint: str | None = None) -> None:
        self._region = region
        self._endpoint = endpoint

    @cached_property
    def _client(self) -> Any:
        # Once: the sweep tries again, having asked first.
        return aws.client(
            "pinpoint-sms-voice-v2",
            self._region,
            self._endpoint,
            seconds=LONGEST_SECONDS,
            attempts=1,
        )

    def release_number(self, e164: str, provider_id: str, *, key: str) -> None:
        if not self.holds_number(e164, provider_id):
            return
        try:
            left = self._ask("release_phone_number", PhoneNumberId=provider_id)
        except Gone:
            return
        if left.get("Status") != DELETED:
            raise CarrierError("release_pending")

    def holds_number(self, e164: str, provider_id: str) -> bool:
        must_be(ID, provider_id)
        try:
            found = self._ask("describe_phone_numbers", PhoneNumberIds=[provider_id])
        except Gone:
            return False
        numbers = [one for one in _listed(found, "PhoneNumbers") if one.get("Status") != DELETED]
        if any(one.get("PhoneNumber") != e164 for one in numbers):
            raise CarrierError(ANOTHER_NUMBER, retryable=False)
        return bool(numbers)

    def recover_number(self, e164: str, provider_id: str, *, key: str) -> str:
        raise NotRecoverable

    def lapse_registration(self, registration_id: str, provider_id: str, *, key: str) -> None:
        if not self.holds_registration(registration_id, provider_id):
            return
        try:
            left = self._ask("delete_registration", RegistrationId=provider_id)
        except Gone:
            return
        if left.get("RegistrationStatus") != DELETED:
            raise CarrierError("lapse_pending")

    def holds_registration(self, registration_id: str, provider_id: str) -> bool:
        must_be(ID, provider_id)
        try:
            found = self._ask("describe_registrations", RegistrationIds=[provider_id])
        except Gone:
            return False
        registrations = _listed(found, "Registrations")
        return any(one.get("RegistrationStatus") != DELETED for one in registrations)

    def _ask(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Raises Gone and CarrierError."""
        from botocore import exceptions

        try:
            answer: Mapping[str, Any] = getattr(self._client, operation)(**parameters)
        except exceptions.ClientError as error:
            raise _meaning(error.response) from None
        except (exceptions.NoCredentialsError, exceptions.CredentialRetrievalError) as error:
            raise CarrierError(CREDENTIALS_REFUSED, retryable=False) from error
        except (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError) as error:
            raise CarrierError(UNREACHABLE) from error
        except exceptions.BotoCoreError as error:
            raise CarrierError(OUTCOME_UNKNOWN) from error
        return answer


def _listed(answer: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """botocore makes an empty answer of one it cannot read: that must not be taken for an empty list."""
    if name not in answer:
        raise CarrierError(UNREADABLE)
    found: Sequence[Mapping[str, Any]] = answer[name]
    return found


def _meaning(response: Mapping[str, Any]) -> Exception:
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "ResourceNotFoundException":
        return Gone()
    if code in _OF_CODE:
        ours, retryable = _OF_CODE[code]
        return CarrierError(ours, retryable=retryable)
    if status == 429:
        return CarrierError(RATE_LIMITED)
    if status >= 500:
        return CarrierError(UNAVAILABLE)
    # `Reason` says it best: DELETION_PROTECTION_ENABLED, PHONE_NUMBER_ASSOCIATED_TO_POOL …
    return Declined(status, usable_code(response.get("Reason")) or usable_code(code))
