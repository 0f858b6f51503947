"""Amazon EventBridge, as it answers: what it is asked, and what its answers mean."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from botocore.stub import Stubber

from chalicelib.domain.news import DomainEvent
from chalicelib.gateways.eventbridge import EventBridge, EventsUnavailable
from chalicelib.gateways.events import EventRefused

REGION = "us-east-1"
EVENT = DomainEvent(
    id="acme:evt_1",
    type="subscription.resumed",
    time=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    account_id="acme",
    sequence="000000000007.000",
    data={"subscription_id": "sub_1"},
)


def test_an_event_goes_out_with_its_type_and_in_cloud_events_words():
    bus, asked = EventBridge("lapse", region=REGION), []
    bus._client.meta.events.register(
        "provide-client-params.events.PutEvents", lambda params, **_: asked.append(params)
    )
    with Stubber(bus._client) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})
        bus.publish(EVENT)

    ((entry,),) = [params["Entries"] for params in asked]
    assert entry["Source"] == "lapse"
    assert entry["EventBusName"] == "lapse"
    assert entry["DetailType"] == "subscription.resumed"
    assert entry["Time"] == EVENT.time
    assert json.loads(entry["Detail"]) == {
        "specversion": "1.0",
        "source": "lapse",
        "id": "acme:evt_1",
        "type": "subscription.resumed",
        "time": "2026-03-01T12:00:00Z",
        "subject": "acme",
        "sequence": "000000000007.000",
        "datacontenttype": "application/json",
        "dataschema": "urn:lapse:event-data:subscription.resumed:1",
        "account_id": "acme",
        "data": {"subscription_id": "sub_1"},
    }


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        ("MalformedDetail", EventRefused),
        ("ThrottlingException", EventsUnavailable),
        ("InternalFailure", EventsUnavailable),
    ],
)
def test_an_answer_of_200_may_still_say_no(code, raised):
    bus = EventBridge("lapse", region=REGION)
    answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "no"}]}
    with Stubber(bus._client) as stub:
        stub.add_response("put_events", answer)
        with pytest.raises(raised, match=code):
            bus.publish(EVENT)


def test_an_event_that_is_too_large_is_refused_before_it_is_sent():
    with pytest.raises(EventRefused, match="too_large"):
        EventBridge("lapse", region=REGION).publish(replace(EVENT, data={"number": "é" * 200_000}))
