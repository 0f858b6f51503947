"""One local stack: every part made, put together, started and stopped. The only module that knows them all."""

from __future__ import annotations

import errno
import logging
import os
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

from chalicelib import publishing, wiring
from chalicelib.gateways.secrets import Vault
from chalicelib.gateways.stripe import Stripe
from chalicelib.log import NAME
from chalicelib.policies import Policies, PolicyError
from chalicelib.settings import Settings
from chalicelib.store.dynamo import DynamoTable
from chalicelib.store.table import Table
from infra.local import claims, endpoints, seeds, tokens
from infra.local.carrier import LocalCarrier
from infra.local.clock import MovableClock
from infra.local.controls import Controls
from infra.local.endpoints import CannotStart
from infra.local.example import Example
from infra.local.faults import Faults
from infra.local.faulty_table import FaultyTable
from infra.local.files import LocalFiles
from infra.local.front import Front
from infra.local.gateway import Gateway
from infra.local.http_server import LocalServer
from infra.local.messages import Answer, Request
from infra.local.ministack import TOOL_PYTHON, Ministack, MinistackError
from infra.local.notebook import Notebook
from infra.local.options import Options
from infra.local.outbox import Outbox
from infra.local.saas import LocalSaas
from infra.local.share_queue import LocalShares, takers
from infra.local.state_folder import StateFolder
from infra.local.stream import HistoryWatch, OutsideThenStream, Stream, readers
from infra.local.stripe_emulator import Emulator
from infra.local.stripe_side import DirectClient, StripeSide
from infra.local.time_travel import Job, TimeTravel
from infra.local.tokens import Tokens
from infra.local.traffic import Traffic

TABLE = "lapse-local"
REGION = "us-east-1"
DUE_SHARDS = 2
"""More than one, so that sharding is real here; few, because each costs every sweep a query."""


def new_id() -> str:
    return uuid.uuid4().hex


