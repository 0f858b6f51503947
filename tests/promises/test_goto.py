"""GoTo Webinar's promises: who may cancel, what stands in the way, licences, and how one knows that it is done."""

import pytest

from chalicelib.domain.moments import rfc3339
from tests.support.goto import (
    ACME,
    CONNECT,
    FIRST_END,
    PRICE,
    SECOND,
    WEBINAR,
    as_role,
    at_stripe,
    billed,
    bind,
    cancel_as,
    consequences,
    customer_id,
    customer_of_goto,
    ended_at,
    evidence,
    marked,
    noon,
    shown_subscription,
    under_contract,
    upcoming,
)
from tests.support.life import Life, Reply, consenting
from tests.support.rewriting import promise_anew


def test_cancelling_turns_renewal_off_and_the_plan_stays_active_until_its_end():
    """GT-1: "En annulant un GoTo product, vous désactivez le renouvellement automatique de votre plan, … mais votre
    abonnement reste actif jusqu'à la date de fin de la période."."""
    life, webinar = customer_of_goto()

    canceled = life.cancel(ACME, webinar)

    assert canceled.body["access_ends_at"] == rfc3339(FIRST_END)
    assert at_stripe(life, webinar)["cancel_at_period_end"] is True
    life.move(FIRST_END - SECOND)
    assert life.features(ACME)["host_webinars"] is True
    life.move(FIRST_END)
    assert life.features(ACME)["host_webinars"] is False
    assert ended_at(life, webinar) == FIRST_END
    life.move(noon("2026-06-01"))
    assert billed(life) == ["2026-01-31"]


def test_cancelled_in_the_middle_the_whole_month_is_billed_and_nothing_is_prorated():
    """GT-10: "Si vous avez un abonnement mensuel et que vous l'annulez au milieu du mois, vous serez facturé pour le
    mois entier et votre abonnement restera actif jusqu'à la fin du mois."."""
    life, webinar = customer_of_goto()
    life.move(noon("2026-02-14"))

    life.cancel(ACME, webinar)
    life.move(noon("2026-04-01"))

    invoices = life.stripe("GET", f"/v1/invoices?customer={customer_id(life)}")["data"]
    assert [one["total"] for one in invoices] == [PRICE]
    assert life.access_ends_at(ACME, webinar) == FIRST_END


def test_everything_is_said_in_the_account_s_french():
    """GT-1, in its own language: "vous désactivez le renouvellement automatique"."""
    life, webinar = customer_of_goto()

    shown = life.preview(ACME, webinar).body

    assert "désactivez le renouvellement automatique" in shown["disclosures"][0]["text"]
    assert [d["id"] for d in shown["disclosures"]] == [
        "renewal_off", "billed_until_the_end", "seats_unassigned", "save_your_data",
    ]  # fmt: skip
    assert {r["label"] for r in shown["reasons"]} == {
        "C'est trop cher", "Nous ne l'utilisons pas assez", "Une autre raison",
    }  # fmt: skip


def test_an_english_account_reads_the_translation_and_what_was_shown_in_french_is_stale():
    """GT-1: consent is to what was read."""
    life, webinar = customer_of_goto()
    french = life.preview(ACME, webinar)

    life.operator("PUT", f"/v1/admin/accounts/{ACME}", {"locale": "en"})
    pressed = press(life, webinar, french)

    assert (pressed.status, pressed.code) == (409, "preview_stale")
    assert pressed.body["preview"]["disclosures"][0]["text"].startswith("Cancelling turns off")


def test_a_reason_may_be_left_out():
    """GT-1: the document asks for none."""
    life, webinar = customer_of_goto()
    body = consenting(life.preview(ACME, webinar).body) | {"reason": None}

    done = life.customer(ACME, "POST", f"/v1/subscriptions/{webinar}/cancellation", body)

    assert done.status == 200
    assert evidence(life, done.body["evidence_id"]).reason is None


# -- GT-3: a balance


def press(life: Life, subscription: str, shown: Reply) -> Reply:
    path = f"/v1/subscriptions/{subscription}/cancellation"
    return life.customer(ACME, "POST", path, consenting(shown.body))


