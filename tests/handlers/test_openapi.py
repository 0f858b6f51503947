"""What is published is true: valid OpenAPI 3.1, every route of the contract by its name, and answers as described."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from chalicelib import wiring
from chalicelib.handlers import openapi
from chalicelib.handlers.problems import STATUSES, TITLES
from chalicelib.handlers.routes import ROUTES
from tests.support.life import Life

ROOT = Path(__file__).resolve().parents[2]
OPENAPI_3_1 = json.loads((Path(__file__).parent / "openapi_3_1_schema.json").read_text())
"""The OpenAPI Initiative's own, of 2022-10-07."""

CONTRACT = """
GET /v1/membership
GET /v1/entitlements
POST /v1/portal-sessions
POST /v1/checkout-sessions
POST /v1/subscriptions/{id}/cancellation-previews
POST|DELETE /v1/subscriptions/{id}/cancellation
POST /v1/subscriptions/{id}/assisted-cancellation-previews
POST /v1/subscriptions/{id}/assisted-cancellation
PUT|DELETE /v1/subscriptions/{id}/seats/{user}
PUT|DELETE /v1/numbers/{e164}
PUT|DELETE /v1/registrations/{id}
POST /v1/scheduled-messages
POST /v1/scheduled-messages/{id}/sent
DELETE /v1/scheduled-messages/{id}
POST /v1/activity
POST /v1/usage-charges
GET /v1/wallet
GET /v1/wallet/entries
POST /v1/refund-requests
POST /v1/appeals
GET /v1/cases/{id}
POST /v1/cases/{id}/replies
POST /v1/cases/{id}/decision
POST /v1/exports
GET /v1/exports/{id}
POST /v1/maintenance-windows
PUT /v1/maintenance-windows/{id}
GET /v1/admin/accounts
GET /v1/admin/accounts/{id}/timeline
GET /v1/admin/deadlines
GET /v1/admin/parked-events
GET /v1/admin/cases
GET /v1/admin/jobs
GET /v1/admin/jobs/{id}
POST /v1/admin/numbers/{e164}/recovery
POST /v1/admin/steps/{key}/hold
POST /v1/admin/steps/{key}/retry
POST /v1/admin/steps/{key}/waive
POST /v1/admin/parked-events/{id}/replay
POST|DELETE /v1/admin/accounts/{id}/legal-hold
PUT /v1/admin/accounts/{id}
"""
"""The contract's table of routes, without the webhook and the pages."""

PROMISED = {
    f"{method} {path}"
    for line in CONTRACT.split("\n")
    if line
    for methods, path in [line.split(" ")]
    for method in methods.split("|")
}

OPEN = {
    "GET /healthz",
    "GET /v1/openapi.json",
    "POST /v1/page-codes/exchange",
    "POST /webhooks/stripe",
}
"""What needs no token, and stands in no table of routes."""

ADDED = {
    "GET /v1/maintenance-windows",
    "GET /v1/maintenance-windows/{id}",
    "GET /v1/admin/accounts/{id}/purge-certificates",
    "POST /v1/admin/accounts/{id}/purge-approval",
    *(f"{method} /v1/admin/kill-switch" for method in ("GET", "POST", "DELETE")),
}
"""What we offer beyond it."""


@pytest.fixture(scope="module")
def shared():
    life = Life()
    life.account("acme")
    subscription = life.subscribe("acme")
    life.number("acme", "+14155550100")
    life.registration("acme", "R1")
    life.schedule("acme", ("M1", "sms", life.now, 7))
    return life, subscription


@pytest.fixture
def life(shared):
    # Other tests make worlds of their own, and a process serves one.
    wiring.use(shared[0].world)
    return shared[0]


@pytest.fixture
def subscription(shared):
    return shared[1]


@pytest.fixture
def published(life):
    reply = life.api("GET", "/v1/openapi.json")
    assert reply.status == 200
    return reply.body


# -- the document


def test_it_is_there_for_everybody_without_a_token(life):
    reply = life.api("GET", "/v1/openapi.json")

    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.body["openapi"].startswith("3.1.")


def test_it_is_valid_openapi_3_1(published):
    Draft202012Validator(OPENAPI_3_1).validate(published)


def test_every_schema_in_it_is_a_schema(published):
    for schema in published["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere_and_nothing_shared_is_unused(published):
    named = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "parameters", "headers")
        for name in published["components"][kind]
    }
    used = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(published)))

    assert {one for one in used if not one.startswith("#/components/examples/")} <= named
    assert {one.rsplit("/")[-1] for one in used if "/examples/" in one} <= set(
        published["components"]["examples"]
    )
    assert named - used <= {"#/components/schemas/Case"}, "described, and asked for by no route"


def test_every_operation_has_a_name_of_its_own_and_says_what_its_path_names(published):
    operations = [
        (path, method, operation)
        for path, methods in published["paths"].items()
        for method, operation in methods.items()
    ]

    names = [operation["operationId"] for _, _, operation in operations]
    assert len(set(names)) == len(names)
    for path, _, operation in operations:
        said = {one["name"] for one in operation.get("parameters", []) if one.get("in") == "path"}
        assert said == set(re.findall(r"{(\w+)}", path))


def test_every_route_is_in_it_and_every_one_of_them_is_the_contracts(published):
    shown = {
        f"{method.upper()} {path}" for path, ways in published["paths"].items() for method in ways
    }
    routes = {f"{route.method} {route.path}" for route in ROUTES}

    assert len(routes) == len(ROUTES), "no route twice"
    assert shown == routes | OPEN
    assert routes <= PROMISED | ADDED


def test_the_tables_beside_the_routes_name_routes_of_the_contract():
    assert {*openapi.ANSWERS, *openapi.REFUSALS} - OPEN <= PROMISED | ADDED