class Stack:
    """Made by `start`, which leaves nothing behind when it fails. One per process: the app has one world."""

    url: str
    front: Front
    clock: MovableClock
    log_file: Path
    serves: Callable[[str], bool]
    """Whether the app has something at this path."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._undo: list[Callable[[], Any]] = []

    def start(self) -> Stack:
        """Raises CannotStart with a sentence."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """In reverse order, each part even if the one before it failed; stopping twice does nothing."""
        failure: BaseException | None = None
        while self._undo:
            try:
                self._undo.pop()()
            except Exception as error:  # noqa: BLE001 - whatever it is, the other parts are stopped
                failure = failure or error
        if failure is not None:
            raise failure

    def _start(self) -> None:
        # The port first: it is what most often is in the way, and nothing is made before it is ours.
        server = self._open_port()
        self.url = f"http://127.0.0.1:{server.port}"
        folder = StateFolder(self._options.state)
        self._undo.append(folder.close)
        self.log_file = folder.path / "lapse.log"
        self._undo.append(log_to(self.log_file))
        notebook = Notebook(folder.path / "notebook.sqlite")
        self._undo.append(notebook.close)

        self.clock = MovableClock(notebook, self._options.start)
        server.clock = self.clock
        database = self._start_database(folder)
        self._build(server.port, notebook, database, folder.path)
        server.respond = self.front.answer
        thread = Thread(target=server.serve_forever, args=(0.05,), name="front", daemon=True)
        thread.start()
        self._undo.append(server.shutdown)
        self._seed(notebook)

    def _open_port(self) -> LocalServer:
        port = self._options.port
        try:
            # Until the parts are there it has nobody to ask; it does not serve before that.
            server = LocalServer(port, not_ready, None, new_id)  # type: ignore[arg-type]
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise CannotStart(f"Port {port} cannot be opened: {error.strerror}.") from None
            raise CannotStart(
                f"Port {port} is taken, perhaps by another local stack. Stop that one, or choose another port: "
                f"LAPSE_PORT={port + 1 if port < 65535 else 8765} make run"
            ) from None
        self._undo.append(server.server_close)
        return server

    def _start_database(self, folder: StateFolder) -> str:
        ministack = Ministack(TOOL_PYTHON, state=folder.path / "dynamodb" if folder.kept else None)
        try:
            url = ministack.start()
        except MinistackError as error:
            raise CannotStart(str(error)) from None
        self._undo.append(ministack.stop)
        endpoints.change_environment(endpoints.keep_aws_at_home(os.environ, url))
        return url

    def _build(self, port: int, notebook: Notebook, database: str, folder: Path) -> None:
        # Only now, when no AWS client can be made that leaves this machine.
        from app import app
        from chalicelib import catching_up
        from chalicelib.handlers import stream
        from chalicelib.handlers.jobs import JOBS, SCHEDULE
        from infra.local.missed import MissedEvents

        faults, traffic = Faults(), Traffic()
        self.tokens = Tokens(notebook)
        self.outbox = Outbox(notebook, faults)
        self.carrier = LocalCarrier(notebook, self.clock, faults)
        self.saas = LocalSaas(notebook, self.clock, faults)
        self.files = LocalFiles(folder / "files", notebook, self.clock, self.url)
        settings = self._settings(port, database)
        try:
            self.policies = Policies(settings.policy_files)
        except PolicyError as error:
            raise CannotStart(f"LAPSE_POLICY cannot be used: {error}") from None
        self.emulator = Emulator(
            now=self.clock.now, base_url=f"{self.url}/_stripe", state=folder / "stripe.sqlite"
        )
        gateway = Gateway(app, new_id, settings.return_origins)
        self.serves = gateway.serves
        side = StripeSide(self.emulator, port, gateway.answer)
        self.watch = open_table(settings, SCHEDULE)
        self.shares = LocalShares(takers(SCHEDULE), wiring.world)
        self._make_world(settings, FaultyTable(self.watch, faults), DirectClient(side, faults))
        self.stream = Stream(self.watch, readers(wiring.world, stream.receive, stream.send))
        outside = OutsideThenStream(side, self.stream)
        self.travel = TimeTravel(
            clock=self.clock,
            outside=outside,
            watch=self.watch,
            schedule=SCHEDULE,
            world=wiring.world,
            missed=MissedEvents(JOBS[catching_up.JOB], wiring.world, self.emulator.missed_since),
            walks=[job for job in SCHEDULE if job.walks],
            shared=self.shares.flow,
        )
        controls = Controls(
            clock=self.clock,
            travel=self.travel,
            traffic=traffic,
            tokens=self.tokens,
            carrier=self.carrier,
            outbox=self.outbox,
            saas=self.saas,
            faults=faults,
            new_id=new_id,
        )
        self.front = Front(
            controls=controls,
            stripe=side,
            gateway=gateway,
            carrier=self.carrier,
            files=self.files,
            traffic=traffic,
            new_id=new_id,
            afterwards=self.stream.flow,
        )
        self.front.example = Example(self.front.answer, self.tokens, self.clock, self.policies)

    def _make_world(self, settings: Settings, table: Table, transport: DirectClient) -> None:
        wiring.use(
            wiring.World(
                settings=settings,
                clock=self.clock,
                table=table,
                stripe=Stripe(
                    settings.stripe_api_key,
                    base_url=settings.stripe_base_url,
                    http_client=lambda: transport,
                    # The clock stands still here until it is moved: nobody waits for it.
                    sleep=lambda _seconds: None,
                ),
                carriers={"local": self.carrier},
                mail=self.outbox,
                events=self.outbox,
                endpoints=wiring.endpoints(settings, self.clock, Vault(self.clock)),
                files=self.files,
                purgers=(self.saas,),
                shares=self.shares,
                policies=self.policies,
            )
        )

    def _settings(self, port: int, database: str) -> Settings:
        return Settings(
            table_name=TABLE,
            region=REGION,
            dynamodb_url=database,
            due_shards=DUE_SHARDS,
            event_endpoints=self._options.event_endpoints,
            stripe_api_key="sk_test_local",
            stripe_base_url=f"{self.url}/_stripe",
            webhook_secrets=(seeds.WEBHOOK_SECRET,),
            token_issuer=tokens.ISSUER,
            token_audience=tokens.AUDIENCE,
            service_audience=tokens.SERVICE_AUDIENCE,
            jwks=self.tokens.jwks(),
            return_origins=(
                f"http://127.0.0.1:{port}",
                f"http://localhost:{port}",
                "https://app.example.com",
            ),
            public_url=self.url,
            customer_login_url=f"{self.url}/_stripe/p/login/local",
            pages_policy="1msg",
            policy_files=(self._options.policy,) if self._options.policy else (),
        )

    def _seed(self, notebook: Notebook) -> None:
        webhook = f"{self.url}/webhooks/stripe"
        seeds.seed_stripe(self.emulator, notebook, self.policies, webhook)
        if self._options.seeded:
            wanted = {"account_id": None, "roles": ["operator"], "email": "seed@example.com"}
            token = self.tokens.sign(wanted, self.clock.now())
            seeds.seed_accounts(self.front.answer, notebook, self.policies, token)
        # A stack that was killed in the middle of an instant finishes it before anybody looks.
        self.watch.refill()
        claims.let_go(self.watch, self.clock)
        # What it had not published when it was killed is found as in production.
        publishing.catch_up(wiring.world())
        self.travel.move_to(self.clock.now())


def open_table(settings: Settings, schedule: Sequence[Job]) -> HistoryWatch:
    """Our table in the embedded DynamoDB, made when it is not there, with a watch on what is due in it."""
    assert settings.dynamodb_url is not None
    endpoints.check_loopback(settings.dynamodb_url, "DynamoDB")
    table = DynamoTable(settings.table_name, region=settings.region, endpoint=settings.dynamodb_url)
    table.create_table()
    # It would delete by the machine's own time what by this stack's clock is still needed: a preview, a link, a letter.
    tidying = {"Enabled": False, "AttributeName": "expires_at"}
    table.client.update_time_to_live(TableName=table.name, TimeToLiveSpecification=tidying)
    due_kinds = {kind: None for job in schedule for kind in job.due_kinds}
    return HistoryWatch(table, due_kinds, settings.due_shards)


def not_ready(_: Request) -> Answer:
    raise RuntimeError("asked before the stack was there")


def log_to(path: Path) -> Callable[[], None]:
    """Sends the app's log into a file: the terminal belongs to the person who started the stack."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger(NAME)
    before = list(logger.handlers), logger.propagate, logger.level
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)

    def undo() -> None:
        logger.handlers, logger.propagate = before[0], before[1]
        logger.setLevel(before[2])
        handler.close()

    return undo