def in_debt() -> tuple[Life, str]:
    """The second month's charge failed."""
    life, webinar = customer_of_goto()
    life.control("fail_payment", customer=customer_id(life))
    life.move(noon("2026-03-02"))
    return life, webinar


def test_an_unpaid_invoice_blocks_with_its_amount_and_the_link_that_pays_it():
    """GT-3: "Assurez-vous qu'il ne reste aucun solde sur votre compte."."""
    life, webinar = in_debt()

    shown = life.preview(ACME, webinar)
    pressed = press(life, webinar, shown)

    (blocker,) = shown.body["blockers"]
    assert (shown.status, blocker["code"]) == (201, "outstanding_balance")
    assert blocker["amount"] == {"amount": PRICE, "currency": "usd"}
    assert (blocker["title"], blocker["action"]["label"]) == (
        "Une facture est impayée.", "Payer la facture",
    )  # fmt: skip
    (invoice,) = life.stripe("GET", "/v1/invoices?status=open")["data"]
    assert blocker["action"]["href"] == invoice["hosted_invoice_url"]
    assert (pressed.status, pressed.code) == (409, "blocked")
    assert pressed.body["blockers"] == [blocker]
    assert not marked(life, webinar)


def test_once_the_invoice_is_paid_nothing_blocks():
    """GT-3, OS-3: every blocker has the way that clears it."""
    life, webinar = in_debt()
    (invoice,) = life.stripe("GET", "/v1/invoices?status=open")["data"]
    assert shown_subscription(life, webinar)["allowed"]["cancel"]["ok"] is False

    life.control("allow_payment", customer=customer_id(life))
    life.stripe("POST", f"/v1/invoices/{invoice['id']}/pay")

    assert shown_subscription(life, webinar)["allowed"]["cancel"] == {"ok": True, "blockers": []}
    assert life.cancel(ACME, webinar).status == 200


def charge_usage(life: Life, amount: int) -> None:
    done = life.service(
        "POST",
        "/v1/usage-charges",
        {"account_id": ACME, "id": f"u{amount}", "kind": "minutes", "at": rfc3339(life.now),
         "amount": {"amount": amount, "currency": "usd"}},
    )  # fmt: skip
    assert done.status == 200, done.body


def test_a_wallet_below_zero_blocks_and_one_at_zero_does_not():
    """GT-3: "des soldes impayés sur votre compte qui vous empêchent d'annuler en ligne"."""
    life, webinar = customer_of_goto()
    assert life.preview(ACME, webinar).body["blockers"] == []

    charge_usage(life, 1)

    (blocker,) = life.preview(ACME, webinar).body["blockers"]
    assert (blocker["code"], blocker["amount"]["amount"]) == ("outstanding_balance", 1)
    assert blocker["action"]["href"] == "/membership#balance-due"


def test_a_balance_due_is_settled_through_checkout_and_then_blocks_no_more():
    """GT-3: the amount and how to settle it."""
    life, webinar = customer_of_goto()
    charge_usage(life, 700)
    made = life.customer(
        ACME,
        "POST",
        "/v1/checkout-sessions",
        {"purpose": "balance_due", "success_url": "https://app.example.com/ok",
         "cancel_url": "https://app.example.com/no"},
    )  # fmt: skip

    life.control("pay_checkout", session=made.body["checkout_session_id"], outcome="paid")

    assert life.balance(ACME) == 0
    assert life.cancel(ACME, webinar).status == 200


def test_a_debt_since_the_preview_blocks_what_was_free_then():
    """GT-3: judged in the moment of pressing."""
    life, webinar = customer_of_goto()
    shown = life.preview(ACME, webinar)

    charge_usage(life, 1)

    assert press(life, webinar, shown).code == "blocked"


def test_the_page_stands_when_stripe_does_not_say_what_is_owed():
    """GT-3: unknown is not none."""
    life, _webinar = customer_of_goto()
    life.faults.order({"target": "stripe", "kind": "timeout", "count": 20})

    reply = life.customer(ACME, "GET", "/v1/membership")

    assert reply.status == 200
    assert reply.body["subscriptions"][0]["allowed"]["cancel"]["ok"] is False
    assert reply.body["billing_unavailable"] is True


# -- GT-4, GT-5: terms, seats


