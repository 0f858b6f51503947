"""One dated thing ahead, as a customer is shown it. What leads to it is in `consequences`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """One dated thing ahead, in the customer's words."""

    kind: str
    at: datetime
    title: str
    reversible: bool
    subject: str | None = None
    amount: Money | None = None
    count: int | None = None
