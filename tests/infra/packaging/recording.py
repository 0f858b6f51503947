"""What each function used while a story was told: rows, secrets, files and outsiders, by the name of AWS's own right.

It listens where a function touches the world, whichever of our test worlds that is: the in-memory table, the client
of Stripe, the local carrier, bucket, SaaS and outbox. What happens outside of a function is nobody's right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from chalicelib.gateways.secrets import Plain
from chalicelib.gateways.stripe import Stripe
from chalicelib.handlers import from_eventbridge, stream
from chalicelib.handlers.jobs import Job
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Action, Check, Delete, Key, Put, Update
from infra.local import gateway, seeds
from infra.local.carrier import LocalCarrier
from infra.local.files import LocalFiles
from infra.local.messages import Answer, Request
from infra.local.outbox import Outbox
from infra.local.saas import LocalSaas
from infra.local.share_queue import LocalShares
from tests.publishing.outside import Wanting

WEBHOOK = "/webhooks/stripe"
WRITES: Mapping[type[Action], str] = {
    Put: "PutItem",
    Update: "UpdateItem",
    Delete: "DeleteItem",
    Check: "ConditionCheckItem",
}
AT_AWS_MESSAGING: Mapping[str, tuple[str, ...]] = {
    "release_number": ("DescribePhoneNumbers", "ReleasePhoneNumber"),
    "holds_number": ("DescribePhoneNumbers",),
    "recover_number": (),
    "lapse_registration": ("DescribeRegistrations", "DeleteRegistration"),
    "holds_registration": ("DescribeRegistrations",),
}
IN_THE_BUCKET: Mapping[str, tuple[str, ...]] = {
    "write": ("PutObject",),
    "names": ("ListBucket",),
    "read": ("GetObject",),
    # Whoever signs a link lends their own right.
    "link": ("GetObject",),
    "delete_prefix": ("ListBucketVersions", "DeleteObject", "DeleteObjectVersion"),
}
"""What gateways/carriers/aws.py and gateways/files.py ask AWS for, method by method."""


@dataclass(frozen=True, slots=True, order=True)
class Use:
    function: str
    action: str
    of: str = ""
    """The beginning of the row's partition key, the index, the secret, or the kind of queue."""


class Uses(set[Use]):
    def __init__(self) -> None:
        super().__init__()
        self.running: list[str] = []

    @contextmanager
    def by(self, function: str) -> Iterator[None]:
        self.running.append(function)
        try:
            yield
        finally:
            self.running.pop()

    def note(self, action: str, of: str = "") -> None:
        if self.running:
            self.add(Use(self.running[-1], action, of))


def listen(uses: Uses, monkeypatch: Any) -> None:
    """From now on, until the test ends."""
    for owner, name, made in (
        *_functions(uses),
        *_table(uses),
        *_outsiders(uses),
    ):
        monkeypatch.setattr(owner, name, made(getattr(owner, name)))


Patch = tuple[Any, str, Callable[[Callable[..., Any]], Callable[..., Any]]]


def _functions(uses: Uses) -> Iterable[Patch]:
    def job(run: Callable[..., Any]) -> Callable[..., Any]:
        def running(self: Job, *args: Any) -> Any:
            with uses.by(self.name):
                return run(self, *args)

        return running

    def streamed(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def patch(receive: Callable[..., Any]) -> Callable[..., Any]:
            def receiving(*args: Any) -> Any:
                with uses.by(name):
                    return receive(*args)

            return receiving

        return patch

    def bus(receive: Callable[..., Any]) -> Callable[..., Any]:
        def receiving(*args: Any) -> Any:
            with uses.by("hear_stripe_eventbridge"):
                return receive(*args)

        return receiving

    def door(answer: Callable[..., Answer]) -> Callable[..., Answer]:
        def answering(self: gateway.Gateway, request: Request) -> Answer:
            with uses.by("webhook" if request.path == WEBHOOK else "api_handler"):
                return answer(self, request)

        return answering

    yield Job, "run", job
    yield Job, "take", job
    yield stream, "receive", streamed("publish_history")
    yield stream, "send", streamed("send_history")
    yield from_eventbridge, "receive", bus
    yield gateway.Gateway, "answer", door


def _table(uses: Uses) -> Iterable[Patch]:
    def noting(note: Callable[[Any], None]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def patch(method: Callable[..., Any]) -> Callable[..., Any]:
            def noted(self: MemoryTable, first: Any, *args: Any, **named: Any) -> Any:
                note(first)
                return method(self, first, *args, **named)

            return noted

        return patch

    def each(actions: Iterable[Action]) -> None:
        for one in actions:
            pk = one.row["pk"] if isinstance(one, Put) else one.key.pk
            uses.note(f"dynamodb:{WRITES[type(one)]}", _beginning(pk))

    def several(keys: Iterable[Key]) -> None:
        for key in keys:
            uses.note("dynamodb:BatchGetItem", _beginning(key.pk))

    yield MemoryTable, "get", noting(lambda key: uses.note("dynamodb:GetItem", _beginning(key.pk)))
    yield MemoryTable, "get_many", noting(several)
    yield MemoryTable, "query", noting(lambda pk: uses.note("dynamodb:Query", _beginning(pk)))
    yield MemoryTable, "due", noting(lambda _: uses.note("dynamodb:Query", "index/due"))
    yield MemoryTable, "directory", noting(lambda _: uses.note("dynamodb:Query", "index/directory"))
    yield MemoryTable, "write", noting(lambda action: each([action]))
    yield MemoryTable, "transact", noting(each)


def _beginning(pk: str) -> str:
    return f"{pk.partition('#')[0]}#"


def _outsiders(uses: Uses) -> Iterable[Patch]:
    def using(*what: tuple[str, str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def patch(method: Callable[..., Any]) -> Callable[..., Any]:
            def used(*args: Any, **named: Any) -> Any:
                for one in what:
                    uses.note(*one)
                return method(*args, **named)

            return used

        return patch

    def secret(name: str) -> tuple[str, str]:
        return "secretsmanager:GetSecretValue", name

    def stripe(call: Callable[..., Any]) -> Callable[..., Any]:
        def calling(self: Stripe, ask: Any, *, pays_back: bool = False) -> Any:
            uses.note(*secret("stripe-refunds" if pays_back else "stripe"))
            return call(self, ask, pays_back=pays_back)

        return calling

    def plain(read: Callable[..., str]) -> Callable[..., str]:
        def reading(self: Plain) -> str:
            if self.text == seeds.WEBHOOK_SECRET:
                uses.note(*secret("webhook"))
            return read(self)

        return reading

    yield Stripe, "_call", stripe
    yield Plain, "__call__", plain
    for method, asked in AT_AWS_MESSAGING.items():
        # Which carrier it is depends on the number: a function that calls one may call all.
        yield (
            LocalCarrier,
            method,
            using(secret("carriers"), *((f"sms-voice:{one}", "") for one in asked)),
        )
    for method, asked in IN_THE_BUCKET.items():
        yield LocalFiles, method, using(*((f"s3:{one}", "") for one in asked))
    for method in ("erase", "plan"):
        yield LocalSaas, method, using(secret("purgers"))
    yield Wanting, "send", using(secret("endpoints"))
    yield Outbox, "publish", using(("events:PutEvents", ""))
    yield Outbox, "send", using(("ses:SendEmail", ""))
    yield LocalShares, "put", using(("sqs:SendMessage", "Shares"))
