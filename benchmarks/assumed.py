"""What benchmarks/scale.py and benchmarks/rounds.py take for given: how many accounts there are, what they cannot measure
here, and what AWS asks for it."""

from __future__ import annotations

from infra.aws.settings import ASKED

ACCOUNTS = 10_000_000
SHARDS = int(ASKED["LAPSE_DUE_SHARDS"].default or 0)
# -- assumed, not measured
STRIPE_SECONDS = 0.25
TABLE_SECONDS = 0.006
"""A request to DynamoDB in the same region."""
OWN_SECONDS = 0.02
"""Our own share of a step's time, at 512 MB."""
OWN_SECONDS_A_REQUEST = 0.004
"""Our own share of a visit's time, for each request that it makes, at 512 MB."""
STRIPE_A_SECOND = 100
"""Stripe's limit of reads in live mode, of everybody together."""
PRICES = {
    "write units": 0.625 / 1e6, "read units": 0.125 / 1e6, "invocations": 0.20 / 1e6,
    "GB-seconds": 0.0000166667, "queue requests": 0.50 / 1e6,
}  # fmt: skip
"""Dollars: us-east-1, on demand, as published in July 2025; the queue's (FIFO) from memory."""


def dollars(used: dict[str, float]) -> float:
    return sum(PRICES[name] * count for name, count in used.items())
