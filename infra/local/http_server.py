"""The one HTTP port of the local stack: reads whole requests, writes whole answers. It decides nothing.

Standard library only. Each answer leaves in one piece: a header and a body in two packets cost 40 ms.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Protocol

from chalicelib.clock import Clock
from infra.local.messages import Answer, Request, problem

MOST_BODY_BYTES = 10 * 1024 * 1024
"""What API Gateway takes."""
MOST_DRAINED_BYTES = 64 * 1024 * 1024
"""What is read off a larger body, so that its sender hears the refusal instead of a reset."""
IDLE_SECONDS = 120
CHUNK_LINE_BYTES = 4096

Respond = Callable[[Request], Answer]


class Source(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes: ...

    def readline(self, size: int, /) -> bytes: ...


class BodyRefused(Exception):
    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


class LocalServer(ThreadingMixIn, TCPServer):
    """One thread per connection; what is under way when it stops is not waited for."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(
        self, port: int, respond: Respond, clock: Clock, new_id: Callable[[], str]
    ) -> None:
        self.respond, self.clock, self.new_id = respond, clock, new_id
        super().__init__(("127.0.0.1", port), Connection)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is nobody's error; anything else is ours, and is shown."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            traceback.print_exc()


class Connection(BaseHTTPRequestHandler):
    server: LocalServer
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1
    disable_nagle_algorithm = True

    def serve(self) -> None:
        try:
            body = read_body(self.rfile, self.headers)
        except BodyRefused as refused:
            self.close_connection = True
            self._write(self._problem(refused.status, refused.code, refused.detail))
            return
        path, _, query = self.path.partition("?")
        headers = tuple(self.headers.items())
        self._write(self.server.respond(Request(self.command, path, query, headers, body)))

    # The base class finds a method by this name.
    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library refuses by itself: an unreadable request line, an unknown method."""
        self.close_connection = True
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._write(self._problem(405, "method_not_allowed", "There is no such method."))
        else:
            detail = message or explain or "This is not a request that can be read."
            self._write(self._problem(code, "malformed_request", detail))

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: what happened is logged once, by the app."""

    def _problem(self, status: int, code: str, detail: str) -> Answer:
        return problem(status, code, detail, request_id=self.server.new_id())

    def _write(self, answer: Answer) -> None:
        if answer.status == 0:
            self.close_connection = True
            return
        body = answer.body
        bare = answer.status in (204, 304) or answer.status < 200
        lines = [f"HTTP/1.1 {answer.status} {reason(answer.status)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers if safe(name, value)]
        if answer.header("Date") is None:
            # The one clock again: a caller that reads it here must not learn of another time.
            lines.append(f"Date: {format_datetime(self.server.clock.now(), usegmt=True)}")
        if not bare:
            lines.append(f"Content-Length: {len(body)}")
        if self.close_connection:
            lines.append("Connection: close")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        shows_body = not bare and getattr(self, "command", None) != "HEAD"
        self.wfile.write(head + body if shows_body else head)
        self.wfile.flush()


def reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def safe(name: str, value: str) -> bool:
    """Length and connection are the server's own; a line break would forge another header."""
    own = name.lower() in {"content-length", "connection", "transfer-encoding"}
    return not own and not set(name + str(value)) & {"\r", "\n"}


def read_body(source: Source, headers: Any) -> bytes:
    """The whole body, plain or chunked. Raises BodyRefused after reading it off the connection."""
    coding, length = headers.get("Transfer-Encoding"), headers.get_all("Content-Length")
    if coding is not None:
        if coding.strip().lower() != "chunked" or length:
            raise BodyRefused(400, "malformed_request", "This transfer coding cannot be read.")
        return read_chunks(source)
    if not length:
        return b""
    if len(set(length)) > 1 or not (length[0].isascii() and length[0].strip().isdigit()):
        raise BodyRefused(400, "malformed_request", "Content-Length is not a number.")
    return read_length(source, int(length[0].strip()[:20]))


def read_length(source: Source, length: int) -> bytes:
    if length > MOST_BODY_BYTES:
        drain(source, min(length, MOST_DRAINED_BYTES))
        raise too_large()
    body = source.read(length)
    if len(body) < length:
        raise BodyRefused(400, "malformed_request", "The body ends before its Content-Length.")
    return body


def read_chunks(source: Source) -> bytes:
    """Reads on past the limit without keeping anything, so that the sender hears the refusal."""
    kept: list[bytes] = []
    total = 0
    while size := chunk_size(source.readline(CHUNK_LINE_BYTES)):
        total += size
        if total > MOST_DRAINED_BYTES:
            raise too_large()
        if total > MOST_BODY_BYTES:
            drain(source, size)
        else:
            kept.append(source.read(size))
        if source.readline(CHUNK_LINE_BYTES) not in (b"\r\n", b"\n"):
            raise BodyRefused(400, "malformed_request", "A chunk does not end where it says.")
    while source.readline(CHUNK_LINE_BYTES) not in (b"\r\n", b"\n", b""):
        pass  # Trailers mean nothing here.
    if total > MOST_BODY_BYTES:
        raise too_large()
    return b"".join(kept)


def chunk_size(line: bytes) -> int:
    digits = line.split(b";")[0].strip()
    try:
        # int() would also take signs, underscores and spaces.
        if not digits or digits.strip(b"0123456789abcdefABCDEF"):
            raise ValueError
        return int(digits[:16], 16)
    except ValueError:
        raise BodyRefused(400, "malformed_request", "A chunk does not say its size.") from None


def drain(source: Source, length: int) -> None:
    while length > 0 and (piece := source.read(min(length, 65536))):
        length -= len(piece)


def too_large() -> BodyRefused:
    return BodyRefused(413, "body_too_large", "A body holds at most 10 MB.")
