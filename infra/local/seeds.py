"""What a new stack holds: Stripe's prices, our webhook endpoint, and six accounts, put in through the front door."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from chalicelib.policies import Policies
from infra.local.messages import Answer, Request
from infra.local.notebook import Notebook
from infra.local.stripe_emulator import Emulator

WEBHOOK_SECRET = "whsec_local"

ACCOUNTS = {
    "smarter": "smarter-contact",
    "onemsg": "1msg",
    "gotowebinar": "goto",
    "onesolution": "1smtg",
    "nexor": "nexorone",
    "troubled": "smarter-contact",
}


class SeedRefused(RuntimeError):
    """The stack would not take its own seed: a bug, shown with the answer."""


def seed_stripe(
    emulator: Emulator, notebook: Notebook, policies: Policies, webhook_url: str
) -> None:
    """Makes what is not there yet; a policy that is new since the last start gets its prices now."""
    for name in policies.names():
        policy = policies.get(name)
        for plan_name, plan in policy.plans.items():
            for interval, amount in plan.price_minor.items():
                emulator.seed_price(
                    lookup_key=f"{name}:{plan_name}:{interval}",
                    unit_amount=amount,
                    currency=policy.currency,
                    interval=interval,
                    product_name=f"{policy.title}: {plan.title}",
                )
    _seed_webhook(emulator, notebook, webhook_url)


def _seed_webhook(emulator: Emulator, notebook: Notebook, url: str) -> None:
    known = notebook.get("seeds", "webhook")
    if known is None:
        made = emulator.seed_webhook_endpoint(url=url, secret=WEBHOOK_SECRET)
        notebook.put("seeds", "webhook", made["id"])
        return
    # The stack may have come back on another port. What is still owed to the old one must arrive here.
    emulator.handle(
        "POST",
        f"/v1/webhook_endpoints/{known}",
        "",
        {"Authorization": "Bearer sk_test_local"},
        urlencode({"url": url}).encode(),
    )


def seed_accounts(
    answer: Callable[[Request], Answer], notebook: Notebook, policies: Policies, token: str
) -> None:
    for account_id, policy_name in ACCOUNTS.items():
        if notebook.get("seeds", f"account {account_id}") is not None:
            continue
        email = f"owner@{account_id}.example.com"
        customer = _stripe_customer(answer, account_id, email)
        policy = policies.get(policy_name)
        _put_account(
            answer,
            token,
            account_id,
            {
                "stripe_customer_id": customer,
                "policy": policy_name,
                "currency": policy.currency,
                "time_zone": policy.time_zone,
                "locale": policy.locale,
                "email": email,
            },
        )
        notebook.put("seeds", f"account {account_id}", customer)


def _stripe_customer(answer: Callable[[Request], Answer], account_id: str, email: str) -> str:
    form = {
        "name": account_id,
        "email": email,
        "payment_method": "pm_card_visa",
        "invoice_settings[default_payment_method]": "pm_card_visa",
    }
    headers = (
        ("Authorization", "Bearer sk_test_local"),
        ("Content-Type", "application/x-www-form-urlencoded"),
        # A seed that was interrupted is taken up again, and must not make a second customer.
        ("Idempotency-Key", f"seed-{account_id}"),
    )
    body = urlencode(form).encode()
    made = _checked(answer(Request("POST", "/_stripe/v1/customers", "", headers, body)))
    return str(made["id"])


def _put_account(
    answer: Callable[[Request], Answer], token: str, account_id: str, account: dict[str, Any]
) -> None:
    headers = (("Authorization", f"Bearer {token}"), ("Content-Type", "application/json"))
    body = json.dumps(account).encode()
    _checked(answer(Request("PUT", f"/v1/admin/accounts/{account_id}", "", headers, body)))


def _checked(answer: Answer) -> Any:
    if not 200 <= answer.status < 300:
        raise SeedRefused(f"{answer.status}: {answer.body.decode('utf-8', 'replace')}")
    return answer.json()
