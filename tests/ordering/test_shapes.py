"""Every event type in every shape in which Stripe has told it: applied, ignored or parked, and never an exception."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from app import hear_stripe_eventbridge
from chalicelib import listening, wiring
from chalicelib.domain.moments import rfc3339
from chalicelib.gateways.stripe_reader import Unreadable
from chalicelib.handlers import from_eventbridge
from chalicelib.hearing import HEARD
from chalicelib.store import parked
from chalicelib.store.keys import PARKED
from tests.support.everything_at_stripe import Scene
from tests.support.invariants import check_all, rows_of
from tests.support.stripe_shapes import VERSIONS, envelope, event, thin

SUBSCRIPTIONS = tuple(type for type in HEARD if type.startswith("customer.subscription"))
INVOICES = tuple(type for type in HEARD if type.startswith("invoice."))
CUSTOMERS = {
    "plain": "cus_1",
    "expanded": {"id": "cus_1", "object": "customer", "email": "ann@example.com"},
    "deleted": {"id": "cus_1", "object": "customer", "deleted": True},
}


@pytest.fixture
def scene():
    return Scene()


def heard(scene, event):
    status, body = scene.deliver(event)
    assert status == 200, body
    return body["outcome"]


def reasons(scene):
    rows = [row for row in rows_of(scene.table) if row["sk"].startswith(PARKED)]
    return {row["doc"]["event_id"]: row["doc"]["reason"] for row in rows}


def neighbours(scene):
    return [row for row in rows_of(scene.table) if "bravo" in row["pk"]]


# -- every type, every version, every way to name a customer


@pytest.mark.parametrize("customer", CUSTOMERS)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_type_is_applied_in_every_version(version, customer):
    for type in HEARD:
        scene = Scene()
        before = neighbours(scene)
        named = {} if type.startswith(("charge.dispute", "refund", "charge.refund.")) else {
            "customer": CUSTOMERS[customer]
        }  # fmt: skip
        thing = scene.thing_of(type, version, **named)
        if type.endswith(("voided", "uncollectible")) and version < "2018-11-08":
            # Before there was a status, an invoice that was voided was closed and unpaid, as others were.
            thing["closed"] = False

        assert heard(scene, event("evt_1", type, scene.unix, thing, version)) == "applied", type
        assert reasons(scene) == {}
        assert neighbours(scene) == before
        check_all(scene.world, scene.table, scene.carrier)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_whole_life_of_a_subscription_reads_the_same_in_every_version(version):
    """As the newest version tells it; an oldest one is asked about once, for what it has no word for."""

    def lived(version):
        scene = Scene()
        start, end = scene.unix, scene.unix + 28 * 86_400
        for n, (type, more) in enumerate(
            [
                ("customer.subscription.created", {}),
                ("invoice.paid", {}),
                ("customer.subscription.updated", {"cancel_at_period_end": True}),
                ("customer.subscription.deleted", {"status": "canceled", "ended_at": end}),
            ]
        ):
            thing = scene.thing_of(type, version, **more)
            scene.truth.change("sub_1", **more)
            heard(scene, event(f"evt_{n}", type, start + n, thing, version))
        return scene.load().subscriptions["sub_1"]

    (old, new) = (lived(version), lived(VERSIONS[-1]))

    assert (old.plan, old.status, old.ended_at, old.paid_until) == (
        new.plan, new.status, new.ended_at, new.paid_until,
    )  # fmt: skip


NAMING_A_CUSTOMER = [*SUBSCRIPTIONS, *INVOICES, "checkout.session.completed"]
"""Disputes and refunds name none in any version: their charge does."""


@pytest.mark.parametrize("type", NAMING_A_CUSTOMER)
def test_without_a_customer_nothing_is_guessed(scene, type):
    before = neighbours(scene)
    nobodys = scene.thing_of(type, VERSIONS[-1], customer=None)

    assert heard(scene, event("evt_1", type, scene.unix, nobodys)) == "parked"
    assert neighbours(scene) == before


def test_what_an_event_has_beside_its_object_does_not_matter(scene):
    made = event(
        "evt_1", SUBSCRIPTIONS[0], scene.unix, scene.thing_of(SUBSCRIPTIONS[0], VERSIONS[-1])
    )
    for n, odd in enumerate([
        {"request": "req_1"}, {"request": None}, {"api_version": None}, {"pending_webhooks": 0},
        {"data": {**made["data"], "previous_attributes": {"items": "junk"}}},
    ]):  # fmt: skip
        assert (
            heard(scene, {**made, **odd, "id": f"evt_{n}", "created": scene.unix + n}) == "applied"
        )


# -- what a plan is, and for how long


def items(scene, *changes):
    (item,) = scene.truth.thing("sub_1")["items"]["data"]
    made = [{**item, "id": f"si_{n}", **change(item)} for n, change in enumerate(changes)]
    return {"object": "list", "data": made, "has_more": False}


def priced(lookup_key, **more):
    def change(item):
        price = {**item["price"], "id": f"price_{lookup_key}", "lookup_key": lookup_key}
        recurring = {**price["recurring"], **more.pop("recurring", {})}
        return {"price": {**price, "recurring": recurring, **more}}

    return change


MESSAGING, CALLING = "smarter-contact:messaging:month", "smarter-contact:calling:month"


def created(scene, listed, id="evt_1"):
    scene.truth.change("sub_1", items=listed)
    return event(id, "customer.subscription.created", scene.unix, scene.truth.thing("sub_1"))


def test_a_plan_is_found_among_other_items_whichever_comes_first(scene):
    for n, order in enumerate(
        [(priced(MESSAGING), priced("setup")), (priced("setup"), priced(MESSAGING))]
    ):
        scene = Scene()
        assert heard(scene, created(scene, items(scene, *order), f"evt_{n}")) == "applied"
        subscription = scene.load().subscriptions["sub_1"]
        assert subscription.plan == "messaging"
        assert subscription.each_period_minor == 2 * 9900


def test_two_plans_in_one_subscription_wait_for_a_person(scene):
    assert (
        heard(scene, created(scene, items(scene, priced(MESSAGING), priced(CALLING)))) == "parked"
    )
    assert reasons(scene) == {"evt_1": "several_plans"}


def test_a_period_may_be_several_months(scene):
    quarterly = items(scene, priced(MESSAGING, recurring={"interval_count": 3}))

    assert heard(scene, created(scene, quarterly)) == "applied"

    subscription = scene.load().subscriptions["sub_1"]
    assert (subscription.interval, subscription.interval_count) == ("month", 3)


@pytest.mark.parametrize("count", [0, -1, 37, True, "3", 10**9, None])
def test_a_period_that_is_none_is_parked(scene, count):
    odd = items(scene, priced(MESSAGING, recurring={"interval_count": count}))

    assert heard(scene, created(scene, odd)) == "parked"


def test_of_two_periods_the_one_that_ends_first_counts(scene):
    yearly = scene.unix + 365 * 86_400
    both = items(
        scene,
        lambda item: {**priced("usage")(item), "current_period_end": yearly},
        priced(MESSAGING),
    )

    assert heard(scene, created(scene, both)) == "applied"

    end = scene.load().subscriptions["sub_1"].period_end
    assert end == scene.now + timedelta(days=28)


@pytest.mark.parametrize(
    ("type", "inner"), [(SUBSCRIPTIONS[1], "items"), ("invoice.paid", "lines")]
)
def test_where_only_the_first_part_of_a_list_came_along_stripe_is_asked(scene, type, inner):
    known = scene.thing_of(SUBSCRIPTIONS[0], VERSIONS[-1])
    heard(scene, event("evt_0", SUBSCRIPTIONS[0], scene.unix - 9, known))
    thing = scene.thing_of(type, VERSIONS[-1])
    thing[inner] = {**thing[inner], "has_more": True}
    asked = scene.truth.asked

    assert heard(scene, event("evt_1", type, scene.unix, thing)) == "applied"
    assert scene.truth.asked > asked


def test_a_plan_without_a_lookup_key_is_asked_about_once(scene):
    """Versions before 2020 had plans, and no word for a lookup key."""
    type = SUBSCRIPTIONS[0]

    heard(scene, event("evt_1", type, scene.unix, scene.thing_of(type, "2018-05-21"), "2018-05-21"))

    assert scene.truth.asked == 1
    assert scene.load().subscriptions["sub_1"].plan == "messaging"


# -- words nobody knew


@pytest.mark.parametrize(
    ("type", "more", "word"),
    [
        ("customer.subscription.updated", {"status": "hibernating"}, "status=hibernating"),
        ("customer.subscription.updated", {"cancellation_details": {"reason": "moon"}}, "reason=moon"),
        ("customer.subscription.updated", {"cancellation_details": {"feedback": "meh"}}, "feedback=meh"),
        ("invoice.paid", {"status": "floating"}, "status=floating"),
    ],
)  # fmt: skip
def test_a_word_of_stripes_that_we_do_not_know_is_kept_and_said_aloud(
    scene, caplog, type, more, word
):
    heard(
        scene,
        event(
            "evt_0",
            SUBSCRIPTIONS[0],
            scene.unix - 1,
            scene.thing_of(SUBSCRIPTIONS[0], VERSIONS[-1]),
        ),
    )
    caplog.clear()

    told = event("evt_1", type, scene.unix, scene.thing_of(type, VERSIONS[-1], **more))

    assert heard(scene, told) == "applied"
    said = [json.loads(one.getMessage()) for one in caplog.records if one.levelname == "ERROR"]
    assert [(one["event"], one["cause"]) for one in said] == [("unknown_word_of_stripe", word)]


def test_a_session_whose_payment_has_an_unknown_word_credits_nothing(scene):
    odd = scene.thing_of("checkout.session.completed", VERSIONS[-1], payment_status="promised")

    assert heard(scene, event("evt_1", "checkout.session.completed", scene.unix, odd)) == "parked"


# -- the wrong mode, and somebody else's account


@pytest.mark.parametrize("type", HEARD)
@pytest.mark.parametrize("livemode", [True, None, "false"])
def test_an_event_of_another_mode_is_not_believed(scene, type, livemode):
    before = list(rows_of(scene.table))
    odd = {
        **event("evt_1", type, scene.unix, scene.thing_of(type, VERSIONS[-1])),
        "livemode": livemode,
    }

    assert heard(scene, odd) == "parked"

    assert reasons(scene) == {"evt_1": "other_mode"}
    assert [row for row in rows_of(scene.table) if not row["sk"].startswith(PARKED)] == before


def test_tried_again_it_is_what_our_own_key_finds(scene):
    """A setting that is wrong loses nothing; what our key does not find never comes in."""
    odd = event(
        "evt_1", SUBSCRIPTIONS[0], scene.unix, scene.thing_of(SUBSCRIPTIONS[0], VERSIONS[-1])
    )
    other = event(
        "evt_2",
        SUBSCRIPTIONS[0],
        scene.unix,
        scene.thing_of(SUBSCRIPTIONS[0], VERSIONS[-1], id="sub_test"),
    )
    for one in (odd, other):
        heard(scene, {**one, "livemode": True})

    scene.tick(2)

    assert list(scene.load().subscriptions) == ["sub_1"]
    assert reasons(scene) == {"evt_2": "stripe_refused:resource_missing"}


@pytest.mark.parametrize("type", HEARD)
@pytest.mark.parametrize("account", ["acct_1", 7, {}])
def test_an_event_of_a_connected_account_is_nothing_of_ours(scene, type, account):
    before = list(rows_of(scene.table))
    theirs = {
        **event("evt_1", type, scene.unix, scene.thing_of(type, VERSIONS[-1])),
        "account": account,
    }

    assert heard(scene, theirs) == "ignored"
    assert list(rows_of(scene.table)) == before


# -- thin events


@pytest.mark.parametrize("type", HEARD)
def test_a_thin_event_does_what_its_snapshot_would(scene, type):
    snapshot = Scene()
    heard(snapshot, event("evt_1", type, snapshot.unix, snapshot.thing_of(type, VERSIONS[-1])))
    told = thin("evt_1", type, rfc3339(scene.now), scene.thing_of(type, VERSIONS[-1]))

    assert heard(scene, told) == "applied"
    assert set(scene.load().subscriptions) <= {"sub_1"}
    if type.startswith("customer.subscription"):
        ours, theirs = (one.load().subscriptions["sub_1"] for one in (scene, snapshot))
        assert (ours.status, ours.period_end, ours.paid_until) == (
            theirs.status, theirs.period_end, theirs.paid_until,
        )  # fmt: skip
    assert heard(scene, told) in ("duplicate", "applied")


def test_a_thin_event_twice_is_a_duplicate(scene):
    told = thin("evt_1", SUBSCRIPTIONS[0], rfc3339(scene.now), scene.truth.thing("sub_1"))

    assert [heard(scene, told) for _ in range(3)] == ["applied", "duplicate", "duplicate"]


@pytest.mark.parametrize("type", ["v2.core.event_destination.ping", "v2.core.health.event_generation_failure.resolved",
                                  "v1.customer.created", "v2.customer.subscription.updated"])  # fmt: skip
def test_a_thin_event_of_no_concern_is_ignored(scene, type):
    told = {**thin("evt_1", "x", rfc3339(scene.now), scene.truth.thing("sub_1")), "type": type}

    assert heard(scene, told) == "ignored"


@pytest.mark.parametrize("related", [None, {}, {"id": None}, "sub_1", {"id": "s" * 300}])
def test_a_thin_event_that_names_nothing_is_parked(scene, related):
    told = thin("evt_1", SUBSCRIPTIONS[0], rfc3339(scene.now), scene.truth.thing("sub_1"))

    assert heard(scene, {**told, "related_object": related}) == "parked"
    assert reasons(scene) == {"evt_1": "unreadable"}


@pytest.mark.parametrize("created", [None, 1, "", "yesterday", "2026-02-01T00:00:00", "0001-01-01T00:00:00+14:00",
                                     "9999-12-31T23:59:59-14:00"])  # fmt: skip
def test_a_thin_event_without_a_moment_is_no_event(scene, created):
    told = thin("evt_1", SUBSCRIPTIONS[0], rfc3339(scene.now), scene.truth.thing("sub_1"))

    assert scene.deliver({**told, "created": created})[0] == 400


def test_a_thin_event_of_an_unknown_customer_waits_for_the_account(scene):
    scene.truth.change("sub_1", customer="cus_3")

    assert (
        heard(
            scene, thin("evt_1", SUBSCRIPTIONS[0], rfc3339(scene.now), scene.truth.thing("sub_1"))
        )
        == "parked"
    )

    ((_, waiting),) = parked.of_customer(scene.table, "cus_3")
    assert waiting.reason == "unknown_customer"
    scene.account("charlie", "cus_3")
    scene.tick(2)
    assert list(scene.load("charlie").subscriptions) == ["sub_1"]


def test_a_thin_event_while_stripe_is_silent_is_parked(scene):
    from chalicelib.gateways.stripe import StripeUnavailable

    def silent(_id):
        raise StripeUnavailable("as planned")

    scene.truth.subscription = silent

    assert (
        heard(
            scene,
            thin(
                "evt_1",
                SUBSCRIPTIONS[0],
                rfc3339(scene.now),
                {"id": "sub_1", "object": "subscription"},
            ),
        )
        == "parked"
    )
    assert reasons(scene) == {"evt_1": "stripe_unavailable"}


# -- by way of EventBridge


@pytest.mark.parametrize("type", HEARD)
def test_by_way_of_eventbridge_an_event_does_the_same(scene, type):
    told = event("evt_1", type, scene.unix, scene.thing_of(type, VERSIONS[-1]))
    other = Scene()
    heard(other, told)

    assert from_eventbridge.receive(scene.world, envelope(told)) == "applied"
    assert scene.load() == other.load()
    if type.startswith("customer.subscription"):
        assert from_eventbridge.receive(scene.world, envelope(told)) == "duplicate"


def test_by_way_of_eventbridge_stripe_is_not_silent(scene):
    told = event("evt_1", SUBSCRIPTIONS[0], scene.unix, scene.truth.thing("sub_1"))
    world = replace(scene.world, settings=replace(scene.world.settings, silence_hours=24))
    assert listening.last_heard(world) is None

    from_eventbridge.receive(world, envelope(told))

    assert listening.last_heard(world) == scene.now


def test_by_way_of_eventbridge_a_thin_event_is_heard_as_well(scene):
    told = thin("evt_1", SUBSCRIPTIONS[0], rfc3339(scene.now), scene.truth.thing("sub_1"))

    assert from_eventbridge.receive(scene.world, envelope(told)) == "applied"


def test_by_way_of_eventbridge_what_cannot_be_applied_is_parked(scene):
    odd = event("evt_1", SUBSCRIPTIONS[0], scene.unix, {"id": "sub_1", "customer": "cus_1"})

    assert from_eventbridge.receive(scene.world, envelope(odd)) == "parked"
    scene.tick(2)
    assert list(scene.load().subscriptions) == ["sub_1"]


@pytest.mark.parametrize(
    "odd", [{"source": "aws.s3"}, {"source": None}, {"detail": {}}, {"detail": None}]
)
def test_an_envelope_that_is_none_of_stripes_is_refused_aloud(scene, odd):
    """Raised, so that Lambda keeps it in the queue for what failed."""
    told = event("evt_1", SUBSCRIPTIONS[0], scene.unix, scene.truth.thing("sub_1"))
    before = list(rows_of(scene.table))

    with pytest.raises(Unreadable):
        from_eventbridge.receive(scene.world, {**envelope(told), **odd})

    assert list(rows_of(scene.table)) == before


def test_lambda_finds_the_handler_for_eventbridge(scene):
    """It is declared in app.py itself: a handler in a blueprint is never found."""
    from app import app

    (declared,) = [e for e in app.event_sources if e.name == "hear-stripe-eventbridge"]
    assert declared.handler_string == "app.hear_stripe_eventbridge"
    assert declared.event_pattern == {"source": [{"prefix": "aws.partner/stripe.com/"}]}
    wiring.use(scene.world)

    told = event("evt_1", SUBSCRIPTIONS[0], scene.unix, scene.truth.thing("sub_1"))

    assert hear_stripe_eventbridge(envelope(told), None) == {"outcome": "applied"}
