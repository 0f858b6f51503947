"""Builds what is deployed from the lock and the source: two builds of the same are the same to the byte."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from infra.packaging import dependencies
from infra.packaging.bundle import bundle
from infra.packaging.chalice_side import packed
from infra.packaging.dependencies import LOCK
from infra.packaging.template import finished, merged


@dataclass(frozen=True, slots=True)
class Build:
    zip: Path
    template: Path

    def lines(self) -> Iterator[str]:
        for path in (self.zip, self.template):
            bytes_ = path.read_bytes()
            yield f"{path}  {len(bytes_):,} bytes  sha256 {sha256(bytes_).hexdigest()}"


def build(into: Path, lock: Path = LOCK) -> Build:
    """Raises CannotPackage."""
    site = dependencies.installed(lock)
    into.mkdir(parents=True, exist_ok=True)
    made = Build(into / "deployment.zip", into / "template.json")
    with tempfile.TemporaryDirectory(prefix="lapse-package-") as folder:
        scratch = Path(folder)
        plain, sam = packed(merged(), scratch)
        template = json.dumps(finished(sam), indent=1, sort_keys=True) + "\n"
        bundle(plain, site, made.zip, scratch, lock)
        made.template.write_text(template)
    return made
