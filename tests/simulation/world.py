"""One simulated world: the real app, jobs, rules and emulator, with everything outside of them failing by chance.

A process that crashes answers 502 and is followed by a fresh one, which remembers nothing. Stripe tries its webhooks
again, the schedule comes by again: nothing else puts things right.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from chalicelib import catching_up, scheduling, wiring
from chalicelib.gateways.carriers import CarrierError
from chalicelib.gateways.stripe import Stripe
from chalicelib.handlers import stream, webhook
from chalicelib.handlers.jobs import JOBS, SCHEDULE, Job
from chalicelib.hearing import HEARD
from chalicelib.lifecycle import must_load
from chalicelib.publishing import CATCH_UP
from chalicelib.store.table import StoreError
from chalicelib.wiring import World
from infra.local.messages import Answer, Request
from infra.local.missed import MissedEvents
from infra.local.outbox import MailFailed
from infra.local.stream import Stream
from infra.local.stripe_emulator.errors import ControlError
from infra.local.stripe_side import PREFIX, DirectClient, no_answer
from infra.local.time_travel import TimeTravel
from tests.simulation.chance import Chance, OddTable
from tests.simulation.plan import Plan
from tests.simulation.reading import NotingTable, Snapshot, Whole
from tests.support.faults import FOR_READS, FOR_WRITES, Call, Crash, faulty
from tests.support.life import PORT, STRIPE_KEY, Life, Reply, _reply

MODES = {
    "webhooks_dropped": "drop_webhooks",
    "webhooks_doubled": "duplicate_webhooks",
    "webhooks_reordered": "reorder_webhooks",
    "webhooks_late": "delay_webhooks",
}
OLD_VERSIONS = ("2018-02-28", "2022-11-15", "2024-06-20", "2025-02-24.acacia", "2025-08-27.basil")

_TOKENS: dict[tuple[Any, ...], str] = {}
"""What was wanted → the token. All worlds of a process have one issuer, with one key."""


@dataclass
class Resident:
    """What the SaaS and its customer know by themselves of one account: their own truth, not the app's word."""

    id: str
    policy: str
    customer: str = ""
    numbers: int = 0
    registrations: list[str] = field(default_factory=list)
    messages: dict[str, str] = field(default_factory=dict)
    """Message → what the SaaS was told last: `scheduled`, `sent`, `deleted`, `credited`."""
    removed: set[str] = field(default_factory=set)
    """Numbers the customer wished to be rid of."""
    withdrawn: set[str] = field(default_factory=set)
    contracts: dict[str, datetime] = field(default_factory=dict)
    """Subscription → the end of its contract."""
    cases: list[str] = field(default_factory=list)
    disputes: list[str] = field(default_factory=list)
    disputed: bool = False
    """Whether a bank ever took something back."""
    lost: set[str] = field(default_factory=set)
    """What the carrier does not have (any more), and nobody has told us."""
    release_waived: bool = False
    """Whether an operator perhaps took a release as done without its being carried out: what was kept is kept."""
    held: dict[str, datetime] = field(default_factory=dict)
    """Kind of step → since when an operator holds one of it, as was confirmed to them."""
    on_hold: bool = False
    """Whether a court's hold was confirmed to an operator, and no end of it."""
    sent: list[tuple[str, datetime]] = field(default_factory=list)
    """Messages that the SaaS was allowed to send when all that had happened at Stripe was heard, and when."""
    unanswered: set[str] = field(default_factory=set)
    """Messages of which a call ended without an answer: it may have been carried out."""
    shown: dict[str, datetime] = field(default_factory=dict)
    """Subscription → the end of access that was confirmed to them, until somebody does something about it."""
    recovered: bool = False
    restored: bool = False
    count: int = 0


