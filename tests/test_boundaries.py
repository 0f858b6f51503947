"""Holds the doors of design.md: which module may import, ask the time or read the environment.

The rules are a table of doors. Each door is also shown a planted violation and must catch it, so that no
check here is one that cannot fail.
"""

import ast
import builtins
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Door:
    """In the files of `inside`, none of `names` may be imported or used, except in `open_to`.

    A name stands for itself and everything below it: `stripe` also means `stripe.error`. With `only`, the
    rule is turned round: nothing but those names may be imported.
    """

    why: str
    inside: tuple[str, ...]
    names: tuple[str, ...] = ()
    open_to: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    planted: tuple[str, ...] = ()
    """Sources this door must catch in its first `inside`."""
    fine: tuple[str, ...] = field(default=())
    """Sources it must let pass."""


WALL_CLOCK = (
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
    "time.gmtime",
    "time.localtime",
    "time.clock_gettime",
)

PURE = tuple(
    name
    for name in sorted(sys.stdlib_module_names)
    if name
    not in {
        *("asyncio", "concurrent", "http", "io", "logging", "multiprocessing", "os", "pathlib"),
        *("random", "secrets", "select", "selectors", "shutil", "signal", "socket", "sqlite3"),
        *("subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid", "builtins"),
    }
)

