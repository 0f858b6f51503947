"""`POST /webhooks/stripe`: signed events in, `{"outcome"}` out.

Verified on the exact raw bytes, by our own HMAC check: it reads our clock, takes several secrets, refuses timestamps
from the future, and spares a cold start the whole `stripe` package. Nothing runs after the answer.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib import listening, log, wiring
from chalicelib.gateways.secrets import Secret, SecretUnavailable
from chalicelib.gateways.stripe_reader import Unreadable, read_event
from chalicelib.handlers import strict_json
from chalicelib.handlers.call import Answer, Request, refused
from chalicelib.handlers.problems import (
    Problem,
    malformed,
    secret_unavailable,
    storage_unavailable,
    unexpected,
)
from chalicelib.hearing import hear
from chalicelib.store.table import StoreError
from chalicelib.wiring import World

TOLERANCE_SECONDS = 300
LARGEST_EVENT = 1024 * 1024
LONGEST_HEADER = 4096
MOST_SIGNATURES = 16


def answer(request: Request) -> Answer:
    world, signature = wiring.world(), request.headers.get("stripe-signature")
    given = receive(world, request.raw, signature, request.request_id)
    if given.status == 200:
        listening.heard(world)
    return given


def receive(world: World, raw: bytes, signature: str | None, request_id: str) -> Answer:
    """200 only when the event is applied or parked; 400 for anything unverifiable; 5xx if it is nowhere."""
    try:
        _verify(world, raw, signature)
        event = read_event(_parsed(raw))
        outcome = hear(world, event)
        log.event("event_heard", outcome=outcome)
        return Answer(200, {"outcome": outcome})
    except Problem as problem:
        log.event("event_refused", status=problem.status, request_id=request_id)
        return refused(problem, request_id)
    except Unreadable as error:
        return refused(malformed(f"This is no Stripe event: {error}."), request_id)
    except StoreError as error:
        log.problem("event_not_stored", error, request_id=request_id)
        return refused(storage_unavailable(), request_id)
    except Exception as error:  # noqa: BLE001 - it was stored nowhere: Stripe must send it again
        log.problem("event_failed", error, request_id=request_id)
        return refused(unexpected("The event could not be processed. Send it again."), request_id)


def _verify(world: World, raw: bytes, header: str | None) -> None:
    """Raises Problem 400 unless one of our secrets signed these bytes; 503 when we cannot know it."""
    secrets = [world.secrets.secret(setting) for setting in world.settings.webhook_secrets]
    signed = _signed_within_tolerance(raw, header, world.clock.now())
    if signed.fits(_texts(secrets)):
        return
    # Perhaps a secret was rotated since we read it. Each is read again, not only up to the first that changed.
    refreshed = [secret.refresh() for secret in secrets]
    if any(refreshed) and signed.fits(_texts(secrets)):
        return
    if not all(_is_known(secret) for secret in secrets):
        raise secret_unavailable()
    raise malformed("The signature does not match.")


def _texts(secrets: Iterable[Secret]) -> Iterator[str]:
    """Every secret that we could read. One value may hold several, so that a rotation is one change in one place."""
    for secret in secrets:
        with suppress(SecretUnavailable):
            yield from secret().replace(",", " ").split()


def _is_known(secret: Secret) -> bool:
    try:
        secret()
    except SecretUnavailable:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Signed:
    payload: bytes
    signatures: list[str]

    def fits(self, secrets: Iterable[str]) -> bool:
        expected = [hmac.digest(one.encode(), self.payload, "sha256").hex() for one in secrets]
        return any(hmac.compare_digest(one, given) for one in expected for given in self.signatures)


def _signed_within_tolerance(raw: bytes, header: str | None, now: datetime) -> _Signed:
    """What was signed, and how. Raises Problem 400 unless that was within the last, or next, 300 seconds."""
    if len(raw) > LARGEST_EVENT:
        # Before hashing: whoever sends it has not proved to be Stripe.
        raise malformed("The body is larger than any Stripe event.")
    timestamp, signatures = _parts(header)
    if abs(now.timestamp() - timestamp) > TOLERANCE_SECONDS:
        raise malformed("The signature is too old, or from the future.")
    return _Signed(b"%d." % timestamp + raw, signatures)


def _parts(header: str | None) -> tuple[int, list[str]]:
    if not header or len(header) > LONGEST_HEADER or not header.isascii():
        raise malformed("The Stripe-Signature header is missing or malformed.")
    pairs = [part.strip().partition("=") for part in header.split(",")]
    timestamps = [value for name, _, value in pairs if name == "t"]
    signatures = [value for name, _, value in pairs if name == "v1"][:MOST_SIGNATURES]
    if len(timestamps) != 1 or not signatures:
        raise malformed("The Stripe-Signature header is missing or malformed.")
    (timestamp,) = timestamps
    if not timestamp.isdecimal() or len(timestamp) > 12:
        raise malformed("The Stripe-Signature header is missing or malformed.")
    return int(timestamp), signatures


def _parsed(raw: bytes) -> Any:
    """The signed bytes as JSON; whatever the reader trips over is the sender's mistake, not ours."""
    try:
        return strict_json.read(raw)
    except ValueError as error:
        raise malformed("The body is not JSON.") from error