def assign(life: Life, subscription: str, user: str, method: str = "PUT") -> Reply:
    return life.customer(ACME, method, f"/v1/subscriptions/{subscription}/seats/{user}")


def test_the_preview_shows_contract_seats_and_instalments_together():
    """GT-4: "Vérifiez si vous avez connecté un contrat à durée déterminée ou un accord au mois. … vérifiez les
    conditions d'annulation du contrat, les éventuelles attributions de licences et la date de fin du contrat."."""
    life, webinar = under_contract(3)
    assign(life, webinar, "ann")
    assign(life, webinar, "bob@example.com")

    shown = life.preview(ACME, webinar)

    (seats,) = consequences(shown, "seats_unassigned")
    assert (seats["count"], seats["at"]) == (2, rfc3339(noon("2026-04-30")))
    assert seats["title"] == "Les licences de vos utilisateurs sont désattribuées"
    assert [one["kind"] for one in shown.body["consequences"]] == [
        "contract_instalments", "renewal_off", "access_ends", "seats_unassigned",
    ]  # fmt: skip
    assert shown_subscription(life, webinar)["contract_ends_at"] == rfc3339(noon("2026-04-30"))


def test_month_to_month_has_no_contract_to_show():
    """GT-4: "un accord au mois"."""
    life, webinar = customer_of_goto()

    assert shown_subscription(life, webinar)["contract_ends_at"] is None
    assert consequences(life.preview(ACME, webinar), "contract_instalments") == []


def test_seats_are_assigned_once_and_unassigned_once():
    """GT-5: "Désattribuez les licences de vos utilisateurs ."."""
    life, webinar = customer_of_goto()

    assert assign(life, webinar, "ann").status == 200
    assert assign(life, webinar, "ann").status == 200
    assert [seat["user"] for seat in shown_subscription(life, webinar)["seats"]] == ["ann"]
    assert assign(life, webinar, "ann", "DELETE").status == 200
    assert assign(life, webinar, "ann", "DELETE").code == "not_found"
    assert shown_subscription(life, webinar)["seats"] == []


def test_seats_still_assigned_are_unassigned_at_the_end_and_not_a_second_before():
    """GT-5: "Cela garantit que personne dans votre société n'utilise GoTo product(s) lorsque votre sousscription se
    termine."."""
    life, webinar = customer_of_goto()
    for user in ("ann", "bob", "a#b/c?d"):
        assert assign(life, webinar, user.replace("#", "%23").replace("/", "%2F").replace("?", "%3F")).status == 200  # fmt: skip
    life.cancel(ACME, webinar)

    life.move(FIRST_END - SECOND)
    assert len(shown_subscription(life, webinar)["seats"]) == 3
    life.move(FIRST_END)

    assert shown_subscription(life, webinar)["seats"] == []
    assert assign(life, webinar, "ann").code == "no_live_plan"


def test_a_seat_given_back_before_the_end_is_not_counted_any_more():
    """GT-5: shown before cancelling."""
    life, webinar = customer_of_goto()
    assign(life, webinar, "ann")
    life.cancel(ACME, webinar)
    assert [one["count"] for one in upcoming(life, "seats_unassigned")] == [1]

    assign(life, webinar, "ann", "DELETE")

    assert upcoming(life, "seats_unassigned") == []


def test_a_resume_keeps_every_seat():
    """GT-5, SC-4: what was planned disappears."""
    life, webinar = customer_of_goto()
    assign(life, webinar, "ann")
    life.cancel(ACME, webinar)

    life.resume(ACME, webinar)
    life.move(noon("2026-03-15"))

    assert [seat["user"] for seat in shown_subscription(life, webinar)["seats"]] == ["ann"]


def test_a_seat_of_another_plan_stays():
    """GT-5: "lorsque votre sousscription se termine", and of no other."""
    life, webinar = customer_of_goto()
    connect = life.subscribe(ACME, CONNECT)
    assign(life, webinar, "ann")
    assign(life, connect, "ann")
    life.cancel(ACME, webinar)

    life.move(noon("2026-03-15"))

    assert shown_subscription(life, webinar)["seats"] == []
    assert len(shown_subscription(life, connect)["seats"]) == 1


