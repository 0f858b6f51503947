"""`lapse doctor` at Stripe: what our key may do, the endpoint, the portal, prices, and whether events arrive."""

from dataclasses import replace
from datetime import timedelta

import pytest
from moto import mock_aws

from chalicelib.gateways.stripe import KeyMayNot, StripeUnavailable
from chalicelib.hearing import HEARD
from infra.cli import doctor
from tests.operators.patients import URL, answers_of_webhook, examined, healthy, only
from tests.support.life import Life


@pytest.fixture(scope="module")
def aws():
    with mock_aws():
        yield


@pytest.fixture
def life():
    return Life()


@pytest.fixture(autouse=True)
def webhook(monkeypatch):
    return answers_of_webhook(monkeypatch)


# -- what our key may do


def lacking(one, monkeypatch, *names, pays_back=None):
    """The key lacks these permissions. `pays_back`: only this one of the two keys."""
    real = one.stripe.try_out
    calls = {**doctor.stripe_setup.READS, **{f"write {k}": v for k, v in doctor.stripe_setup.WRITES.items()},
             **{f"pay back {k}": v for k, v in doctor.stripe_setup.PAYS_BACK.items()}}  # fmt: skip
    forbidden = [calls[name] for name in names]

    def tried(self, ask, *, pays_back=False):
        if ask in forbidden and only_key in (None, pays_back):
            raise KeyMayNot("no")
        return real(ask, pays_back=pays_back)

    only_key = pays_back
    monkeypatch.setattr(type(one.stripe.inner), "try_out", tried)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("disputes", "Stripe's key may not read disputes"),
        ("write subscriptions", "Stripe's key may not write subscriptions"),
        ("pay back refunds", "Stripe's key may not write refunds"),
    ],
)
def test_a_permission_that_is_missing_is_named(life, capsys, monkeypatch, name, says):
    one = healthy(life)
    lacking(one, monkeypatch, name)

    only(capsys, one, "fail", "permissions", says)


def test_with_a_refund_key_of_its_own_the_general_key_must_not_pay_back(life, capsys, monkeypatch):
    one = healthy(life)
    one = replace(one, settings=replace(one.settings, stripe_refund_key="rk_test_1"))
    only(capsys, one, "warn", "permissions", "may pay back as well")

    lacking(one, monkeypatch, "pay back refunds", pays_back=False)
    assert examined(capsys, one)[1] == []


def test_asking_for_permission_makes_no_refund_and_changes_no_subscription(life, capsys):
    life.account("acme")
    life.subscribe("acme")
    one = healthy(life)
    before = life.emulator.truth()

    examined(capsys, one)

    after = life.emulator.truth()
    for kind in ("refunds", "subscriptions", "invoices", "charges", "checkout.sessions"):
        assert after.get(kind) == before.get(kind)


# -- Stripe


@pytest.mark.parametrize(
    ("seconds", "level"), [(5, None), (6, "warn"), (-60, "warn"), (61, "fail"), (-86_400, "fail")]
)
def test_clocks_that_are_apart_are_told(life, capsys, seconds, level):
    one = replace(healthy(life), now=life.now + timedelta(seconds=seconds))

    if level is None:
        assert examined(capsys, one)[1] == []
    else:
        only(capsys, one, level, "stripe", f"{abs(seconds)} s apart")


def test_stripe_away_is_told(life, capsys, monkeypatch):
    one = healthy(life)

    def away(_self):
        raise StripeUnavailable("APIConnectionError")

    monkeypatch.setattr(type(one.stripe.inner), "spoken_at", away)

    only(capsys, one, "fail", "stripe", "cannot be reached: APIConnectionError")


def endpoint(life, one, **values):
    (found,) = one.stripe.endpoints()
    life.emulator._world.change(life.emulator._world.get("webhook_endpoint", found["id"]), **values)


@pytest.mark.parametrize(
    ("values", "level", "says"),
    [
        (
            {"url": "https://elsewhere.example.com/webhooks/stripe"},
            "fail",
            "no endpoint at Stripe sends to",
        ),
        ({"status": "disabled"}, "fail", "is disabled"),
        (
            {"enabled_events": [t for t in HEARD if t != "refund.failed"]},
            "fail",
            "nobody sends us refund.failed",
        ),
        (
            {"enabled_events": [*HEARD, "customer.created"]},
            "warn",
            "sent for nothing: customer.created",
        ),
        ({"enabled_events": ["*"]}, "warn", f"we act on {len(HEARD)}"),
        ({"api_version": "2020-08-27"}, "warn", "it speaks 2020-08-27"),
        ({"api_version": None}, "warn", "it speaks the account's version"),
    ],
)
def test_an_endpoint_that_is_not_ours_is_told(life, capsys, values, level, says):
    one = healthy(life)
    endpoint(life, one, **values)

    only(capsys, one, level, "endpoint", says)


def test_without_our_own_name_any_endpoint_of_that_path_is_taken_for_ours(life, capsys):
    assert examined(capsys, replace(healthy(life), webhook_url=None))[1] == []


@pytest.mark.parametrize(
    ("features", "level", "says"),
    [
        ({"subscription_cancel": {"mode": "immediately"}}, "fail", "ends access at once"),
        (
            {"subscription_cancel": {"proration_behavior": "create_prorations"}},
            "fail",
            "makes a proration",
        ),
        ({"subscription_pause": {"enabled": True}}, "fail", "may pause"),
        ({"subscription_update": {"enabled": True}}, "warn", "may change plans"),
        ({"subscription_cancel": {"enabled": False}}, "warn", "cannot cancel"),
        ({"payment_method_update": {"enabled": False}}, "warn", "cannot change their card"),
    ],
)
def test_a_portal_that_breaks_a_promise_is_told(life, capsys, features, level, says):
    one = healthy(life)
    one.stripe.update_portal_configuration(
        one.settings.portal_configuration, {"features": features}
    )

    only(capsys, one, level, "portal", says)


