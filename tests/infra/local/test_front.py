"""The front door: what goes where, what the carrier is told, and that a failure is an answer."""

import json
import logging
from datetime import UTC, datetime

import pytest

from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Put
from infra.local.carrier import LocalCarrier
from infra.local.claims import let_go
from infra.local.clock import MovableClock
from infra.local.due_watch import DueWatch
from infra.local.faults import Faults
from infra.local.front import Front
from infra.local.messages import Answer, Request, json_answer
from infra.local.traffic import Traffic

START = datetime(2027, 1, 1, tzinfo=UTC)


class Behind:
    """Whatever stands behind the door: answers with its name, and counts its deliveries."""

    def __init__(self, name, status=200):
        self.name, self.status, self.delivered = name, status, 0

    def answer(self, request):
        if self.status == "breaks":
            raise RuntimeError("on purpose")
        return json_answer({"from": self.name}, self.status)

    def deliver(self):
        self.delivered += 1


class NoControls:
    def answer(self, request):
        return Answer(200) if request.path == "/_clock" else None


@pytest.fixture
def carrier(notebook):
    return LocalCarrier(notebook, MovableClock(notebook, START), Faults())


@pytest.fixture
def front(carrier):
    return Front(
        controls=NoControls(),
        stripe=Behind("stripe"),
        gateway=Behind("app"),
        carrier=carrier,
        traffic=Traffic(),
        new_id=lambda: "req-1",
    )


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("/_stripe/v1/customers", "stripe"),
        ("/_stripe", "stripe"),
        ("/_stripes", "app"),
        ("/v1/membership", "app"),
        ("/", "app"),
    ],
)
def test_each_path_has_one_owner_and_webhooks_arrive_before_the_answer(front, path, who):
    assert front.answer(Request("GET", path)).json() == {"from": who}
    assert front._stripe.delivered == 1


def test_a_control_does_not_wait_for_anybody(front):
    assert front.answer(Request("GET", "/_clock")).status == 200
    assert front._stripe.delivered == 0


def put(front, path, body):
    return front.answer(Request("PUT", path, body=json.dumps(body).encode()))


LOCAL = {"provider": "local", "provider_id": "PN1"}


@pytest.mark.parametrize("written", ["+14155550100", "%2B14155550100"])
def test_a_number_that_was_put_exists_at_the_carrier(front, carrier, written):
    put(front, f"/v1/numbers/{written}", LOCAL)

    assert carrier.view()["numbers"]["+14155550100"]["status"] == "active"


def test_a_registration_that_was_put_exists_at_the_carrier(front, carrier):
    put(front, "/v1/registrations/reg1", LOCAL)

    assert carrier.view()["registrations"]["reg1"]["status"] == "active"


def test_what_the_app_refused_or_another_provider_holds_does_not(front, carrier):
    put(front, "/v1/numbers/+1", {"provider": "twilio", "provider_id": "PN1"})
    put(front, "/v1/numbers/+2", {"provider_id": "PN1"})
    put(front, "/v1/numbers/+3/more", LOCAL)
    put(front, "/v1/seats/ann", LOCAL)
    front.answer(Request("DELETE", "/v1/numbers/+4"))
    front._gateway.status = 409
    put(front, "/v1/numbers/+5", LOCAL)

    assert carrier.view() == {"numbers": {}, "registrations": {}}


def test_a_failure_of_the_stack_itself_is_an_answer_and_is_logged(front, caplog):
    front._gateway.status = "breaks"

    with caplog.at_level(logging.ERROR, "lapse.local"):
        answer = front.answer(Request("GET", "/v1/membership"))

    assert answer.status == 500
    assert answer.json()["code"] == "internal_error"
    assert "on purpose" in caplog.text


def test_after_a_failure_the_clock_can_move(front):
    front._gateway.status = "breaks"
    front.answer(Request("GET", "/v1/membership"))

    with front._traffic.alone():
        pass


def test_a_step_held_by_a_killed_stack_is_due_again(notebook):
    watch = DueWatch(MemoryTable(), ("numbers_released",), 1)
    row = {"pk": "A#a", "doc": {}, "due_kind": "numbers_released#0"}
    later = "2027-01-01T00:10:00Z"
    watch.write(Put({**row, "sk": "held", "due_at": later, "claimed_until": later}))
    watch.write(Put({**row, "sk": "free", "due_at": later}))

    assert let_go(watch, MovableClock(notebook, START)) == 1
    assert [sk for _, _, _, sk in watch.until("2027-01-01T00:00:00Z")] == ["held"]
