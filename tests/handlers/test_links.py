"""Links into Stripe: for whom, when, to where; what Stripe says no to; and what is left of a link afterwards (nothing)."""

import json
from datetime import timedelta

import pytest

from chalicelib.store.memory import MemoryTable
from tests.support.life import Life

BACK = "https://app.example.com/membership"
PORTAL, CHECKOUT = "/v1/portal-sessions", "/v1/checkout-sessions"
MESSAGING, CALLING = "smarter-contact:messaging:month", "smarter-contact:calling:month"


@pytest.fixture
def table():
    return MemoryTable()


@pytest.fixture
def life(table):
    life = Life(table)
    life.account("acme")
    return life


@pytest.fixture
def subscription(life):
    return life.subscribe("acme")


def portal(life, account="acme", **more):
    headers = more.pop("headers", None)
    return life.customer(account, "POST", PORTAL, {"return_url": BACK, **more}, headers=headers)


def checkout(life, price=CALLING, account="acme", **more):
    headers = more.pop("headers", None)
    body = {"purpose": "plan", "price": price, "success_url": BACK, "cancel_url": BACK, **more}
    return life.customer(account, "POST", CHECKOUT, body, headers=headers)


def heard(reply):
    return reply.status, reply.code


# -- the portal


def test_the_portal_opens_after_the_first_successful_payment(life):
    """M1-2: "after the first successful payment"."""
    before = portal(life)
    life.subscribe("acme")
    after = portal(life)

    assert heard(before) == (409, "portal_unavailable")
    assert after.status == 201
    assert set(after.body) == {"url"}
    assert after.body["url"].startswith("http")


def test_a_first_payment_that_failed_opens_no_portal(life):
    made = checkout(life, MESSAGING)
    life.control("pay_checkout", session=made.body["checkout_session_id"], outcome="async_pending")

    assert heard(portal(life)) == (409, "portal_unavailable")


def test_an_account_without_a_customer_has_no_portal_and_no_checkout(life):
    put = {"policy": "smarter-contact", "currency": "usd"}
    life.operator("PUT", "/v1/admin/accounts/bare", put)

    assert heard(portal(life, "bare")) == (409, "portal_unavailable")
    assert heard(checkout(life, account="bare")) == (409, "portal_unavailable")


@pytest.mark.parametrize(
    "flow", ["payment_method_update", "subscription_cancel", "subscription_update"]
)
def test_the_portal_opens_where_it_was_asked_to(life, subscription, flow):
    reply = portal(life, flow=flow, subscription_id=subscription)

    assert reply.status == 201, reply.body


@pytest.mark.parametrize("flow", ["subscription_cancel", "subscription_update"])
def test_a_flow_about_a_subscription_needs_one(life, subscription, flow):
    reply = portal(life, flow=flow)

    assert heard(reply) == (422, "invalid_request")
    assert reply.body["errors"][0]["pointer"] == "/subscription_id"


@pytest.mark.parametrize(
    "flow", ["", "cancel", "SUBSCRIPTION_CANCEL", "subscription_cancel\n", 7, {}]
)
def test_a_flow_that_is_none_is_invalid(life, subscription, flow):
    reply = portal(life, flow=flow, subscription_id=subscription)

    assert heard(reply) == (422, "invalid_request")
    assert reply.body["errors"][0]["pointer"] == "/flow"


@pytest.mark.parametrize("flow", [None, "payment_method_update", "subscription_cancel"])
def test_a_subscription_of_another_account_is_not_found(life, subscription, flow):
    life.account("other")
    others = life.subscribe("other")

    theirs = portal(life, flow=flow, subscription_id=others)
    nobodys = portal(life, flow=flow, subscription_id="sub_nobody")

    assert heard(theirs) == heard(nobodys) == (404, "not_found")


def test_a_subscription_that_ended_cannot_be_changed_in_the_portal(life, subscription):
    life.cancel("acme", subscription)
    life.move(life.access_ends_at("acme", subscription))

    assert heard(portal(life, flow="subscription_cancel", subscription_id=subscription)) == (
        *(409, "no_live_plan"),
    )
    assert portal(life).status == 201, "invoices and receipts stay within reach"


def test_the_customer_is_the_accounts_own_whatever_the_request_says(life, subscription):
    customer = life.account("other")

    reply = portal(life, customer=customer, customer_id=customer, stripe_customer_id=customer)

    session = reply.body["url"].rsplit("/", 1)[-1]
    kept = life.emulator._world.find("billing_portal.session", session)
    assert kept["customer"] != customer


