"""The same months told twice: once to somebody who hears every webhook, once to somebody who hears none."""

from dataclasses import fields, replace
from datetime import timedelta

from chalicelib.domain.account import Subscription
from chalicelib.lifecycle import must_load
from tests.support.life import Life

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MESSAGING, CALLING = "smarter-contact:messaging:month", "smarter-contact:calling:month"
ACCOUNTS = tuple(f"acme-{n}" for n in range(8))
HOW_IT_WAS_HEARD = {"as_of", "as_of_events", "past_due_since", "unpaid_invoices"}
"""When something was heard is no part of the truth. (What is owed is compared without the invoices' ids.)"""


def begun():
    life = Life()
    life.customers = {id: life.account(id) for id in ACCOUNTS}
    life.subs = {id: life.subscribe(id) for id in ACCOUNTS}
    return life


def eventful(life, days):
    """Each account does something else, in the first days; then time passes, and Stripe renews and charges."""
    a = dict(enumerate(ACCOUNTS))
    sub = life.subs
    life.control("portal_cancel", subscription=sub[a[0]])
    life.control("cancel_now", subscription=sub[a[1]])
    life.control("fail_payment", customer=life.customers[a[2]])
    subscribe_at_stripe(life, a[3], CALLING)
    life.sleep(life.now + HOUR)
    life.control("portal_cancel", subscription=sub[a[4]])
    life.sleep(life.now + HOUR)
    life.control("portal_resume", subscription=sub[a[4]])
    life.control("cancel_now", subscription=sub[a[5]])
    life.sleep(life.now + HOUR)
    subscribe_at_stripe(life, a[5], MESSAGING)
    top_up(life, a[6], 1234)
    life.sleep(life.now + days * DAY)


def subscribe_at_stripe(life, account_id, price):
    found = life.stripe("GET", f"/v1/prices?lookup_keys[0]={price}")["data"][0]["id"]
    customer = life.customers[account_id]
    return life.stripe("POST", "/v1/subscriptions", f"customer={customer}&items[0][price]={found}")[
        "id"
    ]


def top_up(life, account_id, amount):
    made = life.customer(
        account_id,
        "POST",
        "/v1/checkout-sessions",
        {"purpose": "top_up", "amount": {"amount": amount, "currency": "usd"},
         "success_url": "https://app.example.com/ok", "cancel_url": "https://app.example.com/no"},
    )  # fmt: skip
    assert made.status == 201, made.body
    life.control("pay_checkout", session=made.body["checkout_session_id"], outcome="paid")


def known(life):
    """What we hold true of every account, and what its customer is told by it."""
    return {id: _known(life, id) for id in ACCOUNTS}


def _known(life, account_id):
    account = must_load(life.world, account_id).account
    values = [f.name for f in fields(Subscription) if f.name not in {"id", *HOW_IT_WAS_HEARD}]
    # The emulator gives its ids as it goes, and a webhook that is owed takes one: so they are numbered here.
    found = sorted(account.subscriptions.values(), key=lambda one: (one.plan, one.started_at))
    names = {one.id: f"{one.plan}-{n}" for n, one in enumerate(found)}
    return {
        "subscriptions": {
            names[one.id]: {name: getattr(one, name) for name in values}
            | {"owes": [replace(owed, id="") for owed in one.unpaid_invoices.values()]}
            for one in found
        },
        "steps": {_named(id, names): due for id, due in account.steps.items()},
        "features": life.features(account_id),
        "balance": life.balance(account_id),
    }


def _named(step_id, names):
    for id, name in names.items():
        step_id = step_id.replace(id, name)
    return step_id
