"""The locked dependencies as Lambda needs them: wheels for its own platform, held to the hashes of the lock.

Chalice would fetch them itself, but fetches the wheels of another platform without asking for their hashes, and does
so again for every build. Here they are fetched once for each lock and interpreter; every build is made of them, cut to
what is used (pruning.py) and compiled (compiling.py).
"""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final

from infra.packaging import compiling, pruning
from infra.packaging.refusal import CannotPackage

ROOT: Final = Path(__file__).resolve().parents[2]
LOCK: Final = ROOT / "requirements.txt"
PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Chalice deploys to the runtime of the interpreter that packages, so these are its wheels."""
PLATFORMS: Final = ("manylinux2014_x86_64", "manylinux_2_17_x86_64")
"""What every Lambda runtime takes: the oldest has glibc 2.26."""
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def installed(lock: Path = LOCK, tools: Path = ROOT / ".tools") -> Path:
    """The folder that holds them; filled when this lock has none yet. Raises CannotPackage."""
    pins(lock)
    # Another way of making it is another folder.
    how = b"".join(Path(str(one.__file__)).read_bytes() for one in (pruning, compiling))
    key = sha256(f"{PYTHON} {PLATFORMS} ".encode() + how + lock.read_bytes()).hexdigest()[:16]
    folder = tools / "lambda" / key
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Whoever packages at the same time waits, and finds it made. The lock goes with its process.
        with folder.with_name(f"{key}.lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            if not folder.exists():
                _make(lock, folder)
    return folder


def _make(lock: Path, folder: Path) -> None:
    half = folder.with_name(f"{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    _install(lock, half)
    pruning.prune(half)
    compiling.compile_without_sources(half)
    # Renamed last: an installation that was interrupted is done again.
    half.rename(folder)


def pins(lock: Path = LOCK) -> dict[str, str]:
    """Name → version of everything the lock names. Raises CannotPackage."""
    if not lock.exists():
        raise CannotPackage(f"There is no {lock.name}: `make lock` makes it.")
    found = {_normal(name): version for name, version in _PIN.findall(lock.read_text())}
    if not found:
        raise CannotPackage(
            f"{lock.name} names no package: a zip made of it would hold no dependencies. `make lock` mends it."
        )
    return found


def missing(site: Path, lock: Path = LOCK) -> list[str]:
    """What the lock names and this folder does not hold, in that very version, though it should."""
    there = {_name_and_version(info) for info in site.glob("*.dist-info")}
    return [
        f"{name} {version}"
        for name, version in pins(lock).items()
        if (name, version) not in there and name not in pruning.NO_PART_OF_THE_ZIP
    ]


def _name_and_version(info: Path) -> tuple[str, str]:
    name, _, version = info.name.removesuffix(".dist-info").partition("-")
    return _normal(name), version


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _install(lock: Path, target: Path) -> None:
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-input", "--no-compile", "--no-deps", "--require-hashes", "--only-binary=:all:"),
            *("--implementation", "cp", "--python-version", PYTHON, *platforms),
            *("--target", str(target), "-r", str(lock)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise CannotPackage(
            "The locked dependencies could not be fetched for Lambda: "
            + (said[0] if said else f"pip ended with {done.returncode}")
        )
