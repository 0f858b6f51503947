"""The locked dependencies as Lambda needs them: wheels for its own platform, held to the hashes of the lock.

Chalice would fetch them itself, but fetches the wheels of another platform without asking for their hashes, and does
so again for every build. Here they are fetched once for each lock and interpreter, cut to what is used and compiled;
every build is made of them.

Lambda's folder is read-only and Chalice packs no compiled code, so every cold start would compile every module again:
by far the largest part of it. Here all modules are compiled, with hashes that nobody checks at run time, and botocore's
descriptions of some four hundred services are cut to those that are called.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
LOCK: Final = ROOT / "requirements.txt"
PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Chalice deploys to the runtime of the interpreter that packages, so these are its wheels."""
PLATFORMS: Final = ("manylinux2014_x86_64", "manylinux_2_17_x86_64")
"""What every Lambda runtime takes: the oldest has glibc 2.26."""
SERVICES: Final = frozenset(
    {
        *("dynamodb", "events", "pinpoint-sms-voice-v2", "s3", "secretsmanager", "sesv2", "sqs"),
        "ssm",
    }
)
"""Every service that `chalicelib` makes a client of; a test compares."""
_LEFT_OUT: Final = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "WHEEL")
"""What pip notes about an installation: of no use at run time, and not the same on every machine."""
_COMPILE: Final = """
import compileall, py_compile, sys
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
# The path in a traceback is Lambda's, never this machine's.
done = compileall.compile_dir(
    sys.argv[1], maxlevels=64, quiet=2, workers=1, invalidation_mode=mode,
    stripdir=sys.argv[1], prependdir="/var/task", force=True,
)
sys.exit(0 if done else 1)
"""
_PRECOMPILE: Final = """
import builtins, dataclasses, importlib, marshal, pkgutil, sys
from importlib.util import MAGIC_NUMBER

sys.path[:0] = sys.argv[1:]
sources = set()

def execute(source, *where):
    sources.add(source)
    builtins.exec(source, *where)

dataclasses.exec = execute
import app, chalicelib
from chalicelib import precompiled
for one in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
    importlib.import_module(one.name)
# In a fixed order, so that two builds are the same to the byte.
codes = {source: marshal.dumps(compile(source, "<string>", "exec")) for source in sorted(sources)}
precompiled.FILE.write_bytes(MAGIC_NUMBER + marshal.dumps(codes))
"""
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


class CannotPackage(Exception):
    """The message is a sentence that says what is wrong and what to do."""


def installed(lock: Path = LOCK, tools: Path = ROOT / ".tools") -> Path:
    """The folder that holds them; filled when this lock has none yet. Raises CannotPackage."""
    pins(lock)
    key = sha256(
        f"{PYTHON} {PLATFORMS} {sorted(SERVICES)} ".encode() + lock.read_bytes()
    ).hexdigest()[:16]
    folder = tools / "lambda" / key
    if not folder.exists():
        half = folder.with_name(f"{key}.half")
        shutil.rmtree(half, ignore_errors=True)
        _install(lock, half)
        prune(half)
        compile_all(half)
        # Renamed last: an installation that was interrupted is done again.
        half.rename(folder)
    return folder


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
    """What the lock names and this folder does not hold, in that very version."""
    there = {_name_and_version(info) for info in site.glob("*.dist-info")}
    return [
        f"{name} {version}" for name, version in pins(lock).items() if (name, version) not in there
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


def prune(tree: Path) -> None:
    shutil.rmtree(tree / "bin", ignore_errors=True)
    for info in tree.glob("*.dist-info"):
        for name in _LEFT_OUT:
            (info / name).unlink(missing_ok=True)
    for service in (tree / "botocore/data").iterdir():
        if service.is_dir() and service.name not in SERVICES:
            shutil.rmtree(service)


def compile_all(tree: Path) -> None:
    _run(_COMPILE, tree, "Some module does not compile")


def precompile(tree: Path, site: Path) -> None:
    """Puts the methods of our records beside them, compiled (`chalicelib/precompiled.py`)."""
    _run(_PRECOMPILE, tree, "Some module cannot be loaded", site)


def _run(script: str, tree: Path, trouble: str, *more: Path) -> None:
    """In a process of its own, with a fixed hash seed: what is compiled depends on nothing that ran before."""
    done = subprocess.run(
        [sys.executable, "-S", "-s", "-B", "-c", script, str(tree), *map(str, more)],
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()
        raise CannotPackage(f"{trouble}: {said[-500:]}")