def test_a_portal_configuration_that_is_not_there_is_told(life, capsys):
    one = healthy(life, portal_configuration="bpc_gone")

    only(capsys, one, "fail", "portal", "bpc_gone is not there")


# -- policies and prices


def test_a_plan_without_a_price_is_told(life, capsys):
    one = healthy(life)
    (price,) = one.stripe.prices_of(["goto:connect:year"])
    life.stripe("POST", f"/v1/prices/{price['id']}", "active=false")

    only(capsys, one, "fail", "policies", "goto: plan connect has no price by the year")


def test_a_price_of_another_amount_is_doubted(life, capsys):
    one = healthy(life)
    (price,) = one.stripe.prices_of(["goto:connect:year"])
    life.emulator._world.change(life.emulator._world.get("price", price["id"]), unit_amount=1)

    only(capsys, one, "warn", "policies", "costs 1 usd at Stripe, and 27000 usd in the policy")


def test_a_policy_of_another_company_is_no_mistake(life, capsys):
    one = healthy(life)
    for name in ("webinar", "connect"):
        for interval in ("month", "year"):
            (price,) = one.stripe.prices_of([f"goto:{name}:{interval}"])
            life.stripe("POST", f"/v1/prices/{price['id']}", "active=false")

    _, unwell, findings = examined(capsys, one)

    assert unwell == []
    assert "goto: no plan of it is sold here" in [each["says"] for each in findings]


# -- whether events arrive


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((0, ""), "does not answer"),
        ((503, "internal_error"), "cannot read its secret or its table"),
        ((403, ""), "answers 403, which is not ours"),
        ((200, ""), "answers 200, which is not ours"),
        ((400, "something_else"), "answers 400, which is not ours"),
    ],
)
def test_a_webhook_that_does_not_refuse_what_nobody_signed_is_told(
    life, capsys, webhook, aws, answer, says
):
    webhook.append(answer)
    skip = ["issuer", "table", "schedules"]

    only(capsys, healthy(life), "fail", "webhook", says, without_aws=False, skip=skip)
    webhook.append((400, "malformed_request"))
    assert examined(capsys, healthy(life), without_aws=False, skip=skip)[1] == []


def test_where_nobody_said_how_we_are_reached_it_is_asked_for(life, capsys, aws):
    one = replace(healthy(life), webhook_url=None)

    skip = ["issuer", "table", "schedules", "endpoint"]
    only(capsys, one, "warn", "webhook", "where Stripe reaches us", without_aws=False, skip=skip)


def told(life, at, waiting, type="invoice.paid"):
    return {
        "id": f"evt_{at}",
        "type": type,
        "created": int((life.now + timedelta(seconds=at)).timestamp()),
        "pending_webhooks": waiting,
    }


@pytest.mark.parametrize(
    ("events", "level", "says"),
    [
        ([], None, "nothing to tell us"),
        ([(-60, 0), (-90, 0)], None, "the last 2 events"),
        ([(-60, 1), (-90, 1), (-99, 0)], "fail", "(evt_-60) was not taken, and 1 before it"),
        ([(-60, 0), (-90, 1)], "warn", "1 of the last 2 events"),
        # It may be on its way yet.
        ([(-9, 1), (-90, 0)], None, "the last 1 events"),
        ([(-11, 1)], "fail", "(evt_-11) was not taken"),
        # Nobody sends us these.
        ([(-60, 1, "customer.created")], None, "nothing to tell us"),
    ],
)
def test_events_that_do_not_arrive_are_told(life, capsys, monkeypatch, events, level, says):
    one = healthy(life)
    lately = [told(life, *each) for each in events]
    monkeypatch.setattr(type(one.stripe.inner), "events_lately", lambda _: lately)

    if level is None:
        _, unwell, findings = examined(capsys, one)
        assert unwell == []
        assert [f["says"] for f in findings if says in f["says"]] != []
    else:
        only(capsys, one, level, "deliveries", says)


def test_a_secret_that_does_not_fit_shows_by_what_is_not_taken(life, capsys):
    """From end to end, at the emulator: our own webhook refuses, and Stripe's list of events says so."""
    one = healthy(life)
    endpoint = next(e for e in one.stripe.endpoints() if e["url"] == URL)
    customer = life.stripe("POST", "/v1/customers", "email=a@example.com")["id"]
    life.stripe("POST", f"/v1/customers/{customer}", "email=b@example.com")
    assert examined(capsys, one)[1] == []

    price = life.stripe("GET", "/v1/prices", "lookup_keys[0]=smarter-contact:messaging:month")
    life.stripe(
        "POST", "/v1/subscriptions",
        f"customer={customer}&items[0][price]={price['data'][0]['id']}&payment_behavior=default_incomplete",
    )  # fmt: skip
    life.deliver()
    later = replace(one, now=life.now + timedelta(seconds=30))

    assert endpoint["status"] == "enabled"
    _, unwell, _ = examined(capsys, later, skip=["stripe"])
    assert [(each["level"], each["check"]) for each in unwell] == [("fail", "deliveries")]
