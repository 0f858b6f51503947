"""Every door, knocked at wrongly: by strangers, by methods it has not, with too much, with what is no JSON, under
headers that mean harm. Each is told so by a problem with its code, and nothing is changed by it.
"""

import re

import pytest

from chalicelib import wiring
from chalicelib.handlers.door import METHODS
from chalicelib.handlers.routes import ROUTES
from infra.local.messages import Request
from tests.doors.asked import HOSTILE
from tests.doors.scene import ACME, Scene, fitting, quoted
from tests.support.invariants import rows_of
from tests.support.life import _reply

MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}
NAMES = [f"{route.method} {route.path}" for route in ROUTES]
CODES = {"expired": "token_expired", **dict.fromkeys(("nobody", "basic", "blank"), "token_missing")}
TOO_MUCH = 256 * 1024 + 1

routes = pytest.mark.parametrize("route", ROUTES, ids=NAMES)
routes_with_a_body = pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.body is not None],
    ids=[name for route, name in zip(ROUTES, NAMES, strict=True) if route.body is not None],
)


@pytest.fixture(scope="module")
def shared():
    return Scene()


@pytest.fixture
def scene(shared):
    # Other tests make worlds of their own, and a process serves one.
    wiring.use(shared.life.world)
    return shared


def ask(scene, route, sent, *, method=None, body=b"{}", **headers):
    """The route, with ids of the account's own in its path."""
    path = route.path
    for name in re.findall(r"{(\w+)}", path):
        before = path.split("{" + name + "}")[0].strip("/").split("/")[-1]
        path = path.replace("{" + name + "}", quoted(scene.mine[before][0]))
    given = {"Authorization": sent, "Content-Type": "application/json", **headers}
    kept = tuple((name, value) for name, value in given.items() if value is not None)
    return _reply(
        scene.life.gateway.answer(
            Request(method or route.method, path, f"account_id={ACME}", kept, body)
        )
    )


def fits(scene, route):
    """The Authorization of somebody whom the route is for."""
    return scene.callers[fitting(route)[0]]


def is_a_problem(reply, status, code):
    assert (reply.status, reply.code) == (status, code), reply.body
    assert reply.headers["content-type"] == "application/problem+json"
    assert set(reply.body) >= MEMBERS
    assert reply.body["detail"].endswith(".")


@routes
def test_a_stranger_is_one_everywhere_whatever_token_they_bring(scene, route):
    before = list(rows_of(scene.table))

    for name, sent in scene.strangers().items():
        reply = ask(scene, route, sent)
        is_a_problem(reply, 401, CODES.get(name, "token_invalid"))
        assert reply.headers["www-authenticate"] == "Bearer"

    assert list(rows_of(scene.table)) == before


@routes
def test_a_method_that_a_path_has_not_is_refused_with_those_it_has(scene, route):
    known = {one.method for one in ROUTES if one.path == route.path}

    for method in set(METHODS) - known - ({"HEAD"} if "GET" in known else set()):
        reply = ask(scene, route, fits(scene, route), method=method)
        assert reply.status == 405
        assert known <= set(reply.headers["allow"].split(", "))
        if method != "HEAD":
            is_a_problem(reply, 405, "method_not_allowed")


@routes
def test_a_body_that_is_too_large_is_refused_wherever_it_is_sent(scene, route):
    is_a_problem(ask(scene, route, fits(scene, route), body=b" " * TOO_MUCH), 413, "body_too_large")


@routes_with_a_body
def test_what_is_no_json_is_malformed_wherever_it_is_sent(scene, route):
    for body in (b"{", b"account_id=acme", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"[" * 50_000):
        is_a_problem(ask(scene, route, fits(scene, route), body=body), 400, "malformed_request")


@routes_with_a_body
@pytest.mark.parametrize("body", [b"[]", b"7", b'"x"', b"null", b"true"])
def test_json_of_another_shape_is_refused_wherever_it_is_sent(scene, route, body):
    reply = ask(scene, route, fits(scene, route), body=body)

    assert reply.status in (404, 422), reply.body
    is_a_problem(reply, reply.status, reply.code)


@pytest.mark.parametrize("hostile", [one for one in HOSTILE if one.isprintable() and one.strip()])
def test_headers_that_mean_harm_do_none(scene, hostile):
    """The values that can travel in a header at all."""
    headers = ("Idempotency-Key", "Accept-Language", "Origin", "Request-Id", "X-Forwarded-For")
    for name in headers:
        for route in (ROUTES[0], ROUTES[4], ROUTES[18]):
            reply = ask(scene, route, fits(scene, route), **{name: hostile})
            assert reply.status < 500, (name, route.path, reply.body)
            assert hostile != reply.headers["request-id"]
