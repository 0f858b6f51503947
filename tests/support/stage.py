"""A small world without HTTP: a table, a Stripe that holds the truth, a carrier and a clock moved by hand.

For stories that are told thousands of times: every crash, every interleaving. The rules, the sweeps and the ordering
protocol are the real ones; only the outsiders are small. `Life` is the same with the real app and the emulator.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chalicelib import wiring
from chalicelib.domain.account import Account
from chalicelib.domain.decision import CustomerBound
from chalicelib.domain.facts import (
    NumberPut,
    NumberRecoveryAsked,
    NumberRemovalAsked,
    RegistrationPut,
    RegistrationWithdrawalAsked,
)
from chalicelib.domain.messages import ScheduledMessage
from chalicelib.domain.moments import from_unix
from chalicelib.domain.money import Money
from chalicelib.domain.number_fees import Number, first_fee_at
from chalicelib.domain.registrations import Registration
from chalicelib.gateways.carriers import CarrierError
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.handlers import webhook
from chalicelib.handlers.jobs import SCHEDULE
from chalicelib.lifecycle import must_load, tell
from chalicelib.policies import Policies
from chalicelib.scheduling import register
from chalicelib.settings import Settings
from chalicelib.store import accounts, holdings
from chalicelib.store.accounts import Told
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Put, Table
from chalicelib.sweeping import TICK
from infra.local.carrier import LocalCarrier
from infra.local.faults import Faults
from infra.local.notebook import Notebook
from tests.support import stripe_shapes
from tests.support.faults import FaultyTable, Plan, faulty
from tests.support.truth import START, Count, Hands, Json, Truth

END = datetime(2026, 2, 28, 12, 0, tzinfo=UTC)
SHARDS = 2
POLICIES = Policies()


class Stage:
    def __init__(
        self, table: Table | None = None, delay: Callable[[], None] = lambda: None
    ) -> None:
        self.table: Table = table or MemoryTable()
        self.clock = Hands()
        self.truth = Truth(self.clock, delay)
        self.carrier = LocalCarrier(Notebook(Path(":memory:")), self.clock, Faults())
        self._ids = Count()
        self.world = self.process()

    # -- processes that act here

    def process(self, **parts: Any) -> wiring.World:
        """A fresh process: it remembers nothing that another one learnt."""
        given: dict[str, Any] = {
            "table": self.table,
            "stripe": self.truth,
            "carriers": {"local": self.carrier},
        }
        return wiring.World(
            settings=Settings(
                table_name="stage",
                due_shards=SHARDS,
                stripe_api_key="sk_test_stage",
                webhook_secrets=(stripe_shapes.SECRET,),
                token_issuer="stage",
                token_audience="stage",
                service_audience="stage-service",
            ),
            clock=self.clock,
            policies=POLICIES,
            new_id=lambda: f"{next(self._ids):08x}",
            **(given | parts),
        )

    def through(self, plan: Plan) -> wiring.World:
        """A process whose every call to table, Stripe and carrier is counted, and may go wrong as planned."""
        return self.process(
            table=FaultyTable(self.table, plan),
            stripe=faulty(
                self.truth,
                plan,
                names=("subscription", "subscriptions_of", "open_disputes_of", "invoice"),
                reads=("subscription", "subscriptions_of", "open_disputes_of", "invoice"),
                unavailable=lambda: StripeUnavailable("as planned"),
            ),
            carriers={
                "local": faulty(
                    self.carrier,
                    plan,
                    names=("release_number", "recover_number", "lapse_registration",
                           "holds_number", "holds_registration"),
                    reads=("holds_number", "holds_registration"),
                    unavailable=lambda: CarrierError("timeout"),
                )
            },
        )  # fmt: skip

    # -- time

    @property
    def now(self) -> datetime:
        return self.clock.at

    @property
    def unix(self) -> int:
        return int(self.clock.at.timestamp())

    def move(self, to: datetime) -> None:
        self.clock.at = to

    def tick(self, ticks: int = 1) -> None:
        """Five minutes pass, and the whole schedule runs; so many times."""
        for _ in range(ticks):
            self.clock.at += TICK
            self.run_schedule()

    def run_schedule(self) -> None:
        for job in SCHEDULE:
            # The walks compare with Stripe's lists, which this small Stripe has none of.
            if not job.walks:
                job.run(self.world)

    def not_due(self, accounts: int) -> None:
        """So many accounts whose step lies far ahead, of all kinds alike, as rows: no sweep may notice them."""
        kinds = sorted({kind for job in SCHEDULE for kind in job.due_kinds})
        for n in range(accounts):
            kind = kinds[n % len(kinds)]
            self.table.write(
                Put({
                    "pk": f"A#later-{n}", "sk": f"step#{kind}", "state": "pending", "doc": {},
                    "due_kind": f"{kind}#{n % SHARDS}", "due_at": "2099-01-01T00:00:00Z",
                })
            )  # fmt: skip

    def due_now(self, until: str = "9999") -> list[tuple[str, str, str]]:
        """What lies in the due index: kind, partition, step."""
        kinds = {kind for job in SCHEDULE for kind in job.due_kinds}
        return [
            (kind, due.key.pk, due.key.sk)
            for kind in sorted(kinds)
            for shard in range(SHARDS)
            for due in self.table.due(f"{kind}#{shard}", until, limit=1000).due
        ]

    # -- stories

    def account(self, id: str = "acme", customer: str | None = "cus_1") -> Account:
        account = Account(
            id=id,
            policy="smarter-contact",
            currency="usd",
            created_at=self.now,
            email=f"{id}@example.com",
            stripe_customer_id=customer,
        )
        told = Told(id=f"put:{id}", by="test", at=self.now)
        bound = [CustomerBound(customer)] if customer else []
        return accounts.create(self.table, account, told, bound, SHARDS).account

    def load(self, id: str = "acme") -> Account:
        return must_load(self.world, id).account

    def subscribe(
        self,
        id: str = "sub_1",
        customer: str = "cus_1",
        *,
        days: int = 28,
        price: str = stripe_shapes.MESSAGING,
        hear: bool = True,
    ) -> Json:
        """A paid month from now on. Answers Stripe's event of it, heard already unless told otherwise."""
        start, end = self.unix, self.unix + days * 86_400
        made = stripe_shapes.subscription(id, customer, start=start, end=end, price=price)
        self.truth.put(made)
        self.truth.put(stripe_shapes.invoice(f"in_{id}", customer, id, start=start, end=end))
        return self._told("customer.subscription.created", made, hear)

    def cancel(self, id: str = "sub_1", *, hear: bool = True) -> Json:
        """The customer turns renewal off in the portal: the period's end is the end."""
        end = self.truth.thing(id)["items"]["data"][0]["current_period_end"]
        changed = self.truth.change(id, cancel_at=end, canceled_at=self.unix)
        return self._told("customer.subscription.updated", changed, hear)

    def resume(self, id: str = "sub_1", *, hear: bool = True) -> Json:
        changed = self.truth.change(id, cancel_at=None, canceled_at=None)
        return self._told("customer.subscription.updated", changed, hear)

    def renew(self, id: str = "sub_1", *, days: int = 28, paid: bool = True) -> Json:
        """Stripe moves the period on. Answers the invoice for it, of which nothing was heard yet."""
        thing = self.truth.thing(id)
        (item,) = thing["items"]["data"]
        start = item["current_period_end"]
        end = start + days * 86_400
        item |= {"current_period_start": start, "current_period_end": end}
        made = stripe_shapes.invoice(
            f"in_{id}_{start}", thing["customer"], id, start=start, end=end,
            status="paid" if paid else "draft",
        )  # fmt: skip
        self.truth.put(made)
        self.truth.change(id, items=thing["items"], latest_invoice=made["id"])
        return made

    def _told(self, type: str, thing: Json, hear: bool) -> Json:
        event = self.truth.event(type, thing)
        if hear:
            assert self.deliver(event)[0] == 200
        return event

    def deliver(
        self, event: Json, world: wiring.World | None = None, at: int | None = None
    ) -> tuple[int, Any]:
        """Stripe delivers the event: status and body of the answer."""
        body = stripe_shapes.raw(event)
        given = webhook.receive(
            world or self.world,
            body,
            stripe_shapes.signature(body, at or self.unix),
            "request",
        )
        return given.status, given.body

    def number(self, e164: str, fee: int = 100, account_id: str = "acme") -> Number:
        number = Number(
            e164=e164,
            provider="local",
            provider_id=f"PN{e164[1:]}",
            monthly_fee=Money(fee, "usd"),
            bought_at=self.now,
            known_since=self.now,
            next_fee_at=first_fee_at(self.now, self.now),
        )
        self._tell(account_id, NumberPut(number=number, existing=None), f"put:{e164}")
        self.carrier.rent_number(e164, number.provider_id)
        return number

    def registration(self, id: str, account_id: str = "acme") -> Registration:
        put = Registration(
            id=id,
            kind="10dlc",
            state="active",
            known_since=self.now,
            provider="local",
            provider_id=f"BR{id}",
        )
        self._tell(account_id, RegistrationPut(registration=put, existing=None), f"put:{id}")
        self.carrier.register(id, f"BR{id}")
        return put

    def messages(self, *ids: str, price: int = 7, account_id: str = "acme") -> None:
        send_at = self.now + timedelta(days=60)
        many = [
            ScheduledMessage(id=id, channel="sms", send_at=send_at, price=Money(price, "usd"))
            for id in ids
        ]
        register(self.world, self.load(account_id), many)

    def ask_removal(self, e164: str, account_id: str = "acme") -> None:
        number = holdings.number(self.table, account_id, e164)
        assert number is not None
        self._tell(account_id, NumberRemovalAsked(number=number), f"remove:{e164}")

    def ask_recovery(self, e164: str, account_id: str = "acme") -> None:
        number = holdings.number(self.table, account_id, e164)
        assert number is not None
        asked = NumberRecoveryAsked(number=number, reason="a test wants it back")
        self._tell(account_id, asked, f"recover:{e164}")

    def ask_withdrawal(self, id: str, account_id: str = "acme") -> None:
        found = holdings.registration(self.table, account_id, id)
        assert found is not None
        self._tell(account_id, RegistrationWithdrawalAsked(registration=found), f"withdraw:{id}")

    def _tell(self, account_id: str, fact: Any, id: str) -> None:
        tell(self.world, account_id, fact, id=f"{id}:{next(self._ids)}", by="test")


def at(unix: int) -> datetime:
    return from_unix(unix)


def moved(event: Json, **values: Any) -> Json:
    """The event with other values on its object."""
    thing = {**event["data"]["object"], **values}
    return {**event, "data": {"object": thing}}


__all__ = ["END", "START", "Hands", "Stage", "Truth", "at", "moved"]
