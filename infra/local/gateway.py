"""Stands where API Gateway stands: turns a request into the event the Lambda gets, and its reply into an answer.

The app behind it is the real Chalice app, called as Lambda calls it. Chalice keeps one current request per app, which
is right for Lambda and wrong for threads, so the app is given one per thread.
"""

import base64
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache, lru_cache
from typing import Any
from urllib.parse import parse_qs

from chalice.app import Chalice

from infra.local.messages import Answer, Request, flat, problem

LAMBDA_MILLISECONDS = 29_000

LEADING = 2
"""Parts of a path that are words in nearly all routes, as `v1` and `numbers` are."""

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """The part of Lambda's context that code may ask for."""

    aws_request_id: str
    function_name: str = "lapse-local"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = ""

    def get_remaining_time_in_millis(self) -> int:
        return LAMBDA_MILLISECONDS


@dataclass(frozen=True, slots=True)
class Match:
    route: str
    parameters: dict[str, str]


class Gateway:
    def __init__(self, app: Chalice, new_id: Callable[[], str], origins: Sequence[str]) -> None:
        self._app = one_request_per_thread(app)
        self._routes = tuple(self._app.routes)
        self._binary = tuple(self._app.api.binary_types)
        self._new_id = new_id
        self._origins = frozenset(origins)

    def serves(self, path: str) -> bool:
        match = find_route(self._routes, path)
        return match is not None and not is_greedy(match.route)

    def answer(self, request: Request) -> Answer:
        request_id = self._new_id()
        match = find_route(self._routes, request.path)
        if match is None:
            detail = f"There is nothing at {request.path}."
            return problem(404, "not_found", detail, request_id=request_id)
        methods = set(self._app.routes[match.route])
        method = "GET" if request.method == "HEAD" and "HEAD" not in methods else request.method
        if method == "OPTIONS" and method not in methods:
            return self._preflight(request, methods)
        if method not in methods:
            allowed = ", ".join(sorted(methods))
            detail = f"{request.method} is not possible here. Possible are: {allowed}."
            return problem(
                405,
                "method_not_allowed",
                detail,
                request_id=request_id,
                headers=(("Allow", allowed),),
            )
        event = self._event(request, method, match, request_id)
        return with_request_id(
            answer_of(self._app(event, Context(aws_request_id=request_id))), request_id
        )

    def _event(self, request: Request, method: str, match: Match, request_id: str) -> Event:
        body, is_base64 = body_of(request, self._binary)
        # API Gateway hands on every value, and besides them the last of each name.
        query = parse_qs(request.query, keep_blank_values=True) or None
        headers: dict[str, list[str]] = {}
        for name, value in request.headers:
            headers.setdefault(name, []).append(value)
        return {
            "resource": match.route,
            "path": request.path,
            "httpMethod": method,
            "headers": {name: values[-1] for name, values in headers.items()},
            "multiValueHeaders": headers,
            "queryStringParameters": {k: v[-1] for k, v in query.items()} if query else None,
            "multiValueQueryStringParameters": query,
            "pathParameters": match.parameters or None,
            "stageVariables": None,
            "requestContext": {
                "resourcePath": match.route,
                "httpMethod": method,
                "path": request.path,
                "stage": "local",
                "requestId": request_id,
                "protocol": "HTTP/1.1",
                "identity": {
                    "sourceIp": "127.0.0.1",
                    "userAgent": request.header("User-Agent"),
                },
            },
            "body": body,
            "isBase64Encoded": is_base64,
        }

    def _preflight(self, request: Request, methods: set[str]) -> Answer:
        """What API Gateway answers a browser by itself, from the list of origins."""
        allowed = ", ".join(sorted({*methods, "OPTIONS"}))
        origin = request.header("Origin")
        if origin not in self._origins:
            return Answer(204, (("Allow", allowed), ("Vary", "Origin")))
        return Answer(
            204,
            (
                ("Allow", allowed),
                ("Vary", "Origin"),
                ("Access-Control-Allow-Origin", origin),
                ("Access-Control-Allow-Methods", allowed),
                ("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key"),
                ("Access-Control-Max-Age", "600"),
            ),
        )


