"""Speaks to the local stack over its port, as a driver in any language would. Knows nobody's rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from chalicelib.domain.moments import from_rfc3339, rfc3339

SECONDS = 60
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Unexpected(Exception):
    """The product answered something else than the story needs to go on. The message is a sentence."""


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Api:
    def __init__(self, url: str) -> None:
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=SECONDS)
        self._tokens: dict[tuple[str | None, str], str] = {}
        self._now: datetime | None = None

    def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        self._connection.request(method, path, body, dict(headers or {}))
        answer = self._connection.getresponse()
        return Reply(answer.status, dict(answer.getheaders()), answer.read())

    def ask(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> Reply:
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.send(method, path, b"" if body is None else json.dumps(body).encode(), headers)

    def must(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> Any:
        """The JSON of an answer that has to be a success. Raises Unexpected."""
        reply = self.ask(method, path, body, token=token)
        if not 200 <= reply.status < 300:
            raise Unexpected(f"{method} {path} answered {_said(reply)}.")
        return reply.json() if reply.body else None

    # -- who asks

    def as_customer(self, account_id: str, method: str, path: str, body: Any = None) -> Any:
        return self.must(method, path, body, token=self.token(account_id, "super_admin"))

    def as_service(self, method: str, path: str, body: Any = None) -> Any:
        return self.must(method, path, body, token=self.token(None, "service"))

    def as_operator(self, method: str, path: str, body: Any = None) -> Any:
        return self.must(method, path, body, token=self.token(None, "operator"))

    def token(self, account_id: str | None, role: str) -> str:
        known = self._tokens.get((account_id, role))
        if known is None:
            email = f"{role}@{account_id or 'lapse'}.example.com"
            wanted = {"account_id": account_id, "roles": [role], "email": email, "sub": role}
            known = self._tokens[account_id, role] = self.must("POST", "/_tokens", wanted)["token"]
        return known

    # -- Stripe: its API, and the pages it shows to customers

    def stripe(self, method: str, path: str, **form: Any) -> Any:
        query = f"?{urlencode(form)}" if method == "GET" and form else ""
        body = urlencode(form).encode() if method == "POST" else b""
        headers = {**FORM, "Authorization": "Bearer sk_test_demo"}
        reply = self.send(method, f"/_stripe{path}{query}", body, headers)
        if reply.status != 200:
            raise Unexpected(f"Stripe answered {_said(reply)} to {method} {path}.")
        return reply.json()

    def open_page(self, url: str) -> None:
        reply = self.send("GET", urlsplit(url).path)
        if reply.status != 200:
            raise Unexpected(f"The page {url} answered {reply.status}.")

    def submit(self, url: str, **form: str) -> str:
        """Sends a hosted page's form; where it leads to."""
        reply = self.send("POST", urlsplit(url).path, urlencode(form).encode(), FORM)
        if reply.status != 303:
            raise Unexpected(f"The form on {url} was refused with {reply.status}.")
        return reply.headers["Location"]

    # -- the clock

    def now(self) -> datetime:
        """The clock stands still until it is moved, and nobody else moves it: asked once, known until then."""
        if self._now is None:
            self._now = from_rfc3339(self.must("GET", "/_clock")["now"])
        return self._now

    def move_to(self, moment: datetime, *, walks: bool = True) -> None:
        """`walks`: also what the schedule looks at once a day, everything, if a day has passed since."""
        self._now = None
        wanted = {"to": rfc3339(moment), "walks": walks}
        self._now = from_rfc3339(self.must("POST", "/_clock", wanted)["now"])


def _said(reply: Reply) -> str:
    try:
        problem = reply.json()
        return f"{reply.status} {problem.get('code', '')}: {problem.get('detail', problem)}"
    except (ValueError, AttributeError):
        return f"{reply.status}: {reply.body[:200]!r}"
