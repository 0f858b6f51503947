"""Stripe's objects as they come over the wire, in the shapes of several API versions, and signed as Stripe signs.

Written from recorded payloads, shortened to what a reader could trip over. `old` is the shape before
2025-03-31.basil: periods on the subscription, `invoice.subscription` at the top. The oldest have plans instead of
prices, and no status on an invoice.
"""

import hashlib
import hmac
import json
from typing import Any

Json = dict[str, Any]

ENDIVE, BASIL, ACACIA = "2026-10-28.endive", "2025-03-31.basil", "2024-09-30.acacia"
VERSIONS = (
    "2018-05-21",
    "2019-02-19",
    "2020-08-27",
    "2024-06-20",
    ACACIA,
    BASIL,
    "2025-09-30.clover",
    ENDIVE,
)
MESSAGING = "smarter-contact:messaging:month"
SECRET = "whsec_local"


def is_old(version: str) -> bool:
    return version[:10] < "2025-03-31"


def has_plans(version: str) -> bool:
    """No prices yet, so no lookup keys either."""
    return version < "2020-03-02"


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
    if has_plans(version):
        item["plan"] = {
            "id": item.pop("price")["id"],
            "object": "plan",
            "amount": 9900,
            "currency": "usd",
            "interval": "month",
            "interval_count": 1,
            "nickname": None,
        }
    period = {"current_period_start": start, "current_period_end": end}
    top: Json = period if is_old(version) else {"billing_mode": {"type": "flexible"}}
    if not is_old(version):
        item |= period
    if has_plans(version):
        # `start` was the moment of the last change; there was no `start_date`, no `cancel_at`.
        top |= {"start": start + 1, "billing": "charge_automatically", "plan": item["plan"]}
        more = {"start_date": None, "cancellation_details": None} | more
    made = {
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
    unknown = ("start_date", "cancellation_details") if has_plans(version) else ()
    return {name: value for name, value in made.items() if name not in unknown}


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
    made = {
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
    return _before_there_was_a_status(made) if version < "2018-11-08" else made


def _before_there_was_a_status(invoice: Json) -> Json:
    status, created = invoice.pop("status"), invoice.pop("created")
    invoice.pop("status_transitions")
    return invoice | {
        "date": created,
        "attempted": status != "draft" and invoice["attempt_count"] > 0,
        "paid": status == "paid",
        "forgiven": status == "uncollectible",
        "closed": status in ("paid", "void", "uncollectible"),
    }


def charge(id: str = "ch_1", customer: Any = "cus_1", **more: Any) -> Json:
    return {
        "id": id,
        "object": "charge",
        "customer": customer,
        "amount": 9900,
        "amount_refunded": 0,
        "currency": "usd",
        "payment_intent": "pi_1",
        "disputed": False,
        "balance_transaction": None,
        **more,
    }


def refund(id: str = "re_1", charge: Any = "ch_1", **more: Any) -> Json:
    return {
        "id": id,
        "object": "refund",
        "charge": charge,
        "amount": 9900,
        "currency": "usd",
        "status": "succeeded",
        "metadata": {},
        **more,
    }


def dispute(id: str = "dp_1", charge: Any = "ch_1", *, created: int, **more: Any) -> Json:
    return {
        "id": id,
        "object": "dispute",
        "charge": charge,
        "amount": 9900,
        "currency": "usd",
        "status": "needs_response",
        "reason": "fraudulent",
        "created": created,
        "evidence_details": {"due_by": created + 7 * 86_400},
        "balance_transactions": [],
        "is_charge_refundable": False,
        **more,
    }


def session(id: str = "cs_1", customer: Any = "cus_1", **more: Any) -> Json:
    """A top-up of a wallet, paid."""
    return {
        "id": id,
        "object": "checkout.session",
        "customer": customer,
        "mode": "payment",
        "payment_status": "paid",
        "status": "complete",
        "amount_total": 500,
        "currency": "usd",
        "payment_intent": "pi_2",
        "metadata": {"account_id": "acme", "purpose": "top_up"},
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


def thin(id: str, type: str, at: str, thing: Json, **more: Any) -> Json:
    """The event of a v2 destination: it names its object, and Stripe is to be asked for that."""
    return {
        "id": id,
        "object": "v2.core.event",
        "type": f"v1.{type}",
        "created": at,
        "livemode": False,
        "context": None,
        "reason": None,
        "related_object": {
            "id": thing["id"],
            "type": thing["object"],
            "url": f"/v1/{thing['object']}s/{thing['id']}",
        },
        **more,
    }


def envelope(event: Json) -> Json:
    """The event as Amazon EventBridge hands it over."""
    return {
        "version": "0",
        "id": "8b2c…",
        "detail-type": event.get("type"),
        "source": "aws.partner/stripe.com/ed_test_1",
        "account": "123456789012",
        "time": "2026-02-01T00:00:00Z",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1::event-source/aws.partner/stripe.com/ed_test_1"],
        "detail": event,
    }


def raw(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def v1(body: bytes, at: int, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()


def signature(body: bytes, at: int, secret: str = SECRET) -> str:
    return f"t={at},v1={v1(body, at, secret)}"
