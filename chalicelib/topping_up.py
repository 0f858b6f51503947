"""M1-5: what Stripe says was paid for a wallet comes into it, once per Checkout session, whoever told us of it first:
the session's own events, Stripe's lists, or a bank that wants the money back.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib import log
from chalicelib.domain import top_ups
from chalicelib.domain.account import Account
from chalicelib.domain.top_ups import PaidCheckout
from chalicelib.store import wallet
from chalicelib.wiring import World


class OtherAccount(Exception):
    """The payment was made for another account's wallet, or by another customer."""


def credit(world: World, account: Account, paid: PaidCheckout, at: datetime) -> bool:
    """Whether it came into the wallet now. Raises OtherAccount and ledger.Unbookable."""
    if (paid.account_id, paid.customer_id) != (account.id, account.stripe_customer_id):
        raise OtherAccount(paid.id)
    try:
        wallet.post(world.table, account.id, top_ups.posting(paid, at))
    except wallet.AlreadyBooked:
        return False
    log.event("wallet_credited", account=account.id, session=paid.id)
    return True
