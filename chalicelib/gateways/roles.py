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
    secret: str
    fetch: Fetch = fetch

    def of(self, account_id: str, sub: str) -> frozenset[str]:
        """The roles this person has in this account now. Raises RolesUnavailable."""
        query = urlencode({"account_id": account_id, "sub": sub})
        try:
            said = json.loads(
                self.fetch(f"{self.url}?{query}", {"Authorization": f"Bearer {self.secret}"})
            )
            roles = said["roles"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise RolesUnavailable(type(error).__name__) from error
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise RolesUnavailable("the answer names no list of roles")
        return frozenset(roles)