DOORS = {
    "the domain is pure": Door(
        why="a promise must be testable without a network, a clock or an environment",
        inside=("chalicelib/domain/*.py",),
        only=(*PURE, "chalicelib.domain"),
        planted=(
            "import stripe",
            "import os",
            "from chalicelib.store import table",
            "from ..store.table import Key",
            "def f():\n    import logging",
            "from pathlib import Path",
            "import urllib.request",
        ),
        fine=(
            "from datetime import UTC, datetime\nfrom chalicelib.domain.money import Money",
            "from .money import Money\nimport tomllib",
        ),
    ),
    "the domain does no input or output": Door(
        why="what it knows is handed in, what it decides is handed back",
        inside=("chalicelib/domain/*.py",),
        names=("open", "print", "input", "eval", "exec", "__import__"),
        planted=("rows = open('rows.csv')", "print('hello')", "m = __import__('os')"),
        fine=("class File:\n    def open(self): ...\n", "x.open()"),
    ),
    "only clock.py asks the time": Door(
        why="two clocks can disagree, and a year must pass in a test in a millisecond",
        inside=("chalicelib/*.py", "app.py"),
        names=WALL_CLOCK,
        open_to=("chalicelib/clock.py",),
        planted=(
            "from datetime import datetime\nx = datetime.now()",
            "from datetime import datetime as d\nf = field(default_factory=d.utcnow)",
            "import datetime as dt\nx = dt.date.today()",
            "import time\nx = time.time()",
            "from time import time",
            "def f():\n    from time import time_ns\n    return time_ns()",
        ),
        fine=(
            "now = clock.now()",
            "from datetime import datetime\nx = datetime.fromtimestamp(5)",
            "import time\nbegan = time.monotonic()",
        ),
    ),
    "the local stack has one clock as well": Door(
        why="everything local follows /_clock; the real present is asked once, when a stack is new",
        inside=("infra/local/*.py",),
        names=WALL_CLOCK,
        open_to=("infra/local/clock.py",),
        planted=("import time\nx = time.time()", "import datetime\nx = datetime.datetime.now()"),
    ),
    "only settings.py reads the environment": Door(
        why="what shapes the app is listed in one place, and a test hands it another world",
        inside=("chalicelib/*.py", "app.py"),
        names=("os.environ", "os.environb", "os.getenv", "os.putenv"),
        open_to=("chalicelib/settings.py",),
        planted=(
            "import os\nx = os.environ['TABLE_NAME']",
            "from os import environ",
            "import os as o\nx = o.getenv('A')",
        ),
        fine=("import os\nx = os.path.join('a', 'b')",),
    ),
    "only the store knows DynamoDB's library": Door(
        why="outsiders' words stop at the door",
        inside=("chalicelib/*.py", "app.py"),
        names=("pynamodb", "botocore", "boto3"),
        open_to=(
            *("chalicelib/store/dynamo.py", "chalicelib/store/pynamo.py"),
            # The other services of AWS that we speak to, each in its own module, and what makes their clients.
            "chalicelib/gateways/aws.py",
            *("chalicelib/gateways/ses.py", "chalicelib/gateways/eventbridge.py"),
            "chalicelib/gateways/files.py",
            "chalicelib/gateways/carriers/aws.py",
            *("chalicelib/gateways/purge_at_aws.py", "chalicelib/gateways/share_queue.py"),
        ),
        planted=(
            "import pynamodb.models",
            "from botocore.exceptions import ClientError",
            "def f():\n    import boto3",
        ),
    ),
    "only gateways/stripe.py knows Stripe's library": Door(
        why="outsiders' words stop at the door, and importing it costs a cold start 100 ms",
        inside=("chalicelib/*.py", "app.py"),
        names=("stripe",),
        open_to=("chalicelib/gateways/stripe.py",),
        planted=("import stripe", "from stripe import StripeClient", "def f():\n    import stripe"),
        fine=(
            "from chalicelib.gateways import stripe\nstripe.open_portal()",
            "def f(stripe): return stripe.subscription('sub_1')",
        ),
    ),
    "only gateways/calendars.py knows the holidays": Door(
        why="importing five megabytes of calendars is for those who count business days",
        inside=("chalicelib/*.py", "app.py"),
        names=("holidays",),
        open_to=("chalicelib/gateways/calendars.py",),
        planted=("import holidays", "def f():\n    from holidays import country_holidays"),
        fine=("from chalicelib.gateways.calendars import public_holidays",),
    ),
    "only gateways/http.py speaks HTTP by hand": Door(
        why="one client bounds the wait and the answer, and says whether the outcome is known",
        inside=("chalicelib/*.py", "app.py"),
        names=("urllib.request", "http.client", "urllib3", "requests", "socket"),
        # Stripe's SDK brings its own HTTP; what lies under it is set up there.
        open_to=("chalicelib/gateways/http.py", "chalicelib/gateways/stripe_connection.py"),
        planted=(
            "import urllib.request",
            "from urllib.request import urlopen",
            "def f():\n    import http.client",
            "import requests",
        ),
        fine=(
            "from chalicelib.gateways import http\nhttp.send('GET', url)",
            "from http import HTTPStatus\nfrom urllib.parse import urlsplit",
        ),
    ),
    "what is deployed never imports what is not": Door(
        why="infra and tests are not in the zip",
        inside=("chalicelib/*.py", "app.py"),
        names=("infra", "tests"),
        planted=("import infra.local", "from tests.support import world"),
    ),
    "infra never imports tests": Door(
        why="`make run` must work where no test lies",
        inside=("infra/*.py",),
        names=("tests",),
        planted=("from tests.support import world",),
    ),
    "the store knows the domain at most": Door(
        why="it keeps rows; what they mean is decided above it",
        inside=("chalicelib/store/*.py",),
        names=(
            *("chalicelib.lifecycle", "chalicelib.handlers", "chalicelib.gateways"),
            *("chalicelib.wiring", "chalicelib.settings", "app"),
        ),
        planted=("from chalicelib.gateways import mail", "from ..lifecycle import Lifecycle"),
    ),
    "a gateway knows the domain at most, and the settings it is handed": Door(
        why="it speaks with one outsider; when and why is decided above it",
        inside=("chalicelib/gateways/*.py",),
        names=(
            *("chalicelib.lifecycle", "chalicelib.handlers", "chalicelib.store"),
            *("chalicelib.wiring", "app"),
        ),
        planted=("from chalicelib.store.table import Key", "import chalicelib.handlers.webhook"),
    ),
    "the texts are words and nothing else": Door(
        why="what a customer reads can be read, and tested, without a table or a mailer",
        inside=("chalicelib/texts/*.py",),
        names=(
            *("chalicelib.lifecycle", "chalicelib.handlers", "chalicelib.store"),
            *("chalicelib.gateways", "chalicelib.wiring", "chalicelib.settings", "app"),
        ),
        planted=("from chalicelib.store import outbox", "from chalicelib.gateways import mail"),
    ),
    "the lifecycle does not know who calls it": Door(
        why="a fact is a fact, whether a webhook, a person or a schedule brought it",
        inside=("chalicelib/lifecycle.py", "chalicelib/effects/*.py"),
        names=("chalicelib.handlers", "app", "chalice"),
        planted=("from chalicelib.handlers import jobs", "from .handlers import jobs"),
    ),
    "a handler reads, and lets the lifecycle write": Door(
        why="parse → fact → lifecycle → answer: a handler that writes a row has decided something",
        inside=("chalicelib/handlers/*.py",),
        names=(
            *("chalicelib.store.table.Put", "chalicelib.store.table.Update"),
            *("chalicelib.store.table.Delete", "chalicelib.store.dynamo"),
            *("chalicelib.store.memory", "app"),
        ),
        # Answers kept for repeated requests decide nothing about an account.
        open_to=("chalicelib/handlers/repeats.py",),
        planted=(
            "from chalicelib.store.table import Put",
            "from chalicelib.store import table\ntable.Update",
            "from ..store.dynamo import DynamoTable",
        ),
        fine=("from chalicelib.store import accounts", "from chalicelib.store.table import Key"),
    ),
}


