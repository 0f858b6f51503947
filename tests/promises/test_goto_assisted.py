"""GT-8: cancelling by phone. Who asks is identified by exactly these details, and nothing of the card is kept."""

import json
from typing import Any

import pytest

from chalicelib.domain.moments import rfc3339
from chalicelib.gateways.stripe import Stripe, StripeRefused
from chalicelib.gateways.stripe_reader import Unreadable
from chalicelib.store.memory import MemoryTable
from tests.support.goto import (
    ACME,
    CONNECT,
    FIRST_END,
    SECOND,
    WEBINAR,
    as_role,
    at_stripe,
    billed,
    customer_id,
    customer_of_goto,
    evidence,
    marked,
    noon,
    shown_subscription,
    under_contract,
)
from tests.support.life import Life, Reply, consenting
from tests.support.rewriting import promise_anew

CANARY = "9 Rue du Canari"
ADDRESS = {"line1": CANARY, "postal_code": "75099", "city": "Paris", "country": "FR"}
LINE = "9, rue du canari, 75099 Paris"
RIGHT: dict[str, Any] = {
    "account_id": ACME,
    "billing_admin_email": "Acme@Example.com",
    "card_last4": "4242",
    "billing_address": ADDRESS,
}
AGENT = "agent-7"


def on_the_phone(price: str = "goto:webinar:month", months: int = 0) -> tuple[Life, str]:
    life, subscription = under_contract(months, price) if months else customer_of_goto(price)
    with_address(life)
    return life, subscription


def with_address(life: Life) -> None:
    customer = life.stripe("GET", f"/v1/customers/{customer_id(life)}")
    card = customer["invoice_settings"]["default_payment_method"]
    form = "&".join(
        f"billing_details[address][{name}]={value.replace(' ', '+')}"
        for name, value in ADDRESS.items()
    )
    life.stripe("POST", f"/v1/payment_methods/{card}", form)


def ask(life: Life, subscription: str, body: Any, agent: str = AGENT, **more: Any) -> Reply:
    """The preview that support asks for."""
    path = f"/v1/subscriptions/{subscription}/assisted-cancellation-previews"
    token = life.token(None, "support_agent", sub=agent)
    return life.api("POST", path, body, token=token, **more)


def press(life: Life, subscription: str, body: Any, agent: str = AGENT) -> Reply:
    path = f"/v1/subscriptions/{subscription}/assisted-cancellation"
    return life.api("POST", path, body, token=life.token(None, "support_agent", sub=agent))


def cancel(life: Life, subscription: str, agent: str = AGENT) -> Reply:
    shown = ask(life, subscription, RIGHT, agent)
    assert shown.status == 201, shown.body
    return press(life, subscription, RIGHT | consenting(shown.body), agent)


def test_support_cancels_for_whoever_knows_it_all():
    """GT-8: "préparez les informations suivantes avant d'appeler le service d'assistance : - Mon compte - L'adresse
    électronique de l'administrateur de la facturation. - Les quatre derniers chiffres et l'adresse de facturation de la
    méthode de paiement utilisée sur votre compte. - Le(s) produit(s) que vous souhaitez annuler"."""
    life, webinar = on_the_phone()

    shown = ask(life, webinar, RIGHT)
    done = press(life, webinar, RIGHT | consenting(shown.body))

    assert (shown.status, shown.body["access_ends_at"]) == (201, rfc3339(FIRST_END))
    assert (done.status, done.body["access_ends_at"]) == (200, rfc3339(FIRST_END))
    assert marked(life, webinar)
    life.move(noon("2026-06-01"))
    assert billed(life) == ["2026-01-31"]


def test_the_evidence_says_which_agent_and_that_it_was_by_phone():
    """GT-8: the evidence says which agent."""
    life, webinar = on_the_phone()

    kept = evidence(life, cancel(life, webinar).body["evidence_id"])

    assert (kept.who, kept.channel, kept.roles) == (AGENT, "assisted", ("billing_admin",))
    assert set(kept.consents) == set(kept.texts)
    assert kept.preview.policy == "goto"


@pytest.mark.parametrize("address", [LINE, "75099 PARIS - 9 RUE DU CANARI", {"line1": "9, rue du Canari", "postal_code": "75099"}])  # fmt: skip
def test_the_address_may_be_told_as_one_line_or_without_its_city(address):
    """GT-8: "l'adresse de facturation de la méthode de paiement"."""
    life, webinar = on_the_phone()

    assert ask(life, webinar, RIGHT | {"billing_address": address}).status == 201


