"""A person may read another language than their company's, and consents to what they read."""

from datetime import timedelta

import pytest

from chalicelib.domain.evidence import digest
from chalicelib.store import consents
from tests.support.life import Life


@pytest.fixture
def life():
    life = Life()
    life.account("acme")
    life.subscription_id = life.subscribe("acme")
    return life


def preview(life, query=""):
    path = f"/v1/subscriptions/{life.subscription_id}/cancellation-previews{query}"
    return life.customer("acme", "POST", path).body


def press(life, shown):
    body = {
        "preview_id": shown["preview_id"],
        "reason": {"code": "other"},
        "consents": [{"id": d["id"], "version": d["version"]} for d in shown["disclosures"]],
    }
    path = f"/v1/subscriptions/{life.subscription_id}/cancellation"
    return life.customer("acme", "POST", path, body)


def page(life, query=""):
    return life.customer("acme", "GET", f"/v1/membership{query}").body


def test_the_page_is_said_in_the_language_that_was_asked_for(life):
    french, own = page(life, "?locale=fr-CA"), page(life)

    assert french["locale"] == "fr"
    assert french["labels"]["resume"] == "Reprendre l'abonnement"
    assert french["words"]["/as_of"] == "31 janvier 2026 à 12:00 (UTC)"
    assert own["locale"] == "en"
    assert own["labels"]["cancel"] == "Unsubscribe"


@pytest.mark.parametrize("asked", ["de", "", "%00", "french"[1:]])
def test_a_language_we_do_not_speak_asks_for_nothing(life, asked):
    assert page(life, f"?locale={asked}")["locale"] == "en"


def test_asking_changes_nothing_about_the_account(life):
    page(life, "?locale=fr")
    press(life, preview(life, "?locale=fr"))

    assert page(life)["locale"] == "en"
    assert life.outbox.view()["mail"][-1]["subject"].startswith("Your cancellation")


def test_consent_is_kept_to_the_very_text_that_was_shown(life):
    shown = preview(life, "?locale=fr")

    reply = press(life, shown)

    assert reply.status == 200
    evidence = consents.confirmed(life.world.table, "acme", reply.body["evidence_id"])
    assert evidence.texts == {d["id"]: digest(d["text"]) for d in shown["disclosures"]}
    assert shown["disclosures"][0]["text"].startswith("Votre abonnement")
    assert evidence.preview.language == "fr"


def test_what_is_shown_anew_is_shown_in_the_same_language(life):
    shown = preview(life, "?locale=fr")
    life.schedule("acme", ("M1", "sms", life.now + timedelta(days=60), 7))

    stale = press(life, shown)

    assert (stale.status, stale.code) == (409, "preview_stale")
    assert stale.body["preview"]["disclosures"][0]["text"].startswith("Votre abonnement")
    assert stale.body["preview"]["last_day"].startswith("28 février 2026")
    assert press(life, stale.body["preview"]).status == 200


# -- what the page needs besides


def test_the_last_day_is_the_one_of_the_mail(life):
    press(life, preview(life))

    (subscription,) = page(life)["subscriptions"]

    assert subscription["last_day"] == "28 February 2026 (2026-02-28), until 12:00 (UTC)"
    assert subscription["last_day"] in life.outbox.view()["mail"][-1]["text"]


def test_a_plan_that_is_not_there_has_its_prices_and_one_that_is_has_none(life):
    prices = page(life)["prices"]

    assert [(p["plan"], p["interval"]) for p in prices] == [
        ("calling", "month"),
        ("calling", "year"),
    ]
    assert prices[0] == {
        "plan": "calling",
        "price": "smarter-contact:calling:month",
        "interval": "month",
        "amount": {"amount": 4900, "currency": "usd"},
    }


def test_what_may_be_put_on_the_wallet_stands_within_its_bounds(life):
    wallet = page(life)["wallet"]
    top_up = wallet["top_up"]

    least, most = top_up["minimum"]["amount"], top_up["maximum"]["amount"]
    assert (least, most, wallet["decimals"]) == (100, 1_000_000, 2)
    assert all(least <= one["amount"]["amount"] <= most for one in top_up["suggested"])


def test_a_member_is_told_who_may_pay_and_who_may_export(life):
    token = life.token("acme", "member")

    allowed = life.api("GET", "/v1/membership", token=token).body["allowed"]

    assert allowed["manage"]["ok"] is False
    assert allowed["manage"]["blockers"][0]["code"] == "role_required"
    assert allowed["export"]["ok"] is False
    assert page(life)["allowed"]["export"] == {"ok": True, "blockers": []}