def test_a_cancelled_subscription_cannot_be_cancelled_in_the_portal_again(life, subscription):
    life.cancel("acme", subscription)

    reply = portal(life, flow="subscription_cancel", subscription_id=subscription)

    assert heard(reply) == (409, "portal_unavailable")


def test_what_cannot_be_cancelled_here_cannot_be_cancelled_in_the_portal_either(life):
    """GT-3: an unpaid invoice stands in the way, whichever door the customer takes."""
    customer = life.account("goer", "goto")
    webinar = life.subscribe("goer", "goto:webinar:month")
    life.control("fail_payment", customer=customer)
    life.move(life.now + timedelta(days=35))

    reply = portal(life, "goer", flow="subscription_cancel", subscription_id=webinar)

    assert heard(reply) == (409, "blocked")
    assert [one["code"] for one in reply.body["blockers"]] == ["outstanding_balance"]


# -- Checkout


def test_a_price_may_be_named_by_its_lookup_key_or_its_id(life, subscription):
    found = life.stripe("GET", f"/v1/prices?lookup_keys[0]={CALLING}")["data"][0]["id"]

    for price in (CALLING, found):
        reply = checkout(life, price)
        assert reply.status == 201, reply.body
        assert set(reply.body) == {"url", "checkout_session_id"}


@pytest.mark.parametrize(
    "price",
    ["1msg:channel:month", "price_nobody", "nobody", "smarter-contact:messaging", "price_",
     "smarter-contact:messaging:month\n", "🙂", "x" * 200],
)  # fmt: skip
def test_a_price_of_another_policy_or_of_nobody_is_invalid(life, price):
    reply = checkout(life, price)

    assert heard(reply) == (422, "invalid_request")
    assert reply.body["errors"][0]["pointer"] == "/price"


def test_the_id_of_another_policys_price_is_invalid(life):
    other = life.stripe("GET", "/v1/prices?lookup_keys[0]=1msg:channel:month")["data"][0]["id"]

    assert heard(checkout(life, other)) == (422, "invalid_request")


def test_a_plan_needs_a_price(life):
    assert checkout(life, None).body["errors"][0]["pointer"] == "/price"


@pytest.mark.parametrize("purpose", ["", "gift", "PLAN", "plan\n", None, 7])
def test_a_purpose_that_is_none_is_invalid(life, purpose):
    assert checkout(life, purpose=purpose).body["errors"][0]["pointer"] == "/purpose"


def test_a_live_plan_is_not_sold_twice(life, subscription):
    assert heard(checkout(life, MESSAGING)) == (409, "already_subscribed")
    assert heard(checkout(life, "smarter-contact:messaging:year")) == (409, "already_subscribed")
    assert checkout(life, CALLING).status == 201


def test_a_cancelled_plan_is_live_to_its_last_second_and_sold_again_from_its_end(
    life, subscription
):
    life.cancel("acme", subscription)
    end = life.access_ends_at("acme", subscription)

    life.move(end - timedelta(seconds=1))
    assert heard(checkout(life, MESSAGING)) == (409, "already_subscribed")
    life.move(end)
    assert checkout(life, MESSAGING).status == 201


# -- the key that is passed on


def test_a_repeat_is_answered_by_stripe_with_the_same_link(life, subscription):
    key = {"Idempotency-Key": "k" * 255}

    for ask in (portal, checkout):
        first, again, other = ask(life, headers=key), ask(life, headers=key), ask(life)
        assert first.status == again.status == other.status == 201
        assert first.body == again.body
        assert first.body["url"] != other.body["url"]


def test_the_same_key_for_another_link_is_refused(life, subscription):
    key = {"Idempotency-Key": "k"}
    assert portal(life, headers=key).status == 201

    assert heard(portal(life, flow="payment_method_update", headers=key)) == (
        *(422, "idempotency_key_reused"),
    )
    assert checkout(life, headers=key).status == 201, "another route, another key"


