"""One door: a path, the methods that are answered there, and what every answer carries on its way out: a Request-Id,
no-store, and leave for the pages of allowed origins to read it.

Every path answers every method, if only with 405: API Gateway would answer in its own words, which are no problem
document.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import cast

from chalice.app import Blueprint, Chalice, Response
from chalice.app import Request as ChaliceRequest

from chalicelib import log, wiring
from chalicelib.handlers.call import Answer, Request, refused
from chalicelib.handlers.origins import allowed_origins, origin_of
from chalicelib.handlers.problems import Problem, not_found, unexpected
from chalicelib.settings import Settings

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

Handle = Callable[[Request], Answer]


def opened(api: Blueprint | Chalice, path: str, handles: Mapping[str, Handle]) -> None:
    def view(**params: str) -> Response:
        incoming, request_id = cast("ChaliceRequest", api.current_request), uuid.uuid4().hex
        # The id is ours, even when the caller sends one: it names a fact in the history.
        try:
            given = _answered(handles, incoming, params, request_id)
        except Exception as error:  # noqa: BLE001 - the last door: the cause goes to the log
            log.problem("unexpected", error, request_id=request_id, route=path)
            given = refused(
                unexpected("Something went wrong on our side. It was noted."), request_id
            )
        return _response(incoming, given, request_id)

    # Chalice tells handlers apart by name, and passes path parameters by theirs.
    view.__name__ = "".join(c if c.isalnum() else "_" for c in path)
    api.route(path, methods=[*METHODS, "OPTIONS"], content_types=[])(view)


def _answered(
    handles: Mapping[str, Handle],
    incoming: ChaliceRequest,
    params: Mapping[str, str],
    request_id: str,
) -> Answer:
    allowed = [m for m in METHODS if m in handles or (m == "HEAD" and "GET" in handles)]
    if incoming.method == "OPTIONS" and handles:
        return _preflight(incoming, [*allowed, "OPTIONS"])
    handle = handles.get("GET" if incoming.method == "HEAD" else incoming.method)
    if not handles:
        return refused(not_found("place"), request_id)
    if handle is None:
        return refused(_not_this_method(incoming.method, allowed), request_id)
    given = handle(_request(incoming, params, request_id))
    return given if incoming.method != "HEAD" else Answer(given.status, "", given.headers)


def _not_this_method(method: str, allowed: list[str]) -> Problem:
    words = ", ".join(allowed)
    return Problem(
        405,
        "method_not_allowed",
        f"{method} is not possible here. Possible are: {words}.",
        headers={"Allow": words},
    )


def _request(incoming: ChaliceRequest, params: Mapping[str, str], request_id: str) -> Request:
    return Request(
        params=params,
        query=dict(incoming.query_params or {}),
        headers={name.lower(): value for name, value in incoming.headers.items()},
        raw=_raw(incoming),
        request_id=request_id,
    )


def _raw(incoming: ChaliceRequest) -> bytes:
    """The exact bytes that were sent, be they handed to us as text or as base64."""
    raw = incoming.raw_body
    return raw.encode() if isinstance(raw, str) else raw


def _response(incoming: ChaliceRequest, given: Answer, request_id: str) -> Response:
    headers: dict[str, str | list[str]] = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "Request-Id": request_id,
        "Vary": "Origin",
        **given.headers,
        **_leave_to_read(incoming),
    }
    return Response(body=given.body, status_code=given.status, headers=headers)


def _leave_to_read(incoming: ChaliceRequest) -> dict[str, str]:
    origin = _allowed_origin(incoming)
    if origin is None:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Request-Id, Retry-After",
    }


def _preflight(incoming: ChaliceRequest, allowed: list[str]) -> Answer:
    words = ", ".join(allowed)
    if _allowed_origin(incoming) is None:
        return Answer(204, "", {"Allow": words})
    return Answer(
        204,
        "",
        {
            "Allow": words,
            "Access-Control-Allow-Methods": words,
            "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key",
            "Access-Control-Max-Age": "600",
        },
    )


def _allowed_origin(incoming: ChaliceRequest) -> str | None:
    """Origins we may send customers back to are the ones whose pages may ask."""
    given = incoming.headers.get("origin")
    origin = origin_of(given) if given else None
    if origin is None:
        return None
    settings = _settings()
    return origin if settings is not None and origin in allowed_origins(settings) else None


def _settings() -> Settings | None:
    try:
        return wiring.world().settings
    except Exception:  # noqa: BLE001 - without settings every answer is a refusal, and nobody may read it
        return None
