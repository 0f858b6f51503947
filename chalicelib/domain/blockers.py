"""Who may cancel, and what stands in the way: all of it at once, each with what to do (GT-3, GT-7, GT-9, OS-3).

Off unless a policy turns it on: a policy that says "any time" blocks nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.money import Money
from chalicelib.domain.policy import Policy, Text

ROLE_REQUIRED = "role_required"
OUTSTANDING_BALANCE = "outstanding_balance"
NOT_CANCELABLE_ONLINE = "not_cancelable_online"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    code: str
    title: str
    label: str
    """What the link that clears it is called."""
    href: str
    amount: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvoice:
    """An invoice that is still to be paid, and where it can be."""

    id: str
    due: Money
    pay_at: str | None


def cancel_roles(account: Account, subscription: Subscription, policy: Policy) -> tuple[str, ...]:
    """GT-7. Bought through a representative outranks the plan's own rule, and that outranks the policy's."""
    rules = policy.cancellation
    contract = account.contracts.get(subscription.id)
    through = (contract and contract.purchased_through) or account.purchased_through
    if through == "representative" and rules.representative_roles:
        return rules.representative_roles
    plan = policy.plans.get(subscription.plan)
    return (plan and plan.cancel_roles) or rules.roles


def blockers(
    account: Account,
    subscription: Subscription,
    policy: Policy,
    *,
    roles: frozenset[str],
    open_invoices: Sequence[OpenInvoice],
    wallet: Money,
) -> tuple[Blocker, ...]:
    """Everything that keeps these roles from cancelling online."""
    locale = account.locale
    found: list[Blocker] = []
    needed = cancel_roles(account, subscription, policy)
    if not roles & set(needed):
        found.append(role_blocker(needed, locale))
    plan = policy.plans.get(subscription.plan)
    if not policy.cancellation.online or (plan is not None and not plan.cancelable_online):
        found.append(not_cancelable_online(locale))
    if policy.cancellation.blocks_on_balance:
        found += [_unpaid(invoice, locale) for invoice in open_invoices]
        if wallet.amount < 0:
            found.append(
                _blocker(
                    OUTSTANDING_BALANCE,
                    _WALLET,
                    _SETTLE,
                    "/membership#balance-due",
                    locale,
                    -wallet,
                )
            )
    return tuple(found)


def role_blocker(needed: tuple[str, ...], locale: str) -> Blocker:
    words = " / ".join(sorted(needed))
    title = Text(en=f"This needs the role {words}.", fr=f"Ceci demande le rôle {words}.")
    return _blocker(ROLE_REQUIRED, title, _SUPPORT, "/membership#support", locale)


def not_cancelable_online(locale: str) -> Blocker:
    return _blocker(NOT_CANCELABLE_ONLINE, _NOT_ONLINE, _SUPPORT, "/membership#support", locale)


def _unpaid(invoice: OpenInvoice, locale: str) -> Blocker:
    href = invoice.pay_at or "/membership#invoices"
    return _blocker(OUTSTANDING_BALANCE, _INVOICE, _PAY, href, locale, invoice.due)


def _blocker(
    code: str, title: Text, label: Text, href: str, locale: str, amount: Money | None = None
) -> Blocker:
    return Blocker(
        code=code,
        title=title.in_language(locale),
        label=label.in_language(locale),
        href=href,
        amount=amount,
    )


_NOT_ONLINE = Text(
    en="This product cannot be cancelled online.",
    fr="Ce produit ne peut pas être annulé en ligne.",
)
_INVOICE = Text(en="An invoice is still unpaid.", fr="Une facture est impayée.")
_WALLET = Text(en="Your balance is below zero.", fr="Votre solde est négatif.")
_SUPPORT = Text(en="Contact support", fr="Contacter l'assistance")
_PAY = Text(en="Pay the invoice", fr="Payer la facture")
_SETTLE = Text(en="Settle the balance", fr="Régler le solde")