class Simulated(Life):
    def __init__(self, plan: Plan, table: Whole | None = None) -> None:
        self.plan = plan
        self.chance = Chance(plan.faults, self._meanwhile)
        self.chance.calm = True
        self.windows: list[str] = []
        """Work on the systems that was announced."""
        self.backup: tuple[datetime, Snapshot] | None = None
        self.outages: list[tuple[datetime, datetime]] = []
        """From when to when nothing of ours ran."""
        self.restored = 0
        """How often a backup came back."""
        self.interfered = 0
        """How often somebody was at Stripe's portal in the middle of an act."""
        self.trail: list[str] = []
        """What was done and answered, act by act."""
        self.table = table or NotingTable()
        super().__init__(self.table, start=plan.start)
        if not plan.hears_everything:
            self._listen_as_deployed()
        self.side._app = self._survived
        self.clean = self.world
        self.residents = [Resident(f"acct{n}", policy) for n, policy in enumerate(plan.policies)]
        self.travel = TimeTravel(
            clock=self.clock,
            outside=self.outside,
            watch=self.watch,
            schedule=[SimulatedJob(job, self) for job in SCHEDULE],
            world=lambda: self.world,
            missed=self._missed() if plan.looks_back else None,
            walks=[SimulatedJob(job, self) for job in SCHEDULE if job.walks and plan.looks_back],
        )
        self.new_process()
        self.stream = Stream(self.watch, self._published)
        self.outside._stream = self.stream

    # -- processes

    def new_process(self) -> None:
        chance = self.chance
        chance.new_process()
        self.world = replace(
            self.clean,
            table=OddTable(self.watch, chance),
            stripe=Stripe(
                STRIPE_KEY,
                base_url=f"http://127.0.0.1:{PORT}{PREFIX}",
                http_client=lambda: ChancyClient(self, chance),
                # The clock stands still meanwhile, so there is nothing to wait for.
                sleep=lambda _seconds: None,
            ),
            carriers={"local": self._carrier()},
            mail=self._mailer(),
            events=self._mailer(),
            customers={},
        )
        wiring.use(self.world)

    def _carrier(self) -> Any:
        return faulty(
            _Down(self.carrier, self.chance, "carrier_down", lambda: CarrierError("busy")),
            self.chance,  # type: ignore[arg-type] # it answers as a plan does
            reads=("holds_number", "holds_registration"),
            unavailable=lambda: CarrierError("timeout"),
        )

    def _mailer(self) -> Any:
        return faulty(
            _Down(self.outbox, self.chance, "mail_down", lambda: MailFailed("busy")),
            self.chance,  # type: ignore[arg-type]
            unavailable=lambda: MailFailed("timeout"),
        )

    def _survived(self, request: Request) -> Answer:
        try:
            return self.gateway.answer(request)
        except Crash:
            self.new_process()
            return Answer(502, (), b"")

    def _published(self, records: Any) -> dict[str, list[dict[str, str]]]:
        try:
            return stream.receive(self.world, records)
        except Crash:
            # Lambda's stream brings the whole batch again.
            self.new_process()
            return {"batchItemFailures": [{"itemIdentifier": "0"}]}

    def _meanwhile(self, random: Random) -> None:
        """Another process acts, and lives."""
        others = (self._a_job_runs, self._stripe_speaks, self._a_message_ends)
        self._beside(random.choice(others), random)

    def _beside(self, does: Callable[[World, Random], None], random: Random) -> None:
        acting = wiring.world()
        other = replace(self.clean, customers={})
        wiring.use(other)
        try:
            does(other, random)
        finally:
            wiring.use(acting)

    def another_server_ends(self, resident: Resident, id: str) -> None:
        """The SaaS has two servers; both end a message in the same instant."""
        self.chance.before_one_named = ""
        self.chance.before_the_next_write = lambda random: self._beside(
            lambda other, random: self._ends(other, random, resident, id), random
        )

    def a_payment_arrives(self, session: str, before: str) -> None:
        """A Checkout is paid, and heard of by another process, before the next write of ours that is named so."""
        self.chance.before_one_named = before
        self.chance.before_the_next_write = lambda random: self._beside(
            lambda other, _: self._paid(other, session), random
        )

    def an_operator_says(self, does: Callable[[], None], before: str) -> None:
        """Through another process, before the next call of ours that is named so."""
        self.chance.before_one_named = before
        self.chance.before_the_next_write = lambda random: self._beside(
            lambda _o, _r: does(), random
        )

    def _paid(self, other: World, session: str) -> None:
        self.try_control("pay_checkout", session=session, outcome="paid")
        self.emulator.deliver(lambda url, body, headers: _heard(other, body, headers))

    def outage(self, until: datetime) -> None:
        """Nothing of ours runs, but for the webhook. One that follows at once on another goes on with it."""
        goes_on = bool(self.outages) and self.outages[-1][1] == self.now
        since = self.outages.pop()[0] if goes_on else self.now
        self.sleep(until)
        self.outages.append((since, until))

    def _a_job_runs(self, other: World, random: Random) -> None:
        random.choice(SCHEDULE).run(other)

    def _stripe_speaks(self, other: World, random: Random) -> None:
        resident = random.choice(self.residents)
        at_stripe = random.choice(("portal_cancel", "portal_resume", "none"))
        if at_stripe != "none" and resident.customer:
            self.try_control(at_stripe, customer=resident.customer)
            resident.shown.clear()
            self.interfered += 1
        self.emulator.deliver(lambda url, body, headers: _heard(other, body, headers))

    def _a_message_ends(self, other: World, random: Random) -> None:
        """The SaaS sends or deletes a message."""
        waiting = [
            (one, id) for one in self.residents for id, told in one.messages.items()
            if told == "scheduled"
        ]  # fmt: skip
        if waiting:
            self._ends(other, random, *random.choice(waiting))

    def _ends(self, other: World, random: Random, resident: Resident, id: str) -> None:
        end = random.choice((scheduling.mark_sent, scheduling.delete))
        with suppress(scheduling.UnknownMessage):
            resident.messages[id] = end(other, must_load(other, resident.id).account, id)

    def _missed(self) -> MissedEvents:
        job = SimulatedJob(JOBS[catching_up.JOB], self)
        # What it looks up to know when to run is no call of the app's, so nothing of it goes wrong.
        return MissedEvents(job, lambda: self.clean, self.emulator.missed_since)

    def _listen_as_deployed(self) -> None:
        """`lapse setup stripe` has the endpoint hear what the app hears, and nothing else."""
        (endpoint,) = self.emulator._world.all("webhook_endpoint")
        wanted = "&".join(f"enabled_events[{n}]={type}" for n, type in enumerate(HEARD))
        self.stripe("POST", f"/v1/webhook_endpoints/{endpoint['id']}", wanted)

    # -- as in a life, but people are told 502 when the process dies

    def api(
        self, method: str, path: str, body: Any = None, *, token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:  # fmt: skip
        raw = body if isinstance(body, bytes) else b"" if body is None else _json(body)
        given = {"Content-Type": "application/json", **(headers or {})}
        if token is not None:
            given["Authorization"] = f"Bearer {token}"
        where, _, query = path.partition("?")
        answer = self._survived(Request(method, where, query, tuple(given.items()), raw))
        reply = _reply(answer)
        self.trail.append(f"    {method} {path} → {reply.status} {reply.code or ''}")
        assert reply.status != 500, f"{method} {path} answered 500 ({reply.code})"
        if self.chance.calm:
            assert reply.status < 500, f"{method} {path} answered {reply.status} in calm weather"
        self.deliver()
        return reply

    def put_account(self, resident: Resident) -> None:
        """As the SaaS does at the sign-up, and again when we have forgotten it."""
        put = self.operator("PUT", f"/v1/admin/accounts/{resident.id}", {
            "stripe_customer_id": resident.customer, "policy": resident.policy, "currency": "usd",
            "email": f"{resident.id}@example.com",
        })  # fmt: skip
        assert put.status in (200, 201), put.body

    def token(self, account_id: str | None, *roles: str, **more: Any) -> str:
        """Signed once for all worlds: tokens here are for ever, and signing takes longer than being answered."""
        wanted = (account_id, roles, *more.items())
        if wanted not in _TOKENS:
            _TOKENS[wanted] = super().token(account_id, *roles, **more)
        return _TOKENS[wanted]

    def try_control(self, action: str, **fields: Any) -> dict[str, Any] | None:
        """What a person does at Stripe; None where Stripe says that it is not possible now."""
        try:
            return self.emulator.control(action, **fields)
        except ControlError:
            return None

    # -- the end of all faults

    def calm_down(self) -> None:
        """Faults stop. Whatever was put off gets its time: the longest backoff, and Stripe's own retries."""
        self.chance.calm = True
        self.new_process()
        self.emulator.control("old_api_version")
        self.emulator.control("resume_webhooks")
        for resident in self.residents:
            self.try_control("allow_payment", customer=resident.customer)
        self.move(self.now)
        self.move(self.now + timedelta(hours=7))
        # Also the jobs that are not about anything due: what was never heard, and has settled at Stripe by now.
        for job in SCHEDULE:
            job.run(self.world)
        self.deliver()
        for _ in range(3):
            self.move(self.now + timedelta(hours=7))
        JOBS[CATCH_UP].run(self.world)
        self.deliver()


class SimulatedJob:
    """A job of the schedule that may crash, run twice, or not come at all."""

    def __init__(self, job: Job, simulated: Simulated) -> None:
        self.job = job
        self.name, self.due_kinds = job.name, job.due_kinds
        self._simulated = simulated

    def run(self, world: World) -> Any:
        chance = self._simulated.chance
        if chance.strikes("job_skipped"):
            return _Ran("")
        did = self._once()
        if chance.strikes("job_doubled"):
            self._once()
        return did

    def _once(self) -> Any:
        try:
            return self.job.run(self._simulated.world)
        except Crash:
            self._simulated.new_process()
            return _Ran("died")
        except StoreError:
            # Lambda says that it failed, and the schedule comes by again.
            if self._simulated.chance.calm:
                raise
            return _Ran("failed")


@dataclass(frozen=True)
class _Ran:
    did: str


class _Down:
    """An outsider that is sometimes too busy, in its own words."""

    def __init__(self, outsider: Any, chance: Chance, name: str, failure: Any) -> None:
        self._outsider, self._chance, self._name, self._failure = outsider, chance, name, failure

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._outsider, name)
        if not callable(found):
            return found

        def asked(*args: Any, **named: Any) -> Any:
            if self._chance.strikes(self._name):
                raise self._failure()
            return found(*args, **named)

        return asked


READ, WRITTEN = Call("stripe", FOR_READS), Call("stripe", FOR_WRITES)


class ChancyClient(DirectClient):
    """The way to Stripe: refused, too busy, silent, or answered too late."""

    def __init__(self, simulated: Simulated, chance: Chance) -> None:
        super().__init__(simulated.side, simulated.faults)
        self._chance = chance

    def request(
        self, method: str, url: str, headers: Any, post_data: Any = None, **more: Any
    ) -> Any:
        if self._chance.strikes("stripe_down"):
            self._faults.order({"target": "stripe", "kind": self._chance.random.choice(
                ("error", "throttle", "timeout", "answer_lost")), "count": 3})  # fmt: skip
        return self._chance.perform(
            READ if method.lower() == "get" else WRITTEN,
            lambda: super(ChancyClient, self).request(method, url, headers, post_data, **more),
            lambda: no_answer("by chance"),
        )


def _heard(world: World, body: bytes, headers: Mapping[str, str]) -> int:
    found = {name.lower(): value for name, value in headers.items()}
    return webhook.receive(world, body, found.get("stripe-signature"), "meanwhile").status


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()
