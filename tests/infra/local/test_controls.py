"""The local controls: what they answer, and a plain sentence for everything they cannot do."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.carrier import LocalCarrier
from infra.local.clock import MovableClock
from infra.local.controls import Controls
from infra.local.faults import Faults
from infra.local.messages import Request
from infra.local.outbox import Outbox
from infra.local.saas import LocalSaas
from infra.local.time_travel import Ran
from infra.local.tokens import Tokens
from infra.local.traffic import Traffic

START = datetime(2027, 1, 1, tzinfo=UTC)


class Travel:
    """Moves the clock, and says that one job ran."""

    def __init__(self, clock):
        self.clock = clock

    def move_to(self, end, *, walks=True):
        self.clock.move_to(end)
        return [Ran(end, "end access", "1 ended" if walks else "no walks")]

    def move_to_next(self):
        return self.move_to(self.clock.now() + timedelta(days=1))


@pytest.fixture
def controls(notebook):
    clock, faults = MovableClock(notebook, START), Faults()
    return Controls(
        clock=clock,
        travel=Travel(clock),
        traffic=Traffic(),
        tokens=Tokens(notebook),
        carrier=LocalCarrier(notebook, clock, faults),
        outbox=Outbox(notebook, faults),
        saas=LocalSaas(notebook, clock, faults),
        faults=faults,
        new_id=lambda: "req-1",
    )


def post(controls, path, body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return controls.answer(Request("POST", path, body=raw))


def get(controls, path):
    return controls.answer(Request("GET", path))


def test_the_clock_is_read(controls):
    assert get(controls, "/_clock").json() == {"now": "2027-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("wanted", "now"),
    [
        ({"to": "2027-01-15T00:00:00Z"}, "2027-01-15T00:00:00Z"),
        ({"to": "2027-01-15T01:00:00+01:00"}, "2027-01-15T00:00:00Z"),
        ({"to": "2027-01-01T00:00:00Z"}, "2027-01-01T00:00:00Z"),
        ({"by": "P14D"}, "2027-01-15T00:00:00Z"),
        ({"by": "PT0S"}, "2027-01-01T00:00:00Z"),
        ({"to_next": True}, "2027-01-02T00:00:00Z"),
        ({"by": "P1D", "something": "else"}, "2027-01-02T00:00:00Z"),
    ],
)
def test_the_clock_is_moved_and_says_what_ran(controls, wanted, now):
    answer = post(controls, "/_clock", wanted)

    assert answer.status == 200
    assert answer.json() == {
        "now": now,
        "ran": [{"at": now, "job": "end access", "did": "1 ended"}],
    }


def test_the_walks_over_everything_may_be_left_for_later(controls):
    answer = post(controls, "/_clock", {"by": "P1D", "walks": False})

    assert answer.json()["ran"][0]["did"] == "no walks"
    assert post(controls, "/_clock", {"by": "P1D", "walks": "no"}).status == 400


@pytest.mark.parametrize(
    "wanted",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        [],
        "P1D",
        None,
        {},
        {"to": "2026-12-31T23:59:59Z"},
        {"to": "2027-01-15"},
        {"to": "2027-01-15T00:00:00"},
        {"to": "2027-01-15T00:00:00.5Z"},
        {"to": "tomorrow"},
        {"to": 1},
        {"to": None},
        {"to": "0001-01-01T00:00:00+10:00"},
        {"by": "-P1D"},
        {"by": "P1.5D"},
        {"by": 5},
        {"by": None},
        {"by": "P99999Y"},
        {"to_next": False},
        {"to_next": 1},
        {"to": "2027-01-15T00:00:00Z", "by": "P1D"},
        {"to_next": True, "by": "P1D"},
    ],
)
def test_a_move_that_cannot_be_made_is_refused_and_the_clock_stays(controls, wanted):
    answer = post(controls, "/_clock", wanted)

    assert answer.status == 400
    assert answer.header("Content-Type") == "application/problem+json"
    assert answer.json()["code"] == "malformed_request"
    assert answer.json()["detail"]
    assert get(controls, "/_clock").json() == {"now": "2027-01-01T00:00:00Z"}


def test_a_token_is_answered(controls):
    wanted = {"account_id": "smarter", "roles": ["member"], "email": "a@example.com", "sub": "a"}

    assert len(post(controls, "/_tokens", wanted).json()["token"].split(".")) == 3


@pytest.mark.parametrize("wanted", [b"", {}, {"roles": ["king"]}, {"roles": [], "ttl_seconds": 0}])
def test_a_token_that_cannot_be_had_is_refused(controls, wanted):
    assert post(controls, "/_tokens", wanted).status == 400


def test_the_carrier_and_the_outbox_are_shown(controls):
    assert get(controls, "/_carrier").json() == {"numbers": {}, "registrations": {}}
    assert get(controls, "/_outbox").json() == {"mail": [], "events": []}


def test_faults_are_ordered_and_shown(controls):
    answer = post(controls, "/_faults", {"target": "carrier", "kind": "timeout", "count": 2})

    assert answer.status == 200
    assert get(controls, "/_faults").json()["carrier"] == ["timeout", "timeout"]
    assert post(controls, "/_faults", {"target": "sun"}).status == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/_clock"), ("GET", "/_tokens"), ("POST", "/_carrier"), ("PUT", "/_outbox")],
)
def test_another_method_is_refused(controls, method, path):
    answer = controls.answer(Request(method, path))

    assert answer.status == 405
    assert answer.header("Allow")


def test_what_is_no_control_is_for_somebody_else(controls):
    assert get(controls, "/v1/membership") is None
    assert get(controls, "/_clocks") is None


def test_a_slash_at_the_end_means_the_same(controls):
    assert get(controls, "/_clock/").status == 200
