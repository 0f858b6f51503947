"""Lapse beside dj-stripe: the same signed events over loopback HTTP, CPU of whole process trees, and who ends up right.

    python benchmarks/beside_dj_stripe.py [SUBSCRIPTIONS] [--only-lapse]

500 subscriptions with four events each, 2,000 events, in the five orders of delivery that tests/ordering tells apart. Both
stand behind the same small server (benchmarks/peers/serving.py) and ask the same Stripe stand-in, which counts for
neither and answers with the object as it is; in the bursts it takes 0 to 30 ms. dj-stripe keeps its rows in SQLite, in
its own process. Lapse is its webhook app over the local stack's embedded DynamoDB, a process of its own, so that its CPU
is shown apart: the real one is a service. What was refused is sent once more at the end, as Stripe does. Each starts
anew for each order, in a folder of its own.

dj-stripe is installed, at the version below, into build/peers, from wherever pip installs here. If it cannot be, that is
said, and only Lapse is measured; and so it is with a peer that does not start.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.tables import quiet, show
from chalicelib.store.dynamo import DynamoTable
from infra.local.ministack import TOOL_PYTHON, Ministack
from tests.ordering.truths import Told, everything_has_happened, happen, tell, wrong
from tests.support.stage import Stage
from tests.support.stripe_shapes import SECRET, raw, signature

ROOT = Path(__file__).resolve().parent.parent
DJ_STRIPE = ("dj-stripe==2.11.0", "django==5.2.19")
PEERS = ROOT / "build/peers"
SUBSCRIPTIONS = 500
THREADS = 8
SLOW_SECONDS = 0.03
LOCAL = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
COMPARED = ("status", "cancel_at", "cancel_at_period_end", "canceled_at", "ended_at")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    name: str
    ties: bool
    how: str


ORDERS = (
    Order("shuffled, one in five twice", ties=False, how="shuffled"),
    Order("the same, three in ten of one second", ties=True, how="shuffled"),
    Order("in order, three in ten of one second", ties=True, how="in order"),
    Order("eight at once", ties=False, how="burst"),
    Order("eight at once, three in ten of one second", ties=True, how="burst"),
)


# -- Stripe


class StripeStandIn:
    """Answers with the objects as they are; counts for nobody."""

    def __init__(self, stage: Stage) -> None:
        self.asked, self.slow = 0, False
        chance, outer = Random(1), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                outer.asked += 1
                if outer.slow:
                    time.sleep(chance.uniform(0, SLOW_SECONDS))
                body = json.dumps(_thing(stage, self.path)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Request-Id", "req_1")
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def whole(subscription: Json) -> Json:
    """With what Stripe sends besides: dj-stripe keeps the price as a row of its own, and needs all of it."""
    items = [
        {**item, "created": subscription["created"], "metadata": {}, "discounts": [],
         "subscription": subscription["id"], "tax_rates": [],
         "price": {**item["price"], **PRICE}, "plan": PLAN}
        for item in subscription["items"]["data"]
    ]  # fmt: skip
    return {
        **SUBSCRIPTION,
        **subscription,
        "items": {**subscription["items"], "data": items},
        # Neither is to fetch an invoice it has no use for here.
        "latest_invoice": None,
    }


PRODUCT = {"id": "prod_1", "object": "product", "name": "Messaging", "type": "service", "active": True,
           "livemode": False, "created": 1700000000, "updated": 1700000000, "metadata": {}, "images": [],
           "attributes": [], "description": None, "default_price": "price_messaging"}  # fmt: skip
PRICE = {"active": True, "billing_scheme": "per_unit", "created": 1700000000, "livemode": False,
         "metadata": {}, "nickname": None, "product": "prod_1", "tax_behavior": "unspecified",
         "tiers_mode": None, "transform_quantity": None, "type": "recurring",
         "unit_amount_decimal": "9900", "custom_unit_amount": None}  # fmt: skip
PLAN = {"id": "price_messaging", "object": "plan", "active": True, "amount": 9900,
        "amount_decimal": "9900", "billing_scheme": "per_unit", "created": 1700000000,
        "currency": "usd", "interval": "month", "interval_count": 1, "livemode": False, "metadata": {},
        "nickname": None, "product": "prod_1", "tiers_mode": None, "transform_usage": None,
        "trial_period_days": None, "usage_type": "licensed"}  # fmt: skip
SUBSCRIPTION = {
    "application": None, "application_fee_percent": None, "automatic_tax": {"enabled": False},
    "billing_cycle_anchor": 1700000000, "billing_thresholds": None,
    "collection_method": "charge_automatically", "currency": "usd", "days_until_due": None,
    "default_payment_method": None, "default_source": None, "default_tax_rates": [],
    "description": None, "discounts": [], "livemode": False, "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None, "pause_collection": None, "pending_invoice_item_interval": None,
    "payment_settings": {"payment_method_options": None, "save_default_payment_method": "off"},
    "pending_setup_intent": None, "pending_update": None, "quantity": 1, "schedule": None,
    "test_clock": None, "transfer_data": None, "trial_settings": None, "trial_start": None,
    "latest_invoice": None,
}  # fmt: skip


def _thing(stage: Stage, path: str) -> Json:
    _, _, kind, *rest = path.partition("?")[0].split("/")
    id = rest[0] if rest else kind
    if len(rest) > 1:
        return {"object": "list", "data": [], "has_more": False, "url": path}
    if kind == "subscriptions":
        return whole(stage.truth.thing(id))
    bare = {"id": id, "object": kind.removesuffix("s"), "livemode": False, "created": stage.unix}
    return bare | {
        "account": {"id": "acct_1", "type": "standard", "settings": {}},
        "customers": {"email": None, "metadata": {}, "balance": 0, "delinquent": False},
        "products": PRODUCT,
    }.get(kind, {})  # fmt: skip


# -- processes and their CPU


class DidNotStart(Exception):
    """In a sentence that says why."""


class Process:
    """A peer's server. Raises DidNotStart."""

    def __init__(self, folder: Path, python: Path | str, script: str, *arguments: str) -> None:
        errors = folder / "errors.txt"
        with errors.open("wb") as said:
            self._process = subprocess.Popen(
                [str(python), str(ROOT / "benchmarks/peers" / script), *arguments],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True,
                env={**os.environ, **LOCAL, "NO_PROXY": "127.0.0.1"},
            )  # fmt: skip
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            # A traceback ends with its reason.
            lines = errors.read_text(errors="replace").splitlines()
            why = next((line for line in reversed(lines) if line.strip()), "it did not say why.")
            raise DidNotStart(f"{script} did not start: {why}")
        self.port = int(line)
        self.pid = self._process.pid

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def cpu_of(pid: int) -> float:
    """Seconds of CPU, user and system, of a process and all below it that live, and of what it has waited for."""
    parents: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.name))
        ticks[int(entry.name)] = sum(int(fields[n]) for n in range(11, 15))
    tree, found = [pid], 0
    while tree:
        one = tree.pop()
        found += ticks.get(one, 0)
        tree += parents.get(one, [])
    return found / os.sysconf("SC_CLK_TCK")


