"""Signs what we send by HTTP as Standard Webhooks have it, so that anybody's library can verify it.

HMAC-SHA256 over the id, the time of the try and the body. While a secret is rotated there is a signature for each of
those that are active: whoever receives it needs one that fits.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote


class SecretUnusable(Exception):
    """It is no secret to sign with: 24 to 64 bytes in base64, perhaps behind whsec_."""


def signed(secrets: Sequence[str], id: str, now: datetime, body: bytes) -> dict[str, str]:
    """The three headers. Raises SecretUnusable when one of the secrets is none, or there is none."""
    at = str(int(now.timestamp()))
    keys = [_key(secret) for secret in secrets]
    if not keys:
        raise SecretUnusable
    said = f"{id}.{at}.".encode() + body
    return {
        "webhook-id": id,
        "webhook-timestamp": at,
        "webhook-signature": " ".join(_signature(key, said) for key in keys),
    }


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        # Not `from`: what could not be decoded is the secret itself.
        raise SecretUnusable
    return key


def _signature(key: bytes, said: bytes) -> str:
    return f"v1,{base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()}"


def header_safe(id: str) -> str:
    """The id as it may stand in a header, and before the dot that ends it in what is signed. Ids of ours rarely hold
    anything that has to be escaped."""
    return quote(id, safe=":@+").replace(".", "%2E")
