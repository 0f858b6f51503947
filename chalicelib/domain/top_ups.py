"""M1-5: "Voluntary balance top-up … and repayment of debt … through a separate one-time payment (Stripe Checkout)".

"Subscription invoices … must not be confused with balance operations": what is paid here goes to the wallet and
nowhere else. Credited is what Stripe says was paid, once per Checkout session, never what somebody asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.ledger import Posting, to_wallet
from chalicelib.domain.money import Money
from chalicelib.domain.policy import Policy, Text, TopUps

TOP_UP = "top_up"
BALANCE_DUE = "balance_due"
TITLES = {
    TOP_UP: Text(en="Balance top-up", fr="Recharge du solde"),
    BALANCE_DUE: Text(en="Balance due", fr="Solde dû"),
}

SUGGESTED = (1000, 2500, 5000, 10000)


class NotPayable(Exception):
    """There is nothing to pay in this way. `about` is the part of the request that is wrong."""

    def __init__(self, about: str, why: str) -> None:
        super().__init__(why)
        self.about = about


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidCheckout:
    """A Checkout session for a wallet that Stripe says is paid."""

    id: str
    customer_id: str | None
    account_id: str
    """Whose wallet it was made for, as we wrote on it ourselves."""
    purpose: str
    amount: Money
    payment_intent: str | None = None


def top_up(asked: Money | None, currency: str, policy: Policy) -> Money:
    """Raises NotPayable."""
    bounds = policy.wallet
    if bounds is None:
        raise NotPayable("purpose", f"{policy.title} has no balance that could be topped up.")
    if asked is None:
        raise NotPayable("amount", "amount is missing: how much is to be topped up.")
    if asked.currency != currency:
        raise NotPayable("amount/currency", f"The account's currency is {currency}.")
    if not bounds.top_up_min_minor <= asked.amount <= bounds.top_up_max_minor:
        raise NotPayable(
            "amount/amount",
            f"A top-up is from {bounds.top_up_min_minor} to {bounds.top_up_max_minor},"
            f" in whole minor units of {currency}.",
        )
    return asked


def suggested(bounds: TopUps, currency: str) -> list[Money]:
    """A few amounts to choose from, in the currency's minor units."""
    amounts = [n for n in SUGGESTED if bounds.top_up_min_minor <= n <= bounds.top_up_max_minor]
    return [Money(n, currency) for n in amounts or [bounds.top_up_min_minor]]


def balance_due(balance: Money) -> Money:
    """What is owed, whatever was asked for. Raises NotPayable."""
    if balance.amount >= 0:
        raise NotPayable("purpose", "Nothing is due: the balance is not below zero.")
    return -balance


def posting(paid: PaidCheckout, at: datetime) -> Posting:
    note = {"checkout_session": paid.id}
    if paid.payment_intent is not None:
        note["payment_intent"] = paid.payment_intent
    return Posting(
        cause=cause_of(paid.id),
        kind=paid.purpose,
        at=at,
        lines=to_wallet(paid.amount, "stripe"),
        note=note,
    )


def cause_of(session_id: str) -> str:
    """What a paid Checkout session is booked under, once."""
    return f"checkout:{session_id}"
