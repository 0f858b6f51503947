"""The one HTTPS client for outsiders that have no library of their own here: one request, one bounded answer.

It says what is known of a request that failed, because what cannot be undone must not be guessed: it was not sent
(`NotSent`), it was answered with a refusal (`Refused`), or nobody can tell whether it was carried out
(`OutcomeUnknown`). It tries nothing twice, follows no redirect, and names the host in its errors and nothing else:
addresses, headers and bodies may hold secrets.
"""

from __future__ import annotations

import io
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse
    from socket import socket

NAME = "lapse"
CONNECT_SECONDS = 3.0
LONGEST_SECONDS = 10.0
"""From the first byte sent to the last one read, unless the caller says otherwise."""
LARGEST_ANSWER = 1_000_000
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_TEXT = re.compile(r"[\x20-\x7e\t]*")
_TARGET = re.compile(r"[\x21-\x7e]*")


class HttpError(Exception):
    """`code` is a short word without anything secret in it; `outcome_unknown`: it may have been carried out."""

    outcome_unknown = False

    def __init__(self, code: str, host: str) -> None:
        super().__init__(f"{code}: {host}")
        self.code = code
        self.host = host


class NotSent(HttpError):
    """No byte of the request reached the other side."""


class OutcomeUnknown(HttpError):
    """It was sent, and no whole answer came back."""

    outcome_unknown = True


class Refused(HttpError):
    """The other side answered, and not with a 2xx. A 5xx may come from something in between, after the thing was
    done, so its outcome is unknown as well; so is a request's that took too long over there."""

    def __init__(self, answer: Answer, host: str) -> None:
        super().__init__(f"status_{answer.status}", host)
        self.answer = answer
        self.status = answer.status
        self.outcome_unknown = answer.status >= 500 or answer.status == 408


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Their names in lower case."""
    host: str = ""

    def json(self) -> Any:
        """Raises OutcomeUnknown: what cannot be read is no answer."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            # The cause would quote the body.
            raise OutcomeUnknown("answer_unreadable", self.host) from None


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    seconds: float = LONGEST_SECONDS,
    largest: int = LARGEST_ANSWER,
) -> Answer:
    """The answer, if it is a 2xx. Raises NotSent, Refused and OutcomeUnknown."""
    target = _target(method, url, headers or {})
    host = target.hostname or ""
    until = monotonic() + seconds
    connection = _connected(target, min(CONNECT_SECONDS, seconds))
    try:
        answer = _answered(connection, method, target, headers or {}, body, until, largest)
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise Refused(answer, host)
    return answer


def _target(method: str, url: str, headers: Mapping[str, str]) -> SplitResult:
    """Whatever the library below would stumble over is refused here: its words would quote a header or an address."""
    try:
        target = urlsplit(url)
        host, _ = target.hostname or "", target.port
    except ValueError:
        raise NotSent("unusable_address", "") from None
    if not host or "@" in target.netloc or not _TARGET.fullmatch(url):
        raise NotSent("unusable_address", host if _TARGET.fullmatch(host) else "")
    if target.scheme != "https" and not (target.scheme == "http" and host in LOOPBACK):
        raise NotSent("unsafe_address", host)
    fits = _TOKEN.fullmatch(method) and all(
        _TOKEN.fullmatch(name) and _HEADER_TEXT.fullmatch(value) for name, value in headers.items()
    )
    if not fits:
        raise NotSent("unusable_header", host)
    return target


def _connected(target: SplitResult, seconds: float) -> HTTPConnection:
    """Connected before anything is sent, so that a failure up to here is known to have done nothing."""
    from http.client import HTTPConnection, HTTPSConnection

    host = target.hostname or ""
    connection: HTTPConnection = (
        HTTPSConnection(host, target.port, timeout=seconds, context=_tls())
        if target.scheme == "https"
        else HTTPConnection(host, target.port, timeout=seconds)
    )
    try:
        connection.connect()
    except (OSError, ValueError) as error:
        connection.close()
        code = "tls_failed" if isinstance(error, ssl.SSLError) else "no_connection"
        raise NotSent(code, host) from error
    return connection


@cache
def _tls() -> ssl.SSLContext:
    """Made once: it reads every authority the machine trusts."""
    return ssl.create_default_context()


def _answered(
    connection: HTTPConnection,
    method: str,
    target: SplitResult,
    headers: Mapping[str, str],
    body: bytes | None,
    until: float,
    largest: int,
) -> Answer:
    from http.client import HTTPException

    host = target.hostname or ""
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    connection.sock = _Hurried(connection.sock, until)
    try:
        connection.request(method, path, body, {"User-Agent": NAME, **headers})
        response = connection.getresponse()
        with response:
            content = _content(response, largest)
    except TimeoutError:
        raise OutcomeUnknown("timed_out", host) from None
    except (OSError, HTTPException):
        # The library's own words quote the line it could not read.
        raise OutcomeUnknown("answer_lost", host) from None
    if len(content) > largest and 200 <= response.status < 300:
        raise OutcomeUnknown("answer_too_large", host)
    return Answer(
        status=response.status,
        body=content[:largest],
        headers={name.lower(): value for name, value in response.getheaders()},
        host=host,
    )


def _content(response: HTTPResponse, largest: int) -> bytes:
    """At most one byte more than allowed. An answer that breaks off is none."""
    expected = response.length
    content = response.read(largest + 1)
    if expected is not None and len(content) < min(expected, largest + 1):
        raise ConnectionError
    return content


class _Hurried:
    """A socket that nobody keeps waiting beyond one moment, also who sends a byte a second."""

    def __init__(self, sock: socket, until: float) -> None:
        self._sock = sock
        self._until = until

    def sendall(self, data: Any) -> None:
        self.hurry()
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Hurrying(self, self._sock.makefile("rb", buffering=0)))

    def close(self) -> None:
        self._sock.close()

    def hurry(self) -> None:
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)


class _Hurrying(io.RawIOBase):
    def __init__(self, sock: _Hurried, raw: io.RawIOBase) -> None:
        self._sock = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int | None:
        self._sock.hurry()
        return self._raw.readinto(into)

    def close(self) -> None:
        self._raw.close()
        super().close()
