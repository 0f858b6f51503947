"""Holds one ministack and stops it cleanly when the process that asked for it is gone, however it went.

ministack saves its tables only on a clean stop. So it is the child of this process, which lives in a
session of its own and reads a pipe nobody writes to: when the pipe closes, its owner has ended, even by
SIGKILL, and ministack is stopped and waited for. Standard library only, and started by path, so that it
is up at once. It never decides to begin with empty tables when there were some.
"""

import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, Final

HOST: Final = "127.0.0.1"
PORTS_TRIED: Final = 5
READY_SECONDS: Final = 10.0
SAVE_SECONDS: Final = 10.0
LOCK_SECONDS: Final = SAVE_SECONDS + 2.0
TICK_SECONDS: Final = 0.01

NOT_LOADED: Final = (
    "Persistence: failed to load",
    "refusing to load",
    "Failed to restore persisted state",
)
NOT_SAVED: Final = ("Persistence: failed to save", "Persistence: error getting state")
_PR_SET_PDEATHSIG: Final = 1

_told_to_stop = Event()


class StackError(Exception):
    """It cannot go on; the message is a sentence for a person."""


class OwnerGoneError(Exception):
    """Nobody waits for an answer any more."""


def main() -> int:
    order = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop_soon)
    try:
        supervise(order)
    except OwnerGoneError:
        return 0
    except StackError as failure:
        _tell(failed=str(failure))
        return 1
    except Exception as error:  # noqa: BLE001 - whoever waits for an answer gets one
        _tell(failed=f"The supervisor of ministack stopped on an error of its own: {error!r}.")
        return 1
    return 0


def supervise(order: dict[str, Any]) -> None:
    state = Path(order["state"]) if order["state"] else None
    with tempfile.TemporaryDirectory(prefix="lapse-ministack-") as scratch:
        log = (state or Path(scratch)) / "ministack.log"
        with _lock(state) as held:
            if state is not None:
                _check_state(state)
            child, port = _start(order, state, Path(scratch), log, held)
            try:
                _tell(ready=f"http://{HOST}:{port}", pid=child.pid)
                _watch(child, log)
            finally:
                saved = _stop(child, log, state)
            _tell(stopped=saved)


@contextmanager
def _lock(state: Path | None) -> Iterator[int | None]:
    """The state folder is ours alone. Whoever still saves into it is waited for."""
    if state is None:
        yield None
        return
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as file:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StackError(
                        f"Another local stack is using the tables saved in {state}: stop it first."
                    ) from None
            _pause()
        # ministack inherits the lock: it lasts until both of us are gone, whoever dies first.
        yield file.fileno()


def _check_state(state: Path) -> None:
    for path in sorted(state.glob("*.json")):
        try:
            saved = json.loads(path.read_bytes())
        except ValueError as error:
            raise StackError(_unreadable(path, str(error))) from None
        if not isinstance(saved, dict) or "payload" not in saved:
            raise StackError(_unreadable(path, "it is not something ministack saved"))


def _unreadable(path: Path, why: str) -> str:
    return (
        f"The saved tables in {path} cannot be read ({why}). "
        "Nothing was started, so nothing is lost: move the file away to begin with empty tables."
    )


