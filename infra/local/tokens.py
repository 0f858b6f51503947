"""Signs JWTs for the membership page and for tests, as an identity provider would.

The key is made at the first start and kept, so that a token outlives a restart. Whether a token may do
something is the app's to judge: a token that the app will refuse can be had here as well.
"""

import json
from datetime import datetime
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.local.notebook import Notebook

ISSUER = "https://local.lapse.example"
AUDIENCE = "lapse"
SERVICE_AUDIENCE = "lapse-service"
KEY_ID = "local"

ROLES = (
    *("super_admin", "billing_admin", "product_admin", "billing_contact", "member"),
    *("support_agent", "operator", "service"),
)


@cache
def _key(pem: str) -> rsa.RSAPrivateKey:
    """Read once: checking a private key takes a sixth of a second, and tests make worlds by the hundred."""
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


class Tokens:
    def __init__(self, notebook: Notebook) -> None:
        kept = notebook.get("tokens", "key")
        if kept is None:
            notebook.put("tokens", "key", kept := new_key())
        self._key = _key(kept)

    def jwks(self) -> dict[str, Any]:
        """The public half, as the app is configured with it."""
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [{**public, "kid": KEY_ID, "alg": "RS256", "use": "sig"}]}

    def sign(self, wanted: dict[str, Any], now: datetime) -> str:
        """A token for what `/_tokens` was asked. Raises ValueError with a sentence."""
        claims = claims_of(wanted)
        if (ttl := wanted.get("ttl_seconds")) is not None:
            claims["exp"] = int(now.timestamp()) + _seconds(ttl)
        claims["iat"] = int(now.timestamp())
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})


def claims_of(wanted: dict[str, Any]) -> dict[str, Any]:
    account_id = wanted.get("account_id")
    if account_id is not None:
        _text("account_id", account_id)
    email = _text("email", wanted.get("email", "someone@example.com"))
    claims = {
        "iss": ISSUER,
        # Without an account it is one of ours: service, operator, support agent.
        "aud": AUDIENCE if account_id is not None else SERVICE_AUDIENCE,
        "sub": _text("sub", wanted.get("sub", email)),
        "email": email,
        "roles": _roles(wanted.get("roles")),
    }
    if account_id is not None:
        claims["account_id"] = account_id
    if (account_ids := wanted.get("account_ids")) is not None:
        claims["account_ids"] = _account_ids(account_ids)
    return claims


def new_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _roles(roles: Any) -> list[str]:
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise ValueError(f"roles must be a list of: {', '.join(ROLES)}.")
    if unknown := [role for role in roles if role not in ROLES]:
        raise ValueError(f"There is no role {unknown[0]!r}. The roles are: {', '.join(ROLES)}.")
    return roles


def _account_ids(account_ids: Any) -> list[str]:
    if not isinstance(account_ids, list):
        raise ValueError("account_ids must be a list of account ids.")
    return [_text("account_ids", account_id) for account_id in account_ids]


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text that is not empty.")
    return value


def _seconds(ttl: Any) -> int:
    # bool is an int to Python, and to nobody else.
    if not isinstance(ttl, int) or isinstance(ttl, bool) or not 0 < ttl <= 10**10:
        raise ValueError("ttl_seconds must be a whole number of seconds, at least 1.")
    return ttl
