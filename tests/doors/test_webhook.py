"""The webhook and EventBridge, byte by byte: what Stripe did not sign changes nothing, and is 400; what it did sign is
heard, parked or refused, never a 5xx, in whatever pieces it arrives.
"""

import copy
import json
import socket
from contextlib import closing, contextmanager
from random import Random
from threading import Thread

import pytest

from app import app
from chalicelib import wiring
from chalicelib.gateways.stripe_reader import Unreadable
from chalicelib.handlers import from_eventbridge
from chalicelib.hearing import HEARD
from infra.local.gateway import Gateway
from infra.local.http_server import LocalServer
from infra.local.messages import Request
from tests.support.everything_at_stripe import Scene
from tests.support.invariants import check_all, rows_of
from tests.support.stripe_shapes import VERSIONS, envelope, event, raw, signature, v1

GATEWAY = Gateway(app, lambda: "request", ())
OUTCOMES = {"applied", "duplicate", "ignored", "parked"}
JUNK = [None, True, 0, -1, 1.5, 10**20, "", "x", "x" * 600, [], {}, [None], {"id": 7}, "\x00", "é"]


@pytest.fixture
def scene():
    scene = Scene()
    wiring.use(scene.world)
    return scene


def an_event(scene, chance, name="evt_1"):
    kind = chance.choice(list(HEARD))
    version = chance.choice(VERSIONS)
    return event(name, kind, scene.unix, scene.thing_of(kind, version), version)


def post(body, signed, kind="application/json; charset=utf-8"):
    headers = [("Content-Type", kind)]
    if signed is not None:
        headers.append(("Stripe-Signature", signed))
    reply = GATEWAY.answer(Request("POST", "/webhooks/stripe", "", tuple(headers), body))
    return reply.status, reply.json()


def other_bytes(body, chance):
    """The same bytes but for one place: another byte, a missing piece, one twice, one moved."""
    at, length = chance.randrange(len(body)), chance.randint(1, 40)
    piece, rest = body[at : at + length], body[at + length :]
    made = chance.choice(
        [
            body[:at] + bytes([body[at] ^ (1 << chance.randrange(8))]) + body[at + 1 :],
            body[:at] + rest,
            body[:at] + piece * 2 + rest,
            body[:at] + rest + piece,
            body[:at],
            body + b" ",
            b" " + body,
            body[:at] + bytes([chance.randrange(256)]) + body[at:],
        ]
    )
    return made if made != body else body + b"\n"


def other_header(good, chance):
    """A header of the same kind that vouches for nothing."""
    at = chance.randrange(len(good))
    stamp, _, given = good.partition(",v1=")
    return chance.choice(
        [
            None, "", good[:at] + chance.choice("0123456789abcdef=,;tv ") + good[at + 1 :], good[:at], good.upper(),
            f"{stamp},v0={given}", f"v1={given}", f"{stamp}1,v1={given}", f"{stamp},v1={given[:-1]}", f"{stamp},{stamp},v1={given}",
            f"t=,v1={given}", f"t=-1,v1={given}", f"t={'9' * 400},v1={given}", f"{stamp},v1={'0' * 64}", f"t=1e9,v1={given}",
            f"t=٣,v1={given}", f"{stamp},v1=é", "," * 4000, f"{stamp},v1=" + "a" * 5000, f"{stamp};v1={given}", "\x00",
        ]
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["application/json", "application/octet-stream"])
def test_what_was_changed_on_its_way_is_refused_and_changes_nothing(scene, kind):
    before = list(rows_of(scene.table))
    for seed in range(300):
        chance = Random(seed)
        body = raw(an_event(scene, chance))
        signed = signature(body, scene.unix)
        changed = chance.random() < 0.5
        header = signed if changed else other_header(signed, chance)
        if header == signed and not changed:
            continue

        status, said = post(other_bytes(body, chance) if changed else body, header, kind)

        assert (status, said["code"]) == (400, "malformed_request"), (seed, said)
    assert list(rows_of(scene.table)) == before


