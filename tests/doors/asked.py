"""Requests that are made from the published document, and aimed: where an id belongs, often one stands that leads
somewhere, be it the caller's own or a neighbour's. So what comes behind the first checks is asked as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from werkzeug.datastructures import EnvironHeaders

from infra.local.messages import Request
from tests.doors.bodies import body_of
from tests.doors.scene import ACME, OTHER, Ids, Scene, quoted

HOSTILE = [
    "..", "%", "#", "a/b", "a#b", "\x00", "\n", "x" * 201, "'; --", "{}", "é🙂", "\u202e", "null", "*", "A#", "{{7*7}}",
    "account", "__proto__", "<script>", "-1", "0", " ", "%2e%2e%2f", "STEP#", "\uffff",
]  # fmt: skip
URLS = [
    *["https://app.example.com/back", "https://app.example.com/?a=b#c"] * 12,
    "https://evil.example", "//evil.example", "javascript:alert(1)", "http://[::1", "https://app.example.com:99999/",
    "https://app.example.com@evil.example/",
]  # fmt: skip
WORDS = {
    "account_id": [*[ACME] * 7, OTHER],
    "policy": ["smarter-contact", "1msg", "nobodys"],
    "policies": ["smarter-contact", "1msg", "nobodys"],
    "price": ["smarter-contact:calling:month", "smarter-contact:messaging:month", "1msg:channel:month"],
    "return_url": URLS, "success_url": URLS, "cancel_url": URLS,
    "currency": [*["usd"] * 8, "eur", "xxx"],
    "code": ["other", "too_expensive", "zzz"],
    "provider": ["local", "local", "twilio", "nobodys"],
    "time_zone": ["Europe/Paris", "../../etc/passwd", "UTC"],
    "locale": ["fr", "en-US", "x-klingon"],
    "card_last4": ["4242", "4242", "0000"],
    "billing_admin_email": ["walrus@example.com", "quagga@example.com"],
    "ledger_entry": ["000000000000", "000000000001", "999999999999"],
    "stripe_customer_id": ["cus_nobodys"],
    "email": ["walrus@example.com", "no mail\r\nBcc: x@example.com"],
    "date": ["2026-01-30", "yesterday"],
}  # fmt: skip
"""Field → words that mean something there."""
QUERIES = {
    "account_id": [*[ACME] * 30, *[OTHER] * 12, "nobodys", *HOSTILE],
    "limit": ["1", "100", "0", "x", "٣", "1e1"],
    "cursor": ["000000000001", "x", *HOSTILE],
    "until": ["2026-03-01T00:00:00Z", "soon", "2026-03-01"],
    "kind": ["number_fee", "first_reply_due", "x"],
    "query": ["acme", "quagga@example.com", "+14155550122", "cus_", *HOSTILE],
}


def wsgi(scene: Scene) -> Callable[[Any, Any], Iterable[bytes]]:
    """The whole app as schemathesis calls it; and behind every call, Stripe's webhooks arrive."""

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        headers = tuple(EnvironHeaders(environ).items())
        path, query = environ["REQUEST_URI"].partition("?")[0], environ["QUERY_STRING"]
        body = environ["wsgi.input"].read()
        given = scene.life.gateway.answer(
            Request(environ["REQUEST_METHOD"], path, query, headers, body)
        )
        scene.life.deliver()
        start(f"{given.status} -", list(given.headers))
        return [given.body]

    return app


def aimed(operation: Any, document: Any, scene: Scene, chance: Random) -> Any:
    """A case of this operation, with ids of one side of the fence in its path, its query and its body."""
    definition = document["paths"][operation.path][operation.method]
    ids = chance.choice([*[scene.mine] * 5, scene.theirs])
    case = operation.Case(
        path_parameters={
            name: quoted(chance.choice([*_known(operation.path, name, ids) * 30, *HOSTILE]))
            for name in re.findall(r"{(\w+)}", operation.path)
        },
        query={
            name: chance.choice(QUERIES[name])
            for one in definition.get("parameters", ())
            if (name := _query_name(one, document)) is not None and chance.choice([True, False])
        },
    )
    content = definition.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        words = {
            **WORDS,
            "subscription_id": ids["subscriptions"],
            "preview_id": ids["preview_id"],
            # The disclosures' ids and versions are those of the policy that both accounts have.
            "id": [*ids["disclosures"], *ids["scheduled-messages"], *map(str, range(9))],
            "version": ["1", "1", "2"],
        }
        case.body = body_of(content["application/json"]["schema"], document, words, chance)
        case.media_type = "application/json"
    return case


def _query_name(parameter: Any, document: Any) -> str | None:
    if "$ref" in parameter:
        parameter = document["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[1]]
    return str(parameter["name"]) if parameter["in"] == "query" else None


def _known(path: str, name: str, ids: Ids) -> list[str]:
    """What stands behind this place of a path, on one side of the fence."""
    before = path.split("{" + name + "}", maxsplit=1)[0].strip("/").split("/")[-1]
    return ids[before]
