"""CPU of one request beside the raw libraries making the same calls, fairly.

Ours is measured whole, from the event that Lambda gets to the answer it gives back, log line included. DynamoDB is
stubbed below botocore (its public `before-send` event) and Stripe below its SDK (in the place of the connection of `requests`), so that signing,
serializing and parsing are real on both sides and nothing waits. Both take turns in one process, and the least of each
counts: whatever else the machine does only adds to it. Only the ratio is to be trusted.
"""

from __future__ import annotations

import gc
import io
import json
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import jwt
import stripe
from botocore.awsrequest import AWSResponse
from botocore.session import get_session
from chalice.app import Chalice
from requests import Response
from requests.adapters import HTTPAdapter

from benchmarks.tables import goal, show
from chalicelib import wiring
from chalicelib.gateways.stripe import Stripe
from chalicelib.log import NAME
from chalicelib.settings import Settings
from chalicelib.store import keys
from chalicelib.store.dynamo import DynamoTable
from chalicelib.store.expressions import item_of
from chalicelib.store.rows import prepare
from chalicelib.store.table import Key, Put
from infra.local.gateway import Gateway
from infra.local.messages import Request
from infra.local.notebook import Notebook
from infra.local.tokens import AUDIENCE, ISSUER, SERVICE_AUDIENCE, Tokens
from tests.support import stripe_shapes
from tests.support.stage import POLICIES, SHARDS, Stage

ROUNDS = 1000
REGION, NOBODY = "us-east-1", "http://127.0.0.1:9"
STRIPE_KEY = "sk_test_bench"
Json = dict[str, Any]
Once = Callable[[], Any]


class _Body:
    """What botocore takes for an HTTP answer's body."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, *_args: Any, **_keys: Any):
        yield self.body


class StubbedDynamo:
    """Answers every read with the row as it was, every write with success; remembers what it was asked."""

    def __init__(self, items: dict[Key, Any]) -> None:
        self.items = items
        self.asked: list[str] = []
        self.last: dict[str, Json] = {}

    def __call__(self, request: Any, **_: Any) -> AWSResponse:
        name = request.headers["X-Amz-Target"]
        name = (name.decode() if isinstance(name, bytes) else name).rpartition(".")[2]
        asked = json.loads(request.body)
        self.asked.append(name)
        self.last[name] = asked
        answer = {}
        if name == "GetItem":
            item = self.items.get(Key(asked["Key"]["pk"]["S"], asked["Key"]["sk"]["S"]))
            answer = {"Item": item} if item else {}
        headers = {"content-type": "application/x-amz-json-1.0"}
        return AWSResponse(request.url, 200, headers, _Body(json.dumps(answer).encode()))


class StubbedStripe:
    """Answers every request of Stripe's SDK with one body, in the place of the connection; remembers what it was asked."""

    def __init__(self, answer: Json) -> None:
        self.answer = json.dumps(answer).encode()
        self.asked: list[str] = []
        HTTPAdapter.send = self.send

    def send(self, request: Any, *_: Any, **__: Any) -> Response:
        self.asked.append(f"{request.method} {request.path_url}")
        given = Response()
        given.status_code, given.request = 200, request
        given.raw = io.BytesIO(self.answer)
        given.headers["request-id"] = "req_1"
        return given


