"""What a customer is told beforehand, and whether it is what the company's document promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.domain.moments import from_rfc3339
from infra.local.demo.judge import when
from infra.local.demo.money import spelled
from infra.local.demo.promise import Plan, Promise, Shown

Told = Mapping[str, Any]
"""One of a preview's `consequences`, or of the page's `upcoming`."""

FORESEEN = (
    "contract_instalments",
    "renewal_off",
    "access_extended",
    "access_ends",
    "seats_unassigned",
    "messages_credited",
    "number_fee",
    "numbers_released",
    "registrations_lapse",
    "data_purged",
)
"""The kinds that a story has to foresee. Others may be shown beside them."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What the customer was shown before deciding."""

    plan: Plan
    answer: Mapping[str, Any]

    @property
    def access_ends_at(self) -> datetime:
        return from_rfc3339(self.answer["access_ends_at"])

    def consented(self, reason: str = "other") -> dict[str, Any]:
        """What is sent by whoever agrees to all of it."""
        return {
            "preview_id": self.answer["preview_id"],
            "reason": {"code": reason},
            "consents": [
                {"id": one["id"], "version": one["version"]} for one in self.answer["disclosures"]
            ],
        }


def disagreements(who: str, told: Sequence[Told], promised: Sequence[Promise]) -> Iterator[str]:
    """A sentence for each thing that was promised and not told, or told and not promised."""
    shown = [Shown.of(one) for one in told if one["kind"] in FORESEEN]
    for promise in promised:
        if promise.shown in shown:
            shown.remove(promise.shown)
        else:
            yield f"{who} does not say “{promise.words}” for {when(promise.at)}."
    for one in shown:
        yield f"{who} says {_spelled(one)}, which nobody promised."


def in_words(told: Told, currency: str) -> str:
    """In the product's own words, with how many and how much."""
    more = [told["subject"]] if told["kind"] == "number_fee" else []
    if told.get("count") is not None:
        more.append(str(told["count"]))
    if told.get("amount") is not None:
        more.append(spelled(told["amount"]["amount"], currency))
    return f"{told['title']}{' · ' if more else ''}{', '.join(more)}"


def _spelled(shown: Shown) -> str:
    more = [str(one) for one in (shown.subject, shown.amount, shown.count) if one is not None]
    about = f" ({', '.join(more)})" if more else ""
    return f"{shown.kind}{about} for {when(shown.at)}"
