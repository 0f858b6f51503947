"""CPU of one entitlements answer and of one link to Stripe's portal against the raw calls each of them needs.

    python benchmarks/request_cpu.py [ROUNDS]

Ours verifies the caller's token (RS256) and judges; the floor does neither. How it is measured: benchmarks/measuring.py.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import jwt

from app import app
from benchmarks.measuring import ROUNDS, Bench, Row, compare
from chalicelib.gateways.tokens import MOST_REMEMBERED
from infra.local.messages import Request
from infra.local.tokens import AUDIENCE, ISSUER

ENTITLEMENTS_GOAL = 1.3
PORTAL_GOAL = 1.15
SESSION = {
    "id": "bps_1",
    "object": "billing_portal.session",
    "configuration": "bpc_1",
    "created": 1769860800,
    "customer": "cus_1",
    "flow": None,
    "livemode": False,
    "locale": None,
    "on_behalf_of": None,
    "return_url": "https://app.example.com/back",
    "url": "https://billing.stripe.com/p/session/test_1",
}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    entitlements(rounds)
    portal_link(rounds)


def entitlements(rounds: int) -> None:
    bench = Bench()
    first, again = (
        bench.ours(app, 200, *(_entitlements(bench, f"user-{n}") for n in range(many)))
        for many in (2 * MOST_REMEMBERED, 1)
    )
    assert json.loads(again()["body"])["features"]["log_in"] is True
    asked, reads = ", ".join(bench.asked_by(again)), _reads(bench)
    token = bench.authorization("member")[1].removeprefix("Bearer ")
    compare(
        "One entitlements answer",
        Row("raw botocore, the same read", lambda: bench.raw_dynamo.get_item(**reads)),
        Row("Lapse, a token that was seen before", again, ENTITLEMENTS_GOAL),
        Row("Lapse, a token's first time", first, ENTITLEMENTS_GOAL),
        Row("PyJWT alone, verifying a token", lambda: _verified(bench, token)),
        rounds=rounds,
        notes=[f"Asked, warm: {asked}."],
    )


def _verified(bench: Bench, token: str) -> None:
    jwt.decode(token, bench.public_key, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER)


def _entitlements(bench: Bench, who: str) -> Request:
    return Request("GET", "/v1/entitlements", "", (bench.authorization("member", who),))


def portal_link(rounds: int) -> None:
    bench = Bench(SESSION)
    first, again = (
        bench.ours(app, 201, *(_portal_link(bench, f"user-{n}") for n in range(many)))
        for many in (2 * MOST_REMEMBERED, 1)
    )
    assert json.loads(again()["body"]) == {"url": SESSION["url"]}
    asked, reads = ", ".join(bench.asked_by(again)), _reads(bench)
    params = {"customer": "cus_1", "return_url": SESSION["return_url"]}

    def floor() -> None:
        bench.raw_dynamo.get_item(**reads)
        bench.raw_stripe.v1.billing_portal.sessions.create(params)

    compare(
        "One link to Stripe's portal",
        Row("raw botocore and Stripe's SDK, the same two calls", floor),
        Row("Lapse, a token that was seen before", again, PORTAL_GOAL),
        Row("Lapse, a token's first time", first, PORTAL_GOAL),
        rounds=rounds,
        notes=[f"Asked, warm: {asked}. Once in five seconds the kill switch is read as well."],
    )


def _portal_link(bench: Bench, who: str) -> Request:
    headers = bench.authorization("billing_admin", who), ("Content-Type", "application/json")
    body = json.dumps({"return_url": SESSION["return_url"]}).encode()
    return Request("POST", "/v1/portal-sessions", "", headers, body)


def _reads(bench: Bench) -> dict:
    reads = dict(bench.dynamo.last["GetItem"])
    del reads["ReturnConsumedCapacity"]
    return reads


if __name__ == "__main__":
    main()