# -- deliveries


class Deliverer:
    """Sends events over connections that stay open, one for each thread."""

    def __init__(self, port: int, path: str) -> None:
        self._port, self._path = port, path
        self._own = threading.local()
        self.refused: list[Json] = []

    def __call__(self, event: Json) -> None:
        body = raw({**event, "data": {"object": whole(event["data"]["object"])}})
        now = int(time.time())
        headers = {"Content-Type": "application/json", "Stripe-Signature": signature(body, now)}
        if not hasattr(self._own, "connection"):
            self._own.connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            self._own.connection.request("POST", self._path, body, headers)
            answer = self._own.connection.getresponse()
            answer.read()
            status = answer.status
        except OSError:
            self._own.connection.close()
            status = 0
        if status != 200:
            self.refused.append(event)


def run(order: Order, stage: Stage, told: Sequence[Told], deliver: Deliverer) -> None:
    chance = Random(2)
    if order.how == "in order":
        for n in range(4):
            for one in told:
                happen(stage, one, n)
                deliver(one.events[n])
        return
    everything_has_happened(stage, told)
    every = [event for one in told for event in one.events]
    if order.how == "shuffled":
        every += chance.sample(every, len(every) // 5)
        chance.shuffle(every)
        for event in every:
            deliver(event)
        return
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(deliver, every))


# -- the peers


@dataclass(slots=True)
class Result:
    peer: str
    order: str
    own_ms: float
    store_ms: float | None
    asked: float
    refused: int
    right: int

    def row(self) -> tuple[str, ...]:
        store = f"{self.store_ms:.2f}" if self.store_ms is not None else "(in it)"
        return (
            self.order, self.peer, f"{self.own_ms:.2f}", store, f"{self.asked:.2f}",
            str(self.refused), str(self.right),
        )  # fmt: skip


Right = Callable[[Stage, Sequence[Told]], int]


@dataclass(frozen=True, slots=True)
class Peer:
    name: str
    process: Process
    stage: Stage
    right: Right
    store: int | None = None
    """The store's process, where it is another."""


