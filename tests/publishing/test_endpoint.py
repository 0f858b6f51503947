"""One HTTP endpoint: what it gets, that anybody's library verifies it, and what its answers mean."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.cloud_events import MOST_BYTES, cloud_event
from chalicelib.domain.news import DomainEvent
from chalicelib.gateways import event_endpoint
from chalicelib.gateways.endpoint_settings import EndpointsWrong, endpoint
from chalicelib.gateways.event_endpoint import EventEndpoint, NotTaken
from chalicelib.gateways.events import EventRefused, Gone, OutOfReach
from chalicelib.gateways.secrets import Plain, SecretUnavailable
from tests.publishing.receiver import OTHER, SECRET, Receiver

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EVENT = DomainEvent(
    id="acme:step:numbers_released:2026-03-01T12:00:00Z:9",
    type="numbers.released",
    time=AT,
    account_id="acme",
    sequence="000000000009.000",
    data={"count": 2},
)


class Clock:
    def __init__(self, at=None):
        self.at = at or datetime.now(UTC)

    def now(self):
        return self.at


class Unreadable:
    def __call__(self):
        raise SecretUnavailable("secretsmanager:x could not be read")

    def refresh(self):
        return False


def to(receiver, *secrets, clock=None):
    kept = [Plain(one) if isinstance(one, str) else one for one in secrets or (SECRET,)]
    return EventEndpoint(receiver.url, secrets=kept, since=AT, clock=clock or Clock())


def test_it_gets_the_cloud_event_signed_and_any_2xx_means_that_it_was_taken():
    for status in (200, 201, 202, 204):
        with Receiver((status, b"")) as receiver:
            to(receiver).send(EVENT)

        assert receiver.heard == [cloud_event(EVENT)]
        (headers,) = receiver.headers
        assert headers["webhook-id"] == EVENT.id
        assert headers["content-type"] == "application/cloudevents+json"


def test_the_time_that_is_signed_is_that_of_the_try():
    with Receiver() as receiver:
        clock = Clock()
        to(receiver, clock=clock).send(EVENT)
        clock.at += timedelta(seconds=3)
        to(receiver, clock=clock).send(EVENT)

    first, second = (int(one["webhook-timestamp"]) for one in receiver.headers)
    assert second - first == 3
    assert {one["webhook-id"] for one in receiver.headers} == {EVENT.id}


def test_a_try_that_is_replayed_by_somebody_else_later_is_refused_by_the_library():
    with Receiver() as receiver, pytest.raises(NotTaken, match="status_401"):
        to(receiver, clock=Clock(datetime.now(UTC) - timedelta(minutes=6))).send(EVENT)


@pytest.mark.parametrize(
    "secrets", [(SECRET, OTHER), (OTHER, SECRET), (f"{OTHER},{SECRET}",), (f" {OTHER}  {SECRET} ",)]
)
@pytest.mark.parametrize("known", [SECRET, OTHER])
def test_while_a_secret_is_rotated_either_of_them_fits(secrets, known):
    with Receiver(secret=known) as receiver:
        to(receiver, *secrets).send(EVENT)

    assert receiver.heard == [cloud_event(EVENT)]
    assert len(receiver.headers[0]["webhook-signature"].split(" ")) == 2


def test_a_secret_that_is_rotated_out_does_not_fit_any_more():
    with Receiver(secret=OTHER) as receiver, pytest.raises(NotTaken, match="status_401"):
        to(receiver, SECRET).send(EVENT)

    assert receiver.heard == []


def test_a_secret_that_was_changed_is_read_again_for_the_next_try():
    class Rotated:
        text = OTHER

        def __call__(self):
            return self.text

        def refresh(self):
            self.text = SECRET
            return True

    with Receiver() as receiver:
        here = to(receiver, Rotated())
        with pytest.raises(NotTaken):
            here.send(EVENT)
        here.send(EVENT)

    assert receiver.ids == [EVENT.id]


@pytest.mark.parametrize(
    "secrets",
    [("",), ("whsec_",), ("not base64!",), (SECRET, "not base64!"), (SECRET, Unreadable())],
)
def test_unless_it_can_be_signed_with_all_that_are_active_nothing_is_sent(secrets):
    """Whoever knows only the one that is missing would refuse it."""
    with Receiver() as receiver, pytest.raises(OutOfReach, match="secret_") as failed:
        to(receiver, *secrets).send(EVENT)

    assert receiver.headers == []
    assert "base64" not in str(failed.value)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 425, 429])
def test_who_is_down_or_busy_is_out_of_reach_for_everybody(status):
    with Receiver((status, b"")) as receiver, pytest.raises(OutOfReach, match=f"status_{status}"):
        to(receiver).send(EVENT)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120), (" 120 ", 120), ("0", 0), ("3600", 3600), ("3601", 3600), ("9" * 400, 3600),
        ("", 0), ("-5", 0), ("1.5", 0), ("soon", 0), ("\u0663", 0), ("Sun, 01 Mar 2026", 0),
        ("Sun, 01 Mar 2026 12:10:00 GMT", 600), ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Sun, 01 Mar 2026 12:59:59 GMT", 3599), ("Mon, 02 Mar 2026 12:00:00 GMT", 3600),
        ("Sun, 01 Mar 2026 13:10:00 +0100", 600), ("Sun, 01 Mar 2026 12:10:00 -0000", 0),
    ],
)  # fmt: skip
def test_who_is_busy_says_for_how_long_an_hour_at_most(said, seconds):
    answer = (503, b"", {"Retry-After": said.encode().decode("latin-1")})
    with Receiver(answer, now=lambda: AT) as receiver, pytest.raises(OutOfReach) as failed:
        to(receiver, clock=Clock(AT)).send(EVENT)

    assert failed.value.asked_for == timedelta(seconds=seconds)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 415, 422])
def test_who_answers_otherwise_did_not_take_this_one(status):
    with Receiver((status, b"")) as receiver, pytest.raises(NotTaken, match=f"status_{status}"):
        to(receiver).send(EVENT)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(status):
    with Receiver() as elsewhere:
        answer = (status, b"", {"Location": elsewhere.url})
        with Receiver(answer) as receiver, pytest.raises(NotTaken, match=f"status_{status}"):
            to(receiver).send(EVENT)

    assert elsewhere.headers == []
    assert elsewhere.refused == []


def test_410_means_that_nobody_wants_any_more():
    with Receiver((410, b"")) as receiver, pytest.raises(Gone, match="status_410"):
        to(receiver).send(EVENT)


def test_nobody_there_is_out_of_reach():
    with Receiver() as receiver:
        pass

    with pytest.raises(OutOfReach, match="no_connection"):
        to(receiver).send(EVENT)


def test_whoever_keeps_us_waiting_is_out_of_reach(monkeypatch):
    monkeypatch.setattr(event_endpoint, "SECONDS", 0.2)
    with Receiver(seconds=1) as receiver, pytest.raises(OutOfReach, match="timed_out"):
        to(receiver).send(EVENT)


def test_an_endless_answer_is_not_read_and_means_that_it_was_taken():
    with Receiver((200, b"x" * 3_000_000)) as receiver:
        to(receiver).send(EVENT)

    assert receiver.ids == [EVENT.id]


def test_an_endless_refusal_is_a_refusal():
    with Receiver((500, b"x" * 3_000_000)) as receiver, pytest.raises(OutOfReach, match="500"):
        to(receiver).send(EVENT)


def test_no_failure_says_where_it_was_sent_with_what():
    with Receiver((500, b"canary")) as receiver, pytest.raises(OutOfReach) as failed:
        to(receiver).send(EVENT)

    said = f"{failed.value!r} {failed.value.__cause__!r}"
    assert "tenant" not in said
    assert "canary" not in said
    assert SECRET not in said


@pytest.mark.parametrize(
    "id",
    ["a.b:evt_1", "ä:evt_1", "a\r\nX: 1:evt", "a b:c", "a%b:c", "\u2028:x", "😀:1", "a,b;c=d:e"],
)
def test_whatever_an_id_holds_it_is_signed_and_the_same_each_time(id):
    event = replace(EVENT, id=id, account_id=id, data={"number": "\u2028\x00</script>"})
    with Receiver() as receiver:
        to(receiver).send(event)
        to(receiver).send(event)

    assert receiver.heard == [json.loads(json.dumps(cloud_event(event)))] * 2
    (sent,) = {one["webhook-id"] for one in receiver.headers}
    assert "." not in sent


def test_two_ids_are_never_the_same_in_the_header():
    with Receiver() as receiver:
        for id in ("a.b:c", "a%2Eb:c", "a b:c", "a%20b:c"):
            to(receiver).send(replace(EVENT, id=id))

    assert len({one["webhook-id"] for one in receiver.headers}) == 4


def test_an_event_that_is_too_large_is_refused_before_it_is_sent():
    bare = len(json.dumps(cloud_event(replace(EVENT, data={"a": ""})), separators=(",", ":")))
    fits = replace(EVENT, data={"a": "x" * (MOST_BYTES - bare)})
    with Receiver() as receiver:
        to(receiver).send(fits)
        with pytest.raises(EventRefused, match="too_large"):
            to(receiver).send(replace(EVENT, data={"a": "x" * (MOST_BYTES - bare + 1)}))

    assert len(receiver.headers) == 1


# -- its settings

RIGHT = {
    "name": "app",
    "url": "https://app.example.com/events",
    "since": "2026-12-01T00:00:00Z",
    "secrets": ["secretsmanager:lapse/prod/endpoints#app"],
}


def read(*said, name="app"):
    return endpoint(said, name, clock=Clock(), secret=Plain)


def test_an_endpoint_is_read_from_its_setting():
    found = read({**RIGHT, "name": "other"}, RIGHT)

    assert (found.host, found.since) == ("app.example.com", datetime(2026, 12, 1, tzinfo=UTC))


def test_its_address_has_a_name_that_tells_nothing():
    first, same, moved = (
        read(RIGHT),
        read(RIGHT),
        read({**RIGHT, "url": "https://app.example.com/v2"}),
    )

    assert first.address == same.address != moved.address
    assert "example" not in first.address


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"url": "http://app.example.com/"}, "https"),
        ({"url": "https://user:word@app.example.com/"}, "https"),
        ({"url": "ftp://app.example.com/"}, "https"),
        ({"url": "https://[half/"}, "https"),
        ({"url": 7}, "https"),
        ({"url": ""}, "https"),
        ({"since": "yesterday"}, "since"),
        ({"since": None}, "since"),
        ({"since": 7}, "since"),
        ({"secrets": []}, "secrets"),
        ({"secrets": "whsec_x"}, "secrets"),
        ({"secrets": [7]}, "secrets"),
        ({"secrets": [" "]}, "secrets"),
        ({"secret": "x"}, "unknown: secret"),
    ],
)
def test_whatever_is_not_understood_is_refused_with_a_sentence(wrong, says):
    with pytest.raises(EndpointsWrong, match=says):
        read({**RIGHT, **wrong})


@pytest.mark.parametrize("name", ["bus", "notices", "App", "a b", "", "a" * 41, "a#b"])
def test_its_name_stands_in_keys_and_is_a_plain_word(name):
    with pytest.raises(EndpointsWrong, match="name"):
        read({**RIGHT, "name": name}, name=name)


def test_two_of_one_name_are_refused():
    with pytest.raises(EndpointsWrong, match="2 endpoints"):
        read(RIGHT, RIGHT)


def test_a_secret_that_names_no_place_is_refused():
    from chalicelib.gateways.secrets import Vault

    with pytest.raises(EndpointsWrong, match="secretsmanager"):
        endpoint(
            [{**RIGHT, "secrets": ["secretsmanager:"]}], "app", clock=Clock(), secret=Vault().secret
        )