def test_only_what_needs_no_token_is_open(published):
    open_ones = {
        path
        for path, methods in published["paths"].items()
        for operation in methods.values()
        if operation.get("security") == []
    }

    assert open_ones == {one.split(" ")[1] for one in OPEN}


def test_no_start_pays_for_it():
    """It is made when it is first asked for: neither it nor the answers' types are loaded before."""
    script = (
        "import sys, app\n"
        "from chalicelib.handlers import openapi\n"
        "assert 'chalicelib.handlers.answers' not in sys.modules\n"
        "assert openapi.published.cache_info().currsize == 0\n"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


# -- codes


def raised():
    """Every `Problem(status, code, …)` in the source, and every `invalid(…, code=…)`."""
    for path in (ROOT / "chalicelib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "Problem":
                continue
            status, code = node.args[:2]
            if isinstance(status, ast.Constant) and isinstance(code, ast.Constant):
                yield status.value, code.value, path.name


def test_every_refusal_in_the_source_has_its_code_and_status_in_the_table():
    found = list(raised())

    assert len(found) > 15
    for status, code, name in found:
        assert STATUSES.get(code) == status, (name, status, code)


def test_every_code_has_a_title_and_every_routes_own_codes_are_known():
    assert set(STATUSES.values()) <= set(TITLES)
    assert {code for codes in openapi.REFUSALS.values() for code in codes} <= set(STATUSES)


# -- answers as described


def check(published, name, body):
    schema = {"$ref": f"#/components/schemas/{name}", "components": published["components"]}
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(body)


def answered(published, method, path, status):
    """The name of the schema that the document gives for this answer."""
    kind = "application/json" if status < 400 else "application/problem+json"
    content = published["paths"][path][method.lower()]["responses"][str(status)]["content"]
    return content[kind]["schema"]["$ref"].rsplit("/", 1)[-1]


def test_the_main_answers_are_as_described(life, subscription, published):
    life.subscribe("acme", "smarter-contact:calling:month")
    path = f"/v1/subscriptions/{subscription}"
    shown = life.preview("acme", subscription)
    body = {
        "preview_id": shown.body["preview_id"],
        "reason": {"code": "other"},
        "consents": [{"id": d["id"], "version": d["version"]} for d in shown.body["disclosures"]],
    }
    link = {"return_url": "https://app.example.com"}

    check(published, "CancellationPreview", shown.body)
    for method, template, actual, sent in [
        ("GET", "/v1/membership", "/v1/membership", None),
        ("POST", "/v1/subscriptions/{id}/cancellation", f"{path}/cancellation", body),
        ("GET", "/v1/membership", "/v1/membership", None),
        ("GET", "/v1/entitlements", "/v1/entitlements", None),
        ("DELETE", "/v1/subscriptions/{id}/cancellation", f"{path}/cancellation", None),
        ("GET", "/v1/wallet", "/v1/wallet", None),
        ("GET", "/v1/wallet/entries", "/v1/wallet/entries?limit=1", None),
        ("POST", "/v1/portal-sessions", "/v1/portal-sessions", link),
        ("POST", "/v1/portal-sessions", "/v1/portal-sessions", {"return_url": "https://evil"}),
        ("POST", "/v1/portal-sessions", "/v1/portal-sessions", {}),
        ("POST", "/v1/portal-sessions", "/v1/portal-sessions", b"{"),
        ("POST", "/v1/subscriptions/{id}/cancellation", f"{path}x/cancellation", body),
    ]:
        reply = life.customer("acme", method, actual, sent)
        check(published, answered(published, method, template, reply.status), reply.body)


def test_every_refusal_of_a_route_is_announced(life, subscription, published):
    """Whatever hostile thing is sent to whatever route: the answer is one that the document tells of."""
    tokens = [
        None,
        *(life.token("acme", role) for role in ("super_admin", "member")),
        *(life.token(None, role) for role in ("service", "operator", "support_agent")),
    ]
    for route in ROUTES:
        path = re.sub(r"{\w+}", "nothing", route.path)
        announced = published["paths"][route.path][route.method.lower()]["responses"]
        for token in tokens:
            for body in (None, {}, [], b"{", {"account_id": "acme"}, {"account_id": 7}):
                query = "" if token is None else "?account_id=acme&limit=5"
                reply = life.api(route.method, path + query, body, token=token)
                assert str(reply.status) in announced, (route.path, route.method, reply.body)
                if reply.status >= 400:
                    content = announced[str(reply.status)]["content"]["application/problem+json"]
                    assert reply.code in content["examples"], (route.path, reply.body)
                    check(published, "Problem", reply.body)


def test_where_a_back_end_has_to_name_the_account_its_absence_is_announced(life, published):
    for route in [route for route in ROUTES if route.whose == "query"]:
        path = re.sub(r"{\w+}", "nothing", route.path)

        reply = life.service(route.method, path)

        assert (reply.status, reply.code) == (422, "invalid_request")
        content = published["paths"][route.path][route.method.lower()]["responses"]["422"]
        assert "invalid_request" in content["content"]["application/problem+json"]["examples"]


def test_an_activity_told_again_otherwise_is_a_refusal_that_is_announced(life, published):
    told = {"account_id": "acme", "id": "a1", "kind": "login", "at": "2026-01-31T12:00:00Z"}
    assert life.service("POST", "/v1/activity", told).status == 200

    reply = life.service("POST", "/v1/activity", {**told, "kind": "call"})

    assert (reply.status, reply.code) == (409, "taken")
    content = published["paths"]["/v1/activity"]["post"]["responses"]["409"]["content"]
    assert "taken" in content["application/problem+json"]["examples"]
