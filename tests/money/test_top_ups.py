"""M1-5: top-up and balance due, each through a one-time Checkout of its own, credited once and only when paid."""

import pytest

from tests.support.top_ups import ACME, OK, ask, held, living, owe, parked, pay, started

# -- the link


def test_the_session_says_whose_money_it_is_and_what_for():
    life, customer = living()

    session = life.stripe("GET", f"/v1/checkout/sessions/{started(life, amount=2500)}")

    ours = {"account_id": ACME, "purpose": "top_up", "amount": "2500", "currency": "usd"}
    assert (session["mode"], session["customer"]) == ("payment", customer)
    assert (session["amount_total"], session["currency"]) == (2500, "usd")
    assert session["metadata"] == ours
    assert session["client_reference_id"] == ACME
    pay(life, session["id"])
    paid = life.stripe("GET", f"/v1/checkout/sessions/{session['id']}")
    intent = life.stripe("GET", f"/v1/payment_intents/{paid['payment_intent']}")
    assert intent["metadata"] == ours


@pytest.mark.parametrize(
    ("amount", "status"), [(99, 422), (100, 201), (1_000_000, 201), (1_000_001, 422)]
)
def test_the_policy_bounds_a_top_up(amount, status):
    life, _ = living()

    asked = ask(life, "top_up", amount)

    assert asked.status == status
    if status == 422:
        assert asked.code == "invalid_request"
        assert "from 100 to 1000000" in asked.body["detail"]


@pytest.mark.parametrize("amount", [0, -1, 0.5, 100.0, "500", True, 2**63, 2**53, None, [], {}])
def test_what_is_no_amount_is_refused(amount):
    life, _ = living()
    body = {"purpose": "top_up", "amount": {"amount": amount, "currency": "usd"}, **OK}

    refused = life.customer(ACME, "POST", "/v1/checkout-sessions", body)

    assert (refused.status, refused.code) == (422, "invalid_request")


@pytest.mark.parametrize("currency", ["eur", "USD", "", "usdollar", "us\n", 840, None])
def test_another_currency_is_refused(currency):
    life, _ = living()
    body = {"purpose": "top_up", "amount": {"amount": 500, "currency": currency}, **OK}

    refused = life.customer(ACME, "POST", "/v1/checkout-sessions", body)

    assert (refused.status, refused.code) == (422, "invalid_request")


def test_a_top_up_without_an_amount_says_so():
    life, _ = living()

    refused = ask(life, "top_up")

    assert refused.status == 422
    assert refused.body["errors"][0]["pointer"] == "/amount"


@pytest.mark.parametrize("policy", ["goto", "1smtg", "nexorone"])
def test_where_no_wallet_is_promised_nothing_can_be_topped_up(policy):
    life, _ = living(policy)

    refused = ask(life, "top_up", 5000)

    assert (refused.status, refused.code) == (422, "invalid_request")
    assert "has no balance that could be topped up" in refused.body["detail"]


@pytest.mark.parametrize("role", ["member", "product_admin", "billing_contact"])
def test_only_those_who_may_pay_get_a_link(role):
    life, _ = living()
    body = {"purpose": "top_up", "amount": {"amount": 500, "currency": "usd"}, **OK}

    refused = life.api("POST", "/v1/checkout-sessions", body, token=life.token(ACME, role))

    assert (refused.status, refused.code) == (403, "role_required")


def test_an_idempotency_key_gives_the_same_session_again():
    life, _ = living()
    body = {"purpose": "top_up", "amount": {"amount": 500, "currency": "usd"}, **OK}
    key = {"Idempotency-Key": "once"}

    first, second = (
        life.customer(ACME, "POST", "/v1/checkout-sessions", body, headers=key) for _ in range(2)
    )

    assert first.body["checkout_session_id"] == second.body["checkout_session_id"]


# -- crediting


def test_it_is_credited_when_paid_and_not_before():
    life, _ = living()
    session = started(life, amount=5000)

    before = held(life)
    pay(life, session)

    assert before == 0
    assert held(life) == 5000
    (entry,) = life.entries(ACME)
    assert (entry["kind"], entry["cause"]) == ("top_up", f"checkout:{session}")
    assert entry["note"]["checkout_session"] == session
    assert entry["note"]["payment_intent"].startswith("pi_")


@pytest.mark.parametrize("policy", ["1msg", "smarter-contact", "goto"])
def test_what_is_due_is_the_server_s_amount_whatever_was_asked(policy):
    life, _ = living(policy)
    owe(life, 777)

    session = started(life, "balance_due", amount=1)
    total = life.stripe("GET", f"/v1/checkout/sessions/{session}")["amount_total"]
    pay(life, session)

    assert total == 777
    assert held(life) == 0
    assert [e["kind"] for e in life.entries(ACME)][-1] == "balance_due"
    refused = ask(life, "balance_due")
    assert (refused.status, refused.code) == (422, "invalid_request")
    assert "Nothing is due" in refused.body["detail"]


def test_nothing_is_due_on_an_empty_or_a_filled_wallet():
    life, _ = living()

    empty = ask(life, "balance_due")
    pay(life, started(life, amount=100))
    filled = ask(life, "balance_due")

    assert (empty.status, filled.status) == (422, 422)


def test_money_that_takes_days_is_credited_when_it_has_arrived():
    life, _ = living()
    session = started(life)

    pay(life, session, "async_pending")
    on_its_way = held(life)
    pay(life, session, "async_succeeded")

    assert on_its_way == 0
    assert held(life) == 5000
    assert len(life.entries(ACME)) == 1


@pytest.mark.parametrize("outcomes", [("async_pending", "async_failed"), ("expired",)])
def test_money_that_never_came_changes_nothing(outcomes):
    life, _ = living()
    session = started(life)

    for outcome in outcomes:
        pay(life, session, outcome)

    assert held(life) == 0
    assert life.entries(ACME) == []
    assert parked(life) == []


# -- never mixed with plan invoices


def test_the_wallet_pays_no_plan_invoice_and_no_plan_invoice_fills_the_wallet():
    life, customer = living()
    pay(life, started(life, amount=100_000))

    life.subscribe(ACME, "1msg:channel:month")
    life.move("2026-05-01T00:00:00Z")

    plans = [charge["amount"] for charge in life.charges(customer) if charge["amount"] == 4900]
    assert len(plans) == 4
    assert held(life) == 100_000
    assert len(life.entries(ACME)) == 1
    assert life.stripe("GET", f"/v1/customers/{customer}")["balance"] == 0


@pytest.mark.parametrize(("currency", "amount"), [("jpy", 1500), ("kwd", 12345), ("eur", 999)])
def test_currencies_without_and_with_three_decimals_are_credited_to_the_unit(currency, amount):
    life, _ = living(currency=currency)

    session = started(life, amount=amount, currency=currency)
    pay(life, session)

    reply = life.customer(ACME, "GET", "/v1/wallet")
    assert reply.body["balance"] == {"amount": amount, "currency": currency}
    assert ask(life, "top_up", 500, "usd").status == 422


def test_the_title_is_in_the_customer_s_language():
    life, _ = living()
    life.operator("PUT", f"/v1/admin/accounts/{ACME}", {"locale": "fr"})

    session = started(life)

    (line,) = life.stripe("GET", f"/v1/checkout/sessions/{session}/line_items")["data"]
    assert line["description"] == "Recharge du solde"
