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

from chalicelib.gateways.jwks import LARGEST_ANSWER, SAFE, TIMEOUT_SECONDS
from chalicelib.gateways.secrets import Secret, SecretUnavailable

Fetch = Callable[[str, Mapping[str, str]], bytes]


class RolesUnavailable(Exception):
    """The endpoint gave no usable answer: whether the caller still has their roles is not known."""


def fetch(url: str, headers: Mapping[str, str]) -> bytes:
    import urllib.request

    if not url.startswith(SAFE):
        raise ValueError("roles are asked for by https only")
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - see SAFE
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - see SAFE
        body: bytes = answer.read(LARGEST_ANSWER)
    return body


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
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise RolesUnavailable(type(error).__name__) from error
        except SecretUnavailable as error:
            raise RolesUnavailable(str(error)) from error
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise RolesUnavailable("the answer names no list of roles")
        return frozenset(roles)

    def _said(self, url: str) -> bytes:
        try:
            return self.fetch(url, self._headers())
        except OSError as error:
            # urllib's HTTPError is one. A secret that was rotated is read again, and the question asked once more.
            if getattr(error, "code", None) != 401 or not self.secret.refresh():
                raise
            return self.fetch(url, self._headers())

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret()}"}
