"""Whether Stripe has a price for every plan of the policies that are sold here, and at the amount that they say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from chalicelib.domain.policy import Plan, Policy
from chalicelib.gateways.stripe import StripeRefused
from infra.cli.findings import Finding, fail, ok, warn
from infra.cli.patient import Patient

CREATE = "create the price at Stripe, or name it under `stripe_prices` in the policy"


def known(patient: Patient) -> Iterator[Finding]:
    policies = [patient.policies.get(name) for name in patient.policies.names()]
    keys = [key for policy in policies for _, _, key in _keys(policy)]
    by_key = {str(one["lookup_key"]): one for one in patient.stripe.prices_of(keys)}
    sold = False
    others = [
        name
        for policy in policies
        for plan in policy.plans.values()
        for name in plan.stripe_prices
        if not _is_id(name)
    ]
    by_key |= {str(one["lookup_key"]): one for one in patient.stripe.prices_of(others)}
    for policy in policies:
        findings = list(_of_policy(patient, policy, by_key))
        if all(finding.level == "fail" for finding in findings):
            # Shipped with the product, and of no concern to whoever does not sell it.
            yield ok(f"{policy.name}: no plan of it is sold here")
            continue
        sold = True
        yield from findings
    if not sold:
        yield fail("no plan of any policy has a price at Stripe", CREATE)


def _keys(policy: Policy) -> Iterator[tuple[str, str, str]]:
    for name, plan in policy.plans.items():
        for interval in plan.price_minor:
            yield name, interval, f"{policy.name}:{name}:{interval}"


def _of_policy(patient: Patient, policy: Policy, by_key: dict[str, Any]) -> Iterator[Finding]:
    named = {name: list(_named(patient, plan, by_key)) for name, plan in policy.plans.items()}
    for name, interval, key in _keys(policy):
        prices = [by_key[key]] if key in by_key else []
        prices += [one for one in named[name] if _interval(one) == interval]
        if not prices:
            yield fail(f"{policy.name}: plan {name} has no price by the {interval}", CREATE)
            continue
        wanted = (policy.plans[name].price_minor[interval], policy.currency)
        amounts = {(one.get("unit_amount"), one.get("currency")) for one in prices}
        if wanted in amounts:
            yield ok(
                f"{policy.name}: plan {name} is sold by the {interval} for {wanted[0]} {wanted[1]}"
            )
        else:
            said = ", ".join(
                f"{amount} {currency}" for amount, currency in sorted(amounts, key=str)
            )
            yield warn(
                f"{policy.name}: plan {name} by the {interval} costs {said} at Stripe,"
                f" and {wanted[0]} {wanted[1]} in the policy",
                "Stripe's amount is what is charged: change the one that is wrong",
            )


def _is_id(name: str) -> bool:
    return name.startswith(("price_", "plan_"))


def _named(patient: Patient, plan: Plan, by_key: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The prices that the policy names itself, by id or by lookup key."""
    for name in plan.stripe_prices:
        if name in by_key:
            yield by_key[name]
        elif _is_id(name):
            with suppress(StripeRefused):
                yield dict(patient.stripe.price_named(name))


def _interval(price: dict[str, Any]) -> str | None:
    recurring = price.get("recurring") or {}
    return recurring.get("interval") if recurring.get("interval_count", 1) == 1 else None
