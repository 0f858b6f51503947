"""Canaries: what outsiders quote when they fail never reaches the log, whichever function it happens in.

Every call that a job makes to an outsider or to the table fails, one after another, with a sentence full of what must not be
written down. What Lambda itself would write of a run that fails is read as well.
"""

import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

import app as entry
from chalicelib import log, wiring
from chalicelib.gates import PORTS
from chalicelib.gateways.stripe import StripeRefused
from chalicelib.handlers.failing import RunFailed
from chalicelib.handlers.jobs import SCHEDULE
from tests.operators.desk import ACME, RELEASE, Desk
from tests.support.stripe_shapes import envelope

CANARIES = {
    "secret": "sk_live_canary7f3a",
    "card": "4242424242424242",
    "link": "https://billing.example.com/p/session/canary7f3a",
    "body": "Dear Canary, your appointment is at nine",
    "address": "canary@example.com",
}
QUOTE = " ".join(CANARIES.values())
FAILURES = (
    ValueError(f"invalid literal for int() with base 10: '{QUOTE}'"),
    KeyError(QUOTE),
    OSError(f"https://host/?token={QUOTE}"),
    StripeRefused("parameter_invalid", f"Invalid value: {QUOTE}"),
    ClientError({"Error": {"Code": "ValidationException", "Message": QUOTE}}, "PutItem"),
    ClientError({"Error": {"Code": QUOTE, "Message": QUOTE}}, "PutItem"),
)
SCHEDULED = {
    "version": "0", "id": "one", "detail-type": "Scheduled Event", "source": "aws.events",
    "account": "000000000000", "time": "2026-01-01T00:00:00Z", "region": "us-east-1",
    "resources": [], "detail": {},
}  # fmt: skip
RETRIED = timedelta(hours=7)
"""Longer than any wait between two tries."""
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 280_000)


def found_in(text):
    return [name for name, canary in CANARIES.items() if canary in text]


class Failing:
    """A port of which every method fails, with these words."""

    def __init__(self, error):
        self.error = error
        self.name = "failing"
        self.policies = ()
        self.at_hand = False
        self.asked = 0

    def __getattr__(self, method):
        def fail(*_, **__):
            self.asked += 1
            raise self.error

        return fail


class FailingTable:
    """The account's rows are there; whatever is asked beyond the index fails."""

    def __init__(self, inner, error):
        self.inner, self.error, self.asked = inner, error, 0

    def due(self, *args, **named):
        return self.inner.due(*args, **named)

    def __getattr__(self, method):
        def fail(*_, **__):
            self.asked += 1
            raise self.error

        return fail


@pytest.fixture(scope="module")
def left():
    """An account that has left: numbers, registrations, messages and mail are all due."""
    desk = Desk()
    desk.life.registration(ACME, "R1")
    desk.leave()
    desk.life.sleep(RELEASE)
    return desk.life


def breaking(life, port, error):
    """The same world, with one port that fails."""
    broken = FailingTable(life.watch, error) if port == "table" else Failing(error)
    given = {"local": broken} if port == "carriers" else (broken,) if port == "purgers" else broken
    return replace(life.world, **{port: given}), broken


def call(function, event):
    """What Lambda would write down of how it ended."""
    try:
        answer = getattr(entry, function)(event, CONTEXT)
    except RunFailed as error:
        # Lambda writes the causes of an error as well, where there are any.
        return str(error) if error.__cause__ is None and error.__suppress_context__ else QUOTE
    return json.dumps(answer)


FUNCTIONS = [job.name for job in SCHEDULE]


@pytest.mark.parametrize("port", ["table", *sorted(PORTS.keys() & set(wiring.World.__slots__))])
def test_no_job_logs_what_an_outsider_quotes(left, lines, monkeypatch, port):
    monkeypatch.setenv("LAPSE_STAGE", "prod")
    ended, asked = [], 0
    for error in FAILURES:
        world, broken = breaking(left, port, error)
        wiring.use(world)
        ended += [call(function, SCHEDULED) for function in FUNCTIONS]
        asked += broken.asked
        # Tried, and to be tried again: the next error finds it due as well.
        left.clock.move_to(left.now.replace(microsecond=0) + RETRIED)
    wiring.use(left.world)

    assert found_in(json.dumps(lines)) == []
    assert found_in(" ".join(ended)) == []
    if port in ("table", "stripe", "carriers"):
        assert asked, f"no job asked {port}: this proves nothing"


def test_no_stream_or_bus_logs_what_it_was_handed(left, lines):
    broken, _ = breaking(left, "table", FAILURES[0])
    wiring.use(broken)
    records = [
        {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": f"A#{ACME}"}, "sk": {"S": "history#x"}}, "SequenceNumber": "1"}}
    ]  # fmt: skip
    ended = [call(name, {"Records": records}) for name in ("publish_history", "send_history")]
    details = (
        {"id": "evt_1", "type": QUOTE, "object": "event", "created": 1, "data": {"object": {"id": QUOTE}}},
        {"id": QUOTE}, QUOTE, {"card": QUOTE},
    )  # fmt: skip
    ended += [
        call("hear_stripe_eventbridge", {**envelope({}), "detail": detail}) for detail in details
    ]
    shares = [{"messageId": "m", "body": body} for body in (QUOTE, json.dumps({"kind": QUOTE}))]
    ended.append(call("release_numbers", {"Records": shares}))
    wiring.use(left.world)

    assert len(lines) > 4
    assert found_in(json.dumps(lines)) == []
    assert found_in(" ".join(ended)) == []


def test_a_run_that_fails_says_which_function_and_what_kind_of_error(left, lines):
    class Gone:
        def __getattr__(self, name):
            raise ZeroDivisionError(QUOTE)

    wiring.use(replace(left.world, table=Gone()))
    said = call("charge_number_fees", SCHEDULED)
    wiring.use(left.world)

    assert said == "ZeroDivisionError"
    (line,) = [one for one in lines if one["event"] == "run_failed"]
    assert (line["function"], line["error"]) == ("charge_number_fees", "ZeroDivisionError")


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_of_anothers_error_only_its_name_and_a_code_are_kept(error):
    assert found_in(log.cause(error)) == []
    assert found_in(log.reason(error)) == []


def test_our_own_errors_say_what_happened_and_aws_says_its_code():
    throttled = ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem")

    assert log.cause(RunFailed("a word")) == "a word"
    assert log.cause(throttled) == "ThrottlingException"
    assert log.reason(throttled) == "ClientError: ThrottlingException"
    assert log.reason(KeyError("x")) == "KeyError"