@pytest.mark.parametrize("role", ["member", "product_admin", "billing_contact"])
def test_seats_are_for_admins(role):
    """GT-5: the company's admins assign and unassign."""
    life, webinar = customer_of_goto()

    refused = as_role(life, role, "PUT", f"/v1/subscriptions/{webinar}/seats/ann")

    assert (refused.status, refused.code) == (403, "role_required")


# -- GT-6: data


def exported(life: Life) -> dict[str, str]:
    return {name: data.decode() for name, data in life.exported(ACME).items()}


def test_nothing_is_deleted_because_nothing_says_when():
    """GT-6: "Sauvegarder ou transférer toutes les données nécessaires, y compris les données utilisateur." Whoever
    has not yet saved them loses nothing."""
    life, webinar = customer_of_goto()
    life.cancel(ACME, webinar)

    life.move(noon("2029-01-31"))

    assert upcoming(life, "data_purged") == []
    assert life.status(ACME, webinar) == "canceled"
    assert exported(life)["subscriptions.csv"].count(webinar) == 1


@pytest.mark.parametrize("moment", ["before", "cancelled", "ended"])
def test_all_data_can_be_saved_before_cancelling_and_after_it(moment):
    """GT-6: "Sauvegarder ou transférer toutes les données nécessaires, y compris les données utilisateur."."""
    life, webinar = customer_of_goto()
    assign(life, webinar, "ann")
    if moment != "before":
        life.cancel(ACME, webinar)
    if moment == "ended":
        life.move(noon("2026-03-15"))

    found = exported(life)

    assert webinar in found["subscriptions.csv"]
    assert ("ann" in found["members.csv"]) == (moment != "ended"), "an ended plan has no seats"
    assert "seat.assigned" in found["history.json"]
    assert len(found["invoices.csv"].splitlines()) == 2
    assert (webinar in found["evidence.json"]) == (moment != "before")


@pytest.mark.parametrize("role", ["billing_admin", "product_admin", "billing_contact", "member"])
def test_saving_all_data_is_for_the_super_admin(role):
    """GT-6: "toutes les données nécessaires, y compris les données utilisateur": of every user, so not for every one."""
    life, _ = customer_of_goto()

    refused = as_role(life, role, "POST", "/v1/exports")

    assert (refused.status, refused.code) == (403, "role_required")


# -- GT-7: roles