WRONG = [
    {"account_id": "nobody"},
    {"account_id": "a#b"},
    {"billing_admin_email": "mallory@example.com"},
    {"card_last4": "4243"},
    {"billing_address": ADDRESS | {"line1": "8 Rue du Canari"}},
    {"billing_address": ADDRESS | {"postal_code": "75098"}},
    {"billing_address": ADDRESS | {"city": "Lyon"}},
    {"billing_address": "Paris"},
    {"billing_address": "Rue du Canari, 75099 Paris"},
]


@pytest.mark.parametrize("wrong", WRONG, ids=[json.dumps(one)[:50] for one in WRONG])
def test_whatever_is_wrong_is_refused_alike(wrong):
    """GT-8: wrong details are refused without saying which."""
    life, webinar = on_the_phone()
    shown = ask(life, webinar, RIGHT)

    asked = ask(life, webinar, RIGHT | wrong)
    pressed = press(life, webinar, RIGHT | wrong | consenting(shown.body))

    for refused in (asked, pressed):
        assert (refused.status, refused.code) == (403, "identity_not_confirmed")
        assert set(refused.body) == {"type", "title", "status", "detail", "code", "request_id"}
        assert refused.body["detail"] == (
            "These details do not identify the customer. Ask for all of them again."
        )
    assert not marked(life, webinar)


def test_another_account_s_product_is_refused_alike():
    """GT-8: "Le(s) produit(s) que vous souhaitez annuler"."""
    life, _webinar = on_the_phone()
    life.account("other", "goto")
    theirs = life.subscribe("other", "goto:webinar:month")

    assert ask(life, theirs, RIGHT).code == "identity_not_confirmed"
    assert ask(life, "sub_none", RIGHT).code == "identity_not_confirmed"


def test_without_a_card_or_an_address_on_file_nobody_can_be_identified():
    """GT-8: exactly these, so all of them must be known."""
    life, webinar = customer_of_goto()

    assert ask(life, webinar, RIGHT).code == "identity_not_confirmed"
    assert ask(life, webinar, RIGHT | {"billing_address": {"line1": "x", "postal_code": "y"}}).code == (
        "identity_not_confirmed"
    )  # fmt: skip


@pytest.mark.parametrize(
    "shape",
    [
        {"card_last4": "42"}, {"card_last4": "٤٢٤٢"}, {"card_last4": 4242}, {"card_last4": None},
        {"billing_address": {}}, {"billing_address": 7}, {"billing_address": {"line1": CANARY}},
        {"billing_admin_email": ""}, {"account_id": ""}, {"account_id": "x" * 201},
        {"billing_address": "x" * 501},
    ],
)  # fmt: skip
def test_details_of_the_wrong_shape_are_no_try(shape):
    """GT-8: 422 says what is missing; it tells nothing of the account."""
    life, webinar = on_the_phone()

    for _ in range(6):
        refused = ask(life, webinar, RIGHT | shape)

    assert (refused.status, refused.code) == (422, "invalid_request")
    assert ask(life, webinar, RIGHT).status == 201


# -- tries


def test_five_wrong_tries_close_the_account_s_door_until_tomorrow():
    """GT-8: attempts limited, per account."""
    life, webinar = on_the_phone()
    for n in range(5):
        refused = ask(life, webinar, RIGHT | {"card_last4": f"000{n}"}, agent=f"agent-{n}")
        assert refused.code == "identity_not_confirmed"

    too_many = ask(life, webinar, RIGHT, agent="agent-9")

    assert (too_many.status, too_many.code) == (429, "rate_limited")
    assert int(too_many.headers["retry-after"]) > 0
    life.move(noon("2026-02-01").replace(hour=0))
    assert ask(life, webinar, RIGHT, agent="agent-9").status == 201


def test_four_wrong_tries_leave_one_for_the_right_details():
    """GT-8: the other side of the limit."""
    life, webinar = on_the_phone()
    for n in range(4):
        ask(life, webinar, RIGHT | {"card_last4": f"000{n}"})

    assert ask(life, webinar, RIGHT).status == 201