def test_two_accounts_and_two_users_with_the_same_key_get_their_own_links(life, subscription):
    """However long their names are: nothing of the scope may be cut off."""
    long = "a" * 200
    life.account(long)
    life.subscribe(long)
    key = {"Idempotency-Key": "k" * 255}
    subs = ["u" * 255, "u" * 254 + "v"]

    urls = {
        life.api("POST", PORTAL, {"return_url": BACK}, headers=key,
                 token=life.token(account, "super_admin", sub=sub)).body["url"]
        for account in (long, "acme") for sub in subs
    }  # fmt: skip

    assert len(urls) == 4


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_that_is_none_is_refused_here_too(life, subscription, key):
    assert heard(portal(life, headers={"Idempotency-Key": key})) == (422, "invalid_request")


def test_a_link_is_stored_nowhere_and_never_logged(life, table, subscription, capfd):
    key = {"Idempotency-Key": "k"}
    links = [portal(life, headers=key).body["url"], checkout(life, headers=key).body["url"]]

    kept = json.dumps(list(_rows(table)), default=str)
    said = "".join(capfd.readouterr())

    for link in links:
        assert link not in kept
        assert link not in said


def _rows(table):
    page = table.query("A#acme", limit=100)
    return page.rows


# -- Stripe away


@pytest.mark.parametrize("kind", ["error", "timeout", "throttle"])
@pytest.mark.parametrize("ask", [portal, checkout])
def test_without_stripe_there_is_no_link_and_a_time_to_try_again(life, subscription, ask, kind):
    life.faults.order({"target": "stripe", "kind": kind, "count": 20})
    away = ask(life)
    life.faults.order({"target": "stripe", "kind": kind, "count": 0})

    assert heard(away) == (503, "stripe_unavailable")
    assert int(away.headers["retry-after"]) > 0
    assert ask(life).status == 201


@pytest.mark.parametrize("ask", [portal, checkout])
def test_a_link_whose_answer_was_lost_is_made_once_under_its_key(life, subscription, ask):
    key = {"Idempotency-Key": "k"}
    life.faults.order({"target": "stripe", "kind": "answer_lost", "count": 20})
    lost = ask(life, headers=key)
    life.faults.order({"target": "stripe", "kind": "answer_lost", "count": 0})

    assert heard(lost) == (503, "stripe_unavailable")
    first, again = ask(life, headers=key), ask(life, headers=key)
    assert first.status == 201
    assert first.body == again.body


def refusing(life, monkeypatch, name, error):
    def no(*_, **__):
        raise error

    monkeypatch.setattr(type(life.world.stripe.inner), name, no)


def test_what_stripe_refuses_for_good_is_not_called_a_moments_trouble(
    life, subscription, monkeypatch
):
    from chalicelib.gateways.stripe import StripeBusy, StripeRefused

    refusing(
        life, monkeypatch, "portal_session", StripeRefused("resource_missing", "No such customer")
    )
    assert heard(portal(life)) == (409, "portal_unavailable")
    refusing(
        life, monkeypatch, "checkout_session", StripeRefused("refused", "The price is inactive")
    )
    assert heard(checkout(life)) == (422, "invalid_request")
    refusing(life, monkeypatch, "portal_session", StripeBusy("another request under this key"))
    assert heard(portal(life)) == (409, "idempotency_in_flight")


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, {"type": "idempotency_error"}, "StripeRefused"),
        (400, {"type": "invalid_request_error", "code": "parameter_missing"}, "StripeRefused"),
        (401, {"type": "invalid_request_error"}, "KeyRefused"),
        (403, {"type": "invalid_request_error"}, "KeyMayNot"),
        (409, {"type": "idempotency_error", "code": "idempotency_key_in_use"}, "StripeBusy"),
        (429, {"type": "invalid_request_error", "code": "rate_limit"}, "StripeUnavailable"),
        (500, {"type": "api_error"}, "StripeUnavailable"),
        (503, {}, "StripeUnavailable"),
    ],
)
def test_each_of_stripes_answers_means_one_thing_to_us(life, status, error, expected):
    import stripe

    from chalicelib.gateways import stripe as gateway

    class Client(stripe.HTTPClient):
        name = "test"

        def request(self, *_, **__):
            return json.dumps({"error": {"message": "no", **error}}), status, {}

        def close(self):
            pass

        def _sleep_time_seconds(self, _):
            return 0

    ours = gateway.Stripe("sk_test_x", http_client=Client, sleep=lambda _seconds: None)
    with pytest.raises(getattr(gateway, expected)) as raised:
        ours.portal_session({"customer": "cus_1"}, key="k")

    assert type(raised.value).__name__ == expected
    if error.get("type") == "idempotency_error" and status == 400:
        assert raised.value.code == "idempotency_error"