ALL_ROLES = ["super_admin", "billing_admin", "product_admin", "billing_contact"]
MAY = [
    (WEBINAR, {}, {}, {"super_admin", "billing_admin"}),
    (CONNECT, {}, {}, {"super_admin"}),
    (WEBINAR, {"purchased_through": "representative"}, {}, {"product_admin", "billing_contact", "super_admin"}),
    (CONNECT, {"purchased_through": "representative"}, {}, {"product_admin", "billing_contact", "super_admin"}),
    (CONNECT, {}, {"purchased_through": "representative"}, {"product_admin", "billing_contact", "super_admin"}),
    (CONNECT, {"purchased_through": "representative"}, {"purchased_through": "online"}, {"super_admin"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("price", "account", "contract", "may"),
    MAY,
    ids=["webinar", "connect", "webinar by rep", "connect by rep", "contract by rep", "contract online"],
)  # fmt: skip
def test_who_may_cancel_and_resume_follows_from_product_and_purchase(price, account, contract, may):
    """GT-7: "GoTo Connect subscriptions : Vous devez être un super-administrateur. Achat avec un représentant : Vous
    devez être un administrateur de product ou un agent de facturation autorisé contact. Tous les autres plans : Vous
    devez être un super-administrateur ou un administrateur de facturation."."""
    life, subscription = customer_of_goto(price)
    if account:
        life.operator("PUT", f"/v1/admin/accounts/{ACME}", account)
    if contract:
        bind(life, subscription, 1, **contract)

    for role in ALL_ROLES:
        done = cancel_as(life, subscription, role)
        taken_back = as_role(life, role, "DELETE", f"/v1/subscriptions/{subscription}/cancellation")

        expected = 200 if role in may else 403
        assert (role, done.status, taken_back.status) == (role, expected, expected)
        if expected == 403:
            assert done.body["required_roles"] == sorted(may)
            assert taken_back.body["required_roles"] == sorted(may)
            assert not marked(life, subscription)


def test_a_refusal_for_the_role_lists_what_else_stands_in_the_way():
    """GT-9: "Vous n'êtes pas administrateur de facturation pour votre compte. … Il se peut que vous ayez des soldes
    impayés sur votre compte"."""
    life, webinar = in_debt()
    charge_usage(life, 5)

    refused = cancel_as(life, webinar, "billing_contact")

    assert (refused.status, refused.code) == (403, "role_required")
    assert refused.body["required_roles"] == ["billing_admin", "super_admin"]
    assert [(b["code"], b["amount"]["amount"]) for b in refused.body["blockers"]] == [
        ("outstanding_balance", PRICE), ("outstanding_balance", 5),
    ]  # fmt: skip


def test_all_blockers_are_there_at_once_each_with_what_to_do():
    """GT-9: "Pourquoi ne puis-je pas annuler mon inscription en ligne ?"."""
    life, webinar = in_debt()
    charge_usage(life, 5)
    promise_anew(
        life, "goto", ("cancelable_online = true", "cancelable_online = false"),
        ('version = "2026-11-22"', 'version = "2026-12-01"'),
    )  # fmt: skip

    path = f"/v1/subscriptions/{webinar}/cancellation-previews"
    shown = as_role(life, "billing_contact", "POST", path)

    assert shown.status == 201
    blockers = {b["code"]: b for b in shown.body["blockers"]}
    assert [b["code"] for b in shown.body["blockers"]] == [
        "role_required", "not_cancelable_online", "outstanding_balance", "outstanding_balance",
    ]  # fmt: skip
    assert (
        blockers["not_cancelable_online"]["title"] == "Ce produit ne peut pas être annulé en ligne."
    )
    assert all(b["action"]["label"] and b["action"]["href"] for b in shown.body["blockers"])


def test_what_cannot_be_cancelled_online_is_blocked_online():
    """GT-9: "L'annulé n'est pas disponible dans GoTo Admin pour votre product subscription."."""
    life, webinar = customer_of_goto()
    promise_anew(life, "goto", ("cancelable_online = true", "cancelable_online = false"))

    blocked = life.cancel(ACME, webinar)

    assert (blocked.status, blocked.code) == (409, "blocked")
    assert [b["code"] for b in blocked.body["blockers"]] == ["not_cancelable_online"]


@pytest.mark.parametrize("price", [WEBINAR, CONNECT])
def test_both_products_can_be_cancelled_online_as_shipped(price):
    """GT-9: here webinar and connect are cancellable online."""
    life, subscription = customer_of_goto(price)

    assert shown_subscription(life, subscription)["allowed"]["cancel"]["ok"] is True


def test_every_refusal_says_how_to_reach_support():
    """GT-8: "sélectionnez Contact support à droite de cet article"."""
    life, webinar = in_debt()

    blocked = life.cancel(ACME, webinar)

    assert blocked.body["support"]["how"] == "Sélectionnez Contact support dans GoTo Admin."


# -- GT-12, GT-13


def test_leaving_early_gives_nothing_back():
    """GT-12: "Serai-je remboursé si je résilie avant la fin de mon contrat ?" has no answer: no refunds. (Asking for
    one is a later part's.)"""
    life, webinar = under_contract(12)
    life.cancel(ACME, webinar)

    life.move(noon("2027-02-15"))

    assert life.world.policies.get("goto").refunds.kind == "none"
    assert [c["amount_refunded"] for c in life.charges(customer_id(life))] == [0] * 12
    assert life.balance(ACME) == 0


def test_a_cancelled_product_appears_under_discover_once_it_has_ended():
    """GT-13: "Les products annulés apparaîtront sous le Découvrir d'autres GoTo products"."""
    life, webinar = customer_of_goto()
    life.subscribe(ACME, CONNECT)
    assert life.membership(ACME)["discover"] == []
    life.cancel(ACME, webinar)

    life.move(FIRST_END - SECOND)
    assert life.membership(ACME)["discover"] == []
    life.move(FIRST_END)

    assert life.membership(ACME)["discover"] == [{"plan": "webinar", "title": "GoTo Webinar"}]
    life.subscribe(ACME, WEBINAR)
    assert life.membership(ACME)["discover"] == []
