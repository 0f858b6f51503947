"""1Solution's promises: the billing section. (Mails are tested with the outbox, and what is in an export
with the exports.)"""

import json
from io import BytesIO
from typing import Any

import pytest

from chalicelib import exporting
from chalicelib.domain.moments import rfc3339
from chalicelib.gateways.stripe import Stripe
from chalicelib.gateways.stripe_reader import Unreadable
from tests.support.goto import (
    ACME,
    SECOND,
    as_role,
    at_stripe,
    billed,
    customer_id,
    marked,
    noon,
    shown_subscription,
)
from tests.support.life import Life

MONTHLY, YEARLY = "1smtg:standard:month", "1smtg:standard:year"
END = noon("2026-02-28")


def subscribed(price: str = MONTHLY) -> tuple[Life, str]:
    life = Life()
    life.account(ACME, "1smtg")
    return life, life.subscribe(ACME, price)


def page(life: Life) -> Any:
    return life.membership(ACME)


def test_the_billing_section_shows_how_it_is_paid():
    """OS-1: "You can see the payment information, change the payment method and cancel your subscription at any time by
    accessing the billing section within the company."."""
    life, _ = subscribed()

    shown = page(life)["payment_method"]

    assert (shown["brand"], shown["last4"]) == ("visa", "4242")
    assert shown["exp_month"] == 12
    assert shown["exp_year"] > 2026


def test_the_next_charge_and_the_state_are_there():
    """OS-1: "see the payment information"."""
    life, standard = subscribed()

    shown = shown_subscription(life, standard)

    assert (shown["status"], shown["renews_at"]) == ("active", rfc3339(END))
    assert shown["next_charge"] == {
        "at": rfc3339(END), "amount": {"amount": 2900, "currency": "usd"},
    }  # fmt: skip


def test_who_leaves_has_no_next_charge():
    """OS-1, OS-6: "your subscription will not auto-renew"."""
    life, standard = subscribed()
    life.cancel(ACME, standard)

    shown = shown_subscription(life, standard)

    assert (shown["renews_at"], shown["next_charge"]) == (None, None)
    assert shown["access_ends_at"] == rfc3339(END)


def test_the_payment_method_is_changed_in_the_portal_and_shown_at_once():
    """OS-1: "change the payment method"."""
    life, _ = subscribed()
    link = life.customer(
        ACME,
        "POST",
        "/v1/portal-sessions",
        {"return_url": "https://app.example.com/billing", "flow": "payment_method_update"},
    )
    customer = customer_id(life)
    card = life.stripe(
        "POST", "/v1/payment_methods/pm_card_mastercard/attach", f"customer={customer}"
    )
    life.stripe(
        "POST",
        f"/v1/customers/{customer}",
        f"invoice_settings[default_payment_method]={card['id']}",
    )

    assert link.status == 201
    assert page(life)["payment_method"]["brand"] == "mastercard"


@pytest.mark.parametrize(
    "moment", ["2026-01-31T12:00:00Z", "2026-02-14T03:00:00Z", "2026-02-28T11:59:59Z"]
)
def test_cancelled_at_any_time_without_window_or_notice(moment):
    """OS-1: "cancel your subscription at any time"."""
    life, standard = subscribed()
    life.move(moment)

    done = life.cancel(ACME, standard)

    assert (done.status, done.body["access_ends_at"]) == (200, rfc3339(END))
    assert shown_subscription(life, standard)["allowed"]["resume"]["ok"] is True


def test_at_any_time_is_also_in_debt():
    """OS-1: "at any time"."""
    life, standard = subscribed()
    life.control("fail_payment", customer=customer_id(life))
    life.move(noon("2026-03-03"))
    assert shown_subscription(life, standard)["allowed"]["cancel"] == {"ok": True, "blockers": []}

    done = life.cancel(ACME, standard)

    assert done.status == 200


# -- OS-2


def test_the_billing_history_lists_every_invoice_with_date_amount_state_and_link():
    """OS-2: "review billing history"."""
    life, _ = subscribed()
    life.move(noon("2026-04-15"))

    invoices = page(life)["invoices"]

    assert [(one["date"][:10], one["amount"], one["status"]) for one in invoices] == [
        (day, {"amount": 2900, "currency": "usd"}, "paid")
        for day in ("2026-03-31", "2026-02-28", "2026-01-31")
    ]
    assert all(one["link"].startswith("http") for one in invoices)


def test_an_unpaid_invoice_is_in_the_history_as_such():
    """OS-2: status."""
    life, _ = subscribed()
    life.control("fail_payment", customer=customer_id(life))
    life.move(noon("2026-03-03"))

    newest = page(life)["invoices"][0]

    assert (newest["status"], newest["amount"]["amount"]) == ("open", 2900)


def test_a_member_sees_the_page_and_another_company_s_member_sees_theirs():
    """OS-2: the account's own."""
    life, _ = subscribed()
    life.account("other", "1smtg")

    assert len(as_role(life, "member", "GET", "/v1/membership").body["invoices"]) == 1
    assert life.membership("other")["invoices"] == []


def test_the_page_stands_when_stripe_is_away():
    """OS-1: what we know ourselves is shown."""
    life, _ = subscribed()
    life.faults.order({"target": "stripe", "kind": "error", "count": 30})

    shown = page(life)

    assert (shown["payment_method"], shown["billing_unavailable"]) == (None, True)
    assert [s["status"] for s in shown["subscriptions"]] == ["active"]


def test_the_page_stands_when_what_stripe_says_of_paying_cannot_be_read(monkeypatch):
    life, _ = subscribed()

    def unreadable(*_given):
        raise Unreadable("a created that is no moment")

    monkeypatch.setattr(Stripe, "invoices_of", unreadable)

    assert page(life)["billing_unavailable"] is True


