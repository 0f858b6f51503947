"""Stripe's objects as they come over the wire, in the shapes of several API versions, and signed as Stripe signs.

Written from recorded payloads, shortened to what a reader could trip over. `old` is the shape before
2025-03-31.basil: periods on the subscription, `invoice.subscription` at the top.
"""

import hashlib
import hmac
import json
from typing import Any

Json = dict[str, Any]

ENDIVE, BASIL, ACACIA = "2026-10-28.endive", "2025-03-31.basil", "2024-09-30.acacia"
VERSIONS = ("2020-08-27", "2024-06-20", ACACIA, BASIL, "2025-09-30.clover", ENDIVE)
MESSAGING = "smarter-contact:messaging:month"
SECRET = "whsec_local"


def is_old(version: str) -> bool:
    return version[:10] < "2025-03-31"


def subscription(
    id: str = "sub_1",
    customer: Any = "cus_1",
    *,
    start: int,
    end: int,
    version: str = ENDIVE,
    price: str = MESSAGING,
    **more: Any,
) -> Json:
    item: Json = {
        "id": f"si_{id}",
        "object": "subscription_item",
        "quantity": 1,
        "price": {
            "id": "price_messaging",
            "object": "price",
            "currency": "usd",
            "lookup_key": price,
            "unit_amount": 9900,
            "recurring": {"interval": "month", "interval_count": 1},
        },
    }
    period = {"current_period_start": start, "current_period_end": end}
    top = period if is_old(version) else {"billing_mode": {"type": "flexible"}}
    if not is_old(version):
        item |= period
    return {
        "id": id,
        "object": "subscription",
        "customer": customer,
        "status": "active",
        "created": start,
        "start_date": start,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "ended_at": None,
        "trial_end": None,
        "latest_invoice": f"in_{id}",
        "metadata": {},
        "items": {"object": "list", "data": [item], "has_more": False},
        **top,
        **more,
    }


def invoice(
    id: str = "in_1",
    customer: Any = "cus_1",
    subscription: Any = "sub_1",
    *,
    start: int,
    end: int,
    version: str = ENDIVE,
    **more: Any,
) -> Json:
    line: Json = {
        "id": f"il_{id}",
        "object": "line_item",
        "amount": 9900,
        "period": {"start": start, "end": end},
    }
    if is_old(version):
        line |= {"type": "subscription", "proration": False, "subscription": subscription}
        named: Json = {"subscription": subscription, "paid": True}
    else:
        details = {"subscription": subscription, "proration": False}
        line["parent"] = {"type": "subscription_item_details", "subscription_item_details": details}
        named = {
            "parent": {
                "type": "subscription_details",
                "subscription_details": {"subscription": subscription, "metadata": {}},
            }
        }
    return {
        "id": id,
        "object": "invoice",
        "customer": customer,
        "status": "paid",
        "created": start,
        "amount_due": 9900,
        "attempt_count": 1,
        "hosted_invoice_url": "https://invoice.stripe.com/i/secret-link",
        "lines": {"object": "list", "data": [line], "has_more": False},
        "status_transitions": {"finalized_at": start},
        **named,
        **more,
    }


def event(id: str, type: str, created: int, thing: Json, version: str = ENDIVE) -> Json:
    return {
        "id": id,
        "object": "event",
        "api_version": version,
        "created": created,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": type,
        "data": {"object": thing},
    }


def raw(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def v1(body: bytes, at: int, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()


def signature(body: bytes, at: int, secret: str = SECRET) -> str:
    return f"t={at},v1={v1(body, at, secret)}"
