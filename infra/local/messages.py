"""Requests and answers as the local front passes them about, and the problems it answers by itself."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.handlers.problems import Problem

Headers = tuple[tuple[str, str], ...]

PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    """As it came, still percent-encoded: `%2F` in an id is no slash."""
    query: str = ""
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The last header of this name, as API Gateway picks it."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    """0 means: drop the connection without an answer."""
    headers: Headers = ()
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return found[-1] if found else None

    def json(self) -> Any:
        return json.loads(self.body)


DROPPED = Answer(0)


def json_answer(value: Any, status: int = 200, headers: Headers = ()) -> Answer:
    body = json.dumps(value, ensure_ascii=False).encode()
    kind = "application/json" if status < 400 else PROBLEM
    return Answer(status, (("Content-Type", kind), ("Cache-Control", "no-store"), *headers), body)


def problem(
    status: int, code: str, detail: str, *, request_id: str, headers: Headers = ()
) -> Answer:
    """RFC 9457, shaped as the app shapes its own refusals."""
    body = Problem(status, code, detail).document(request_id)
    return json_answer(body, status, (("Request-Id", request_id), *headers))


def flat(headers: Mapping[str, str], several: Mapping[str, Sequence[str]]) -> Headers:
    """API Gateway's two maps of answer headers as one list."""
    lists = [(name, value) for name, values in several.items() for value in values]
    return (*headers.items(), *lists)
