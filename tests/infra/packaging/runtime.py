"""AWS's own runtime client around the real zip, in a clean process, with a small Runtime API on the loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

CLIENT = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")
START = """
import sys
sys.path[:] = [sys.argv[1], sys.argv[2], *(p for p in sys.path if "site-packages" not in p)]
from awslambdaric.__main__ import main
main(["", sys.argv[3]])
"""
PROBE = """
import sys
from chalicelib.webhook_app import app

def http(event, context):
    answer = app(event, context)
    answer["imported_stripe"] = "stripe" in sys.modules
    return answer
"""


class Runtime:
    """One function. `invoke` hands it an event and answers what it answered, or the error it ended with."""

    def __init__(self, task: Path, client: Path, handler: str, environment: dict[str, str]) -> None:
        self.events: Queue[Any] = Queue()
        self.answers: Queue[Any] = Queue()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _api(self))
        self.server.daemon_threads = True
        Thread(target=self.server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{self.server.server_address[1]}"
        # -S -E -s: nothing but the standard library, what was unzipped, and the client.
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-E", "-s", "-c", START, str(task), str(client), handler],
            env={"AWS_LAMBDA_RUNTIME_API": address, "LAMBDA_TASK_ROOT": str(task),
                 "AWS_LAMBDA_FUNCTION_NAME": "tried", "AWS_LAMBDA_FUNCTION_VERSION": "1",
                 "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11", "PYTHONDONTWRITEBYTECODE": "1",
                 **environment},
            cwd=task,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip

    def invoke(self, event: Any, seconds: float = 90) -> Any:
        self.events.put(event)
        return self.answers.get(timeout=seconds)

    def stop(self) -> str:
        """What it wrote."""
        self.process.kill()
        written, _ = self.process.communicate(timeout=10)
        self.server.shutdown()
        self.server.server_close()
        return written.decode(errors="replace")


def _api(runtime: Runtime) -> type[BaseHTTPRequestHandler]:
    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            event = runtime.events.get()
            deadline = str(int(time.time() * 1000) + 280_000)
            self._answer(200, json.dumps(event).encode(), deadline)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
            runtime.answers.put(body if self.path.endswith("/response") else {"failed": body})
            self._answer(202, b"{}", "0")

        def _answer(self, status: int, body: bytes, deadline: str) -> None:
            self.send_response(status)
            # Without one, the native client crashes.
            self.send_header("Content-Type", "application/json")
            self.send_header("Lambda-Runtime-Aws-Request-Id", "one")
            self.send_header("Lambda-Runtime-Deadline-Ms", deadline)
            self.send_header(
                "Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:0:function:tried"
            )
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    return Api


def client_alone(into: Path) -> Path:
    """AWS's runtime client and what it needs, and nothing else of this environment."""
    for name in CLIENT:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        if origin.name == "__init__.py":
            shutil.copytree(origin.parent, into / name)
        else:
            into.mkdir(exist_ok=True)
            shutil.copy(origin, into)
    return into
