"""Every route against its own document: whatever is asked by whomever, the answer is one that the document describes,
and holds nothing of a neighbour's.

Requests are made from the document, as it says and as it forbids, the same ones in every run.
"""

from functools import cache
from random import Random

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks

from chalicelib import wiring
from chalicelib.handlers import openapi
from chalicelib.handlers.routes import ROUTES
from tests.doors.asked import aimed, wsgi
from tests.doors.scene import Scene, fitting, sees_everybody

DOCUMENT = openapi.published(ROUTES)
OPERATIONS = [
    (method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods
]
BY_NAME = {(route.method, route.path): route for route in ROUTES}
AS_DESCRIBED = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]

AIMED = 40

schemathesis.openapi.format("date-time", st.sampled_from(["2026-01-31T12:00:00Z"]))


def fuzz(examples):
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@cache
def read_by_schemathesis():
    return schemathesis.openapi.from_dict(DOCUMENT)


class Asking:
    """One operation, asked by whomever; remembers which answers there were."""

    def __init__(self, method, path):
        self.scene = Scene()
        wiring.use(self.scene.life.world)
        self.operation = read_by_schemathesis()[path][method]
        self.app = wsgi(self.scene)
        everybody = sorted({**self.scene.people(), **self.scene.back_ends()})
        self.callers = [*fitting(BY_NAME.get((method, path))) * 9, *everybody]
        self.answers = set()
        self.described = DOCUMENT["paths"][path][method.lower()]
        self.takes_something = bool({"parameters", "requestBody"} & self.described.keys())

    def ask(self, case, caller):
        case.headers = {k: v for k, v in case.headers.items() if k != "Authorization"}
        sent = {"Authorization": self.scene.callers[caller]}
        answer = case.call(base_url="http://localhost", headers=sent, app=self.app)
        case.validate_response(answer, checks=AS_DESCRIBED, headers=sent)
        self.answers.add(answer.status_code)
        if answer.status_code >= 400:
            told = self.described["responses"][str(answer.status_code)]["content"]
            assert answer.json()["code"] in told["application/problem+json"]["examples"]
        if not sees_everybody(caller):
            assert not [one for one in self.scene.fenced if one in answer.text], answer.text


NOT_BY_CHANCE = {
    # Signed bytes: tests/doors/test_webhook.py.
    "POST /webhooks/stripe",
    # A code from a link, every disclosure by its version, an address on file, two people, an event that waits:
    # nobody guesses these, and other tests get in by them.
    "POST /v1/page-codes/exchange",
    "POST /v1/subscriptions/{id}/cancellation",
    "POST /v1/subscriptions/{id}/assisted-cancellation-previews",
    "POST /v1/subscriptions/{id}/assisted-cancellation",
    "POST /v1/admin/accounts/{id}/purge-approval",
    "POST /v1/admin/parked-events/{id}/replay",
}
"""Where no request of these is a success; everywhere else some are, or the story would only knock at shut doors."""


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_whatever_is_asked_is_answered_as_the_document_says(method, path):
    asking = Asking(method, path)

    @fuzz(4)
    @given(st.data())
    def as_the_document_forbids(data):
        mode = GenerationMode.NEGATIVE
        case = data.draw(asking.operation.as_strategy(generation_mode=mode))
        asking.ask(case, data.draw(st.sampled_from(asking.callers)))

    for seed in range(AIMED):
        chance = Random(f"{method} {path} {seed}")
        case = aimed(asking.operation, DOCUMENT, asking.scene, chance)
        asking.ask(case, chance.choice(asking.callers))
    if asking.takes_something:
        as_the_document_forbids()
    got_in = any(200 <= status < 300 for status in asking.answers)
    assert got_in == (f"{method} {path}" not in NOT_BY_CHANCE), asking.answers
