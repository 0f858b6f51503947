"""The whole product with somebody who wants the events by HTTP: a receiver that knows nothing but Standard Webhooks."""

import json
from dataclasses import replace

import pytest

from chalicelib import wiring
from chalicelib.gateways.secrets import Vault
from infra.local.endpoints import CannotStart
from infra.local.options import from_environment
from tests.publishing.receiver import OTHER, SECRET, Receiver
from tests.support.event_schemas import misfits
from tests.support.life import Life
from tests.support.local_stack import LocalStack
from tests.support.smarter_contact import ACME, subscribed


def setting(receiver, *secrets, since="2026-01-01T00:00:00Z"):
    return {
        "name": "app", "url": receiver.url, "since": since, "secrets": list(secrets or (SECRET,)),
    }  # fmt: skip


def listen(life: Life, *said) -> None:
    settings = replace(life.world.settings, event_endpoints=said)
    endpoints = wiring.endpoints(settings, life.clock, Vault(life.clock))
    life.world = replace(life.world, settings=settings, endpoints=endpoints)
    wiring.use(life.world)


def test_a_life_s_events_arrive_signed_whole_and_in_order():
    life, (subscription,) = subscribed()
    with Receiver(now=lambda: life.now) as receiver:
        listen(life, setting(receiver))
        life.cancel(ACME, subscription)
        life.resume(ACME, subscription)
        life.sleep(life.now)
        life.run_jobs()
        life.stream.flow()

        assert receiver.refused == []
        mine = [one for one in receiver.heard if one["account_id"] == ACME]
        assert [one for event in receiver.heard for one in misfits(event)] == []
        assert mine == [one for one in life.events() if one["account_id"] == ACME]
        assert [one["sequence"] for one in mine] == sorted({one["sequence"] for one in mine})


def test_a_secret_is_rotated_while_events_arrive_and_none_is_refused():
    life, (subscription,) = subscribed()
    with Receiver(now=lambda: life.now) as receiver:
        for secrets, known in (
            ((SECRET,), SECRET),
            ((SECRET, OTHER), SECRET),
            ((SECRET, OTHER), OTHER),
            ((OTHER,), OTHER),
        ):
            listen(life, setting(receiver, *secrets))
            receiver.secret = known
            life.cancel(ACME, subscription)
            life.resume(ACME, subscription)

    assert receiver.refused == []
    types = [one["type"] for one in receiver.heard]
    assert types.count("subscription.cancellation_scheduled") == 4
    assert types.count("subscription.resumed") == 4


@pytest.mark.slow
def test_the_local_stack_sends_to_an_endpoint_of_this_machine():
    start = "2027-01-10T12:00:00Z"
    from chalicelib.domain.moments import from_rfc3339

    with Receiver() as receiver:
        clock = {"stack": None}

        def now():
            stack = clock["stack"]
            return from_rfc3339(stack.ask("GET", "/_clock").json()["now"] if stack else start)

        receiver.now = now
        said = json.dumps([setting(receiver)])
        with LocalStack(LAPSE_START=start, LAPSE_EVENT_ENDPOINTS=said) as stack:
            clock["stack"] = stack
            stack.subscribe("smarter", "smarter-contact:messaging:month")
            shown = stack.ask("GET", "/_outbox").json()["events"]

    assert receiver.refused == []
    assert receiver.heard
    assert sorted(one["id"] for one in shown) == sorted(receiver.ids)
    assert [one for event in receiver.heard for one in misfits(event)] == []


@pytest.mark.parametrize(
    "said",
    [
        '[{"name": "app", "url": "https://app.example.com/"}]',
        '[{"name": "app", "url": "http://10.0.0.1/"}]',
        '[{"name": "app"}]',
        "7",
        "no JSON",
    ],
)
def test_the_local_stack_sends_nothing_anywhere_else(said):
    with pytest.raises(CannotStart):
        from_environment({"LAPSE_EVENT_ENDPOINTS": said})
