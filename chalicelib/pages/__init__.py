"""What a browser is served, as it lies in this folder: plain HTML, CSS and ES modules, without a build step.

Read once per process. An asset is told apart by its hash; all of them together by one hash, which stands in the address
that our own pages use, so that a browser keeps them for good and a deployment never mixes old with new.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
ASSETS = HERE / "assets"
KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
"""Text only: what API Gateway takes for binary needs an Accept header that a script's request does not send."""


@dataclass(frozen=True, slots=True)
class Asset:
    kind: str
    text: str
    digest: str


def asset(name: str) -> Asset | None:
    return _assets().get(name)


@lru_cache(maxsize=1)
def _assets() -> Mapping[str, Asset]:
    """Every file by its name: nothing outside the folder can be named."""
    return {path.name: _read(path) for path in sorted(ASSETS.iterdir()) if path.suffix in KINDS}


def _read(path: Path) -> Asset:
    text = path.read_text(encoding="utf-8")
    return Asset(KINDS[path.suffix], text, hashlib.sha256(text.encode()).hexdigest()[:20])


@lru_cache(maxsize=1)
def version() -> str:
    """Of all assets: it changes whenever one of them does."""
    said = "".join(f"{name}:{one.digest}" for name, one in _assets().items())
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def page(name: str, filled: Mapping[str, str]) -> str:
    """A page with its `{{names}}` filled in, each escaped. A line that begins with `{{?name}}` stands only where that
    name has something to say. A name that nothing was given for is a KeyError."""
    lines = (_line(line, filled) for line in _template(name).splitlines(keepends=True))
    return "".join(lines)


def _line(line: str, filled: Mapping[str, str]) -> str:
    only_with = _ONLY_WITH.match(line)
    if only_with is not None:
        if not filled[only_with.group(1)]:
            return ""
        line = line[only_with.end() :]
    return _BLANK.sub(lambda found: escape(filled[found.group(1)]), line)


_BLANK = re.compile(r"{{(\w+)}}")
_ONLY_WITH = re.compile(r"\s*{{\?(\w+)}}")


@lru_cache(maxsize=8)
def _template(name: str) -> str:
    return (HERE / f"{name}.html").read_text(encoding="utf-8")