# -- OS-3, OS-4


def test_nothing_stands_in_the_way_of_doing_it_oneself():
    """OS-3: "the cancellation process is self-service and can be initiated directly by the user without requiring a phone
    call or email to customer support"."""
    life, standard = subscribed()

    assert life.preview(ACME, standard).body["blockers"] == []
    assert life.cancel(ACME, standard).status == 200


def test_who_may_not_is_told_who_may_and_where_to_turn():
    """OS-3: every blocker has a link."""
    life, standard = subscribed()

    path = f"/v1/subscriptions/{standard}/cancellation-previews"
    (blocker,) = as_role(life, "billing_contact", "POST", path).body["blockers"]

    assert blocker["code"] == "role_required"
    assert blocker["action"] == {"label": "Contact support", "href": "/membership#support"}


@pytest.mark.parametrize(
    ("price", "end"), [(MONTHLY, "2026-02-28"), (YEARLY, "2027-01-31")], ids=["monthly", "annual"]
)
def test_a_period_left_early_is_used_and_not_paid_back(price, end):
    """OS-4: "subscriptions are paid monthly or annually with no refunds for unused portions of a period"."""
    life, standard = subscribed(price)
    life.move(noon("2026-02-10"))
    life.cancel(ACME, standard)

    life.move(noon(end) - SECOND)
    assert life.features(ACME)["use_company"] is True
    life.move(noon(end))

    assert life.features(ACME)["use_company"] is False
    assert billed(life) == ["2026-01-31"]
    assert [c["amount_refunded"] for c in life.charges(customer_id(life))] == [0]
    assert life.balance(ACME) == 0


def test_that_nothing_is_paid_back_is_said_before():
    """OS-4: "no refunds for unused portions of a period"."""
    life, standard = subscribed()

    texts = {d["id"]: d["text"] for d in life.preview(ACME, standard).body["disclosures"]}

    assert texts["no_refund_of_the_rest"] == "There are no refunds for unused portions of a period."


# -- OS-5, OS-6, OS-7


@pytest.mark.parametrize("cancelled", [False, True])
def test_documents_are_in_the_export_before_and_after_cancelling(cancelled):
    """OS-5: "Any document generated on our platform is saved in the documents section in case you need them later"."""
    life, standard = subscribed()
    life.files.write(exporting.documents_of(ACME) + "2026/quote.pdf", BytesIO(b"%PDF-1.7"))
    if cancelled:
        life.cancel(ACME, standard)
        life.move(END)

    found = life.exported(ACME)

    assert found["documents/2026/quote.pdf"] == b"%PDF-1.7"
    listed = {one["name"]: one for one in json.loads(found["manifest.json"])["parts"]}
    assert listed["documents/2026/quote.pdf"]["bytes"] == 8


def test_documents_are_kept_without_an_end_and_the_preview_says_so():
    """OS-5: "Any document generated on our platform is saved in the documents section in case you need them later"."""
    life, standard = subscribed()

    shown = life.preview(ACME, standard).body
    life.cancel(ACME, standard)
    life.move(noon("2029-03-01"))

    texts = {d["id"]: d["text"] for d in shown["disclosures"]}
    assert "stays saved in the documents section, without an end date" in texts["documents_kept"]
    assert [c["kind"] for c in shown["consequences"]] == ["access_ends"]
    assert page(life)["upcoming"] == []


def test_the_answer_comes_when_stripe_has_confirmed_and_names_the_last_day():
    """OS-6: "ensure the process was successful and your subscription will not auto-renew"."""
    life, standard = subscribed()

    done = life.cancel(ACME, standard)

    assert done.body["access_ends_at"] == rfc3339(END)
    assert marked(life, standard)
    assert at_stripe(life, standard)["cancel_at_period_end"] is True


SUPPORT = {
    "email": None,
    "phone": "(888) 458 0650",
    "hours": "9:00 a.m. to 5:00 p.m. on business days",
    "how": None,
}


def test_support_s_number_and_hours_are_on_the_page():
    """OS-7: "you can contact their support team via phone ((888) 458 0650) or email … from 9:00 a.m. to 5:00 p.m. business
    days."."""
    life, _ = subscribed()

    assert page(life)["support"] == SUPPORT


def test_they_are_in_every_refusal():
    """OS-7: "If you encounter any issues"."""
    life, standard = subscribed()
    path = f"/v1/subscriptions/{standard}"

    refusals = [
        life.customer(ACME, "POST", f"{path}/cancellation", {"preview_id": "none"}),
        life.customer(ACME, "POST", f"{path}/cancellation", {}),
        life.preview(ACME, "sub_none"),
        as_role(life, "member", "DELETE", f"{path}/cancellation"),
        life.customer(ACME, "POST", "/v1/portal-sessions", {"return_url": "https://evil.example"}),
    ]

    assert [r.status for r in refusals] == [404, 422, 404, 403, 422]
    assert all(r.body["support"] == SUPPORT for r in refusals)


def test_a_stranger_s_refusal_tells_nothing_of_the_account():
    """OS-7: whose support it is, only the account's own people hear."""
    life, _standard = subscribed()

    without = life.api("GET", "/v1/membership")
    unknown = life.service("GET", "/v1/entitlements?account_id=nobody")

    assert (without.status, unknown.status) == (401, 404)
    assert "support" not in {**without.body, **unknown.body}


def test_the_hours_are_told_in_the_account_s_language():
    """OS-7, in French for who reads French."""
    life, _ = subscribed()
    life.operator("PUT", f"/v1/admin/accounts/{ACME}", {"locale": "fr-CA"})

    assert page(life)["support"]["hours"] == "De 9 h à 17 h les jours ouvrés"
