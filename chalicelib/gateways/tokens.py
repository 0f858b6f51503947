"""Who is calling: the access token, verified in the app against the configured issuer, audience and keys.

Two kinds of token: one with an account (its people's roles), and one without (the SaaS's back end, support and
operators), from an audience of its own. Mixing them is refused. `jwt` is imported when the first token comes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.settings import Settings

ACCOUNT_ROLES = frozenset(
    {"super_admin", "billing_admin", "product_admin", "billing_contact", "member"}
)
BACKEND_ROLES = frozenset({"service", "operator", "support_agent"})
LEEWAY_SECONDS = 0
ALGORITHMS = ("RS256", "ES256")


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


@dataclass(slots=True)
class Tokens:
    settings: Settings
    _keys: dict[str, Any] = field(default_factory=dict)

    def caller(self, authorization: str | None, now: datetime) -> Caller:
        """Raises TokenError."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenError("token_missing", "Send an access token: Authorization: Bearer …")
        claims = self._claims(token.strip())
        self._check_time(claims, now)
        return self._caller(claims)

    def _claims(self, token: str) -> dict[str, Any]:
        import jwt

        try:
            return jwt.decode(
                token,
                self._key(token),
                algorithms=list(ALGORITHMS),
                issuer=self.settings.token_issuer,
                audience=[self.settings.token_audience, self.settings.service_audience],
                # Time is ours to judge, by the one clock.
                options={
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "require": ["sub", "aud", "iss"],
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _invalid("The access token cannot be verified.") from error

    def _key(self, token: str) -> Any:
        import jwt

        key_id = jwt.get_unverified_header(token).get("kid")
        if not isinstance(key_id, str):
            raise _invalid("The access token names no key.")
        if key_id not in self._keys:
            known = jwt.PyJWKSet.from_dict(self._jwks()).keys
            self._keys = {key.key_id: key.key for key in known if key.key_id is not None}
        if key_id not in self._keys:
            raise _invalid("The access token was signed by a key we do not know.")
        return self._keys[key_id]

    def _jwks(self) -> dict[str, Any]:
        if self.settings.jwks is not None:
            return dict(self.settings.jwks)
        if self.settings.jwks_url is None:
            raise _invalid("No keys are configured to verify access tokens with.")
        import urllib.request

        with urllib.request.urlopen(self.settings.jwks_url, timeout=3) as answer:  # noqa: S310 - configured by the operator
            keys: dict[str, Any] = json.loads(answer.read(1_000_000))
        return keys

    def _check_time(self, claims: Mapping[str, Any], now: datetime) -> None:
        seconds = now.timestamp()
        expires, starts = claims.get("exp"), claims.get("nbf")
        if expires is not None and not _is_number(expires):
            raise _invalid("The access token's expiry is no number.")
        if expires is not None and seconds >= expires + LEEWAY_SECONDS:
            raise TokenError("token_expired", "The access token has expired: get a new one.")
        if starts is not None and (not _is_number(starts) or seconds < starts - LEEWAY_SECONDS):
            raise _invalid("The access token is not valid yet.")

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        names = self.settings.claims or {}
        account_id = claims.get(names.get("account_id", "account_id"))
        roles = claims.get(names.get("roles", "roles"), [])
        email = claims.get(names.get("email", "email"))
        limited_to = claims.get("account_ids")
        sub = claims.get(names.get("sub", "sub"))
        if not isinstance(sub, str) or not sub or not _are_texts(roles):
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
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
