"""Who came to our page over a one-time link: told by the token that the link's code was exchanged for.

The token stands beside the issuer's tokens and has the same roles and account as the one it was asked for with.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime

from chalicelib.gateways.tokens import Caller, TokenError
from chalicelib.store import page_links
from chalicelib.store.table import Table

PREFIX = "lapse_page."
"""No token of an issuer's begins like this."""
LONGEST_SECRET = 1000


def token_in(authorization: str | None) -> str | None:
    """The token, if it is one of ours."""
    scheme, _, token = (authorization or "").partition(" ")
    is_ours = scheme.lower() == "bearer" and token.strip().startswith(PREFIX)
    return token.strip() if is_ours else None


def caller_of(table: Table, token: str, now: datetime) -> Caller:
    """Who came over a link. Raises TokenError."""
    account_id = account_in(token.removeprefix(PREFIX))
    visit = page_links.session(table, account_id, token) if account_id else None
    if account_id is None or visit is None:
        raise TokenError("token_invalid", "The access token cannot be verified.")
    if visit.until <= now:
        raise TokenError("token_expired", "This visit has ended: open the page again.")
    return Caller(
        sub=visit.sub, email=visit.email, account_id=account_id, roles=frozenset(visit.roles)
    )


def new_secret(account_id: str) -> str:
    from secrets import token_urlsafe

    named = urlsafe_b64encode(account_id.encode()).decode().rstrip("=")
    return f"{named}.{token_urlsafe(32)}"


def account_in(secret: str) -> str | None:
    """The account that a code or token says it is of. Only its row can prove that."""
    named, dot, rest = secret.partition(".")
    if not dot or not rest or len(secret) > LONGEST_SECRET or not secret.isascii():
        return None
    try:
        account_id = urlsafe_b64decode(named + "=" * (-len(named) % 4)).decode()
    except ValueError:
        return None
    return account_id if account_id and account_id.isprintable() else None
