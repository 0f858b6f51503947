"""Two accounts that have one of everything, and whoever may knock: for stories about hostile requests.

What the neighbour has is marked by a word that no request ever carries: where it is read, something has crossed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import quote

from chalicelib.domain.moments import rfc3339
from chalicelib.handlers.call import Route
from chalicelib.store.memory import MemoryTable
from tests.support.life import Life

ACME, OTHER = "acme", "neighbour"
MARK = "quagga"
"""Stands in everything of the neighbour's that is not an id."""

Ids = dict[str, list[str]]


@dataclass
class Scene:
    table: MemoryTable = field(default_factory=MemoryTable)
    life: Life = field(init=False)
    mine: Ids = field(default_factory=dict)
    theirs: Ids = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.life = Life(self.table)
        self.mine = furnished(self.life, ACME, "walrus", "+14155550111")
        self.theirs = furnished(self.life, OTHER, MARK, "+14155550122")

    @cached_property
    def fenced(self) -> list[str]:
        """What only the neighbour, and whoever sees everybody, may be answered."""
        kinds = ("accounts", "subscriptions", "numbers", "cases", "exports")
        return [MARK, *(id for kind in kinds for id in self.theirs[kind])]

    @cached_property
    def callers(self) -> Mapping[str, str | None]:
        """Everybody who may knock → the Authorization they send."""
        return {**self.people(), **self.back_ends(), **self.strangers()}

    def people(self) -> dict[str, str | None]:
        life = self.life
        roles = ("super_admin", "billing_admin", "product_admin", "billing_contact", "member")
        return {role: _bearer(life.token(ACME, role, sub=f"ann-{role}")) for role in roles}

    def back_ends(self) -> dict[str, str | None]:
        life = self.life
        limited = life.token(None, "service", account_ids=[ACME], sub="limited")
        return {
            **{
                role: _bearer(life.token(None, role, sub=f"the-{role}"))
                for role in ("service", "operator", "support_agent")
            },
            "limited": _bearer(limited),
        }

    def strangers(self) -> dict[str, str | None]:
        """Nobody who may come in: each is 401, wherever they knock."""
        good = self.life.token(ACME, "super_admin")
        head, body, tail = good.split(".")
        wanted = {"account_id": ACME, "roles": ["super_admin"], "ttl_seconds": 60}
        old = self.life.tokens.sign(wanted, self.life.now - timedelta(days=1))
        mixed = self.life.token(ACME, "super_admin", "operator")
        unsigned = _part({"alg": "none", "kid": "local"}) + f".{body}."
        return {
            "nobody": None,
            "basic": "Basic YW5uOmFubg==",
            "blank": "Bearer ",
            "garbage": "Bearer garbage",
            "cut short": _bearer(good[:-4]),
            "another body": _bearer(f"{head}.{_part({'sub': 'ann', 'account_id': OTHER})}.{tail}"),
            "no signature": _bearer(unsigned),
            "another key": _bearer(_part({"alg": "RS256", "kid": "x"}) + f".{body}.{tail}"),
            "a head that is a list": _bearer(f"{_part([])}.{body}.{tail}"),
            "an endless one": _bearer("x" * 20_000),
            "a mix": _bearer(mixed),
            "a visit nobody made": _bearer(f"lapse_page.{_encoded(ACME.encode())}.xyz"),
            "a visit of nobody": "Bearer lapse_page.@@@.xyz",
            "expired": _bearer(old),
        }


def fitting(route: Route | None) -> list[str]:
    """The callers whom a route is for."""
    if route is None or callable(route.roles):
        return ["super_admin", "billing_admin"]
    return sorted(route.roles)


def sees_everybody(caller: str) -> bool:
    """Whose work it is to see every account."""
    return caller in ("operator", "service", "support_agent")


def _bearer(token: str) -> str:
    return f"Bearer {token}"


def _part(value: Any) -> str:
    return _encoded(json.dumps(value).encode())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def furnished(life: Life, account_id: str, word: str, e164: str) -> Ids:
    """An account with one of everything. The first words of a path → the ids that stand behind them."""
    life.account(account_id)
    life.operator("PUT", f"/v1/admin/accounts/{account_id}", {"email": f"{word}@example.com"})
    plan = life.subscribe(account_id)
    life.number(account_id, e164)
    life.registration(account_id, f"R-{e164[-3:]}")
    life.schedule(account_id, (f"M-{e164[-3:]}", "sms", life.now + timedelta(days=90), 7))
    seat = f"/v1/subscriptions/{plan}/seats"
    life.customer(account_id, "PUT", f"{seat}/{word}")
    life.customer(account_id, "PUT", f"{seat}/U-{e164[-3:]}")
    appeal = {
        "payment": word, "date": "2026-01-30", "description": f"{word} was charged twice",
        "amount": {"amount": 4900, "currency": "usd"},
    }  # fmt: skip
    case = life.customer(account_id, "POST", "/v1/appeals", appeal)
    export = life.customer(account_id, "POST", "/v1/exports")
    preview = life.preview(account_id, plan)
    window = life.operator("POST", "/v1/maintenance-windows", {
        "starts_at": rfc3339(life.now + timedelta(days=5)),
        "ends_at": rfc3339(life.now + timedelta(days=6)), "kind": "scheduled", "reason": "Work",
    })  # fmt: skip
    made = (case, export, preview, window)
    assert [one.status for one in made] == [201, 202, 201, 201], [one.body for one in made]
    steps = life.operator("GET", f"/v1/admin/accounts/{account_id}/timeline").body["future"]
    return {
        "subscriptions": [plan],
        "numbers": [e164],
        "registrations": [f"R-{e164[-3:]}"],
        "scheduled-messages": [f"M-{e164[-3:]}"],
        "seats": [f"U-{e164[-3:]}"],
        "cases": [case.body["id"]],
        "exports": [export.body["id"]],
        "preview_id": [preview.body["preview_id"]],
        "maintenance-windows": [window.body["id"]],
        "accounts": [account_id],
        "steps": [one["key"] for one in steps],
        "parked-events": ["evt_nobodys"],
        "jobs": ["release_numbers"],
        "disclosures": [one["id"] for one in preview.body["disclosures"]],
    }


def quoted(id: str) -> str:
    return quote(id, safe="")
