"""How the carriers that speak HTTP are asked, and what their refusals mean to us. The tables are the same for all:

nobody there, a lost answer, 408, 429, 5xx    tried again later; what was done meanwhile counts as done
401, 403                                      a person has to look at the credentials, or at what they may do
404                                           it is gone: `Gone`, which every caller takes as released
any other refusal                             a person has to look; the carrier's own number for it is kept
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.gateways import http
from chalicelib.gateways.carriers import CarrierError
from chalicelib.gateways.secrets import Secret, SecretUnavailable

LONGEST_SECONDS = 10.0
CREDENTIALS_REFUSED = "credentials_refused"
NOT_PERMITTED = "not_permitted"
RATE_LIMITED = "rate_limited"
UNREACHABLE = "unreachable"
OUTCOME_UNKNOWN = "outcome_unknown"
UNAVAILABLE = "unavailable"
UNREADABLE = "answer_unreadable"
UNUSABLE_ID = "provider_id_unusable"
ANOTHER_NUMBER = "provider_id_of_another_number"
"""The number under this id is not the one we were to release. Nothing is: it may be another customer's."""

_CODE = re.compile(r"[A-Za-z0-9_]{1,40}")


class Gone(Exception):
    """The carrier does not know it, or not any more."""


class Declined(CarrierError):
    """A refusal of the carrier's own. `their_code` is its number or word for it, if it gave one."""

    def __init__(self, status: int, their_code: str | None) -> None:
        said = f"_{their_code}" if their_code else ""
        super().__init__(f"refused_{status}{said}", retryable=False)
        self.status = status
        self.their_code = their_code


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one carrier is asked. `authorization` makes the header of a secret; `code_in` finds its own code in a
    refusal's body."""

    secret: Secret
    authorization: Callable[[str], str]
    code_in: Callable[[bytes], str | None]

    def ask(
        self, method: str, url: str, *, body: bytes | None = None, type: str | None = None
    ) -> http.Answer:
        """The answer to a request that was accepted. Raises Gone and CarrierError."""
        try:
            return self._sent(method, url, body, type)
        except http.Refused as refused:
            raise self._meaning(refused) from None
        except http.NotSent as error:
            raise CarrierError(UNREACHABLE) from error
        except http.OutcomeUnknown as error:
            raise CarrierError(OUTCOME_UNKNOWN) from error
        except SecretUnavailable as error:
            raise CarrierError("credentials_unavailable") from error

    def _sent(self, method: str, url: str, body: bytes | None, type: str | None) -> http.Answer:
        try:
            return self._send(method, url, body, type)
        except http.Refused as refused:
            # A secret that was rotated is read again, and the request made once more: it was not looked at.
            if refused.status != 401 or not self.secret.refresh():
                raise
            return self._send(method, url, body, type)

    def _send(self, method: str, url: str, body: bytes | None, type: str | None) -> http.Answer:
        headers = {"Authorization": self.authorization(self.secret())}
        if type is not None:
            headers["Content-Type"] = type
        return http.send(method, url, headers=headers, body=body, seconds=LONGEST_SECONDS)

    def _meaning(self, refused: http.Refused) -> Exception:
        match refused.status:
            case 401:
                return CarrierError(CREDENTIALS_REFUSED, retryable=False)
            case 403:
                return CarrierError(NOT_PERMITTED, retryable=False)
            case 404:
                return Gone()
            case 429:
                return CarrierError(RATE_LIMITED)
            case _ if refused.outcome_unknown:
                return CarrierError(UNAVAILABLE)
            case status:
                return Declined(status, usable_code(self.code_in(refused.answer.body)))


def usable_code(code: object) -> str | None:
    """A carrier's own code, if it is no more than that: whatever else it says may hold somebody's data."""
    text = str(code) if isinstance(code, str | int) else ""
    return text if _CODE.fullmatch(text) else None


def object_in(body: bytes) -> Mapping[str, Any]:
    """The JSON object in a refusal's body; an empty one if there is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def read(answer: http.Answer) -> Mapping[str, Any]:
    """The JSON object that was answered. Raises CarrierError: what cannot be read is tried again."""
    found = object_in(answer.body)
    if not found:
        raise CarrierError(UNREADABLE)
    return found


def must_be(pattern: re.Pattern[str], provider_id: str) -> str:
    """The id as the carrier writes it. Anything else must not become a part of an address."""
    if not pattern.fullmatch(provider_id):
        raise CarrierError(UNUSABLE_ID, retryable=False)
    return provider_id
