"""Somebody who wants our events by HTTP: a loopback server that verifies each as anybody's library would.

It knows nothing of how we sign. What it could not verify it refuses with 401, as its documentation tells it to.
"""

import json
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest.mock import patch

from standardwebhooks import Webhook

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "b3RoZXIgc2VjcmV0IHRoYXQgaXMgbG9uZyBlbm91Z2g="


class Receiver:
    """`answers`: (status, body) one after the other, the last again and again. A body may be a callable that writes it."""

    def __init__(self, *answers, secret=SECRET, now=None, seconds=0.0):
        self.answers = list(answers) or [(204, b"")]
        self.secret, self.now, self.seconds = secret, now, seconds
        self.heard, self.refused, self.headers = [], [], []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, said, more = receiver.answer(body, dict(self.headers.items()))
                time.sleep(receiver.seconds)
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def do_GET(self):
                receiver.refused.append("GET")
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        # Whoever has heard enough hangs up in the middle of a long answer.
        self.server.handle_error = lambda *_: None
        self.url = f"http://127.0.0.1:{self.server.server_port}/events?tenant=secret"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)

    def answer(self, body, headers):
        named = {name.lower(): value for name, value in headers.items()}
        self.headers.append(named)
        try:
            with patch("standardwebhooks.webhooks.datetime") as clock:
                clock.now.return_value = self.now() if self.now else datetime.now(UTC)
                clock.fromtimestamp = datetime.fromtimestamp
                Webhook(self.secret).verify(body.decode(), named)
        except Exception as error:  # noqa: BLE001 - whatever the library says: it is refused
            self.refused.append(repr(error))
            return 401, b"{}", {}
        status, said, *more = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if 200 <= status < 300:
            self.heard.append(json.loads(body))
        return status, said, more[0] if more else {}

    @property
    def ids(self):
        """The ids of the events in the order in which each was first taken."""
        return list(dict.fromkeys(one["id"] for one in self.heard))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