def test_five_wrong_tries_stop_the_agent_with_every_account():
    """GT-8: attempts limited, per agent: nobody walks through the accounts."""
    life, webinar = on_the_phone()
    for n in range(5):
        ask(life, webinar, RIGHT | {"account_id": f"guess-{n}"})

    assert ask(life, webinar, RIGHT).code == "rate_limited"
    assert ask(life, webinar, RIGHT, agent="agent-8").status == 201


def test_an_agent_who_asks_the_right_people_may_go_on_all_day():
    """GT-8: what is limited is guessing, not work."""
    life, webinar = on_the_phone()

    assert [ask(life, webinar, RIGHT).status for _ in range(12)] == [201] * 12


def test_a_try_that_stripe_did_not_answer_is_none():
    """GT-8: only what was compared counts."""
    life, webinar = on_the_phone()
    for _ in range(6):
        life.faults.order({"target": "stripe", "kind": "timeout", "count": 3})
        assert ask(life, webinar, RIGHT).code == "stripe_unavailable"

    assert ask(life, webinar, RIGHT).status == 201


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (StripeRefused("resource_missing", "No such customer"), "stripe_refused"),
        (Unreadable("no address"), "internal_error"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_try_of_which_stripe_tells_nothing_is_none(monkeypatch, error, expected):
    """GT-8: as above. Whoever mends it is not kept waiting until tomorrow."""
    life, webinar = on_the_phone()

    def tells_nothing(*_given):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Stripe, "payment_method", tells_nothing)
        told = {ask(life, webinar, RIGHT).code for _ in range(6)}
        assert told == {expected}

    assert ask(life, webinar, RIGHT).status == 201


# -- what remains


def test_nothing_of_the_card_and_nothing_that_was_said_is_kept_or_logged(capsys, caplog):
    """GT-8: nothing of the card is stored or logged."""
    table = MemoryTable()
    life = Life(table)
    life.account(ACME, "goto")
    webinar = life.subscribe(ACME, WEBINAR)
    with_address(life)
    said = RIGHT | {"card_last4": "9876", "billing_admin_email": "canary-mallory@example.com"}
    ask(life, webinar, said, headers={"Idempotency-Key": "k1"})
    ask(life, webinar, RIGHT, headers={"Idempotency-Key": "k2"})
    cancel(life, webinar)
    life.faults.order({"target": "stripe", "kind": "timeout", "count": 20})
    ask(life, webinar, RIGHT)

    kept = repr([table.query(partition, limit=1000).rows for partition in table._partitions])
    logged = "".join(capsys.readouterr()) + caplog.text

    assert ACME in kept
    for canary in ("Canari", "75099", "9876", "4242", "canary-mallory"):
        assert canary not in kept, canary
        assert canary not in logged, canary


def test_an_answer_repeated_under_its_key_needs_the_very_same_details():
    """GT-8: a key is no way around them."""
    life, webinar = on_the_phone()
    key = {"Idempotency-Key": "k1"}
    first = ask(life, webinar, RIGHT, headers=key)

    again = ask(life, webinar, RIGHT, headers=key)
    other = ask(life, webinar, RIGHT | {"card_last4": "0000"}, headers=key)

    assert again.body == first.body
    assert other.code == "idempotency_key_reused"


# -- the same rules as for everybody


def test_support_s_preview_and_confirmation_are_like_everybody_s():
    """GT-8, SC-1: preview, consents, then the same cancellation."""
    life, webinar = on_the_phone()
    shown = ask(life, webinar, RIGHT)

    online = life.preview(ACME, webinar).body
    without = press(life, webinar, RIGHT | consenting(shown.body) | {"consents": []})

    for name in ("consequences", "disclosures", "reasons", "access_ends_at"):
        assert shown.body[name] == online[name]
    assert (without.status, without.code) == (422, "consent_missing")
    assert not marked(life, webinar)


def test_the_same_preview_pressed_twice_is_one_cancellation():
    """GT-8, SC-1: once it succeeded, the stored answer."""
    life, webinar = on_the_phone()
    shown = ask(life, webinar, RIGHT)
    body = RIGHT | consenting(shown.body)

    first, second = press(life, webinar, body), press(life, webinar, body)

    assert (first.status, second.status) == (200, 200)
    assert first.body == second.body


def test_another_preview_while_it_is_pending_gets_the_first_one_s_answer():
    """GT-8: the customer cancelled online, then calls to be sure."""
    life, webinar = on_the_phone()
    online = life.cancel(ACME, webinar)

    by_phone = cancel(life, webinar)

    assert by_phone.body == online.body


