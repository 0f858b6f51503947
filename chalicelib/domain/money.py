"""Money: whole minor units (cents, yen, fils) with a currency. Nothing here divides by 100."""

from __future__ import annotations

from dataclasses import dataclass

LARGEST = 2**53 - 1
"""The largest amount that every JSON reader keeps exactly."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of minor units. Negative is owed to us."""

    amount: int
    currency: str

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(f"{other.currency} does not add to {self.currency}")
        return other.amount


def total(amounts: list[Money], currency: str) -> Money:
    return sum(amounts, Money(0, currency))
