"""Who is calling: the access token, verified in the app against the configured issuer, audience and keys.

Two kinds of token: one with an account (its people's roles), and one without (the SaaS's back end, support and
operators), from an audience of its own. Mixing them is refused. `jwt` is imported when the first token comes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeGuard

from chalicelib.gateways.jwks import IssuerKeys
from chalicelib.settings import Settings

ACCOUNT_ROLES = frozenset(
    {"super_admin", "billing_admin", "product_admin", "billing_contact", "member"}
)
BACKEND_ROLES = frozenset({"service", "operator", "support_agent"})
ALGORITHMS = ("RS256", "ES256")
LONGEST_TOKEN = 16 * 1024
"""More than API Gateway lets through: nobody makes us verify a book."""
LONGEST_SUB = 255
MOST_REMEMBERED = 256
"""Tokens whose signature this process has verified. A back end sends one and the same for hundreds of requests."""


class TokenError(Exception):
    """`code` is token_missing, token_expired or token_invalid; the message is for the caller."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    sub: str
    email: str | None
    account_id: str | None
    roles: frozenset[str]
    account_ids: frozenset[str] | None = None
    """A service token may be limited to some accounts; every other one is 404 to it."""

    def may_see(self, account_id: str) -> bool:
        if self.account_id is not None:
            return self.account_id == account_id
        return self.account_ids is None or account_id in self.account_ids


@dataclass(frozen=True, slots=True)
class _Verified:
    key_id: str
    key: Any
    claims: Mapping[str, Any]


class Tokens:
    def __init__(self, settings: Settings, keys: IssuerKeys | None = None) -> None:
        self.settings = settings
        self._keys = keys or IssuerKeys(settings.jwks, settings.jwks_url)
        self._verified: dict[bytes, _Verified] = {}
        """By the token's hash. It says who signed what, and nothing that time could change."""

    def caller(self, authorization: str | None, now: datetime) -> Caller:
        """Raises TokenError, and jwks.KeysUnavailable when the issuer cannot be asked for its keys."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenError(
                "token_missing", "Send an access token, as Authorization: Bearer and the token."
            )
        claims = self._claims(token.strip(), now)
        self._check_time(claims, now)
        return self._caller(claims)

    def _claims(self, token: str, now: datetime) -> Mapping[str, Any]:
        import jwt

        if len(token) > LONGEST_TOKEN:
            raise _invalid("The access token is too long.")
        try:
            name = hashlib.sha256(token.encode()).digest()
            known = self._verified.get(name)
            # Only for as long as the issuer still has the very key that verified it.
            if known is None or self._keys.named(known.key_id, now) is not known.key:
                known = self._verify(token, now)
                self._remember(name, known)
            return known.claims
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise _invalid("The access token cannot be verified.") from error

    def _remember(self, name: bytes, verified: _Verified) -> None:
        if len(self._verified) >= MOST_REMEMBERED:
            self._verified.clear()
        self._verified[name] = verified

    def _verify(self, token: str, now: datetime) -> _Verified:
        import jwt

        key_id, key = self._key(token, now)
        claims = jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            issuer=self.settings.token_issuer,
            audience=[self.settings.token_audience, self.settings.service_audience],
            # Time is ours to judge, by the one clock; who it is, by the configured name of that claim.
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_sub": False,
                "require": ["aud", "iss"],
            },
        )
        return _Verified(key_id, key, claims)

    def _key(self, token: str, now: datetime) -> tuple[str, Any]:
        import jwt

        header = jwt.get_unverified_header(token)
        key_id = header.get("kid")
        if header.get("alg") not in ALGORITHMS or "crit" in header:
            # Before a key is looked for: what we shall not accept must not make us ask the issuer.
            raise _invalid("The access token is signed in a way we do not accept.")
        if not isinstance(key_id, str):
            raise _invalid("The access token names no key.")
        key = self._keys.named(key_id, now)
        if key is None:
            raise _invalid("The access token was signed by a key we do not know.")
        return key_id, key

    def _check_time(self, claims: Mapping[str, Any], now: datetime) -> None:
        seconds = now.timestamp()
        expires, starts = claims.get("exp"), claims.get("nbf")
        if expires is not None and not _is_number(expires):
            raise _invalid("The access token's expiry is no number.")
        if expires is not None and seconds >= expires:
            raise TokenError("token_expired", "The access token has expired: get a new one.")
        if starts is not None and (not _is_number(starts) or seconds < starts):
            raise _invalid("The access token is not valid yet.")

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        names = self.settings.claims or {}
        account_id = claims.get(names.get("account_id", "account_id"))
        roles = claims.get(names.get("roles", "roles"), [])
        email = claims.get(names.get("email", "email"))
        limited_to = claims.get(names.get("account_ids", "account_ids"))
        sub = claims.get(names.get("sub", "sub"))
        if not _is_name(sub) or not _are_texts(roles):
            raise _invalid("The access token's claims are not as agreed.")
        if account_id is not None and (not isinstance(account_id, str) or not account_id):
            raise _invalid("The access token's account is no text.")
        if limited_to is not None and not _are_texts(limited_to):
            raise _invalid("The access token's accounts are no list of texts.")
        self._check_kind(claims, account_id, frozenset(roles))
        return Caller(
            sub=sub,
            email=email if isinstance(email, str) else None,
            account_id=account_id,
            roles=frozenset(roles),
            account_ids=frozenset(limited_to) if limited_to is not None else None,
        )

    def _check_kind(
        self, claims: Mapping[str, Any], account_id: str | None, roles: frozenset[str]
    ) -> None:
        """Back-end roles count only in tokens without an account, and from their own audience."""
        audience = claims["aud"]
        audiences = {audience} if isinstance(audience, str) else set(audience)
        mine = self.settings.token_audience if account_id else self.settings.service_audience
        if mine not in audiences:
            raise _invalid("The access token was made for somebody else.")
        if account_id is not None and roles & BACKEND_ROLES:
            raise _invalid("An access token has an account, or a back-end role, never both.")
        if account_id is None and (roles & ACCOUNT_ROLES or not roles & BACKEND_ROLES):
            raise _invalid("An access token without an account needs a back-end role.")


def _invalid(message: str) -> TokenError:
    return TokenError("token_invalid", message)


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _is_name(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_SUB and value.isprintable()


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
