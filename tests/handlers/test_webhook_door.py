"""The webhook's door, through the real Chalice app: only Stripe gets in, and what is refused leaves no trace."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from app import app
from chalicelib import wiring
from chalicelib.handlers import webhook
from infra.local.gateway import Gateway
from infra.local.messages import Request
from tests.support.faults import FaultyTable, Plan
from tests.support.invariants import rows_of
from tests.support.stage import Stage
from tests.support.stripe_shapes import SECRET, event, raw, signature, subscription, v1

JSON, BINARY = "application/json; charset=utf-8", "application/octet-stream"
GATEWAY = Gateway(app, lambda: "request", ())


@pytest.fixture
def stage():
    stage = Stage()
    stage.account()
    return stage


def post(stage, body, signed=None, *, kind=JSON, header="Stripe-Signature", world=None):
    """The status and the body of the answer."""
    wiring.use(world or stage.world)
    headers = [("Content-Type", kind)] if kind else []
    if signed != "":
        headers.append((header, signed or signature(body, stage.unix)))
    reply = GATEWAY.answer(Request("POST", "/webhooks/stripe", "", tuple(headers), body))
    return reply.status, reply.json()


def with_secrets(stage, *secrets):
    return replace(stage.world, settings=replace(stage.world.settings, webhook_secrets=secrets))


def news(stage, **more):
    start, end = stage.unix, stage.unix + 28 * 86_400
    thing = subscription(start=start, end=end, **more)
    return raw(event("evt_1", "customer.subscription.created", stage.unix, thing))


def refused(stage, body, signed=None, **more):
    """Refused with 400, as a problem document, and nothing was stored."""
    before = list(rows_of(stage.table))
    status, said = post(stage, body, signed, **more)
    assert (status, said["code"]) == (400, "malformed_request"), said
    assert said["status"] == 400
    assert said["detail"]
    assert list(rows_of(stage.table)) == before
    return said


# -- the exact raw bytes


@pytest.mark.parametrize("kind", [JSON, "application/json", BINARY, "text/plain", None])
def test_the_exact_bytes_are_verified_be_they_handed_over_as_text_or_as_base64(stage, kind):
    assert post(stage, news(stage), kind=kind) == (200, {"outcome": "applied"})


@pytest.mark.parametrize("kind", [JSON, BINARY])
def test_bytes_outside_ascii_are_verified_as_they_were_sent(stage, kind):
    body = news(stage, description="Zoë paie 9 € à Tōkyō 🙂", metadata={"név": "Ágnes"})
    assert any(byte > 127 for byte in body)

    assert post(stage, body, kind=kind) == (200, {"outcome": "applied"})


def test_a_body_that_was_serialised_again_is_refused(stage):
    body = news(stage)
    again = json.dumps(json.loads(body), indent=1).encode()

    refused(stage, again, signature(body, stage.unix))


def test_bytes_that_are_no_text_are_refused_whoever_signed_them(stage):
    body = b'{"id": "\xff\xfe"}'

    refused(stage, body, kind=BINARY)
    refused(stage, body, "t=1,v1=00", kind=BINARY)
    refused(stage, body, kind=JSON)


@pytest.mark.parametrize("header", ["stripe-signature", "STRIPE-SIGNATURE", "sTrIpE-sIgNaTuRe"])
def test_the_header_may_be_written_in_any_case(stage, header):
    assert post(stage, news(stage), header=header)[0] == 200


def test_a_lambda_event_in_base64_is_read_as_the_bytes_it_stands_for(stage):
    """As API Gateway hands it over, without our gateway in between."""
    body = news(stage)
    wiring.use(stage.world)
    handed = GATEWAY._event(
        Request("POST", "/webhooks/stripe", "", (("Stripe-Signature", signature(body, stage.unix)),),
                body),
        "POST", type("Match", (), {"route": "/webhooks/stripe", "parameters": {}}), "request",
    )  # fmt: skip
    handed |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}

    answer = app(handed, type("Context", (), {"aws_request_id": "1"}))

    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"outcome": "applied"})


# -- signatures


def test_of_several_signatures_one_that_fits_is_enough(stage):
    body = news(stage)
    good = v1(body, stage.unix)

    signed = f"t={stage.unix},v1={'0' * 64},v1={good},v0={'1' * 64}"
    assert post(stage, body, signed)[0] == 200


def test_spaces_between_the_parts_do_no_harm(stage):
    body = news(stage)

    assert post(stage, body, f"t={stage.unix}, v1={v1(body, stage.unix)}")[0] == 200


@pytest.mark.parametrize(
    "signed",
    [
        "",
        "   ",
        "garbage",
        "t=,v1=",
        "v1={good}",
        "t={now}",
        "t={now},v0={good}",
        "t={now},v1=",
        "t={now},v1={other}",
        "t={now},v1={good}x",
        "t={now},v1={good_of_another_second}",
        "t=-{now},v1={good}",
        "t={now}.0,v1={good}",
        "t={now}e0,v1={good}",
        "t= {now} ,v1=é{good}",
        "t={now},t={now},v1={good}",
        "t=99999999999999999999,v1={good}",
        "t={now},v1=" + "é" * 64,
        "t={now},v1={good}," + "x" * 5000,
    ],
)
def test_any_other_header_is_refused(stage, signed):
    body = news(stage)
    good = v1(body, stage.unix)
    given = signed.format(
        now=stage.unix,
        good=good,
        other=v1(body, stage.unix, "whsec_of_somebody_else"),
        good_of_another_second=v1(body, stage.unix - 1),
    )

    refused(stage, body, given)


def test_seventeen_signatures_are_more_than_stripe_sends(stage):
    body = news(stage)
    wrong = ",".join(f"v1={'0' * 64}" for _ in range(16))

    refused(stage, body, f"t={stage.unix},{wrong},v1={v1(body, stage.unix)}")


def test_while_a_secret_is_rotated_both_are_good(stage):
    body = news(stage)
    both = with_secrets(stage, "whsec_new", SECRET)

    for secret in ("whsec_new", SECRET):
        assert post(stage, body, signature(body, stage.unix, secret), world=both)[0] == 200
    refused(stage, body, signature(body, stage.unix, "whsec_retired"), world=both)


@pytest.mark.parametrize("secrets", [(), ("",), ("", " ")])
def test_without_a_secret_everything_is_refused(stage, secrets):
    body = news(stage)
    shut = with_secrets(stage, *secrets)

    for secret in ("", " ", SECRET):
        refused(stage, body, signature(body, stage.unix, secret), world=shut)


# -- the age of a signature, by our one clock


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_a_signature_of_the_last_or_next_five_minutes_is_good(stage, seconds):
    body = news(stage)

    assert post(stage, body, signature(body, stage.unix + seconds))[0] == 200


@pytest.mark.parametrize("seconds", [-86_400 * 365, -301, 301, 86_400])
def test_an_older_or_later_one_is_refused(stage, seconds):
    body = news(stage)

    refused(stage, body, signature(body, stage.unix + seconds))


def test_a_signature_grows_old_while_the_clock_moves(stage):
    body = news(stage)
    signed = signature(body, stage.unix)

    stage.move(stage.now + timedelta(seconds=301))
    refused(stage, body, signed)


# -- size


def test_a_body_that_is_too_large_is_refused_before_anything_is_hashed(stage, monkeypatch):
    def hashed(*_):
        raise AssertionError("it was hashed")

    body = b"x" * (webhook.LARGEST_EVENT + 1)
    signed = signature(body, stage.unix)
    monkeypatch.setattr(webhook.hmac, "digest", hashed)

    refused(stage, body, signed)


def test_a_large_event_below_the_limit_is_heard(stage):
    padding = webhook.LARGEST_EVENT - len(news(stage, description=""))
    body = news(stage, description="x" * padding)

    assert len(body) == webhook.LARGEST_EVENT
    assert post(stage, body) == (200, {"outcome": "applied"})


# -- bodies that are signed and yet no event


def _bodies():
    good = event("evt_1", "customer.subscription.created", 1_700_000_000, {})
    yield "empty", b""
    yield "blank", b"  "
    yield "not json", b"{"
    yield "html", b"<html>"
    yield "null", b"null"
    yield "a list", b"[]"
    yield "a list of events", raw([good])
    yield "a text", b'"evt_1"'
    yield "a number", b"7"
    yield "true", b"true"
    yield "an empty object", b"{}"
    yield "100,000 brackets", b"[" * 100_000
    yield "100,000 closed brackets", b"[" * 100_000 + b"]" * 100_000
    yield "100,000 braces", b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    yield "5,000 digits", raw(good).replace(b"1700000000", b"9" * 5000)
    yield "NaN", raw(good).replace(b"1700000000", b"NaN")
    yield "infinity", raw(good).replace(b"1700000000", b"-Infinity")
    yield "duplicate keys", raw(good).replace(b'"livemode"', b'"id": "evt_2", "livemode"')
    yield "a lone surrogate", raw(good).replace(b'"evt_1"', b'"evt_\\ud800"')
    yield "a lone surrogate in capitals", raw(good).replace(b'"evt_1"', b'"evt_\\uDFFF"')
    yield "a byte order mark", b"\xef\xbb\xbf" + raw(good)
    yield "trailing garbage", raw(good) + b"}"
    yield "a thin event", raw({**good, "object": "v2.core.event"})
    yield "no object", raw({k: v for k, v in good.items() if k != "object"})
    for name in ("id", "type", "created", "data"):
        yield f"no {name}", raw({k: v for k, v in good.items() if k != name})
        for wrong in (None, [], {}, True, 1.5, ""):
            yield f"{name} is {wrong!r}", raw({**good, name: wrong})
    yield "created is a text", raw({**good, "created": "1700000000"})
    yield "created is negative", raw({**good, "created": -1})
    yield "created is beyond all years", raw({**good, "created": 10**15})
    yield "an id of 256 letters", raw({**good, "id": "e" * 256})
    yield "an id outside ascii", raw({**good, "id": "🙂" * 255})
    yield "an id of a megabyte", raw({**good, "id": "e" * 900_000})
    yield "an id with a line break", raw({**good, "id": "evt_\n1"})
    yield "an id with a null", raw({**good, "id": "evt_\u00001"})
    yield "data.object is a text", raw({**good, "data": {"object": "sub_1"}})
    yield "data.object is a list", raw({**good, "data": {"object": [{}]}})


BODIES = dict(_bodies())


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("kind", [JSON, BINARY])
def test_a_signed_body_that_is_no_event_is_refused(stage, body, kind):
    refused(stage, body, kind=kind)


def test_a_pair_of_surrogates_is_a_character_like_any_other(stage):
    body = news(stage).replace(b'"metadata": {}', b'"metadata": {"face": "\\ud83d\\ude42"}')

    assert post(stage, body)[0] == 200


# -- the answers


def test_an_event_of_no_concern_is_ignored_and_leaves_no_trace(stage):
    before = list(rows_of(stage.table))
    for kind in ("customer.created", "charge.succeeded", "no.such.type", "x" * 250):
        body = raw(event("evt_1", kind, stage.unix, {"id": "ch_1", "customer": "cus_1"}))
        assert post(stage, body) == (200, {"outcome": "ignored"})

    assert list(rows_of(stage.table)) == before


def test_the_same_event_again_is_a_duplicate(stage):
    assert post(stage, news(stage))[1] == {"outcome": "applied"}
    before = list(rows_of(stage.table))

    for _ in range(3):
        assert post(stage, news(stage)) == (200, {"outcome": "duplicate"})
    stage.move(stage.now + timedelta(days=40))
    assert post(stage, news(stage), None)[0] == 200
    assert list(rows_of(stage.table)) == before


def test_when_storage_is_down_stripe_is_told_to_send_it_again(stage):
    body = news(stage)
    for failing in range(3):
        table = FaultyTable(stage.table, Plan({failing: "throttled"}))
        down = stage.process(table=table)
        status, said = post(stage, body, world=down)
        assert (status, said["status"]) == (503, 503)

    assert post(stage, body) == (200, {"outcome": "applied"})


def test_a_refusal_says_nothing_of_the_secret_or_the_body(stage, capfd):
    body = news(stage, description="an owner's name")
    said = refused(stage, body, f"t={stage.unix},v1={'0' * 64}")

    heard = json.dumps(said) + "".join(capfd.readouterr())
    assert SECRET not in heard
    assert "owner" not in heard
    assert v1(body, stage.unix) not in heard


def test_the_webhook_takes_post_only(stage):
    wiring.use(stage.world)
    assert GATEWAY.answer(Request("GET", "/webhooks/stripe", "", (), b"")).status == 405
