"""The embedded DynamoDB of the local stack: one ministack, started, supervised and stopped cleanly.

ministack pins its own botocore, so it lives in a tool venv and is only ever spoken to over HTTP on the
loopback. Its supervisor (ministack_supervisor.py) outlives this process long enough to save the tables.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

SERVICES: Final = ("dynamodb", "dynamodbstreams")
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 15.0

SUPERVISOR: Final = Path(__file__).with_name("ministack_supervisor.py")
TOOL_PYTHON: Final = Path(__file__).resolve().parents[2] / ".tools/ministack/bin/python"


class MinistackError(Exception):
    """ministack cannot be started or was not stopped cleanly; the message says what to do."""


class Ministack:
    """One ministack. With `state`, its tables are there again at the next start from that folder."""

    def __init__(
        self,
        python: Path,
        *,
        state: Path | None = None,
        services: Sequence[str] = SERVICES,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._python = python
        self._order = {
            "python": str(python),
            "state": str(state.resolve()) if state is not None else "",
            "services": list(services),
            "environment": dict(environment or {}),
        }
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._heard = b""
        self._url = ""
        self.pid = 0

    @property
    def url(self) -> str:
        if not self._url:
            raise MinistackError("ministack is not running: start it first.")
        return self._url

    def start(self) -> str:
        """Starts it and returns its address once it answers there."""
        if self._supervisor is not None:
            raise MinistackError("ministack is running already.")
        if not self._python.exists():
            raise MinistackError(how_to_install(self._python))
        self._supervisor = subprocess.Popen(
            [sys.executable, "-I", "-S", str(SUPERVISOR), json.dumps(self._order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # A session of its own: what ends our process group must not end it before it saved.
            start_new_session=True,
        )
        answer = self._hear(self._supervisor, START_SECONDS)
        if "ready" not in answer:
            self._let_go()
            raise MinistackError(
                answer.get("failed", "The supervisor of ministack did not answer.")
            )
        self.pid = int(answer["pid"])
        self._url = str(answer["ready"])
        return self._url

    def stop(self) -> None:
        """Stops it and waits until its tables are saved. Stopping what does not run does nothing."""
        if self._supervisor is None:
            return
        if self._supervisor.stdin is not None:
            self._supervisor.stdin.close()
        answer = self._hear(self._supervisor, STOP_SECONDS)
        self._let_go()
        if answer.get("stopped") is not True:
            raise MinistackError(
                answer.get(
                    "failed",
                    "ministack was not stopped cleanly: what was written since it was started is lost.",
                )
            )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _hear(self, supervisor: "subprocess.Popen[bytes]", seconds: float) -> dict[str, Any]:
        """The supervisor's next message; empty when it ended or said nothing in time."""
        source = supervisor.stdout.fileno() if supervisor.stdout is not None else -1
        deadline = time.monotonic() + seconds
        while b"\n" not in self._heard:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([source], [], [], left)[0]:
                return {}
            more = os.read(source, 65536)
            if not more:
                return {}
            self._heard += more
        line, _, self._heard = self._heard.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def _let_go(self) -> None:
        supervisor, self._supervisor, self._url, self._heard = self._supervisor, None, "", b""
        if supervisor is None:
            return
        for pipe in (supervisor.stdin, supervisor.stdout):
            if pipe is not None:
                pipe.close()
        try:
            supervisor.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()


def how_to_install(python: Path) -> str:
    return f"There is no ministack at {python}: `make install` installs it in .tools/ministack."
