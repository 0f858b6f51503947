"""What a story expects of money: of the card, of Stripe's refunds, and of the wallet. Each amount in its own book."""

from __future__ import annotations

from datetime import datetime, timedelta

from infra.local.demo.books import CARD, HISTORY, WALLET, Trace
from infra.local.demo.promise import Plan, Promise, Shown, gives, gives_nothing

STRIPE_FINALIZES = timedelta(hours=1)
"""Stripe charges for a renewal an hour after the period began."""


# -- money from the card


def paid(at: datetime, plan: Plan) -> Promise:
    return Promise(
        at=at,
        words=f"{plan.title}: paid by card",
        traces=(Trace(book=CARD, what="charged", at=at, amount=plan.price),),
        amount=plan.price,
        announced=False,
    )


def renewal(plan: Plan, period_end: datetime) -> Promise:
    """It goes on, and the card pays; then the next one is promised."""
    at = period_end + STRIPE_FINALIZES
    return Promise(
        at=at,
        words=f"{plan.title}: renewed, paid by card",
        traces=(Trace(book=CARD, what="charged", at=at, amount=plan.price),),
        amount=plan.price,
        then=lambda: renewal(plan, plan.period_end(period_end)),
    )


def instalments(plan: Plan, *days: datetime) -> tuple[Promise, ...]:
    """ "You will be billed for the three remaining months": told beforehand, then charged one by one."""
    shown = Shown(
        kind="contract_instalments",
        at=days[0],
        subject=plan.id,
        amount=len(days) * plan.price,
        count=len(days),
    )
    return tuple(
        Promise(
            at=day + STRIPE_FINALIZES,
            words=f"{plan.title}: {_numbered(n, len(days))}, paid by card",
            traces=(
                Trace(book=CARD, what="charged", at=day + STRIPE_FINALIZES, amount=plan.price),
            ),
            shown=shown if n == 1 else None,
            amount=plan.price,
        )
        for n, day in enumerate(days, 1)
    )


def invoice_paid(at: datetime, plan: Plan) -> Promise:
    return Promise(
        at=at,
        words=f"{plan.title}: the open invoice is paid, access is back",
        traces=(Trace(book=CARD, what="charged", at=at, amount=plan.price),),
        amount=plan.price,
        announced=False,
    )


def refunded(at: datetime, plan: Plan, amount: int) -> Promise:
    return Promise(
        at=at,
        words=f"{plan.title}: refunded to the card by Stripe",
        traces=(Trace(book=CARD, what="refunded", at=at, amount=amount),),
        amount=amount,
        announced=False,
    )


def declined(at: datetime, plan: Plan) -> Promise:
    return Promise(
        at=at,
        words=f"{plan.title}: tried again, the card is declined",
        traces=(Trace(book=CARD, what="declined", at=at, amount=plan.price),),
    )


def collected(at: datetime, plan: Plan) -> Promise:
    return Promise(
        at=at,
        words=f"{plan.title}: tried again and paid, access is back",
        state=lambda seen: gives(plan, seen) and seen.status(plan.id) == "active",
        not_yet=lambda seen: gives_nothing(plan, seen),
        traces=(Trace(book=CARD, what="charged", at=at, amount=plan.price),),
        amount=plan.price,
    )


def ended_with_refund(at: datetime, plan: Plan) -> Promise:
    """Who has the money back has no paid plan any more."""
    return Promise(
        at=at,
        words=f"{plan.title}: ends with its refund",
        traces=(Trace(book=HISTORY, what="access_ends", at=at, subject=plan.id),),
        announced=False,
    )


# -- the wallet


def number_fee(at: datetime, number: str, fee: int) -> Promise:
    """ "Phone number fees … will be deducted from your balance/wallet." """
    return Promise(
        at=at,
        words=f"{number}: monthly fee",
        traces=(Trace(book=WALLET, what="number_fee", at=at, subject=number, amount=-fee),),
        shown=Shown(kind="number_fee", at=at, subject=number, amount=fee),
        amount=-fee,
    )


def messages_debited(at: datetime, words: str, amount: int) -> Promise:
    return _booked(at, "messages_scheduled", words, -amount)


def message_given_back(at: datetime, message: str, amount: int) -> Promise:
    return _booked(at, "message_deleted", f"{message}: price given back", amount)


def topped_up(at: datetime, amount: int) -> tuple[Promise, ...]:
    """ "A separate one-time payment (Stripe Checkout)." """
    return _paid_in(at, "top_up", "Top-up", amount)


def balance_settled(at: datetime, amount: int) -> tuple[Promise, ...]:
    """ "… and repayment of debt after usage." """
    return _paid_in(at, "balance_due", "Balance due, settled", amount)


def _paid_in(at: datetime, what: str, words: str, amount: int) -> tuple[Promise, ...]:
    """Twice in the books: once at Stripe, once in the wallet."""
    charge = Trace(book=CARD, what="charged", at=at, amount=amount)
    paid_by_card = Promise(
        at=at, words=f"{words}: paid by card", traces=(charge,), amount=amount, announced=False
    )
    return paid_by_card, _booked(at, what, f"{words}: on the wallet", amount)


def debit_failed(at: datetime, amount: int) -> Promise:
    return Promise(
        at=at,
        words="The bank debit fails, nothing is booked",
        traces=(Trace(book=CARD, what="declined", at=at, amount=amount),),
        announced=False,
    )


def usage_debited(at: datetime, words: str, amount: int) -> Promise:
    """ "Meta Conversation Fees … strictly non-refundable." """
    return _booked(at, "usage", words, -amount)


def _booked(at: datetime, what: str, words: str, amount: int) -> Promise:
    trace = Trace(book=WALLET, what=what, at=at, amount=amount)
    return Promise(at=at, words=words, traces=(trace,), amount=amount, announced=False)


def _numbered(n: int, count: int) -> str:
    return "the last instalment" if count == 1 else f"instalment {n} of {count}"
