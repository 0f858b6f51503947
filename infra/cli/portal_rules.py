"""What our configuration of Stripe's portal is, and whether another one keeps the promises."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

NAME = "Lapse"
MARK = {"lapse": "portal"}
"""How our configuration is found again, whoever renames it."""

FEATURES: dict[str, Any] = {
    # "Access until the end of the paid period", without proration (SC-2, GT-10, M1-3).
    "subscription_cancel": {
        "enabled": True,
        "mode": "at_period_end",
        "proration_behavior": "none",
        "cancellation_reason": {
            "enabled": True,
            "options": [
                "too_expensive", "missing_features", "switched_service", "unused",
                "customer_service", "too_complex", "low_quality", "other",
            ],
        },
    },
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "customer_update": {"enabled": True, "allowed_updates": ["address", "tax_id"]},
    # A pause would take access away at once, and no document promises one.
    "subscription_pause": {"enabled": False},
    "subscription_update": {"enabled": False},
}  # fmt: skip


def breaches(configuration: dict[str, Any]) -> Iterator[str]:
    """Each promise that this configuration would break, in a sentence."""
    features = configuration.get("features") or {}
    cancel = features.get("subscription_cancel") or {}
    if cancel.get("enabled") and cancel.get("mode") != "at_period_end":
        yield "cancelling there ends access at once"
    if cancel.get("enabled") and cancel.get("proration_behavior") != "none":
        yield "cancelling there makes a proration"
    if (features.get("subscription_pause") or {}).get("enabled"):
        yield "customers may pause there, which takes their access at once"


def doubts(configuration: dict[str, Any]) -> Iterator[str]:
    """What may be meant, and is worth a look."""
    features = configuration.get("features") or {}
    if (features.get("subscription_update") or {}).get("enabled"):
        yield "customers may change plans there, as Stripe prorates it"
    if not (features.get("subscription_cancel") or {}).get("enabled"):
        yield "customers cannot cancel there"
    if not (features.get("payment_method_update") or {}).get("enabled"):
        yield "customers cannot change their card there"


def lacks(configuration: dict[str, Any]) -> dict[str, Any]:
    """Our features that this configuration has otherwise."""
    features = configuration.get("features") or {}
    return {
        name: wanted for name, wanted in FEATURES.items() if not _has(features.get(name), wanted)
    }


def _has(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_has(found.get(k), v) for k, v in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and sorted(found) == sorted(wanted)
    return bool(found == wanted)
