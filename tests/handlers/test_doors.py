"""What every answer carries, whoever asked for whatever: through the real app, as API Gateway would hand it over."""

import json
from dataclasses import replace

import pytest

from app import app
from chalicelib import wiring
from chalicelib.handlers import door, doors
from chalicelib.handlers.routes import ROUTES
from tests.support.life import Life

APP = "https://app.example.com"
MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}


@pytest.fixture(scope="module")
def shared():
    life = Life()
    life.account("acme")
    return life


@pytest.fixture
def life(shared):
    # Other tests make worlds of their own, and a process serves one.
    wiring.use(shared.world)
    return shared


@pytest.fixture
def answers(life):
    """Good answers, refusals of ours, refusals of nobody in particular."""
    return {
        200: life.customer("acme", "GET", "/v1/membership"),
        401: life.api("GET", "/v1/membership"),
        404: life.customer("acme", "GET", "/v1/nothing/of/the/kind"),
        405: life.customer("acme", "PATCH", "/v1/membership"),
        422: life.customer("acme", "POST", "/v1/portal-sessions", {}),
        400: life.customer("acme", "POST", "/v1/portal-sessions", b"{"),
        413: life.customer("acme", "POST", "/v1/portal-sessions", b" " * 300_000),
    }


def test_every_answer_has_an_id_of_its_own_and_is_stored_nowhere(answers):
    ids = [reply.headers["request-id"] for reply in answers.values()]

    assert [reply.status for reply in answers.values()] == list(answers)
    assert all(ids)
    assert len(set(ids)) == len(ids)
    assert {reply.headers["cache-control"] for reply in answers.values()} == {"no-store"}


def test_every_refusal_is_a_problem_with_its_code_and_its_sentence(answers):
    for status, reply in answers.items():
        if status == 200:
            continue
        assert reply.headers["content-type"] == "application/problem+json"
        assert set(reply.body) >= MEMBERS
        assert reply.body["status"] == status
        assert reply.body["request_id"] == reply.headers["request-id"]
        assert reply.body["type"].endswith(reply.body["code"])
        assert reply.body["detail"].endswith(".")


def test_a_callers_own_request_id_is_not_taken_over(life):
    reply = life.customer("acme", "GET", "/v1/membership", headers={"Request-Id": "mine"})

    assert reply.headers["request-id"] != "mine"


def test_an_error_names_where_in_the_body_it_is(life):
    body = {"return_url": 7, "flow": "subscription_cancel"}
    reply = life.customer("acme", "POST", "/v1/portal-sessions", body)

    (error,) = reply.body["errors"]
    assert error["pointer"] == "/return_url"
    assert set(error) == {"pointer", "code", "detail"}


def test_who_is_not_known_is_told_how_to_say_it(life):
    reply = life.api("GET", "/v1/membership")

    assert reply.headers["www-authenticate"] == "Bearer"


# -- what is not there


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v2/membership", "/v1/memberships", "/v1/cases/1/2/3", "/.env", "/%00"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_path_that_leads_nowhere_is_not_found(life, method, path):
    reply = life.customer("acme", method, path)

    assert (reply.status, reply.code) == (404, "not_found")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_another_method_is_refused_with_those_there_are(life, method):
    reply = life.customer("acme", method, "/v1/membership")

    assert (reply.status, reply.code) == (405, "method_not_allowed")
    assert reply.headers["allow"] == "GET, HEAD"


def test_every_path_answers_every_method_itself():
    """API Gateway would answer a missing one in its own words."""
    paths = {route.path for route in ROUTES} | {"/webhooks/stripe", "/healthz", doors.ELSEWHERE}

    for path in paths:
        assert set(app.routes[path]) == {*door.METHODS, "OPTIONS"}


def test_a_handler_that_fails_says_nothing_of_why(life, monkeypatch):
    noted = []
    monkeypatch.setattr(door.log, "problem", lambda _, error, **more: noted.append((error, more)))
    monkeypatch.setattr(door, "_request", lambda *_: 1 / 0)

    reply = life.customer("acme", "GET", "/v1/membership")

    assert (reply.status, reply.code) == (500, "internal_error")
    assert "zero" not in json.dumps(reply.body)
    ((error, more),) = noted
    assert isinstance(error, ZeroDivisionError)
    assert more["request_id"] == reply.headers["request-id"]