def test_a_preview_that_is_another_s_is_not_found():
    """GT-8: replayed previews."""
    life, webinar = on_the_phone()
    connect = life.subscribe(ACME, CONNECT)
    shown = ask(life, webinar, RIGHT)

    assert press(life, connect, RIGHT | consenting(shown.body)).code in (
        "not_found",
        "role_required",
    )
    assert press(life, webinar, RIGHT | {"preview_id": "none", "consents": []}).code == "not_found"


def test_a_preview_that_is_stale_is_shown_afresh():
    """GT-8, invariant 14: the policy changed between preview and confirmation."""
    life, webinar = on_the_phone()
    shown = ask(life, webinar, RIGHT)
    promise_anew(life, "goto", ('version = "2026-11-22"', 'version = "2026-12-24"'))

    stale = press(life, webinar, RIGHT | consenting(shown.body))

    assert (stale.status, stale.code) == (409, "preview_stale")
    assert press(life, webinar, RIGHT | consenting(stale.body["preview"])).status == 200


def test_the_roles_hold_on_the_phone_as_well():
    """GT-7: "GoTo Connect subscriptions : Vous devez être un super-administrateur." The billing admin is not one."""
    life, connect = on_the_phone(CONNECT)

    refused = cancel(life, connect)

    assert (refused.status, refused.code) == (403, "role_required")
    assert refused.body["required_roles"] == ["super_admin"]
    assert not marked(life, connect)


def test_what_cannot_be_cancelled_online_can_be_by_phone():
    """GT-9: "L'annulé n'est pas disponible dans GoTo Admin pour votre product subscription." Then support can."""
    life, webinar = on_the_phone()
    promise_anew(life, "goto", ("cancelable_online = true", "cancelable_online = false"))

    assert cancel(life, webinar).status == 200


def test_a_contract_is_kept_when_support_cancels():
    """GT-2: "mais votre plan restera actif pendant les 6 mois restants"."""
    life, webinar = on_the_phone(months=12)

    done = cancel(life, webinar)

    assert done.body["access_ends_at"] == rfc3339(noon("2027-01-31"))
    assert at_stripe(life, webinar)["cancel_at"] is None
    assert shown_subscription(life, webinar)["status"] == "pending_cancellation"


@pytest.mark.parametrize("role", ["super_admin", "billing_admin", "member"])
def test_it_is_support_s_route_alone(role):
    """GT-8: a customer cancels as a customer."""
    life, webinar = on_the_phone()

    path = f"/v1/subscriptions/{webinar}/assisted-cancellation-previews"
    assert as_role(life, role, "POST", path, RIGHT).code in ("role_required", "not_found")
    for other in ("service", "operator"):
        refused = life.api("POST", path, RIGHT, token=life.token(None, other))
        assert (refused.status, refused.code) == (403, "role_required")


def test_after_the_end_support_hears_that_it_is_over():
    """GT-8: nothing to cancel."""
    life, webinar = on_the_phone()
    cancel(life, webinar)
    life.move(FIRST_END)

    assert ask(life, webinar, RIGHT).code == "already_canceled"


def test_what_was_taken_back_in_the_portal_unheard_is_cancelled_when_support_cancels_again():
    """GT-10: "Vous serez facturé pour le mois entier", and for no other one: told on the phone that it is cancelled,
    nobody is billed again."""
    life, webinar = on_the_phone()
    cancel(life, webinar)
    shown = ask(life, webinar, RIGHT).body
    life.control("drop_webhooks")
    life.clock.move_to(life.now + SECOND)
    life.control("portal_resume", subscription=webinar)

    pressed = press(life, webinar, RIGHT | consenting(shown))

    assert (pressed.status, pressed.body["status"]) == (200, "pending_cancellation")
    assert marked(life, webinar)
    life.move(noon("2026-03-31"))
    assert billed(life) == ["2026-01-31"]


def test_support_is_shown_the_period_that_a_renewal_nobody_heard_of_began():
    """GT-8, invariant 14: the phone is told no more and no less than the page."""
    life, webinar = on_the_phone()
    life.control("delay_webhooks")
    life.sleep(FIRST_END)

    assert ask(life, webinar, RIGHT).body["access_ends_at"] == rfc3339(noon("2026-03-31"))
