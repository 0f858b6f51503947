"""A carrier as a small server on loopback: what it holds, and how its next answers go wrong."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chalicelib.gateways.carriers import Carrier

SECRET = "a-very-secret-word"


E164 = "+14155550100"


OTHER = "+14155550199"


REGISTRATION = "reg-1"


KEY = "acme:numbers_released:+14155550100:2026-03-14T12:00:00Z"


Reply = tuple[int, bytes, str]
"""Status, body and content type."""


REFUSALS = ("credentials", "permission", "rate", "down")


class Site:
    """One carrier: what it holds, and how its next answers go wrong."""

    secret = SECRET
    takes_secrets = True

    def __init__(self) -> None:
        self.numbers: dict[str, dict[str, Any]] = {}
        self.campaigns: dict[str, dict[str, Any]] = {}
        self.refusing: list[str] = []
        self.losing = 0
        self.garbled = 0
        self.requests: list[tuple[str, str]] = []
        self.problems: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()
        self.carrier = self.adapter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def answer(self, method: str, url: str, headers: Any, body: bytes) -> Reply | None:
        self.requests.append((method, url))
        if not self.is_authorized(headers):
            return self.refusal("credentials")
        if self.refusing:
            return self.refusal(self.refusing.pop(0))
        given = self.serve(method, url, headers, body)
        if self.losing:
            self.losing -= 1
            return None
        if self.garbled and given[1]:
            self.garbled -= 1
            return given[0], b"\x00<not what was agreed", given[2]
        return given

    # -- what each carrier says for itself

    number_id = "N1"
    another_id = "N2"
    registration_id = "C1"

    def adapter(self, secret: Any = None, url: str | None = None) -> Carrier:
        raise NotImplementedError

    def is_authorized(self, headers: Any) -> bool:
        return True

    def refusal(self, kind: str) -> Reply:
        raise NotImplementedError

    def serve(self, method: str, url: str, headers: Any, body: bytes) -> Reply:
        raise NotImplementedError

    def rent(self, e164: str = E164, id: str | None = None) -> None:
        self.numbers[id or self.number_id] = {"e164": e164, "status": "active"}

    def register(self, id: str | None = None) -> None:
        self.campaigns[id or self.registration_id] = {"status": "active"}

    def has_number(self, e164: str = E164) -> bool:
        return any(n["e164"] == e164 and n["status"] == "active" for n in self.numbers.values())

    def has_registration(self) -> bool:
        return any(c["status"] == "active" for c in self.campaigns.values())

    def changes(self) -> list[tuple[str, str]]:
        """Requests that were to change something."""
        return [one for one in self.requests if one[0] != "GET"]


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            try:
                given = site.answer(self.command, self.path, self.headers, body)
            except AssertionError as error:
                site.problems.append(str(error))
                given = 400, b"{}", "application/json"
            if given is None:
                self.close_connection = True
                return
            status, content, type = given
            self.send_response(status)
            self.send_header("Content-Type", type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = do  # noqa: N815 - the library's own words

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def in_json(status: int, said: Any) -> Reply:
    return status, json.dumps(said).encode(), "application/json"


def in_xml(status: int, said: str) -> Reply:
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    return status, (head + said).encode(), "application/xml"


def basic(user: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{SECRET}".encode()).decode()
