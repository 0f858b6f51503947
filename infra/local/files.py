"""Files in a folder instead of a bucket, and the links to them: `/_files/<token>`, gone when the clock says so.

A link names its file and its end, signed with a key that this stack keeps; nothing else of the folder can be reached.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from chalicelib.clock import Clock
from chalicelib.domain.moments import from_rfc3339, rfc3339
from infra.local.messages import Answer, Request, problem
from infra.local.notebook import Notebook

PREFIX = "/_files/"
PIECE = 256 * 1024


class LocalFiles:
    at_hand = True

    def __init__(self, folder: Path, notebook: Notebook, clock: Clock, base_url: str) -> None:
        self._folder, self._clock, self._base_url = folder, clock, base_url
        notebook.add("files", "key", secrets.token_hex(32))
        self._key = bytes.fromhex(notebook.get("files", "key"))

    def write(self, name: str, source: IO[bytes]) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(f"{path.name}.half")
        with half.open("wb") as target:
            shutil.copyfileobj(source, target, PIECE)
        half.replace(path)

    def names(self, prefix: str) -> Iterator[str]:
        found = self._folder.rglob("*") if self._folder.exists() else iter(())
        names = (one.relative_to(self._folder).as_posix() for one in found if one.is_file())
        return iter(sorted(name for name in names if name.startswith(prefix)))

    def read(self, name: str) -> Iterator[bytes]:
        with self._path(name).open("rb") as source:
            while piece := source.read(PIECE):
                yield piece

    def link(self, name: str, *, now: datetime, lasts: timedelta) -> str:
        said = json.dumps([name, rfc3339(now + lasts)]).encode()
        return f"{self._base_url}{PREFIX}{_text(said)}.{_text(self._signed(said))}"

    def delete_prefix(self, prefix: str) -> int:
        found = list(self.names(prefix))
        for name in found:
            self._path(name).unlink(missing_ok=True)
        return len(found)

    def answer(self, request: Request, new_id: Callable[[], str]) -> Answer | None:
        """None when the request is for somebody else."""
        if not request.path.startswith(PREFIX):
            return None
        if request.method not in ("GET", "HEAD"):
            detail = "A file can only be fetched."
            allow = (("Allow", "GET, HEAD"),)
            return problem(405, "method_not_allowed", detail, request_id=new_id(), headers=allow)
        name = self._named(request.path.removeprefix(PREFIX))
        path = self._path(name) if name is not None else None
        if path is None or not path.is_file():
            detail = "This link is over, or never was one."
            return problem(404, "not_found", detail, request_id=new_id())
        headers = (
            ("Content-Type", "application/zip"),
            ("Content-Disposition", 'attachment; filename="export.zip"'),
            ("Cache-Control", "no-store"),
        )
        return Answer(200, headers, path.read_bytes())

    def _named(self, token: str) -> str | None:
        """The file that a link means, while it works. At the very instant it ends it is over."""
        said, _, signature = token.partition(".")
        try:
            text, given = _bytes(said), _bytes(signature)
            if not hmac.compare_digest(given, self._signed(text)):
                return None
            name, until = json.loads(text)
        except ValueError:
            return None
        return str(name) if self._clock.now() < from_rfc3339(until) else None

    def _signed(self, said: bytes) -> bytes:
        return hmac.new(self._key, said, hashlib.sha256).digest()

    def _path(self, name: str) -> Path:
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise ValueError("a file lies in its folder")
        return path


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True)