# -- HEAD


@pytest.mark.parametrize("path", ["/healthz", "/v1/membership", "/v1/openapi.json"])
def test_head_is_get_without_the_body(life, path):
    whole, head = (life.customer("acme", method, path) for method in ("GET", "HEAD"))

    assert whole.status == head.status == 200
    assert head.body is None
    assert set(whole.headers) == set(head.headers)


def test_head_of_what_cannot_be_read_is_refused(life):
    assert life.customer("acme", "HEAD", "/v1/portal-sessions").status == 405


# -- who may read it from a page


def from_page(life, origin, method="GET", path="/v1/membership"):
    return life.api(method, path, headers={"Origin": origin})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/membership", 401),
        ("GET", "/v1/openapi.json", 200),
        ("GET", "/nowhere", 404),
        ("PATCH", "/v1/membership", 405),
    ],
)
def test_pages_of_allowed_origins_may_read_every_answer_refusals_too(life, method, path, status):
    reply = from_page(life, APP, method, path)

    assert reply.status == status
    assert reply.headers["access-control-allow-origin"] == APP
    assert "Request-Id" in reply.headers["access-control-expose-headers"]
    assert reply.headers["vary"] == "Origin"


STRANGERS = [
    "https://evil.example", "null", "*", "", "http://app.example.com", "https://app.example.com:444",
    "https://app.example.com.evil.example", "https://evilapp.example.com",
    "https://a@app.example.com", "https://app.example.com\\.evil.example",
]  # fmt: skip


@pytest.mark.parametrize("origin", STRANGERS)
def test_pages_of_other_origins_may_not(life, origin):
    reply = from_page(life, origin)
    asked = from_page(life, origin, "OPTIONS")

    for one in (reply, asked):
        assert not {name for name in one.headers if name.startswith("access-control")}
        assert one.headers["vary"] == "Origin"


def test_a_browser_that_asks_beforehand_hears_what_it_may(life):
    reply = from_page(life, APP, "OPTIONS", "/v1/subscriptions/sub_1/cancellation")

    assert reply.status == 204
    assert reply.body is None
    assert reply.headers["access-control-allow-origin"] == APP
    assert reply.headers["access-control-allow-methods"] == "POST, DELETE, OPTIONS"
    allowed = reply.headers["access-control-allow-headers"].lower()
    assert {"authorization", "content-type", "idempotency-key"} <= set(allowed.split(", "))


def test_without_a_world_every_answer_is_still_a_problem(life, monkeypatch, capfd):
    def no_world():
        raise RuntimeError("set LAPSE_TABLE")

    monkeypatch.setattr(doors.wiring, "world", no_world)

    reply = from_page(life, APP)

    assert (reply.status, reply.code) == (500, "internal_error")
    assert "access-control-allow-origin" not in reply.headers


def test_the_issuers_keys_outlive_a_request_and_not_a_world(life):
    settings = life.world.settings
    first = doors._verifier(settings)

    assert doors._verifier(settings) is first
    assert doors._verifier(Life().world.settings) is not first
    assert doors._verifier(settings) is not first


# -- whose word is taken


@pytest.mark.parametrize("name", ["authorization", "Authorization", "AUTHORIZATION"])
def test_a_header_may_be_written_in_any_case(life, name):
    token = life.token("acme", "member")

    assert life.api("GET", "/v1/membership", headers={name: f"bearer {token}"}).status == 200


def test_when_the_issuer_cannot_be_asked_nobody_is_called_a_stranger(life):
    """401 would make pages throw their tokens away: it is our trouble, and it passes."""
    token = life.token("acme", "member")
    settings = replace(life.world.settings, jwks=None, jwks_url="http://127.0.0.1:9/jwks")
    wiring.use(replace(life.world, settings=settings))

    reply = life.api("GET", "/v1/membership", token=token)

    assert (reply.status, reply.code) == (503, "temporarily_unavailable")
    assert int(reply.headers["retry-after"]) > 0
