"""A whole world in one process: the real Chalice app, the real jobs, the Stripe emulator, a carrier and one clock.

The table is the in-memory one unless another is handed in. Nothing here decides anything: it only speaks to the
app as customers, the SaaS, Stripe and the schedule do.
"""

from __future__ import annotations

import atexit
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from app import app
from chalicelib import catching_up, wiring
from chalicelib.domain.moments import from_rfc3339, rfc3339
from chalicelib.gateways.stripe import Stripe
from chalicelib.handlers import stream
from chalicelib.handlers.jobs import JOBS, SCHEDULE
from chalicelib.policies import Policies
from chalicelib.settings import Settings
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Table
from infra.local import seeds, tokens
from infra.local.carrier import LocalCarrier
from infra.local.clock import MovableClock
from infra.local.faults import Faults
from infra.local.files import LocalFiles
from infra.local.gateway import Gateway
from infra.local.messages import Answer, Request
from infra.local.missed import MissedEvents
from infra.local.notebook import Notebook
from infra.local.outbox import Outbox
from infra.local.saas import LocalSaas
from infra.local.share_queue import LocalShares, takers
from infra.local.stream import HistoryWatch, OutsideThenStream, Stream, readers
from infra.local.stripe_emulator import Emulator
from infra.local.stripe_side import DirectClient, StripeSide
from infra.local.time_travel import Ran, TimeTravel
from infra.local.tokens import Tokens
from tests.support.truth import Count

PORT = 8765
START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
DUE_SHARDS = 2
STRIPE_KEY = "sk_test_life"
ADMIN = ("super_admin", "billing_admin")


@cache
def signing_key() -> str:
    return tokens.new_key()


@cache
def policies() -> Policies:
    """Those that are shipped, read once: a world asks for them and changes nothing."""
    return Policies()


@cache
def scratch() -> TemporaryDirectory[str]:
    """One folder for the process, deleted as it ends."""
    folder = TemporaryDirectory(prefix="lapse-life-")
    atexit.register(folder.cleanup)
    return folder


@dataclass
class Reply:
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> str | None:
        return self.body.get("code") if isinstance(self.body, dict) else None


