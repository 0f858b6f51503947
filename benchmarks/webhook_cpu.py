"""CPU of one applied webhook against the raw floor: verify, parse, GetItem and TransactWriteItems by plain botocore.

    python benchmarks/webhook_cpu.py [ROUNDS]

A cancellation that plans five steps: seven rows in one transaction. How it is measured: benchmarks/measuring.py.
"""

from __future__ import annotations

import hmac
import json
import sys
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import ROUNDS, Bench, Row, compare
from chalicelib.webhook_app import PATH, app
from infra.local.messages import Request
from tests.support import stripe_shapes

GOAL = 1.3


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    bench = Bench()
    stage = bench.stage
    stage.move(stage.now.replace(hour=23))
    body = stripe_shapes.raw(stage.cancel(hear=False))
    signature = stripe_shapes.signature(body, stage.unix)
    headers = (("Stripe-Signature", signature), ("Content-Type", "application/json"))

    ours = bench.ours(app, 200, Request("POST", PATH, "", headers, body))
    assert json.loads(ours()["body"]) == {"outcome": "applied"}

    reads, writes = bench.dynamo.last["GetItem"], bench.dynamo.last["TransactWriteItems"]
    for extra in ("ReturnConsumedCapacity", "ClientRequestToken"):
        writes.pop(extra, None)
        reads.pop(extra, None)
    parts = dict(part.split("=") for part in signature.split(","))
    signed = f"{parts['t']}.".encode() + body

    def floor() -> None:
        mac = hmac.new(stripe_shapes.SECRET.encode(), signed, sha256)
        assert hmac.compare_digest(mac.hexdigest(), parts["v1"])
        json.loads(body)
        bench.raw_dynamo.get_item(**reads)
        bench.raw_dynamo.transact_write_items(**writes)

    asked = ", ".join(bench.asked_by(ours))
    compare(
        "One applied webhook",
        Row("raw botocore, the same two calls", floor),
        Row("Lapse", ours, GOAL),
        rounds=rounds,
        notes=[f"Asked, warm: {asked}; {len(writes['TransactItems'])} rows in the transaction."],
    )


if __name__ == "__main__":
    main()