@pytest.mark.parametrize("name", DOORS)
def test_no_file_goes_through_a_door_that_is_shut(name):
    found = [
        f"{path}:{line} uses {used}"
        for path in files(DOORS[name].inside)
        for line, used in violations(DOORS[name], path, (ROOT / path).read_text())
    ]

    assert not found, f"{name}, because {DOORS[name].why}:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("name", "source"), [(name, source) for name, door in DOORS.items() for source in door.planted]
)
def test_each_door_catches_a_planted_violation(name, source):
    door = DOORS[name]
    planted_in = door.inside[0].replace("*", "planted")

    assert list(violations(door, planted_in, source)), f"{name} let pass: {source}"


@pytest.mark.parametrize(
    ("name", "source"), [(name, source) for name, door in DOORS.items() for source in door.fine]
)
def test_a_door_does_not_catch_what_is_fine(name, source):
    door = DOORS[name]

    assert not list(violations(door, door.inside[0].replace("*", "fine"), source))


@pytest.mark.parametrize("name", [name for name, door in DOORS.items() if door.open_to])
def test_an_opened_door_is_open_to_its_own_file_only(name):
    door = DOORS[name]

    for owner in door.open_to:
        assert not list(violations(door, owner, door.planted[0]))


def test_every_door_guards_files_that_exist():
    for name, door in DOORS.items():
        assert list(files(door.inside)), f"{name} guards nothing"


def test_a_cold_start_loads_neither_stripe_nor_cryptography():
    """Importing them costs a webhook or a sweep 100 ms each before its first line runs."""
    handlers = [module_name(path) for path in files(("chalicelib/handlers/*.py",))]
    script = (
        "import importlib, sys\n"
        f"for name in ['app', *{handlers!r}]: importlib.import_module(name)\n"
        "print([m for m in ('stripe', 'jwt', 'cryptography', 'requests', 'boto3', 'holidays') if m in sys.modules])"
    )

    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "[]"


# -- how a file is read


def files(patterns: tuple[str, ...]) -> Iterator[str]:
    """Every Python file a pattern means, as a path from the root; * also crosses folders."""
    for top in ("app.py", "chalicelib", "infra"):
        found = [ROOT / top] if top.endswith(".py") else sorted((ROOT / top).rglob("*.py"))
        for path in found:
            name = path.relative_to(ROOT).as_posix()
            if path.exists() and any(fnmatch(name, pattern) for pattern in patterns):
                yield name


def violations(door: Door, path: str, source: str) -> Iterator[tuple[int, str]]:
    if path in door.open_to:
        return
    tree = ast.parse(source)
    if door.only:
        for line, name in imported(tree, module_name(path)):
            if not below(name, door.only):
                yield line, name
        return
    for line, name in [*imported(tree, module_name(path)), *used(tree, module_name(path))]:
        if below(name, door.names):
            yield line, name


def below(name: str, tops: tuple[str, ...]) -> bool:
    return any(name == top or name.startswith(f"{top}.") for top in tops)


def module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported(tree: ast.AST, module: str) -> Iterator[tuple[int, str]]:
    """Every import, wherever it stands: one inside a function goes through the door as well."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = imported_from(node, module)
            # `from chalicelib import store` names the package only in its second half.
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def imported_from(node: ast.ImportFrom, module: str) -> str:
    if not node.level:
        return node.module or ""
    parents = module.split(".")[: -node.level]
    return ".".join([*parents, *([node.module] if node.module else [])])


def used(tree: ast.AST, module: str) -> Iterator[tuple[int, str]]:
    """Every use of an imported name or a builtin, with aliases put back to what they stand for.

    A parameter that happens to be called `stripe` is no use of the library.
    """
    origins = {name: name for name in dir(builtins)} | dict(bindings(tree, module))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            head, _, rest = dotted(node).partition(".")
            if head in origins:
                yield node.lineno, ".".join(filter(None, [origins[head], rest]))


def bindings(tree: ast.AST, module: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{imported_from(node, module)}.{alias.name}"


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = dotted(node.value)
        return f"{head}.{node.attr}" if head else ""
    return ""
