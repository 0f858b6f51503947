"""Who may call what: every route, asked by everybody there is."""

import json

import pytest

from chalicelib import wiring
from chalicelib.gateways.tokens import ACCOUNT_ROLES, BACKEND_ROLES
from chalicelib.handlers.routes import ROUTES
from tests.support.life import Life

ADMINS = {"super_admin", "billing_admin"}
PEOPLE = set(ACCOUNT_ROLES)
NOT_MEMBER = PEOPLE - {"member"}
SERVICE, OPERATOR, SUPPORT = {"service"}, {"operator"}, {"support_agent"}

WHO = {
    "GET /v1/membership": PEOPLE,
    "GET /v1/entitlements": PEOPLE | SERVICE,
    "POST /v1/portal-sessions": ADMINS,
    "POST /v1/checkout-sessions": ADMINS,
    "POST /v1/subscriptions/{id}/cancellation-previews": NOT_MEMBER,
    "POST /v1/subscriptions/{id}/cancellation": ADMINS,
    "DELETE /v1/subscriptions/{id}/cancellation": ADMINS,
    "POST /v1/subscriptions/{id}/assisted-cancellation-previews": SUPPORT,
    "POST /v1/subscriptions/{id}/assisted-cancellation": SUPPORT,
    "PUT /v1/subscriptions/{id}/seats/{user}": ADMINS | SERVICE,
    "DELETE /v1/subscriptions/{id}/seats/{user}": ADMINS | SERVICE,
    "PUT /v1/numbers/{e164}": SERVICE,
    "DELETE /v1/numbers/{e164}": ADMINS | SERVICE,
    "PUT /v1/registrations/{id}": SERVICE,
    "DELETE /v1/registrations/{id}": ADMINS | SERVICE,
    "POST /v1/scheduled-messages": SERVICE,
    "POST /v1/scheduled-messages/{id}/sent": SERVICE,
    "DELETE /v1/scheduled-messages/{id}": SERVICE,
    "POST /v1/activity": SERVICE,
    "POST /v1/usage-charges": SERVICE,
    "GET /v1/wallet": NOT_MEMBER | SERVICE | OPERATOR,
    "GET /v1/wallet/entries": NOT_MEMBER | SERVICE | OPERATOR,
    "POST /v1/refund-requests": ADMINS,
    "POST /v1/appeals": ADMINS,
    "GET /v1/cases/{id}": ADMINS | OPERATOR,
    "POST /v1/cases/{id}/replies": ADMINS | OPERATOR,
    "POST /v1/cases/{id}/decision": OPERATOR,
    "POST /v1/exports": {"super_admin"},
    "GET /v1/exports/{id}": {"super_admin"},
    "GET /v1/admin/kill-switch": OPERATOR,
    "POST /v1/admin/kill-switch": OPERATOR,
    "DELETE /v1/admin/kill-switch": OPERATOR,
    "POST /v1/maintenance-windows": OPERATOR,
    "PUT /v1/maintenance-windows/{id}": OPERATOR,
    "GET /v1/maintenance-windows": OPERATOR,
    "GET /v1/maintenance-windows/{id}": OPERATOR,
    "PUT /v1/admin/accounts/{id}": OPERATOR | SERVICE,
}
"""The contract's column "who", for a policy that neither widens nor narrows it. Everything else under
`/v1/admin` is the operator's."""


def who(name):
    return WHO.get(name, OPERATOR if " /v1/admin/" in name else None)


@pytest.fixture(scope="module")
def shared():
    life = Life()
    life.account("acme")
    return life, _things(life), _other(life)


@pytest.fixture
def life(shared):
    # Other tests make worlds of their own, and a process serves one.
    wiring.use(shared[0].world)
    return shared[0]


@pytest.fixture
def things(shared):
    return shared[1]


@pytest.fixture
def other(shared):
    return shared[2]


def _things(life):
    """Something of the account's for every id a path may name."""
    subscription = life.subscribe("acme")
    life.number("acme", "+14155550100")
    life.registration("acme", "R1")
    life.schedule("acme", ("M1", "sms", life.now, 7))
    shown = life.preview("acme", subscription).body
    return {
        "subscriptions": subscription, "numbers": "+14155550100", "registrations": "R1",
        "scheduled-messages": "M1", "accounts": "acme", "preview": shown["preview_id"],
    }  # fmt: skip


def _other(life):
    life.account("other")
    return life.subscribe("other")


MONEY = {"amount": 5, "currency": "usd"}
RETURN = "https://app.example.com/"
SENT = {
    "/v1/portal-sessions": {"return_url": RETURN},
    "/v1/checkout-sessions": {"purpose": "plan", "price": "1msg:channel:month",
                              "success_url": RETURN, "cancel_url": RETURN},
    "/v1/numbers/{e164}": {"provider": "local", "provider_id": "PN1", "monthly_fee": MONEY,
                           "bought_at": "2026-01-31T12:00:00Z"},
    "/v1/registrations/{id}": {"kind": "10dlc", "state": "active"},
    "/v1/scheduled-messages": {"messages": [
        {"id": "M2", "channel": "sms", "send_at": "2026-02-01T00:00:00Z", "price": MONEY}]},
}  # fmt: skip


