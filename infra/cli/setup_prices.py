"""`lapse setup prices POLICY`: a product and a price at Stripe for every plan of a policy that has none yet.

They are found by their lookup keys, `policy:plan:interval`, so nothing is made twice, and no price that is there is changed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.domain.policy import Policy
from chalicelib.gateways.stripe import Stripe
from chalicelib.policies import Policies
from infra.cli.stripe_of_the_operator import OWN, run


@dataclass(frozen=True, slots=True)
class Price:
    lookup_key: str
    interval: str
    amount_minor: int
    currency: str
    product: str


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "prices", help="a product and a price at Stripe for each plan of a policy"
    )
    parser.add_argument("policy", metavar="POLICY", help="a shipped policy's name")
    parser.add_argument("--apply", action="store_true", help="do it; without it, only say what")
    parser.set_defaults(run=lambda given: run(_price, given), own=OWN)


def _price(stripe: Stripe, _region: str, given: argparse.Namespace) -> int:
    policy = _policy(given.policy)
    lacking = list(_lacking(stripe, policy))
    for price in lacking:
        if given.apply:
            stripe.create_price(
                lookup_key=price.lookup_key,
                amount_minor=price.amount_minor,
                currency=price.currency,
                interval=price.interval,
                product=price.product,
            )
        said = "made" if given.apply else "to be made"
        print(f"{said}: {price.lookup_key}, {price.amount_minor} {price.currency}")
    if not lacking:
        print("every plan has its price already")
    elif not given.apply:
        print("Nothing was done. Say --apply to do it.")
    return 0


def _policy(name: str) -> Policy:
    policies = Policies()
    if name not in policies.names():
        raise LookupError(f"there is no policy {name!r}: there are {', '.join(policies.names())}")
    return policies.get(name)


def _lacking(stripe: Stripe, policy: Policy) -> Iterator[Price]:
    wanted = [
        Price(
            lookup_key=f"{policy.name}:{name}:{interval}",
            interval=interval,
            amount_minor=amount,
            currency=policy.currency,
            product=f"{policy.title}: {plan.title}",
        )
        for name, plan in policy.plans.items()
        for interval, amount in plan.price_minor.items()
    ]
    there = {str(one["lookup_key"]) for one in stripe.prices_of([one.lookup_key for one in wanted])}
    return (one for one in wanted if one.lookup_key not in there)
