"""CPU of one applied webhook against the raw floor: verify, parse, GetItem and TransactWriteItems by plain botocore.

    python benchmarks/webhook_cpu.py [ROUNDS]

DynamoDB is stubbed below botocore (its public `before-send` event), so signing, serializing and parsing are real and nothing
waits. Both sides send the same bodies and take turns in one process; only the ratio is to be trusted.
"""

from __future__ import annotations

import hmac
import json
import logging
import statistics
import sys
import time
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from botocore.awsrequest import AWSResponse
from botocore.session import get_session

from chalicelib.log import NAME
from chalicelib.store.dynamo import DynamoTable
from chalicelib.store.expressions import item_of
from chalicelib.store.rows import prepare
from chalicelib.store.table import Put
from tests.support import stripe_shapes
from tests.support.stage import Stage

GOAL = 1.3


class Raw:
    """What botocore takes for an HTTP answer."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, *_args, **_keys):
        yield self.body


class Stub:
    """Answers every read with the account as it was, every write with success; counts both."""

    def __init__(self, items: dict[tuple[str, str], dict]) -> None:
        self.items, self.asked, self.last = items, [], {}

    def __call__(self, request, **_):
        name = request.headers["X-Amz-Target"]
        name = (name.decode() if isinstance(name, bytes) else name).rpartition(".")[2]
        asked = json.loads(request.body)
        self.asked.append(name)
        self.last[name] = asked
        answer = {}
        if name == "GetItem":
            key = (asked["Key"]["pk"]["S"], asked["Key"]["sk"]["S"])
            answer = {"Item": self.items[key]} if key in self.items else {}
        body = json.dumps(answer).encode()
        headers = {"x-amz-crc32": "", "content-type": "application/x-amz-json-1.0"}
        del headers["x-amz-crc32"]
        return AWSResponse(request.url, 200, headers, Raw(body))


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    logging.getLogger(NAME).addHandler(logging.NullHandler())
    logging.getLogger(NAME).propagate = False
    stage = Stage()
    stage.account()
    stage.subscribe()
    items = {}
    for sk in ("account",):
        from chalicelib.store import keys

        row = stage.table.get(keys.account("acme"))
        items["A#acme", sk] = item_of(prepare(Put(row)).values)
        row = stage.table.get(keys.customer("cus_1"))
        items["C#cus_1", "customer"] = item_of(prepare(Put(row)).values)
    import os

    os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    table = DynamoTable("lapse", region="us-east-1", endpoint="http://127.0.0.1:9")
    ours = Stub(items)
    table.client.meta.events.register("before-send.dynamodb", ours)
    world = stage.process(table=table)
    stage.move(stage.now.replace(hour=23))
    event = stage.cancel(hear=False)
    body = stripe_shapes.raw(event)
    signature = stripe_shapes.signature(body, stage.unix)

    from chalicelib.handlers import webhook

    def applied() -> None:
        given = webhook.receive(world, body, signature, "request")
        assert given.body == {"outcome": "applied"}, given

    applied()
    reads, writes = ours.last["GetItem"], ours.last["TransactWriteItems"]
    raw = get_session().create_client(
        "dynamodb", region_name="us-east-1", endpoint_url="http://127.0.0.1:9"
    )
    raw.meta.events.register("before-send.dynamodb", Stub(items))
    for extra in ("ReturnConsumedCapacity", "ReturnItemCollectionMetrics", "ClientRequestToken"):
        writes.pop(extra, None)
        reads.pop(extra, None)
    stamp = signature.split(",")[0][2:]
    given = dict(part.split("=") for part in signature.split(","))["v1"]

    def floor() -> None:
        mac = hmac.new(stripe_shapes.SECRET.encode(), f"{stamp}.".encode() + body, sha256)
        assert hmac.compare_digest(mac.hexdigest(), given)
        json.loads(body)
        raw.get_item(**reads)
        raw.transact_write_items(**writes)

    ours.asked.clear()
    applied()
    asked = ", ".join(ours.asked)
    took = {floor: [], applied: []}
    for _ in range(rounds):
        for one in (floor, applied):
            began = time.process_time_ns()
            one()
            took[one].append((time.process_time_ns() - began) / 1000)
    at_floor, at_ours = (statistics.median(took[one]) for one in (floor, applied))
    print(f"{'CPU of one applied webhook':34}{'µs':>8}{'ratio':>8}   goal")
    print(f"{'raw botocore, the same two calls':34}{at_floor:8.0f}{1:8.2f}")
    print(f"{'Lapse':34}{at_ours:8.0f}{at_ours / at_floor:8.2f}   ≤ {GOAL}")
    print(f"Lapse asks (warm): {asked}; {len(writes['TransactItems'])} rows in the transaction")


if __name__ == "__main__":
    main()
