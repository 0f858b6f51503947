"""Lapse's webhook app, served by the peers' server: `lapse_server.py TABLE DYNAMODB STRIPE SECRET`."""

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from benchmarks.peers.serving import serve
from chalicelib import wiring
from chalicelib.clock import SystemClock
from chalicelib.gateways.stripe import Stripe
from chalicelib.log import NAME
from chalicelib.policies import Policies
from chalicelib.settings import Settings
from chalicelib.store.dynamo import DynamoTable
from chalicelib.webhook_app import app
from infra.local.gateway import Gateway
from infra.local.messages import Request


def main(table: str, dynamodb: str, stripe: str, secret: str) -> None:
    os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    logging.getLogger(NAME).addHandler(logging.NullHandler())
    wiring.use(
        wiring.World(
            settings=Settings(
                table_name=table,
                due_shards=2,
                stripe_api_key="sk_test_peers",
                webhook_secrets=(secret,),
                token_issuer="peers",
                token_audience="peers",
                service_audience="peers-service",
            ),
            clock=SystemClock(),
            table=DynamoTable(table, region="us-east-1", endpoint=dynamodb),
            stripe=Stripe("sk_test_peers", base_url=stripe),
            policies=Policies(),
        )
    )
    gateway = Gateway(app, lambda: "request", ())

    def answer(path: str, headers: Mapping[str, str], body: bytes) -> int:
        given = tuple(headers.items())
        return gateway.answer(Request("POST", path, "", given, body)).status

    serve(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
