"""The SaaS's own end, as a loopback server that checks the signature as anybody's library would."""

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest.mock import patch

from standardwebhooks import Webhook

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DELETED = {"contacts": 7, "messages": 120}


class Saas:
    """`answers` are given one after the other, the last again and again: (status, body or None for the right one)."""

    def __init__(self, *answers, now=None):
        self.answers = list(answers) or [(200, None)]
        self.heard, self.refused = [], []
        self.now = now
        saas = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, said = saas.answer(body, dict(self.headers.items()))
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/purge"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)

    def answer(self, body, headers):
        try:
            with patch("standardwebhooks.webhooks.datetime") as clock:
                clock.now.return_value = self.now() if self.now else datetime.now(UTC)
                clock.fromtimestamp = datetime.fromtimestamp
                Webhook(SECRET).verify(body.decode(), {k.lower(): v for k, v in headers.items()})
        except Exception as error:  # noqa: BLE001 - whatever the library says: it is refused
            self.refused.append(repr(error))
            return 401, b"{}"
        asked = json.loads(body)
        self.heard.append({"id": headers["webhook-id"], **asked})
        status, said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if said is None:
            said = {"purge_id": asked["data"]["purge_id"], "deleted": DELETED}
        return status, said if isinstance(said, bytes) else json.dumps(said).encode()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