def test_whatever_stripe_signs_is_heard_parked_or_refused(scene):
    """Signed with the right secret, and still anything: half an event, another coding, one with its bytes mixed up."""
    others = [row for row in rows_of(scene.table) if "bravo" in json.dumps(row)]
    seen = set()
    for seed in range(400):
        chance = Random(f"signed {seed}")
        body = raw(an_event(scene, chance, f"evt_{seed}"))
        for _ in range(chance.randint(0, 3)):
            body = other_bytes(body, chance) or b"{}"

        status, said = post(body, signature(body, scene.unix), "application/octet-stream")

        assert status in (200, 400), (seed, said)
        assert said.get("outcome") in OUTCOMES or said["code"] == "malformed_request"
        seen.add(said.get("outcome", status))
    assert seen >= {"applied", "parked", 400}
    assert [row for row in rows_of(scene.table) if "bravo" in json.dumps(row)] == others
    check_all(scene.world, scene.table, scene.carrier)


def test_the_same_event_again_says_so_and_changes_nothing_more(scene):
    for seed in range(100):
        chance = Random(f"again {seed}")
        body = raw(an_event(scene, chance, f"evt_{seed}"))
        first = post(body, signature(body, scene.unix))
        before = list(rows_of(scene.table))

        again = post(body, f"t={scene.unix},v1={'0' * 64},v1={v1(body, scene.unix)}")

        assert first[0] == again[0] == 200
        assert first[1]["outcome"] == "ignored" or again[1]["outcome"] != "ignored"
        assert list(rows_of(scene.table)) == before, (seed, first, again)


# -- in pieces


@contextmanager
def serving(scene):
    server = LocalServer(0, GATEWAY.answer, scene.clock, lambda: "request")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        server.server_close()


def sent_in_pieces(port, signed, body, size):
    """One request whose body comes in chunks of so many bytes; the status of its answer."""
    head = (
        "POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nStripe-Signature: {signed}\r\n\r\n"
    )
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as one:
        one.sendall(head.encode())
        one.sendall(b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n")
        return int(one.makefile("rb").readline().split(b" ")[1])


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000, 100_000])
def test_in_whatever_pieces_it_comes_it_is_the_same_bytes(scene, size):
    thing = scene.truth.thing("sub_1")
    body = raw(event("evt_1", "customer.subscription.created", scene.unix, {**thing, "é": "🙂"}))
    with serving(scene) as port:
        good = sent_in_pieces(port, signature(body, scene.unix), body, size)
        bad = sent_in_pieces(port, signature(body, scene.unix), body[:-1] + b" }", size)

    assert (good, bad) == (200, 400)
    assert "sub_1" in scene.load().subscriptions


# -- EventBridge


def test_an_envelope_with_anything_in_it_is_heard_or_raised_as_unreadable(scene):
    """Raised, Lambda tries it again, and then keeps it: nothing is lost, and nothing else may come of it."""
    good = envelope(
        event("evt_1", "customer.subscription.created", scene.unix, scene.truth.thing("sub_1"))
    )
    others = [row for row in rows_of(scene.table) if "bravo" in json.dumps(row)]
    for name in [*good, "another"]:
        for junk in [*JUNK, good["detail"], [good["detail"]], json.dumps(good["detail"])]:
            try:
                outcome = from_eventbridge.receive(scene.world, {**copy.deepcopy(good), name: junk})
            except Unreadable:
                assert name in ("source", "detail"), (name, junk)
            else:
                assert outcome in OUTCOMES
    assert [row for row in rows_of(scene.table) if "bravo" in json.dumps(row)] == others
    check_all(scene.world, scene.table, scene.carrier)


@pytest.mark.parametrize(
    "source", ["aws.partner/stripe.com", "aws.partner/stripe.comx/1", "stripe.com", "", None, 7, ["aws.partner/stripe.com/"],
               "AWS.PARTNER/STRIPE.COM/1", " aws.partner/stripe.com/1"],
)  # fmt: skip
def test_an_envelope_of_somebody_elses_changes_nothing(scene, source):
    before = list(rows_of(scene.table))
    good = envelope(
        event("evt_1", "customer.subscription.created", scene.unix, scene.truth.thing("sub_1"))
    )

    with pytest.raises(Unreadable):
        from_eventbridge.receive(scene.world, {**good, "source": source})

    assert list(rows_of(scene.table)) == before
