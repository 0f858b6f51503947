"""M1-7: "you are eligible to request a refund" if nothing was used; SC-13, OS-4: "We do not offer refunds".

What a refund would be is worked out here, from what Stripe says was paid and what was recorded as used: once when it is
asked for and again when a person decides. Nothing here pays anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.money import Money
from chalicelib.domain.policy import Policy, Text

NO_REFUNDS, USED, NOTHING_PAID, PAID_OTHERWISE = (
    "no_refunds",
    "used",
    "nothing_paid",
    "paid_otherwise",
)
PERIOD_OVER, ALREADY_REFUNDED, DISPUTED = "period_over", "already_refunded", "disputed"
FEE_UNKNOWN, NOTHING_LEFT, SPENT = "fee_unknown", "nothing_left", "spent"

SET_UP_FEE, STRIPE_FEE = "setup_fee", "stripe_fee"

IN_FORCE = ("pending", "requires_action", "succeeded")
"""Statuses of a refund whose money has left, or is leaving."""


class Disputed(Exception):
    """The payment is disputed with the bank: what goes back is the bank's to decide (M1-12)."""


class NotPayable(Exception):
    """Nothing is to be paid back; the eligibility says why."""

    def __init__(self, found: Eligibility) -> None:
        super().__init__(", ".join(found.reasons))
        self.found = found


class TooMuch(Exception):
    """More than is payable."""

    def __init__(self, most: Money) -> None:
        super().__init__(str(most.amount))
        self.most = most


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeAtStripe:
    """A payment that Stripe took, in the currency it was taken in."""

    id: str
    customer_id: str | None
    payment_intent: str | None
    paid: Money
    refunded: Money
    fee: Money | None
    """What Stripe kept of it; None while Stripe has not said."""
    disputed: bool
    """Whether it ever was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAtStripe:
    id: str
    charge_id: str
    amount: Money
    status: str
    case_id: str | None = None
    """The case it was made for. None: it was made at Stripe, by somebody there."""
    attempt: int = 1

    @property
    def in_force(self) -> bool:
        """Also a status we do not know: money that may have left is not sent again."""
        return self.status not in ("failed", "canceled")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidPeriod:
    """The newest period of a subscription that was paid for, and the payment. No charge: not paid by one card payment."""

    invoice_id: str
    covers_until: datetime
    paid: Money
    charge: ChargeAtStripe | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What a payment at Stripe was for."""

    subscription_id: str | None = None
    invoice_id: str | None = None
    covers_until: datetime | None = None
    checkout_session: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """Both deductions are always told, also where one of them is nothing."""

    reasons: tuple[str, ...] = ()
    """Why nothing is to be paid back, as codes. Empty: there is something to decide on."""
    paid: Money
    already_refunded: Money
    set_up_fee: Money
    stripe_fee: Money
    payable: Money

    @property
    def eligible(self) -> bool:
        return not self.reasons


def of_period(
    period: PaidPeriod | None, *, used: bool, policy: Policy, currency: str, now: datetime
) -> Eligibility:
    """`payable = max(0, paid − already refunded − set-up fee − Stripe's actual fee)` of the newest paid period."""
    nothing = Money(0, currency if period is None else period.paid.currency)
    if policy.refunds.kind == "none":
        return _refused((NO_REFUNDS,), nothing)
    if period is None:
        return _refused((NOTHING_PAID,), nothing)
    reasons = [USED] if used else []
    if period.covers_until <= now:
        # M1-14: "services for that period are deemed fully rendered".
        reasons.append(PERIOD_OVER)
    charge = period.charge
    if charge is None:
        return _refused((*reasons, PAID_OTHERWISE), nothing, period.paid)
    set_up_fee = Money(policy.refunds.set_up_fee_minor, charge.paid.currency)
    fee = charge.fee if policy.refunds.deducts_stripe_fee else nothing
    if fee is None:
        reasons.append(FEE_UNKNOWN)
    return _found(charge, reasons, set_up_fee, fee or nothing)


