"""The SaaS's own word on who may do what, asked at the moment somebody acts.

A token lives for minutes or hours; a role can be taken away in between. Where an endpoint is configured it is asked
before anything is changed, and the caller has only those roles that the token and the SaaS agree on. An endpoint that
does not answer lets nobody act: fail shut, and say so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from chalicelib.gateways import http
from chalicelib.gateways.secrets import Secret, SecretUnavailable

TIMEOUT_SECONDS = 3.0
Fetch = Callable[[str, Mapping[str, str]], bytes]


class RolesUnavailable(Exception):
    """The endpoint gave no usable answer: whether the caller still has their roles is not known."""


def fetch(url: str, headers: Mapping[str, str]) -> bytes:
    return http.send("GET", url, headers=headers, seconds=TIMEOUT_SECONDS).body


@dataclass(frozen=True, slots=True)
class Roles:
    """`GET {url}?account_id=…&sub=…` → `{"roles": […]}`, with our secret as the bearer token."""

    url: str
    secret: Secret
    fetch: Fetch = fetch

    def of(self, account_id: str, sub: str) -> frozenset[str]:
        """The roles this person has in this account now. Raises RolesUnavailable."""
        query = urlencode({"account_id": account_id, "sub": sub})
        try:
            roles = json.loads(self._said(f"{self.url}?{query}"))["roles"]
        except (http.HttpError, OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise RolesUnavailable(type(error).__name__) from error
        except SecretUnavailable as error:
            raise RolesUnavailable(str(error)) from error
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise RolesUnavailable("the answer names no list of roles")
        return frozenset(roles)

    def _said(self, url: str) -> bytes:
        try:
            return self.fetch(url, self._headers())
        except http.Refused as error:
            # A secret that was rotated is read again, and the question asked once more.
            if error.status != 401 or not self.secret.refresh():
                raise
            return self.fetch(url, self._headers())

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret()}"}
