"""Real events with anything missing or replaced by junk: never a 5xx, never an exception, never another account changed."""

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.moments import rfc3339
from chalicelib.gateways.stripe_reader import Unreadable
from chalicelib.handlers import from_eventbridge
from chalicelib.handlers.jobs import JOBS
from chalicelib.hearing import HEARD
from chalicelib.sweeping import TICK
from tests.support.everything_at_stripe import Scene
from tests.support.invariants import check_all, rows_of
from tests.support.stripe_shapes import VERSIONS, envelope, event, thin

ENVELOPE = {("id",), ("type",), ("created",), ("object",), ("data",), ("data", "object")}
"""Without these it is no event of Stripe's, and may be refused. Anything else is applied, ignored or parked."""

GONE = object()
JUNK = st.one_of(
    st.just(GONE),
    st.sampled_from([
        None, True, False, 0, -1, 1, 1.5, 10**20, -(10**20), 253_402_300_799, "", " ", "x", "x" * 600,
        "é", "\x00", "\n", "cus_9", "sub_9", [], {}, [None], [{}], [[]], {"id": None}, {"id": "x"}, {"id": 7},
        {"data": []}, {"data": None}, {"data": [None]}, {"data": [{}], "has_more": True},
        {"object": "list", "data": [{"id": "x"}], "has_more": "maybe"},
    ]),
    st.integers(),
    st.text(max_size=20).filter(lambda text: not any(0xD800 <= ord(c) <= 0xDFFF for c in text)),
    st.recursive(st.none() | st.booleans() | st.integers(0, 9), lambda inner: st.lists(inner, max_size=3)),
)  # fmt: skip


def paths(value, above=()):
    """Every place in it, the inner ones too."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for name, one in inner:
        yield (*above, name)
        yield from paths(one, (*above, name))


def broken(body, path, junk):
    made = copy.deepcopy(body)
    *above, last = path
    place = made
    for name in above:
        place = place[name]
    if junk is not GONE:
        place[last] = junk
    else:
        del place[last]
    return made


def refusable(path):
    return path in ENVELOPE


def others(scene):
    """Every row of the neighbour's, and every pointer to them."""
    return [row for row in rows_of(scene.table) if "bravo" in json.dumps(row)]


@st.composite
def broken_events(draw, scene):
    """An event of any type and version with one to three of its parts broken; and whether it may be refused."""
    type, version = draw(st.sampled_from(list(HEARD))), draw(st.sampled_from(VERSIONS))
    thing = scene.thing_of(type, version)
    if draw(st.booleans()):
        body = thin("evt_1", type, rfc3339(scene.now), thing)
    else:
        body = event("evt_1", type, scene.unix, thing, version)
    may_be_refused = False
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(paths(body))))
        body = broken(body, path, draw(JUNK))
        may_be_refused |= refusable(path)
    return body, may_be_refused


FUZZ = settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


@FUZZ
@given(st.data())
def test_whatever_is_missing_or_junk_is_applied_ignored_or_parked(data):
    scene = Scene()
    before = others(scene)
    body, may_be_refused = data.draw(broken_events(scene))

    status, said = scene.deliver(json.loads(json.dumps(body)))

    assert status == 200 or (status == 400 and may_be_refused), said
    if status == 200:
        assert said["outcome"] in ("applied", "duplicate", "ignored", "parked")
    scene.clock.at += 2 * TICK
    JOBS["retry_parked_events"].run(scene.world)
    assert others(scene) == before
    check_all(scene.world, scene.table, scene.carrier)


@FUZZ
@given(st.data())
def test_by_way_of_eventbridge_only_what_is_no_event_is_raised(data):
    scene = Scene()
    before = others(scene)
    body, may_be_refused = data.draw(broken_events(scene))

    try:
        outcome = from_eventbridge.receive(scene.world, envelope(body))
    except Unreadable:
        assert may_be_refused
    else:
        assert outcome in ("applied", "duplicate", "ignored", "parked")
    assert others(scene) == before


@FUZZ
@given(st.data())
def test_known_already_it_is_changed_by_nothing_but_what_can_be_read(data):
    """Its subscription was heard of before: what a broken event leaves behind is still a whole account."""
    scene = Scene()
    good = event(
        "evt_0", "customer.subscription.created", scene.unix - 1, scene.truth.thing("sub_1")
    )
    assert scene.deliver(good)[0] == 200
    body, _ = data.draw(broken_events(scene))

    status, _said = scene.deliver(json.loads(json.dumps(body)))

    assert status in (200, 400)
    subscription = scene.load().subscriptions["sub_1"]
    assert subscription.plan == "messaging"
    assert subscription.period_start <= subscription.period_end or status == 200
    check_all(scene.world, scene.table, scene.carrier)


@pytest.mark.parametrize("type", HEARD)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_single_part_may_be_missing_or_null(type, version):
    """Not by chance: each of them, once."""
    scene = Scene()
    whole = event("evt_1", type, scene.unix, scene.thing_of(type, version), version)
    before = others(scene)
    for path in paths(whole):
        # All that a part may turn into where it is cheap: a list in the place of a word has been a crash before.
        more = ([], {}, "x", -1) if version in (VERSIONS[0], VERSIONS[-1]) else ()
        for junk in (GONE, None, *more):
            status, said = scene.deliver(broken(whole, path, junk))
            assert status == 200 or (status == 400 and refusable(path)), (path, said)
    assert others(scene) == before