class Life:
    def __init__(self, table: Table | None = None, start: datetime = START) -> None:
        notebook = Notebook(Path(":memory:"))
        notebook.put("tokens", "key", signing_key())
        self.faults = Faults()
        self.clock = MovableClock(notebook, start)
        self.tokens = Tokens(notebook)
        self.outbox = Outbox(notebook, self.faults)
        self.carrier = LocalCarrier(notebook, self.clock, self.faults)
        # Made when something is first written into it.
        folder = Path(scratch().name) / uuid4().hex
        self.files = LocalFiles(folder, notebook, self.clock, f"http://127.0.0.1:{PORT}")
        self.saas = LocalSaas(notebook, self.clock, self.faults)
        self.emulator = Emulator(now=self.clock.now, base_url=f"http://127.0.0.1:{PORT}/_stripe")
        self.watch = HistoryWatch(
            table or MemoryTable(), [k for job in SCHEDULE for k in job.due_kinds], DUE_SHARDS
        )
        self.gateway = Gateway(app, _ids(), ())
        self.side = StripeSide(self.emulator, PORT, self.gateway.answer)
        self.shares = LocalShares(takers(SCHEDULE), lambda: self.world)
        self.world = self._world()
        wiring.use(self.world)
        self.stream = Stream(self.watch, readers(lambda: self.world, stream.receive, stream.send))
        self.outside = OutsideThenStream(self.side, self.stream)
        seeds.seed_stripe(
            self.emulator, notebook, self.world.policies, f"http://127.0.0.1:{PORT}/webhooks/stripe"
        )
        self.travel = TimeTravel(
            clock=self.clock,
            outside=self.outside,
            watch=self.watch,
            schedule=SCHEDULE,
            world=lambda: self.world,
            missed=MissedEvents(
                JOBS[catching_up.JOB], lambda: self.world, self.emulator.missed_since
            ),
            walks=[job for job in SCHEDULE if job.walks],
            shared=self.shares.flow,
        )

    def _world(self) -> wiring.World:
        return wiring.World(
            settings=Settings(
                table_name="life",
                due_shards=DUE_SHARDS,
                stripe_api_key=STRIPE_KEY,
                stripe_base_url=f"http://127.0.0.1:{PORT}/_stripe",
                webhook_secrets=(seeds.WEBHOOK_SECRET,),
                token_issuer=tokens.ISSUER,
                token_audience=tokens.AUDIENCE,
                service_audience=tokens.SERVICE_AUDIENCE,
                jwks=self.tokens.jwks(),
                return_origins=("https://app.example.com",),
            ),
            clock=self.clock,
            table=self.watch,
            stripe=Stripe(
                STRIPE_KEY,
                base_url=f"http://127.0.0.1:{PORT}/_stripe",
                http_client=lambda: DirectClient(self.side, self.faults),
                sleep=lambda _seconds: None,
            ),
            carriers={"local": self.carrier},
            mail=self.outbox,
            events=self.outbox,
            files=self.files,
            purgers=(self.saas,),
            shares=self.shares,
            policies=policies(),
            new_id=_ids(),
        )

    # -- time

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def move(self, to: datetime | str) -> list[Ran]:
        """Moves the clock to an instant, everything due on the way included."""
        ran = self.travel.move_to(from_rfc3339(to) if isinstance(to, str) else to)
        self.stream.flow()
        return ran

    def wait(self, to: datetime | str) -> None:
        """Moves the clock alone: Stripe does nothing yet and no job of ours runs, as in the second before one does."""
        self.clock.move_to(from_rfc3339(to) if isinstance(to, str) else to)

    def sleep(self, to: datetime | str) -> None:
        """Moves the clock; Stripe acts and its webhooks arrive, but none of our jobs runs."""
        end = from_rfc3339(to) if isinstance(to, str) else to
        self.outside.run_due()
        while (at := self.emulator.next_at()) is not None and at <= end:
            self.clock.move_to(max(at, self.now))
            self.outside.run_due()
        self.clock.move_to(end)

    def run_jobs(self) -> dict[str, str]:
        """Every job that sweeps what is due, once, at this instant. Job → what it did, for those that did anything."""
        did = {job.name: job.run(self.world).did for job in SCHEDULE if job.due_kinds}
        did |= dict(self.shares.flow())
        self.stream.flow()
        return {name: said for name, said in did.items() if said}

    def deliver(self) -> None:
        """Webhooks arrive, and what became news by then is published, as the table's stream does it."""
        self.side.deliver()
        self.stream.flow()

    # -- the API, as its callers use it

    def token(self, account_id: str | None, *roles: str, **more: Any) -> str:
        wanted = {
            "account_id": account_id,
            "roles": list(roles),
            "email": "ann@example.com",
            **more,
        }
        return _signed(self.tokens, json.dumps(wanted), self.now)

    def api(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """A request through the app, and then whatever webhooks it led Stripe to send."""
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        given = {"Content-Type": "application/json", **(headers or {})}
        if token is not None:
            given["Authorization"] = f"Bearer {token}"
        where, _, query = path.partition("?")
        reply = _reply(
            self.gateway.answer(Request(method, where, query, tuple(given.items()), raw))
        )
        self.deliver()
        return reply

    def customer(
        self, account_id: str, method: str, path: str, body: Any = None, **more: Any
    ) -> Reply:
        return self.api(method, path, body, token=self.token(account_id, *ADMIN), **more)

    def service(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        return self.api(method, path, body, token=self.token(None, "service"), **more)

    def operator(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        return self.api(method, path, body, token=self.token(None, "operator"), **more)

    # -- Stripe, as people and the SaaS use it

    def stripe(self, method: str, path: str, body: str = "") -> dict[str, Any]:
        """A call to Stripe's API by somebody who is not us (form-encoded body), webhooks delivered."""
        sent = {"Authorization": f"Bearer {STRIPE_KEY}"}
        where, _, query = path.partition("?")
        reply = self.emulator.handle(method, where, query, sent, body.encode())
        assert reply.status == 200, reply.body
        self.deliver()
        answer: dict[str, Any] = json.loads(reply.body)
        return answer

    def control(self, action: str, **fields: Any) -> dict[str, Any]:
        done = self.emulator.control(action, **fields)
        self.deliver()
        return done

    # -- stories

    def account(
        self, account_id: str = "acme", policy: str = "smarter-contact", card: str = "pm_card_visa"
    ) -> str:
        """An account with a Stripe customer who has a card."""
        customer = self.stripe("POST", "/v1/customers", f"email={account_id}%40example.com")["id"]
        method = self.stripe("POST", f"/v1/payment_methods/{card}/attach", f"customer={customer}")
        self.stripe(
            "POST",
            f"/v1/customers/{customer}",
            f"invoice_settings[default_payment_method]={method['id']}",
        )
        put = self.operator(
            "PUT",
            f"/v1/admin/accounts/{account_id}",
            {"stripe_customer_id": customer, "policy": policy, "currency": "usd",
             "email": f"{account_id}@example.com"},
        )  # fmt: skip
        assert put.status in (200, 201), put.body
        return customer

    def subscribe(self, account_id: str, price: str = "smarter-contact:messaging:month") -> str:
        """Subscribes through Checkout, as a customer does. Answers the subscription's id."""
        before = set(self.membership(account_id, "id"))
        made = self.customer(
            account_id,
            "POST",
            "/v1/checkout-sessions",
            {"purpose": "plan", "price": price, "success_url": "https://app.example.com/ok",
             "cancel_url": "https://app.example.com/no"},
        )  # fmt: skip
        assert made.status == 201, made.body
        self.control("pay_checkout", session=made.body["checkout_session_id"], outcome="paid")
        (new,) = set(self.membership(account_id, "id")) - before
        return str(new)

    def membership(self, account_id: str, field: str | None = None) -> Any:
        """The membership answer, or one field of its subscriptions."""
        reply = self.customer(account_id, "GET", "/v1/membership")
        assert reply.status == 200, reply.body
        return [s[field] for s in reply.body["subscriptions"]] if field else reply.body

    def status(self, account_id: str, subscription_id: str) -> str:
        subscriptions = {s["id"]: s for s in self.membership(account_id)["subscriptions"]}
        return str(subscriptions[subscription_id]["status"])

    def access_ends_at(self, account_id: str, subscription_id: str) -> datetime:
        subscriptions = {s["id"]: s for s in self.membership(account_id)["subscriptions"]}
        return from_rfc3339(subscriptions[subscription_id]["access_ends_at"])

    def features(self, account_id: str) -> dict[str, bool]:
        reply = self.customer(account_id, "GET", "/v1/entitlements")
        assert reply.status == 200, reply.body
        given: dict[str, bool] = reply.body["features"]
        return given

    def preview(self, account_id: str, subscription_id: str) -> Reply:
        return self.customer(
            account_id, "POST", f"/v1/subscriptions/{subscription_id}/cancellation-previews"
        )

    def cancel(self, account_id: str, subscription_id: str, reason: str = "other") -> Reply:
        """Preview, consent to everything, confirm."""
        shown = self.preview(account_id, subscription_id)
        assert shown.status == 201, shown.body
        return self.customer(
            account_id,
            "POST",
            f"/v1/subscriptions/{subscription_id}/cancellation",
            consenting(shown.body, reason),
        )

    def resume(self, account_id: str, subscription_id: str) -> Reply:
        return self.customer(
            account_id, "DELETE", f"/v1/subscriptions/{subscription_id}/cancellation"
        )

    def number(
        self, account_id: str, e164: str, fee: int = 100, bought_at: datetime | None = None
    ) -> Reply:
        """Rented first, as a SaaS does: whoever has no plan any more may lose it again before this is answered."""
        self.carrier.rent_number(e164, f"PN{e164[1:]}")
        return self.service(
            "PUT",
            f"/v1/numbers/{e164}",
            {
                "account_id": account_id,
                "provider": "local",
                "provider_id": f"PN{e164[1:]}",
                "monthly_fee": {"amount": fee, "currency": "usd"},
                "bought_at": rfc3339(bought_at or self.now),
            },
        )

    def registration(self, account_id: str, registration_id: str, state: str = "active") -> Reply:
        """Registered first, as a number is rented first."""
        self.carrier.register(registration_id, f"BR{registration_id}")
        return self.service(
            "PUT",
            f"/v1/registrations/{registration_id}",
            {"account_id": account_id, "kind": "10dlc", "state": state, "provider": "local",
             "provider_id": f"BR{registration_id}"},
        )  # fmt: skip

    def schedule(self, account_id: str, *messages: tuple[str, str, datetime, int]) -> Reply:
        """Registers scheduled messages: (id, channel, send_at, price in cents)."""
        return self.service(
            "POST",
            "/v1/scheduled-messages",
            {
                "account_id": account_id,
                "messages": [
                    {"id": id, "channel": channel, "send_at": rfc3339(send_at),
                     "price": {"amount": price, "currency": "usd"}}
                    for id, channel, send_at, price in messages
                ],
            },
        )  # fmt: skip

    def balance(self, account_id: str) -> int:
        return int(self.membership(account_id)["wallet"]["balance"]["amount"])

    def entries(self, account_id: str, kind: str | None = None) -> list[dict[str, Any]]:
        """The wallet's entries, oldest first; only those of one kind, if it is named."""
        reply = self.service("GET", f"/v1/wallet/entries?account_id={account_id}&limit=100")
        assert reply.status == 200, reply.body
        assert not reply.body["has_more"]
        return [e for e in reversed(reply.body["data"]) if kind in (None, e["kind"])]

    def charges(self, customer: str) -> list[dict[str, Any]]:
        """What Stripe took from the customer's card, oldest first."""
        found = self.stripe("GET", f"/v1/charges?customer={customer}&limit=100")["data"]
        return list(reversed(found))

    def releases(self, e164: str) -> list[datetime]:
        """When the carrier was asked to give this number back, and did."""
        calls = self.carrier.view()["numbers"][e164]["calls"]
        return [from_rfc3339(call["at"]) for call in calls if call["outcome"] == "done"]

    def lapses(self, registration_id: str) -> list[datetime]:
        """When the carrier was asked to let this registration lapse, and did."""
        calls = self.carrier.view()["registrations"][registration_id]["calls"]
        return [from_rfc3339(call["at"]) for call in calls if call["outcome"] == "done"]

    def mail(self, *words: str) -> list[dict[str, Any]]:
        """Mail that was sent, oldest first; only what has all of these words in its subject."""
        sent: list[dict[str, Any]] = self.outbox.view()["mail"]
        return [one for one in sent if all(word in one["subject"] for word in words)]

    def events(self, type: str | None = None) -> list[dict[str, Any]]:
        """Domain events that were published, oldest first; only those of one type, if it is named."""
        published: list[dict[str, Any]] = self.outbox.view()["events"]
        return [one for one in published if type in (None, one["type"])]

    def upcoming(self, account_id: str) -> dict[str, datetime]:
        """Kind → the (last) instant at which it lies ahead."""
        return {
            one["kind"]: from_rfc3339(one["at"]) for one in self.membership(account_id)["upcoming"]
        }

    def exported(self, account_id: str) -> dict[str, bytes]:
        """Everything the account has, as its super admin fetches it now. Part → content."""
        asked = self.customer(account_id, "POST", "/v1/exports")
        assert asked.status == 202, asked.body
        shown = self.customer(account_id, "GET", f"/v1/exports/{asked.body['id']}")
        assert shown.status == 200, shown.body
        path = shown.body["url"].removeprefix(f"http://127.0.0.1:{PORT}")
        fetched = self.files.answer(Request("GET", path), _ids())
        assert fetched is not None
        assert fetched.status == 200
        with zipfile.ZipFile(io.BytesIO(fetched.body)) as zip:
            assert zip.testzip() is None
            return {name: zip.read(name) for name in zip.namelist()}

    def at_carrier(self) -> dict[str, str]:
        """Number or registration → its status as the carrier sees it."""
        seen = self.carrier.view()
        return {
            name: thing["status"]
            for kind in ("numbers", "registrations")
            for name, thing in seen[kind].items()
        }


def consenting(shown: Mapping[str, Any], reason: str = "other") -> dict[str, Any]:
    return {
        "preview_id": shown["preview_id"],
        "reason": {"code": reason},
        "consents": [{"id": d["id"], "version": d["version"]} for d in shown["disclosures"]],
    }


@lru_cache(maxsize=1_000)
def _signed(by: Tokens, wanted: str, now: datetime) -> str:
    """What is claimed at one moment is signed once: it takes a millisecond, and stories are told again and again."""
    return by.sign(json.loads(wanted), now)


def _ids() -> Any:
    counter = Count()
    return lambda: f"{next(counter):08x}"


def _reply(answer: Answer) -> Reply:
    headers = {name.lower(): value for name, value in answer.headers}
    try:
        body = json.loads(answer.body) if answer.body else None
    except ValueError:
        body = answer.body
    return Reply(answer.status, body, headers)
