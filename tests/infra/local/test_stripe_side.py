"""The emulator's place: the real SDK without a socket, webhooks delivered before anybody hears the answer."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
import stripe

from infra.local.endpoints import CannotStart
from infra.local.faults import Faults
from infra.local.messages import Answer, Request
from infra.local.stripe_emulator import Emulator
from infra.local.stripe_side import DirectClient, StripeSide, send_over_http

NOW = datetime(2027, 1, 1, tzinfo=UTC)
PORT = 8765


class World:
    def __init__(self):
        self.received = []
        self.status = 200
        self.faults = Faults()
        self.emulator = Emulator(now=lambda: NOW, base_url=f"http://127.0.0.1:{PORT}/_stripe")
        self.side = StripeSide(self.emulator, PORT, self.receive)
        self.sdk = stripe.StripeClient(
            "sk_test_local",
            base_addresses={"api": f"http://127.0.0.1:{PORT}/_stripe"},
            http_client=DirectClient(self.side, self.faults),
            max_network_retries=2,
        )

    def receive(self, request):
        self.received.append(request)
        return Answer(self.status)

    def listen(self, url=f"http://127.0.0.1:{PORT}/webhooks/stripe"):
        self.emulator.seed_webhook_endpoint(url=url, secret="whsec_local")


@pytest.fixture
def world():
    return World()


def test_the_unmodified_sdk_reaches_it_without_a_socket(world):
    made = world.sdk.v1.customers.create({"email": "ann@example.com"})

    assert world.sdk.v1.customers.retrieve(made.id).email == "ann@example.com"
    assert made.last_response.headers["date"] == "Fri, 01 Jan 2027 00:00:00 GMT"


def test_a_refusal_arrives_as_the_sdks_own_error(world):
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        world.sdk.v1.customers.retrieve("cus_nobody")


def test_a_webhook_arrives_at_the_app_signed_and_once(world):
    world.listen()
    world.sdk.v1.customers.create({"email": "ann@example.com"})

    assert world.side.deliver() == 1
    assert world.side.deliver() == 0

    request = world.received[0]
    assert (request.method, request.path) == ("POST", "/webhooks/stripe")
    assert request.header("Stripe-Signature").startswith(f"t={int(NOW.timestamp())},v1=")


def test_a_webhook_that_was_refused_is_due_again_later(world):
    world.listen()
    world.status = 500
    world.sdk.v1.customers.create({"email": "ann@example.com"})

    world.side.run_due()

    assert len(world.received) == 1
    assert world.side.next_at() > NOW


def test_a_webhook_for_somewhere_else_on_this_machine_that_nobody_takes_is_due_again(world):
    world.listen("http://127.0.0.1:1/hook")
    world.sdk.v1.customers.create({"email": "ann@example.com"})

    world.side.run_due()

    assert world.received == []
    assert world.side.next_at() > NOW


def test_nothing_is_ever_sent_off_this_machine():
    with pytest.raises(CannotStart):
        send_over_http("https://example.com/hook", b"", {})


@pytest.mark.parametrize("kind", ["error", "timeout", "answer_lost"])
def test_one_failure_is_survived_by_the_sdks_own_retry(world, kind):
    world.faults.order({"target": "stripe", "kind": kind, "count": 1})

    world.sdk.v1.customers.create({"email": "ann@example.com"})

    assert len(world.emulator.truth()["customers"]) == 1


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("error", stripe.APIError),
        ("timeout", stripe.APIConnectionError),
        ("answer_lost", stripe.APIConnectionError),
    ],
)
def test_failures_beyond_the_retries_reach_the_app(world, kind, error):
    world.faults.order({"target": "stripe", "kind": kind, "count": 3})

    with pytest.raises(error):
        world.sdk.v1.customers.create({"email": "ann@example.com"})

    assert len(world.emulator.truth()["customers"]) == (1 if kind == "answer_lost" else 0)


def test_a_rate_limit_is_not_retried(world):
    world.faults.order({"target": "stripe", "kind": "throttle", "count": 1})

    with pytest.raises(stripe.RateLimitError):
        world.sdk.v1.customers.create({"email": "ann@example.com"})


def test_faults_are_for_the_app_and_not_for_whoever_looks_at_stripe_from_outside(world):
    world.faults.order({"target": "stripe", "kind": "error", "count": 1})
    headers = (("Authorization", "Bearer sk_test_x"),)

    answer = world.side.answer(
        Request(
            "POST", "/_stripe/v1/customers", "", headers, urlencode({"email": "a@b.c"}).encode()
        )
    )

    assert answer.status == 200
    assert world.faults.view()["stripe"] == ["error"]