def measured(order: Order, many: int, peer: Peer, stripe: StripeStandIn) -> Result:
    stage = peer.stage
    first, *told = tell(stage, many + 1, ties=order.ties)
    deliver = Deliverer(peer.process.port, "/webhooks/stripe")
    # Newest first, so that whatever either ever loads is loaded before it counts.
    everything_has_happened(stage, [first])
    for event in reversed(first.events):
        deliver(event)
    deliver.refused.clear()
    stripe.asked, stripe.slow = 0, order.how == "burst"
    own, store = cpu_of(peer.process.pid), cpu_of(peer.store) if peer.store else 0.0
    run(order, stage, told, deliver)
    refused = list(deliver.refused)
    for event in refused:
        deliver(event)
    events = 4 * many + (4 * many // 5 if order.how == "shuffled" else 0)
    own = (cpu_of(peer.process.pid) - own) * 1000 / events
    store_ms = (cpu_of(peer.store) - store) * 1000 / events if peer.store else None
    return Result(
        peer.name, order.name, own, store_ms, stripe.asked / events, len(refused),
        peer.right(stage, told),
    )  # fmt: skip


@contextmanager
def lapse(folder: Path) -> Iterator[tuple[Peer, StripeStandIn]]:
    with Ministack(TOOL_PYTHON) as ministack:
        table = DynamoTable("peers", region="us-east-1", endpoint=ministack.url)
        table.create_table()
        stage = _stage(table)
        stripe = StripeStandIn(stage)
        process = Process(
            folder, sys.executable, "lapse_server.py", "peers", ministack.url, stripe.url, SECRET
        )
        try:
            right = lambda stage, told: len(told) - len(wrong(stage, told))  # noqa: E731
            yield Peer("Lapse", process, stage, right, ministack.pid), stripe
        finally:
            process.stop()
            stripe.stop()


@contextmanager
def dj_stripe(folder: Path) -> Iterator[tuple[Peer, StripeStandIn]]:
    stage = _stage(None)
    stripe = StripeStandIn(stage)
    database = folder / "dj-stripe.sqlite3"
    process = Process(
        folder, PEERS / "bin/python", "dj_stripe_server.py", str(database), stripe.url, SECRET
    )
    try:
        yield (
            Peer("dj-stripe", process, stage, lambda stage, told: _dj_right(database, stage, told)),
            stripe,
        )
    finally:
        process.stop()
        stripe.stop()


def _stage(table: DynamoTable | None) -> Stage:
    """Its clock stands a little behind the real one, by which the servers judge what was signed."""
    stage = Stage(table)
    stage.move(datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=120))
    return stage


def _dj_right(database: Path, stage: Stage, told: Sequence[Told]) -> int:
    # A connection left to the garbage keeps the locks of a log (WAL) that the next server believes to be its own.
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT id, stripe_data FROM djstripe_subscription").fetchall()
    known = {id: json.loads(data) for id, data in rows}
    return sum(
        one.id in known
        and all(known[one.id].get(name) == stage.truth.thing(one.id).get(name) for name in COMPARED)
        for one in told
    )


def installed() -> bool:
    """Whether dj-stripe is there, or could be put there."""
    stamp = PEERS / ".ready"
    if stamp.exists() and stamp.read_text() == " ".join(DJ_STRIPE):
        return True
    print(f"Installing {' and '.join(DJ_STRIPE)} into {PEERS.relative_to(ROOT)} …", flush=True)
    shutil.rmtree(PEERS, ignore_errors=True)
    venv.create(PEERS, with_pip=True)
    pip = [PEERS / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *DJ_STRIPE], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"dj-stripe cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
        return False
    stamp.write_text(" ".join(DJ_STRIPE))
    return True


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lapse-peers-") as name:
        yield Path(name)


def main() -> int:
    reads = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reads.add_argument("subscriptions", nargs="?", type=int, default=SUBSCRIPTIONS)
    reads.add_argument("--only-lapse", action="store_true")
    asked = reads.parse_args()
    os.environ |= LOCAL
    quiet()
    peers = [lapse]
    failed = False
    if not asked.only_lapse:
        failed = not installed()
        peers += [] if failed else [dj_stripe]
    results = []
    for order in ORDERS:
        for opened in tuple(peers):
            try:
                with _folder() as folder, opened(folder) as (peer, stripe):
                    results.append(measured(order, asked.subscriptions, peer, stripe))
                print(".", end="", flush=True)
            except DidNotStart as error:
                print(error)
                peers.remove(opened)
                failed = True
    print("\r", end="")
    show(
        f"{asked.subscriptions} subscriptions, four events each: ms of CPU an event, whole process trees",
        ("order of delivery", "", ">own", ">store", ">Stripe calls", ">refused at first", ">right"),
        [one.row() for one in results],
    )
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
