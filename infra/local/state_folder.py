"""The folder in which one local stack keeps everything: the one it was given, or one that goes with it."""

import fcntl
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from infra.local.endpoints import CannotStart

PREFIX = "lapse-local-"


class StateFolder:
    """Held by a lock for as long as the process lives, so that no two stacks share a folder."""

    def __init__(self, wanted: Path | None) -> None:
        self.kept = wanted is not None
        if wanted is None:
            remove_what_killed_stacks_left()
        self.path = wanted or Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = (self.path / "stack.lock").open("w")
        except OSError as error:
            raise CannotStart(
                f"LAPSE_STATE={wanted} cannot be written ({error.strerror}): give a folder of your own."
            ) from None
        if not lock(self._lock):
            self._lock.close()
            raise CannotStart(
                f"Another local stack is using LAPSE_STATE={wanted}: stop it, or give this one another folder."
            )

    def close(self) -> None:
        self._lock.close()
        if not self.kept:
            shutil.rmtree(self.path, ignore_errors=True)


def lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def remove_what_killed_stacks_left() -> None:
    """A killed stack cannot remove its own folder. Whose lock is free is dead."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError), (folder / "stack.lock").open("r+") as file:
            if lock(file):
                shutil.rmtree(folder, ignore_errors=True)
