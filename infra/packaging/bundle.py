"""The zip: what Chalice packed (app.py, chalicelib, its own runtime), compiled, with the dependencies beside it.

The same content is the same bytes: entries in the order of their names, all of one date and with one set of rights.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

from infra.packaging import compiling
from infra.packaging.dependencies import LOCK, missing
from infra.packaging.refusal import CannotPackage

NEEDED: Final = (
    *(
        "app.py",
        "chalice/app.pyc",
        "chalicelib/wiring.py",
        "chalicelib/ahead.marshal",
        "chalicelib/policies/smarter-contact.toml",
    ),
    *(
        "botocore/data/dynamodb",
        "botocore/data/endpoints.json",
        "pynamodb/models.pyc",
        "stripe/__init__.pyc",
    ),
)
"""Without one of these the zip cannot work, whatever the lock says."""
MOST_BYTES: Final = 250 * 1024 * 1024
"""What Lambda unpacks at most."""
EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def bundle(packed: Path, site: Path, into: Path, scratch: Path, lock: Path = LOCK) -> None:
    """Raises CannotPackage for a zip that lacks what the lock names, or that Lambda would not take."""
    tree = scratch / "task"
    with zipfile.ZipFile(packed) as source:
        source.extractall(tree)
    compiling.compile_without_sources(tree, "chalice")
    compiling.compile_with_sources(tree)
    compiling.make_ahead(tree, site)
    files = {**_files(site), **_files(tree)}
    _check(files, site, lock)
    write(files, into)


def _files(tree: Path) -> dict[str, Path]:
    return {path.relative_to(tree).as_posix(): path for path in tree.rglob("*") if path.is_file()}


def _check(files: dict[str, Path], site: Path, lock: Path) -> None:
    absent = [*missing(site, lock), *(name for name in NEEDED if not _holds(files, name))]
    if absent:
        raise CannotPackage(
            f"The zip would lack {', '.join(absent)}: what is deployed without it fails at its first request. "
            "Delete .tools/lambda and package again."
        )
    size = sum(path.stat().st_size for path in files.values())
    if size > MOST_BYTES:
        raise CannotPackage(f"Unpacked it has {size:,} bytes; Lambda takes {MOST_BYTES:,}.")


def _holds(files: dict[str, Path], name: str) -> bool:
    return name in files or any(path.startswith(f"{name}/") for path in files)


def write(files: dict[str, Path], into: Path) -> None:
    with zipfile.ZipFile(into, "w") as out:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Readable by all: Lambda runs as another user than the one who packed.
            entry.external_attr = (0o100755 if path.suffix == ".so" else 0o100644) << 16
            entry.create_system = 3
            out.writestr(entry, path.read_bytes(), compresslevel=9)