def of_top_up(charge: ChargeAtStripe | None, balance: Money, policy: Policy) -> Eligibility:
    """M1-16: a person decides; never more than was paid and not refunded yet, nor than is still on the wallet."""
    nothing = Money(0, balance.currency)
    if policy.refunds.top_ups == "none":
        return _refused((NO_REFUNDS,), nothing)
    if charge is None:
        return _refused((PAID_OTHERWISE,), nothing)
    found = _found(charge, [], nothing, nothing)
    left = max(0, min(found.payable.amount, balance.amount))
    if found.reasons or left == found.payable.amount:
        return found
    reasons = () if left else (SPENT,)
    return Eligibility(
        reasons=reasons,
        paid=found.paid,
        already_refunded=found.already_refunded,
        set_up_fee=nothing,
        stripe_fee=nothing,
        payable=Money(left, balance.currency),
    )


def to_pay(found: Eligibility, asked: Money | None) -> Money:
    """What an approval pays: what is payable, or less of it. Raises NotPayable and TooMuch."""
    if not found.eligible:
        raise NotPayable(found)
    if asked is None:
        return found.payable
    if asked.currency != found.payable.currency or not 0 < asked.amount <= found.payable.amount:
        raise TooMuch(found.payable)
    return asked


def _found(
    charge: ChargeAtStripe, reasons: list[str], set_up_fee: Money, fee: Money
) -> Eligibility:
    left = charge.paid - charge.refunded
    payable = max(0, (left - set_up_fee - fee).amount)
    if left.amount <= 0:
        reasons = [*reasons, ALREADY_REFUNDED]
    elif not payable:
        reasons = [*reasons, NOTHING_LEFT]
    return Eligibility(
        reasons=tuple(reasons),
        paid=charge.paid,
        already_refunded=charge.refunded,
        set_up_fee=set_up_fee,
        stripe_fee=fee,
        payable=Money(0 if reasons else payable, charge.paid.currency),
    )


def _refused(reasons: tuple[str, ...], nothing: Money, paid: Money | None = None) -> Eligibility:
    return Eligibility(
        reasons=reasons,
        paid=paid or nothing,
        already_refunded=nothing,
        set_up_fee=nothing,
        stripe_fee=nothing,
        payable=nothing,
    )


REASONS = {
    NO_REFUNDS: Text(en="This is not refunded.", fr="Ceci n'est pas remboursé."),
    USED: Text(
        en="The service was used, so what was paid for it is not refunded.",
        fr="Le service a été utilisé : ce qui a été payé n'est pas remboursé.",
    ),
    NOTHING_PAID: Text(en="Nothing was paid.", fr="Rien n'a été payé."),
    PAID_OTHERWISE: Text(
        en="It was not paid by one card payment, so it cannot be refunded to a card.",
        fr="Le paiement n'a pas été fait en une fois par carte ; il ne peut être remboursé ainsi.",
    ),
    PERIOD_OVER: Text(
        en="The paid period is over, so it is fully rendered.",
        fr="La période payée est terminée : le service est entièrement rendu.",
    ),
    ALREADY_REFUNDED: Text(en="It was refunded already.", fr="C'est déjà remboursé."),
    FEE_UNKNOWN: Text(
        en="Stripe has not said yet what it keeps of the payment.",
        fr="Stripe n'a pas encore indiqué ses frais pour ce paiement.",
    ),
    NOTHING_LEFT: Text(
        en="The deductions leave nothing to pay back.",
        fr="Après déduction, il ne reste rien à rembourser.",
    ),
    SPENT: Text(en="The balance has been spent.", fr="Le solde a été dépensé."),
}
DEDUCTIONS = {
    SET_UP_FEE: Text(en="Number set-up and hosting", fr="Mise en service et hébergement du numéro"),
    STRIPE_FEE: Text(en="Stripe's processing fee", fr="Frais de traitement de Stripe"),
}


def sentence(code: str, policy: Policy, locale: str) -> str:
    """What a customer reads for a reason; a policy without refunds says so in its own words."""
    own = policy.refunds.refusal if code == NO_REFUNDS else None
    return (own or REASONS[code]).in_language(locale)