class Bench:
    """An account that pays, in a process that is warm: our app over stubbed outsiders, and the raw libraries."""

    def __init__(self, stripe_answers: Json | None = None) -> None:
        os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
        _log_to_nobody()
        self.stage = Stage()
        self.stage.account()
        self.stage.subscribe()
        paid = self.stage.truth.event("invoice.paid", self.stage.truth.thing("in_sub_1"))
        assert self.stage.deliver(paid)[0] == 200
        notebook = Notebook(Path(":memory:"))
        self.tokens = Tokens(notebook)
        self.public_key = jwt.PyJWKSet.from_dict(self.tokens.jwks()).keys[0].key
        self.dynamo = StubbedDynamo(self._items())
        self.stripe = StubbedStripe(stripe_answers or {})
        self.raw_dynamo = self._raw_dynamo()
        self.raw_stripe = stripe.StripeClient(STRIPE_KEY)
        wiring.use(self._world())

    def _items(self) -> dict[Key, Any]:
        found = {}
        for key in (keys.account("acme"), keys.customer("cus_1")):
            row = self.stage.table.get(key)
            assert row is not None
            found[key] = item_of(prepare(Put(row)).values)
        return found

    def _raw_dynamo(self) -> Any:
        client = get_session().create_client("dynamodb", region_name=REGION, endpoint_url=NOBODY)
        client.meta.events.register("before-send.dynamodb", StubbedDynamo(self.dynamo.items))
        return client

    def _world(self) -> wiring.World:
        table = DynamoTable("lapse", region=REGION, endpoint=NOBODY)
        table.client.meta.events.register("before-send.dynamodb", self.dynamo)
        return wiring.World(
            settings=Settings(
                table_name="lapse",
                due_shards=SHARDS,
                stripe_api_key=STRIPE_KEY,
                webhook_secrets=(stripe_shapes.SECRET,),
                token_issuer=ISSUER,
                token_audience=AUDIENCE,
                service_audience=SERVICE_AUDIENCE,
                jwks=self.tokens.jwks(),
                return_origins=("https://app.example.com",),
            ),
            clock=self.stage.clock,
            policies=POLICIES,
            table=table,
            stripe=Stripe(STRIPE_KEY),
        )

    def authorization(self, role: str, who: str = "ann") -> tuple[str, str]:
        wanted = {"account_id": "acme", "roles": [role], "sub": who}
        token = self.tokens.sign(wanted, self.stage.now)
        return "Authorization", f"Bearer {token}"

    def ours(self, app: Chalice, status: int, *requests: Request) -> Once:
        """A request through the app, as Lambda hands it over; each of them in its turn."""
        events = cycle([_event(app, request) for request in requests])

        def once() -> Any:
            answer = app(dict(next(events)), None)
            assert answer["statusCode"] == status, answer
            return answer

        once()
        return once

    def asked_by(self, once: Once) -> list[str]:
        """What it asks of the outside, by a process that is warm."""
        self.dynamo.asked.clear()
        self.stripe.asked.clear()
        once()
        return [*self.dynamo.asked, *self.stripe.asked]


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    once: Once
    goal: float | None = None


def compare(title: str, floor: Row, *ours: Row, rounds: int, notes: Sequence[str] = ()) -> None:
    """Prints them with their ratios to the floor."""
    least = {row.name: float("inf") for row in (floor, *ours)}
    gc.collect()
    gc.disable()
    for _ in range(rounds):
        for row in (floor, *ours):
            began = time.process_time_ns()
            row.once()
            least[row.name] = min(least[row.name], (time.process_time_ns() - began) / 1000)
    gc.enable()
    ratios = {name: took / least[floor.name] for name, took in least.items()}
    show(
        f"{title}: µs of CPU, with DynamoDB and Stripe stubbed",
        ("", ">µs", ">ratio", "goal"),
        [
            (
                row.name,
                f"{least[row.name]:.0f}",
                f"{ratios[row.name]:.2f}",
                goal(ratios[row.name], row.goal) if row.goal is not None else "",
            )
            for row in (floor, *ours)
        ],
        notes,
    )


def _event(app: Chalice, request: Request) -> Json:
    """As API Gateway makes it of the request."""
    caught: list[Json] = []

    class Caught(Gateway):
        def _event(self, *args: Any) -> Json:
            caught.append(super()._event(*args))
            return caught[-1]

    Caught(app, lambda: "request", ()).answer(request)
    return caught[0]


def _log_to_nobody() -> None:
    """What is logged is written out, as it is in production, only to where nobody reads it."""
    logger = logging.getLogger(NAME)
    handler = logging.StreamHandler(Path(os.devnull).open("w"))  # noqa: SIM115 - as long as the process
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