def find_route(routes: Sequence[str], path: str) -> Match | None:
    """The route a path means; words win over parameters, from the left, as in API Gateway."""
    if path in routes and "{" not in path:
        return Match(path, {})
    parts = path.split("/")
    if len(parts) > 2 and parts[-1] == "":
        parts = parts[:-1]
    likely = _likely(tuple(routes), len(parts), tuple(parts[: LEADING + 1]))
    found = [route for route in likely if fits(_parts_of(route), parts)]
    if not found:
        return None
    route = min(found, key=lambda route: [part.startswith("{") for part in _parts_of(route)])
    # A greedy part takes all that is left, and nobody asks what it was.
    named = zip(_parts_of(route), parts, strict=not is_greedy(route))
    return Match(route, {name[1:-1]: part for name, part in named if name.startswith("{")})


@lru_cache(maxsize=256)
def _likely(routes: tuple[str, ...], length: int, leading: tuple[str, ...]) -> tuple[str, ...]:
    """Those that a path of so many parts, the first of which are these, may mean: a few, and each request asks."""
    return tuple(
        one
        for one in routes
        if is_greedy(one)
        or (len(_parts_of(one)) == length and fits(_parts_of(one)[: len(leading)], leading))
    )


@cache
def _parts_of(route: str) -> tuple[str, ...]:
    return tuple(route.split("/"))


def is_greedy(route: str) -> bool:
    """`/{proxy+}` takes whatever no other route does."""
    return route.endswith("+}")


def fits(route: Sequence[str], parts: Sequence[str]) -> bool:
    if is_greedy(route[-1]):
        before = len(route) - 1
        return any(parts[before:]) and list(route[:before]) == list(parts[:before])
    return len(route) == len(parts) and all(
        bool(part) if name.startswith("{") else name == part
        for name, part in zip(route, parts, strict=True)
    )


def body_of(request: Request, binary_types: Sequence[str]) -> tuple[str | None, bool]:
    if not request.body:
        return None, False
    kind = (request.header("Content-Type") or "application/json").partition(";")[0].strip().lower()
    if _is_binary(kind, tuple(binary_types)):
        return base64.b64encode(request.body).decode(), True
    # Text is text to API Gateway: bytes that are none arrive replaced, as they would in production.
    return request.body.decode("utf-8", "replace"), False


@lru_cache(maxsize=256)
def _is_binary(kind: str, binary_types: tuple[str, ...]) -> bool:
    return any(fnmatch(kind, pattern) for pattern in binary_types)


def answer_of(reply: Event) -> Answer:
    body = reply.get("body") or ""
    if reply.get("isBase64Encoded"):
        body = base64.b64decode(body)
    raw = body if isinstance(body, bytes) else body.encode()
    headers = flat(reply.get("headers") or {}, reply.get("multiValueHeaders") or {})
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers = (("Content-Type", "application/json"), *headers)
    return Answer(int(reply["statusCode"]), headers, raw)


def with_request_id(answer: Answer, request_id: str) -> Answer:
    if answer.header("Request-Id") is not None:
        return answer
    return Answer(answer.status, (*answer.headers, ("Request-Id", request_id)), answer.body)


class OneRequestPerThread(Chalice):
    """Chalice's own `current_request` and `lambda_context`, each seen only by the thread that set it."""

    _mine = threading.local()

    @property  # type: ignore[override]
    def current_request(self) -> Any:
        return getattr(self._mine, "current_request", None)

    @current_request.setter
    def current_request(self, request: Any) -> None:
        self._mine.current_request = request

    @property  # type: ignore[override]
    def lambda_context(self) -> Any:
        return getattr(self._mine, "lambda_context", None)

    @lambda_context.setter
    def lambda_context(self, context: Any) -> None:
        self._mine.lambda_context = context


def one_request_per_thread(app: Chalice) -> Chalice:
    """The same app object, so that its blueprints, which hold on to it, see this as well."""
    if not isinstance(app, OneRequestPerThread):
        app.__class__ = type("LocalApp", (OneRequestPerThread, type(app)), {})
    return app