def ask(life, things, route, role):
    """The request of that role, as well-formed as can be; whether it then succeeds is another matter."""
    first = route.path.split("/")
    kind = first[3] if first[2] == "admin" and len(first) > 3 else first[2]
    id = things.get(kind, "nothing")
    path = route.path.replace("{id}", id).replace("{e164}", id).replace("{user}", "ann")
    people = role in ACCOUNT_ROLES
    body = {**SENT.get(route.path, {}), "preview_id": things["preview"]}
    if not people:
        body["account_id"] = "acme"
        path += "?account_id=acme"
    token = life.token("acme" if people else None, role)
    return life.api(route.method, path, body, token=token)


NAMES = [f"{route.method} {route.path}" for route in ROUTES]


@pytest.mark.parametrize("route", ROUTES, ids=NAMES)
def test_everybody_may_exactly_what_the_contract_says(life, things, route):
    may = who(f"{route.method} {route.path}")
    assert may is not None, "a route without a line here: who may call it?"
    # Those who may not are asked first: nothing is changed by them.
    for role in sorted(PEOPLE | BACKEND_ROLES, key=lambda role: role in may):
        reply = ask(life, things, route, role)
        if reply.status == 422 and reply.code == "invalid_request":
            continue  # No body was written for this route; its own tests ask for it.
        if role in may:
            assert reply.code != "role_required", (role, reply.body)
        elif reply.code != "not_found":
            assert (reply.status, reply.code) == (403, "role_required"), (role, reply.body)
            assert set(reply.body["required_roles"]) <= may


def test_a_member_may_read_membership_and_entitlements_and_nothing_else():
    assert [name for name in NAMES if "member" in (who(name) or ())] == [
        "GET /v1/membership",
        "GET /v1/entitlements",
    ]


# -- whose


ABOUT_ANOTHER = [
    ("GET", "/v1/membership?account_id=other", None),
    ("GET", "/v1/entitlements?account_id=other", None),
    ("GET", "/v1/wallet?account_id=other", None),
    ("DELETE", "/v1/registrations/R1?account_id=other", None),
    ("PUT", "/v1/registrations/R1", {"account_id": "other"}),
    ("POST", "/v1/scheduled-messages", {"account_id": "other"}),
    ("POST", "/v1/subscriptions/{other}/cancellation-previews", None),
    ("POST", "/v1/subscriptions/{other}/cancellation", {"preview_id": "x"}),
    ("DELETE", "/v1/subscriptions/{other}/cancellation", None),
    ("POST", "/v1/portal-sessions", {"subscription_id": "{other}"}),
    ("PUT", "/v1/admin/accounts/other", {"policy": "1msg"}),
    ("GET", "/v1/admin/accounts/other/timeline", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ABOUT_ANOTHER)
def test_anothers_things_are_not_found_like_those_nobody_has(life, other, method, path, body):
    def asked(name, subscription):
        said = json.dumps(body).replace("{other}", subscription).replace("other", name)
        where = path.replace("{other}", subscription).replace("other", name)
        return life.customer("acme", method, where, json.loads(said))

    theirs, nobodys = asked("other", other), asked("nobody", "sub_nobody")

    assert (theirs.status, theirs.code) == (404, "not_found")
    for reply in (theirs, nobodys):
        reply.body.pop("request_id")
    assert theirs.body == nobodys.body


def test_a_limited_service_finds_its_own_accounts_only(life, other):
    token = life.token(None, "service", account_ids=["acme"])

    mine = life.api("GET", "/v1/entitlements?account_id=acme", token=token)
    theirs = life.api("GET", "/v1/entitlements?account_id=other", token=token)
    put = life.api("PUT", "/v1/admin/accounts/other", {"locale": "fr"}, token=token)

    assert (mine.status, theirs.status, put.status) == (200, 404, 404)


def test_naming_ones_own_account_is_fine(life):
    assert life.customer("acme", "GET", "/v1/wallet?account_id=acme").status == 200


def test_a_back_end_has_to_say_which_account(life):
    reply = life.service("GET", "/v1/entitlements")

    assert (reply.status, reply.body["errors"][0]["pointer"]) == (422, "/account_id")


@pytest.mark.parametrize("path", ["/v1/portal-sessions", "/v1/subscriptions/sub_1/cancellation"])
def test_a_back_end_is_told_that_only_people_may(life, path):
    body = {"return_url": RETURN, "preview_id": "x"}

    reply = life.service("POST", path, body)

    assert (reply.status, reply.code) == (403, "role_required")
    assert reply.body["required_roles"] == ["billing_admin", "super_admin"]