def _start(
    order: dict[str, Any], state: Path | None, scratch: Path, log: Path, held: int | None
) -> tuple["subprocess.Popen[bytes]", int]:
    for _ in range(PORTS_TRIED):
        port = _free_port()
        log.write_bytes(b"")
        child = _launch(order, state, scratch, log, held, port)
        if _is_ready(child, log, port):
            return child, port
        if "already in use" not in _read(log):
            raise StackError(f"ministack ended while it was starting: {_last_words(log)}")
        # Somebody took the port between our asking and its binding. Another one will do.
    raise StackError(f"ministack found no free port in {PORTS_TRIED} tries.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _launch(
    order: dict[str, Any],
    state: Path | None,
    scratch: Path,
    log: Path,
    held: int | None,
    port: int,
) -> "subprocess.Popen[bytes]":
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "PYTHONUNBUFFERED": "1",
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "SERVICES": ",".join(order["services"]),
        # Both would open further ports, the first of them to the whole network.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # It would look for containers to remove, which are none of its business here.
        "DOCKER_HOST": f"unix://{scratch}/no-docker",
        **order["environment"],
    }
    if state is not None:
        environment |= {"PERSIST_STATE": "1", "STATE_DIR": str(state)}
    with log.open("ab") as output:
        return subprocess.Popen(
            [order["python"], "-m", "ministack"],
            env=environment,
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=() if held is None else (held,),
            preexec_fn=_die_with_me,  # noqa: PLW1509 - there is one thread here
        )


def _die_with_me() -> None:
    """Asks the kernel to stop ministack cleanly should this supervisor be killed. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _is_ready(child: "subprocess.Popen[bytes]", log: Path, port: int) -> bool:
    """Whether OUR child says that it runs. A mere open port may belong to somebody else."""
    deadline = time.monotonic() + READY_SECONDS
    while child.poll() is None:
        said = _read(log)
        if f"Running on http://{HOST}:{port}" in said and child.poll() is None:
            _refuse_if_not_loaded(child, said)
            return True
        if time.monotonic() > deadline:
            _kill(child)
            raise StackError(f"ministack did not start within {READY_SECONDS:.0f} seconds.")
        try:
            _pause()
        except OwnerGoneError:
            _kill(child)
            raise
    return False


def _refuse_if_not_loaded(child: "subprocess.Popen[bytes]", said: str) -> None:
    for line in said.splitlines():
        if any(words in line for words in NOT_LOADED):
            # Stopped cleanly, it would save its empty tables over the ones it could not read.
            _kill(child)
            raise StackError(f"ministack could not load its saved tables: {line.strip()}")


def _watch(child: "subprocess.Popen[bytes]", log: Path) -> None:
    """Returns when the owner is gone, raises when ministack went first."""
    while True:
        owner_is_gone = _owner_is_gone(within=0.2)
        if child.poll() is not None:
            raise _ended_by_itself(log)
        if owner_is_gone:
            return


def _stop(child: "subprocess.Popen[bytes]", log: Path, state: Path | None) -> bool:
    """Whether everything was kept; with nothing to keep, it was."""
    child.terminate()
    try:
        ended = child.wait(SAVE_SECONDS)
    except subprocess.TimeoutExpired:
        _kill(child)
        return state is None
    if ended == -signal.SIGKILL:
        # Not by us: it was dying already when it was told to stop.
        raise _ended_by_itself(log)
    if state is None:
        return True
    return ended == 0 and not any(words in _read(log) for words in NOT_SAVED)


def _kill(child: "subprocess.Popen[bytes]") -> None:
    child.kill()
    child.wait()


def _pause() -> None:
    if _owner_is_gone(within=TICK_SECONDS):
        raise OwnerGoneError


def _owner_is_gone(within: float) -> bool:
    """The owner never writes to the pipe, so that it can be read means that it was closed."""
    readable, _, _ = select.select([sys.stdin], [], [], within)
    return bool(readable) or _told_to_stop.is_set()


def _stop_soon(_signal: int, _frame: object) -> None:
    _told_to_stop.set()


def _ended_by_itself(log: Path) -> StackError:
    return StackError(
        f"ministack ended by itself ({_last_words(log)}): "
        "what was written since it was started is lost."
    )


def _last_words(log: Path) -> str:
    return (_read(log).strip().splitlines() or ["it said nothing"])[-1]


def _read(log: Path) -> str:
    return log.read_text(errors="replace")


def _tell(**message: Any) -> None:
    try:
        print(json.dumps(message), flush=True)
    except OSError:
        return  # Nobody listens any more, which is no reason to leave ministack running.


if __name__ == "__main__":
    raise SystemExit(main())
