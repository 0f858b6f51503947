"""The whole local stack, started as `make run` starts it and spoken to over its port."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from tests.support.local_stack import COMMAND, ROOT, DidNotStart, LocalStack

SEEDED = ("smarter", "onemsg", "gotowebinar", "onesolution", "nexor", "troubled")
START = "2027-01-10T12:00:00Z"
NUMBER = "+14155550100"


@pytest.fixture(scope="module")
def stack():
    with LocalStack(LAPSE_START=START) as stack:
        yield stack


def shifted(moment, **by):
    return (datetime.fromisoformat(moment) + timedelta(**by)).isoformat().replace("+00:00", "Z")


# -- what is there


def test_it_starts_at_the_instant_it_was_given_and_stands_still(stack):
    assert stack.now() == START


def test_the_six_seeded_accounts_are_there(stack):
    assert [stack.membership(name)["account_id"] for name in SEEDED] == list(SEEDED)


def test_every_plan_of_every_policy_has_its_price(stack):
    prices = stack.stripe("GET", "/v1/prices", limit=100)["data"]
    keys = {price["lookup_key"] for price in prices}

    assert {
        "smarter-contact:messaging:month",
        "smarter-contact:calling:year",
        "1msg:channel:month",
        "goto:webinar:month",
        "goto:connect:month",
        "1smtg:standard:month",
        "nexorone:service:month",
    } <= keys
    channel = next(price for price in prices if price["lookup_key"] == "1msg:channel:month")
    assert (channel["unit_amount"], channel["currency"]) == (4900, "usd")


def test_every_address_it_prints_leads_somewhere(stack):
    printed = re.findall(rf"^    \S.*?{stack.url}(\S+)$", stack.said, re.MULTILINE)

    assert "/_clock" in printed
    for path in printed:
        assert stack.ask("GET", path).status in (200, 401), path


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/here", 404, "not_found"),
        ("GET", "/v1/nothing", 404, "not_found"),
        ("PATCH", "/v1/membership", 405, "method_not_allowed"),
        ("GET", "/webhooks/stripe", 405, "method_not_allowed"),
        ("DELETE", "/_clock", 405, "method_not_allowed"),
    ],
)
def test_what_is_not_there_is_a_problem_with_a_request_id(stack, method, path, status, code):
    reply = stack.ask(method, path)

    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/problem+json"
    problem = reply.json()
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(problem)
    assert problem["code"] == code
    assert problem["request_id"] == reply.headers["Request-Id"]


def test_every_answer_tells_the_time_of_the_one_clock(stack):
    for path in ("/healthz", "/_clock", "/_stripe/v1/prices", "/nothing"):
        assert stack.ask("GET", path).headers["Date"] == "Sun, 10 Jan 2027 12:00:00 GMT"


def test_a_body_that_is_too_large_is_read_off_before_the_answer(stack):
    reply = stack.ask("POST", "/v1/portal-sessions", b" " * (11 * 1024 * 1024))

    assert reply.status == 413
    assert reply.json()["code"] == "body_too_large"


# -- settled before the answer


def test_what_is_done_at_stripe_shows_at_once():
    """No driver has to wait for a webhook: it arrived before the answer did."""
    with LocalStack(LAPSE_START=START) as stack:
        subscription = stack.subscribe("smarter", "smarter-contact:messaging:month")
        assert stack.membership("smarter")["subscriptions"][0]["status"] == "active"

        stack.stripe("POST", f"/v1/subscriptions/{subscription}", cancel_at_period_end="true")
        assert stack.membership("smarter")["subscriptions"][0]["status"] == "pending_cancellation"

        stack.stripe("POST", f"/v1/subscriptions/{subscription}", cancel_at_period_end="false")
        assert stack.membership("smarter")["subscriptions"][0]["status"] == "active"


def test_moving_the_clock_is_inclusive_at_every_boundary_of_a_life():
    """Smarter Contact: access to the end, numbers released 14 days after it, registration 30 days after it."""
    with LocalStack(LAPSE_START=START) as stack:
        subscription = stack.subscribe("smarter", "smarter-contact:messaging:month")
        stack.put_number("smarter", NUMBER)
        stack.stripe("POST", f"/v1/subscriptions/{subscription}", cancel_at_period_end="true")
        end = stack.membership("smarter")["subscriptions"][0]["access_ends_at"]
        assert end == "2027-02-10T12:00:00Z"

        stack.move_to(shifted(end, seconds=-1))
        assert stack.features("smarter")["send_sms"] is True

        ran = stack.move_to(end)
        assert stack.features("smarter")["send_sms"] is False
        assert "expire_subscriptions" in {one["job"] for one in ran}
        assert {one["at"] for one in ran} == {end}

        release = shifted(end, hours=336)
        stack.move_to(shifted(release, seconds=-1))
        number = stack.must("GET", "/_carrier")["numbers"][NUMBER]
        assert (number["status"], number["calls"]) == ("active", [])

        stack.move_to(release)
        number = stack.must("GET", "/_carrier")["numbers"][NUMBER]
        assert number["status"] == "released"
        assert [(call["at"], call["outcome"]) for call in number["calls"]] == [(release, "done")]

        stack.move_by("P2Y")
        number = stack.must("GET", "/_carrier")["numbers"][NUMBER]
        assert len(number["calls"]) == 1


def test_to_next_stops_where_something_happens():
    with LocalStack(LAPSE_START=START) as stack:
        stack.subscribe("smarter", "smarter-contact:messaging:month")

        moved = stack.must("POST", "/_clock", {"to_next": True})

        assert START < moved["now"] <= "2027-02-10T12:00:00Z"
        assert moved["ran"]


# -- faults


def test_a_database_that_fails_once_is_a_503_once(stack):
    token = stack.token("smarter", "billing_admin")
    stack.must("POST", "/_faults", {"target": "dynamodb", "kind": "timeout", "count": 1})

    failed = stack.ask("GET", "/v1/membership", token=token)

    assert failed.status == 503
    assert failed.headers["Retry-After"]
    assert stack.ask("GET", "/v1/membership", token=token).status == 200


def test_a_stripe_that_does_not_answer_is_a_503():
    with LocalStack(LAPSE_START=START) as stack:
        stack.subscribe("smarter", "smarter-contact:messaging:month")
        token = stack.token("smarter", "billing_admin")
        wanted = {"return_url": "https://app.example.com/billing"}
        # The SDK tries three times by itself.
        stack.must("POST", "/_faults", {"target": "stripe", "kind": "timeout", "count": 3})

        failed = stack.ask("POST", "/v1/portal-sessions", wanted, token=token)

        assert failed.status == 503
        assert failed.json()["code"] == "stripe_unavailable"
        assert stack.ask("POST", "/v1/portal-sessions", wanted, token=token).status == 201


# -- many at once


def test_eight_callers_each_get_their_own_account(stack):
    tokens = {name: stack.token(name, "billing_admin") for name in SEEDED}
    names = [SEEDED[number % len(SEEDED)] for number in range(96)]

    def ask(name):
        return stack.must("GET", "/v1/membership", token=tokens[name])["account_id"]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, names)) == names


def test_requests_and_a_moving_clock_do_not_block_each_other():
    with LocalStack(LAPSE_START=START) as stack:
        stack.subscribe("smarter", "smarter-contact:messaging:month")
        token = stack.token("smarter", "billing_admin")

        def ask(_):
            return stack.ask("GET", "/v1/entitlements", token=token).status

        def buy(_):
            stack.subscribe("troubled", "smarter-contact:calling:month")

        with ThreadPoolExecutor(8) as threads:
            moves = [threads.submit(stack.move_by, "P3D") for _ in range(4)]
            asked = threads.map(ask, range(40))
            bought = threads.map(buy, range(3))
            assert set(asked) == {200}
            assert len(list(bought)) == 3
            for move in moves:
                move.result(60)

        assert stack.now() == shifted(START, days=12)


# -- over restarts


def test_everything_is_there_again_after_it_was_killed(tmp_path):
    state = str(tmp_path / "state")
    with LocalStack(LAPSE_STATE=state, LAPSE_START=START) as stack:
        subscription = stack.subscribe("smarter", "smarter-contact:messaging:month")
        stack.put_number("smarter", NUMBER)
        stack.move_by("P40D")
        token = stack.token("smarter", "billing_admin")
        before = everything(stack)
        assert stack.stop(signal.SIGKILL) == -signal.SIGKILL

    with LocalStack(LAPSE_STATE=state, LAPSE_START=START) as stack:
        assert everything(stack) == before
        assert stack.now() == shifted(START, days=40)
        assert (
            stack.must("GET", "/v1/membership", token=token)["subscriptions"][0]["id"]
            == subscription
        )

        # On another port than before: Stripe's webhooks have to find the way.
        stack.stripe("POST", f"/v1/subscriptions/{subscription}", cancel_at_period_end="true")
        assert stack.membership("smarter")["subscriptions"][0]["status"] == "pending_cancellation"


def test_killed_while_the_clock_moves_it_loses_and_doubles_nothing(tmp_path):
    state = str(tmp_path / "state")
    numbers = [f"+1415555{number:04}" for number in range(30)]
    with LocalStack(LAPSE_STATE=state, LAPSE_START=START) as stack:
        subscription = stack.subscribe("smarter", "smarter-contact:messaging:month")
        for number in numbers:
            stack.put_number("smarter", number)
        stack.stripe("POST", f"/v1/subscriptions/{subscription}", cancel_at_period_end="true")
        end = stack.membership("smarter")["subscriptions"][0]["access_ends_at"]
        stack.move_to(shifted(end, hours=336, seconds=-1))
        with ThreadPoolExecutor(1) as thread:
            moving = thread.submit(stack.ask, "POST", "/_clock", {"by": "PT1S"})
            time.sleep(0.15)
            stack.stop(signal.SIGKILL)
            moving.exception(20)

    with LocalStack(LAPSE_STATE=state) as stack:
        stack.move_to(shifted(end, hours=336))
        held = stack.must("GET", "/_carrier")["numbers"]
        assert {held[number]["status"] for number in numbers} == {"released"}
        for number in numbers:
            done = [call for call in held[number]["calls"] if call["outcome"] == "done"]
            assert len(done) == 1
        shown = stack.membership("smarter")["numbers"]
        assert not any(number["status"] == "active" for number in shown)


def everything(stack):
    return {
        "clock": stack.now(),
        "accounts": [stack.membership(name) for name in SEEDED],
        "carrier": stack.must("GET", "/_carrier"),
        "outbox": stack.must("GET", "/_outbox"),
        "subscriptions": stack.stripe("GET", "/v1/subscriptions", status="all")["data"],
    }


def test_an_extra_policy_brings_its_prices(tmp_path):
    policy = tmp_path / "sixth.toml"
    text = (ROOT / "chalicelib/policies/smarter-contact.toml").read_text()
    policy.write_text(text.replace('name = "smarter-contact"', 'name = "sixth"'))

    with LocalStack(LAPSE_POLICY=str(policy)) as stack:
        keys = {one["lookup_key"] for one in stack.stripe("GET", "/v1/prices", limit=100)["data"]}

    assert "sixth:messaging:month" in keys


# -- starting and stopping


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_two_stacks_side_by_side_share_nothing(stack):
    with LocalStack(LAPSE_START="2029-01-01T00:00:00Z") as other:
        other.subscribe("smarter", "smarter-contact:messaging:month")
        other.put_number("smarter", "+14155559999")

        assert other.now() == "2029-01-01T00:00:00Z"
        assert stack.now() == START
        assert "+14155559999" not in stack.must("GET", "/_carrier")["numbers"]
        foreign = other.token("smarter", "billing_admin")
        assert stack.ask("GET", "/v1/membership", token=foreign).status == 401


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_when_asked(number):
    with LocalStack() as stack:
        assert stack.stop(number) == 0

    assert "Traceback" not in stack.said
    assert not answers(stack.port)


def test_it_ends_with_its_parent_even_when_that_is_killed():
    """`make run` that is killed must not leave a stack behind."""
    shell = ("sh", "-c", " ".join((*COMMAND, "--end-with-parent")) + "; true")
    with LocalStack(command=shell) as stack:
        stack.process.kill()

        # Reading its output ends when nobody is left who could write to it.
        assert "Stopping" in stack.process.stdout.read()
        stack.process.stdout.close()
        assert not answers(stack.port)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"LAPSE_PORT": "eighty"}, "LAPSE_PORT=eighty is no port"),
        ({"LAPSE_START": "soon"}, "LAPSE_START=soon is no instant"),
        ({"LAPSE_POLICY": "/nowhere.toml"}, "LAPSE_POLICY=/nowhere.toml is no file"),
        ({"LAPSE_STATE": "/dev/null/state"}, "cannot be written"),
        (
            {"AWS_ENDPOINT_URL_DYNAMODB": "https://dynamodb.example.com"},
            "AWS_ENDPOINT_URL_DYNAMODB points at dynamodb.example.com",
        ),
    ],
)
def test_what_keeps_it_from_starting_is_said_in_a_sentence(settings, sentence):
    with pytest.raises(DidNotStart) as raised:
        LocalStack(**settings)

    assert raised.value.code == 1
    assert sentence in raised.value.said
    assert "Traceback" not in raised.value.said


def test_a_port_that_is_taken_is_named_with_what_to_do(stack):
    with pytest.raises(DidNotStart) as raised:
        LocalStack(LAPSE_PORT=str(stack.port))

    assert raised.value.code == 1
    assert f"Port {stack.port} is taken" in raised.value.said
    assert "LAPSE_PORT=" in raised.value.said
    assert "Traceback" not in raised.value.said


def test_a_state_folder_in_use_is_refused(tmp_path):
    with LocalStack(LAPSE_STATE=str(tmp_path)), pytest.raises(DidNotStart) as raised:
        LocalStack(LAPSE_STATE=str(tmp_path))

    assert "Another local stack is using" in raised.value.said


def test_help_is_there():
    ran = subprocess.run(
        [sys.executable, "-m", "infra.local", "--help"], cwd=ROOT, capture_output=True, text=True
    )

    assert ran.returncode == 0
    assert "run" in ran.stdout


def test_a_signed_event_of_anybodys_making_is_heard(stack):
    """The webhook secret is fixed, so a driver in any language can send what it likes."""
    import hashlib
    import hmac

    event = {"id": "evt_1", "object": "event", "type": "unknown.kind", "created": 1}
    more = {"api_version": None, "livemode": False, "data": {"object": {"id": "x_1"}}}
    body = json.dumps({**event, **more}).encode()
    at = int(datetime.fromisoformat(stack.now()).timestamp())
    signed = hmac.new(b"whsec_local", b"%d." % at + body, hashlib.sha256).hexdigest()

    reply = stack.ask(
        "POST", "/webhooks/stripe", body, headers={"Stripe-Signature": f"t={at},v1={signed}"}
    )

    assert (reply.status, reply.json()) == (200, {"outcome": "ignored"})
