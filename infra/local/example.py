"""`POST /_example`: fills an account with something to look at, through the same doors as everybody else.

A plan or two, numbers, a registration, messages that are scheduled, seats and a filled wallet, as far as its policy
knows them. What is there already is left as it is, so pressing twice does nothing more.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from zlib import crc32

from chalicelib.domain.moments import rfc3339
from chalicelib.domain.policy import Policy
from chalicelib.policies import Policies
from infra.local import seeds
from infra.local.clock import MovableClock
from infra.local.messages import Answer, Request
from infra.local.tokens import Tokens

Ask = Callable[[Request], Answer]


class Example:
    def __init__(self, ask: Ask, tokens: Tokens, clock: MovableClock, policies: Policies) -> None:
        self._ask, self._tokens, self._clock, self._policies = ask, tokens, clock, policies

    def accounts(self) -> list[str]:
        return list(seeds.ACCOUNTS)

    def fill(self, account_id: str) -> str:
        """What was done, in a sentence. Raises ValueError with one."""
        shown = self._membership(account_id)
        policy = self._policies.get(shown["policy"])
        if shown["subscriptions"]:
            return f"{account_id} has something to show already."
        for plan in policy.plans:
            self._subscribe(account_id, policy, plan)
        self._holdings(account_id, policy)
        return f"{account_id} has {len(policy.plans)} plans now, and whatever goes with them."

    def _membership(self, account_id: str) -> Any:
        token = self._token(account_id, ["super_admin"])
        reply = self._ask(_request("GET", "/v1/membership", None, token))
        if reply.status != 200:
            raise ValueError(f"There is no account {account_id!r}.")
        return reply.json()

    def _subscribe(self, account_id: str, policy: Policy, plan: str) -> None:
        key = f"{policy.name}:{plan}:{next(iter(policy.plans[plan].price_minor))}"
        (price,) = self._stripe("GET", "/v1/prices", {"lookup_keys[0]": key})["data"]
        customer = self._customer(account_id)
        self._stripe("POST", "/v1/subscriptions",
                     {"customer": customer, "items[0][price]": price["id"]})  # fmt: skip

    def _customer(self, account_id: str) -> str:
        email = f"owner@{account_id}.example.com"
        found = self._stripe("GET", "/v1/customers", {"email": email})["data"]
        if not found:
            raise ValueError(f"{account_id} is none of the seeded accounts.")
        return str(found[0]["id"])

    def _holdings(self, account_id: str, policy: Policy) -> None:
        now = self._clock.now()
        if policy.wallet is not None:
            self._top_up(account_id, 2500, policy.currency)
        if policy.numbers is not None:
            for n, e164 in enumerate(_numbers_of(account_id)):
                body = {
                    "account_id": account_id,
                    "provider": "local",
                    "provider_id": f"PN{e164[1:]}",
                    "monthly_fee": {"amount": 126, "currency": policy.currency},
                    "bought_at": rfc3339(now - timedelta(days=4 + 9 * n)),
                }
                self._api("PUT", f"/v1/numbers/{e164}", body)
        if policy.registrations is not None:
            body = {"account_id": account_id, "kind": "10dlc", "state": "active",
                    "provider": "local", "provider_id": f"BR-{account_id}"}  # fmt: skip
            self._api("PUT", f"/v1/registrations/campaign-{account_id}", body)
        elif policy.name == "nexorone":
            body = {"account_id": account_id, "kind": "sign_up", "state": "pending"}
            self._api("PUT", f"/v1/registrations/request-{account_id}", body)
        channels = {c for plan in policy.plans.values() for c in plan.message_channels}
        if channels:
            send_at = rfc3339(now + timedelta(days=45))
            price = {"amount": 8, "currency": policy.currency}
            messages = [
                {"id": f"{account_id}-{c}-{n}", "channel": c, "send_at": send_at, "price": price}
                for c in sorted(channels)
                for n in range(3)
            ]
            self._api("POST", "/v1/scheduled-messages",
                      {"account_id": account_id, "messages": messages})  # fmt: skip
        if policy.name == "goto":
            self._seats(account_id)

    def _seats(self, account_id: str) -> None:
        first = self._membership(account_id)["subscriptions"][0]["id"]
        for user in ("ines@example.com", "noor@example.com"):
            path = f"/v1/subscriptions/{first}/seats/{user}"
            self._checked(
                Request("PUT", path, f"account_id={account_id}", self._headers(None, ["service"]))
            )

    def _top_up(self, account_id: str, amount: int, currency: str) -> None:
        body = {
            "purpose": "top_up",
            "amount": {"amount": amount, "currency": currency},
            "success_url": "https://app.example.com/",
            "cancel_url": "https://app.example.com/",
        }
        token = self._token(account_id, ["super_admin"])
        made = self._checked(_request("POST", "/v1/checkout-sessions", body, token))
        paid = {"action": "pay_checkout", "session": made["checkout_session_id"], "outcome": "paid"}
        self._checked(_request("POST", "/_stripe/_control", paid, None))

    # -- speaking

    def _api(self, method: str, path: str, body: Any) -> Any:
        return self._checked(_request(method, path, body, self._token(None, ["service"])))

    def _stripe(self, method: str, path: str, form: dict[str, str]) -> Any:
        headers = (
            ("Authorization", "Bearer sk_test_local"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        )
        query, body = ("", urlencode(form)) if method == "POST" else (urlencode(form), "")
        return self._checked(Request(method, f"/_stripe{path}", query, headers, body.encode()))

    def _checked(self, request: Request) -> Any:
        reply = self._ask(request)
        if not 200 <= reply.status < 300:
            raise ValueError(f"{request.path}: {reply.body.decode('utf-8', 'replace')}")
        return reply.json() if reply.body else None

    def _headers(self, account_id: str | None, roles: list[str]) -> tuple[tuple[str, str], ...]:
        return (("Authorization", f"Bearer {self._token(account_id, roles)}"),)

    def _token(self, account_id: str | None, roles: list[str]) -> str:
        wanted = {"account_id": account_id, "roles": roles, "email": "example@example.com"}
        return self._tokens.sign(wanted, self._clock.now())


def _request(method: str, path: str, body: Any, token: str | None) -> Request:
    known = (("Authorization", f"Bearer {token}"),) if token is not None else ()
    headers = (("Content-Type", "application/json"), *known)
    return Request(method, path, "", headers, b"" if body is None else json.dumps(body).encode())


def _numbers_of(account_id: str) -> tuple[str, str]:
    """Two numbers nobody else has: a live number belongs to one account."""
    known = list(seeds.ACCOUNTS)
    if account_id in known:
        place = 100 + 2 * known.index(account_id)
        return f"+1415555{place:04d}", f"+1415555{place + 1:04d}"
    some = crc32(account_id.encode()) % 10**7
    return f"+1212{some:07d}", f"+1213{some:07d}"
