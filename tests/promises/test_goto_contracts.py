"""GT-2, GT-11: contracts run to their end, whatever the billing interval is and wherever they were cancelled."""

from datetime import timedelta

import pytest

from chalicelib.domain.moments import rfc3339
from tests.support.goto import (
    ACME,
    PRICE,
    SECOND,
    WEBINAR,
    YEARLY,
    at_stripe,
    billed,
    bind,
    classic,
    consequences,
    customer_id,
    customer_of_goto,
    ended_at,
    evidence,
    instant,
    marked,
    noon,
    shown_subscription,
    under_contract,
    upcoming,
)
from tests.support.life import Life

MONTH_ENDS = [
    "2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30",
    "2026-07-31", "2026-08-31", "2026-09-30", "2026-10-31", "2026-11-30", "2026-12-31",
    "2027-01-31", "2027-02-28", "2027-03-31",
]  # fmt: skip
"""The days on which Stripe bills a plan that began on 31 January."""


def test_an_annual_contract_cancelled_after_six_months_stays_active_for_the_other_six():
    """GT-2: "si vous avez un contrat annuel et que vous choisissez d'annuler six mois après le début de votre contrat,
    l'annulation désactivera le renouvellement automatique à la fin de votre contrat, mais votre plan restera actif
    pendant les 6 mois restants"."""
    life, webinar = under_contract(12)
    life.move(noon("2026-08-01"))

    shown = life.preview(ACME, webinar)
    canceled = life.cancel(ACME, webinar)

    end = noon("2027-01-31")
    assert shown.body["access_ends_at"] == rfc3339(end)
    assert canceled.body["access_ends_at"] == rfc3339(end)
    life.move(end - SECOND)
    assert life.features(ACME)["host_webinars"] is True
    assert life.status(ACME, webinar) == "pending_cancellation"
    life.move(end)
    assert life.features(ACME)["host_webinars"] is False
    assert life.status(ACME, webinar) == "canceled"
    assert ended_at(life, webinar) == end


def test_its_renewal_goes_off_in_the_last_month_and_never_before():
    """GT-2: "l'annulation désactivera le renouvellement automatique à la fin de votre contrat"."""
    life, webinar = under_contract(12)
    life.move(noon("2026-08-01"))
    life.cancel(ACME, webinar)

    assert [one["at"] for one in upcoming(life, "renewal_off")] == [rfc3339(noon("2026-12-31"))]
    life.move(noon("2026-12-31") - SECOND)
    assert not marked(life, webinar)
    life.move(noon("2026-12-31"))
    assert marked(life, webinar)
    life.move(noon("2027-06-30"))
    assert billed(life) == MONTH_ENDS[:12]


def test_three_months_before_the_end_the_three_remaining_months_are_billed():
    """GT-11: "Si vous avez un contrat à durée déterminée (disons un contrat de 15 mois) et que vous résiliez à trois
    mois de la fin de votre contrat, vous serez facturé pour les trois mois restants. Votre contrat restera également
    actif jusqu'à la date de fin de contrat initiale."."""
    life, webinar = under_contract(15)
    life.move(noon("2027-01-31") - SECOND)

    shown = life.preview(ACME, webinar)
    life.cancel(ACME, webinar)

    (instalments,) = consequences(shown, "contract_instalments")
    assert instalments["count"] == 3
    assert instalments["amount"] == {"amount": 3 * PRICE, "currency": "usd"}
    assert instalments["at"] == rfc3339(noon("2027-01-31"))
    end = noon("2027-04-30")
    assert shown.body["access_ends_at"] == rfc3339(end)
    life.move(end - SECOND)
    assert life.features(ACME)["host_webinars"] is True
    life.move(noon("2028-04-30"))
    assert billed(life) == MONTH_ENDS
    assert ended_at(life, webinar) == end


def test_a_second_after_an_instalment_was_billed_one_fewer_remains():
    """GT-11: "vous serez facturé pour les trois mois restants"."""
    life, webinar = under_contract(15)
    life.move(noon("2027-01-31"))

    (instalments,) = consequences(life.preview(ACME, webinar), "contract_instalments")

    assert (instalments["count"], instalments["at"]) == (2, rfc3339(noon("2027-02-28")))


def test_the_instalments_still_to_come_are_counted_down_on_the_page():
    """GT-4: "Si vous avez conclu un contrat, vérifiez les conditions d'annulation du contrat … et la date de fin"."""
    life, webinar = under_contract(15)
    life.move(noon("2027-01-31") - SECOND)
    life.cancel(ACME, webinar)

    counts = []
    for day in ("2027-01-31", "2027-02-28", "2027-03-31"):
        (before,) = upcoming(life, "contract_instalments")
        counts.append(before["count"])
        life.move(noon(day))

    assert counts == [3, 2, 1]
    assert upcoming(life, "contract_instalments") == []
    assert shown_subscription(life, webinar)["contract_ends_at"] == rfc3339(noon("2027-04-30"))


def test_a_contract_that_is_billed_yearly_is_used_until_the_end_of_what_it_is_billed_for():
    """GT-2: "votre abonnement reste actif jusqu'à la date de fin de la période". Fifteen months billed by the year are
    two years' bills: nothing is prorated (GT-10), and what is paid for is used."""
    life, webinar = under_contract(15, YEARLY)
    life.move(noon("2026-08-01"))

    shown = life.preview(ACME, webinar)
    life.cancel(ACME, webinar)

    (instalments,) = consequences(shown, "contract_instalments")
    assert (instalments["count"], instalments["amount"]["amount"]) == (1, 49000)
    end = noon("2028-01-31")
    assert shown.body["access_ends_at"] == rfc3339(end)
    assert shown_subscription(life, webinar)["contract_ends_at"] == rfc3339(noon("2027-04-30"))
    life.move(end - SECOND)
    assert life.features(ACME)["host_webinars"] is True
    life.move(end + timedelta(days=400))
    assert billed(life) == ["2026-01-31", "2027-01-31"]
    assert ended_at(life, webinar) == end


def test_a_contract_of_one_year_billed_yearly_has_no_instalment_left():
    """GT-2: "si vous avez un contrat annuel"."""
    life, webinar = under_contract(12, YEARLY)

    shown = life.preview(ACME, webinar)
    life.cancel(ACME, webinar)

    assert consequences(shown, "contract_instalments") == []
    assert shown.body["access_ends_at"] == rfc3339(noon("2027-01-31"))
    assert marked(life, webinar)
    life.move(noon("2028-02-01"))
    assert billed(life) == ["2026-01-31"]


@pytest.mark.parametrize("hours", [-3, 3], ids=["before", "after"])
def test_a_contract_that_began_some_hours_from_its_billing_costs_no_further_month(hours):
    """GT-11: "vous serez facturé pour les trois mois restants", and not for a fourth. Access lasts to the later."""
    life, webinar = customer_of_goto()
    start, end = noon("2026-01-31"), noon("2027-01-31")
    bind(life, webinar, 12, starts_at=rfc3339(start + timedelta(hours=hours)))

    life.cancel(ACME, webinar)
    life.move(noon("2028-01-31"))

    assert billed(life) == MONTH_ENDS[:12]
    assert ended_at(life, webinar) == end
    assert life.access_ends_at(ACME, webinar) == max(end, end + timedelta(hours=hours))


def test_a_contract_that_ends_in_the_middle_of_a_month_is_used_until_that_month_is_over():
    """GT-10: "vous serez facturé pour le mois entier et votre abonnement restera actif jusqu'à la fin du mois"."""
    life, webinar = customer_of_goto()
    bind(life, webinar, 12, starts_at="2026-02-10T00:00:00Z")

    shown = life.preview(ACME, webinar)
    life.cancel(ACME, webinar)
    life.move(noon("2028-01-31"))

    end = noon("2027-02-28")
    assert shown.body["access_ends_at"] == rfc3339(end)
    assert ended_at(life, webinar) == end
    assert billed(life) == MONTH_ENDS[:13]


def test_a_contract_s_end_is_the_end_of_an_uncancelled_one_only_when_somebody_leaves():
    """GT-1: "Votre GoTo Webinar subscription est programmée pour être renouvelée automatiquement"."""
    life, webinar = under_contract(3)

    life.move(noon("2026-06-15"))

    assert life.status(ACME, webinar) == "active"
    assert len(billed(life)) == 5
    shown = life.preview(ACME, webinar)
    assert shown.body["access_ends_at"] == rfc3339(noon("2026-06-30"))
    assert consequences(shown, "contract_instalments") == []


# -- in the portal


def by_checkout(life: Life) -> str:
    return life.subscribe(ACME, WEBINAR)


@pytest.fixture(params=[by_checkout, classic], ids=["flexible", "classic"])
def in_portal(request) -> tuple[Life, str]:
    """A twelve-month contract, cancelled in Stripe's portal in its second month; no job of ours has run yet."""
    life = Life()
    life.account(ACME, "goto")
    webinar = request.param(life)
    bind(life, webinar, 12)
    life.move(noon("2026-03-10"))
    life.control("portal_cancel", subscription=webinar, feedback="unused")
    return life, webinar


def test_a_portal_cancellation_is_corrected_to_the_contract_s_end(in_portal):
    """GT-2: "mais votre plan restera actif pendant les 6 mois restants, jusqu'à ce que la date de fin soit
    atteinte"."""
    life, webinar = in_portal

    assert marked(life, webinar)
    assert life.access_ends_at(ACME, webinar) == noon("2027-01-31")
    life.move(noon("2026-03-10") + timedelta(minutes=5))

    assert not marked(life, webinar)
    assert life.status(ACME, webinar) == "pending_cancellation"
    assert life.access_ends_at(ACME, webinar) == noon("2027-01-31")
    life.move(noon("2028-01-31"))
    assert billed(life) == MONTH_ENDS[:12]
    assert ended_at(life, webinar) == noon("2027-01-31")


def test_stripe_s_reason_is_kept_though_the_correction_takes_it_from_stripe(in_portal):
    """GT-2, M1-3: cancelled in the portal is cancelled."""
    life, webinar = in_portal
    life.move(noon("2026-03-11"))

    past = life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body["past"]

    noted = [one["data"] for one in past if one["what"] == "subscription.cancellation_scheduled"]
    assert [one["feedback"] for one in noted] == ["unused"]
    assert at_stripe(life, webinar)["cancellation_details"]["feedback"] is None


def test_a_portal_resume_before_the_correction_keeps_the_plan_renewing(in_portal):
    """GT-2: taken back before we took anything back."""
    life, webinar = in_portal

    life.control("portal_resume", subscription=webinar)
    life.move(noon("2028-02-01"))

    assert life.status(ACME, webinar) == "active"
    assert not marked(life, webinar)
    assert len(billed(life)) == 25


def test_a_resume_here_before_the_correction_keeps_the_plan_renewing(in_portal):
    """SC-4, GT-2: the mark that Stripe has is taken off, and nothing is corrected any more."""
    life, webinar = in_portal

    assert life.resume(ACME, webinar).status == 200
    life.move(noon("2027-02-28"))

    assert life.status(ACME, webinar) == "active"
    assert upcoming(life, "renewal_off") == []


def test_a_resume_here_after_the_correction_keeps_the_plan_renewing(in_portal):
    """SC-4, GT-2: Stripe has no mark to take off; the wish to leave is taken back here."""
    life, webinar = in_portal
    life.move(noon("2026-03-11"))

    assert life.resume(ACME, webinar).body == {"status": "active"}
    life.move(noon("2027-02-28"))

    assert life.status(ACME, webinar) == "active"
    assert not marked(life, webinar)


def test_cancelled_again_in_the_portal_after_the_correction_it_is_corrected_again(in_portal):
    """GT-2: the portal shows an active plan after the correction, and offers to cancel it."""
    life, webinar = in_portal
    life.move(noon("2026-03-11"))
    life.control("portal_cancel", subscription=webinar)
    life.move(noon("2026-03-12"))

    assert not marked(life, webinar)
    assert life.access_ends_at(ACME, webinar) == noon("2027-01-31")


def test_a_portal_resume_in_the_last_month_keeps_the_plan_renewing(in_portal):
    """SC-4: up to the last second, also after renewal went off by itself."""
    life, webinar = in_portal
    life.move(noon("2027-01-15"))
    assert marked(life, webinar)

    life.control("portal_resume", subscription=webinar)
    life.move(noon("2027-02-15"))

    assert life.status(ACME, webinar) == "active"
    assert not marked(life, webinar)


def test_a_resume_here_in_the_last_second_keeps_the_plan_renewing():
    """SC-4: "at any time before the billing period ends"."""
    life, webinar = under_contract(12)
    life.cancel(ACME, webinar)
    life.move(noon("2027-01-31") - SECOND)

    assert life.resume(ACME, webinar).status == 200
    life.move(noon("2027-02-15"))

    assert life.status(ACME, webinar) == "active"
    assert len(billed(life)) == 13


def test_a_cancellation_that_was_there_before_the_contract_was_told_is_corrected():
    """GT-2: the SaaS may tell us of the contract after the customer's click."""
    life, webinar = customer_of_goto()
    life.control("portal_cancel", subscription=webinar)

    bind(life, webinar, 12)
    life.move(noon("2026-02-01"))

    assert not marked(life, webinar)
    assert life.access_ends_at(ACME, webinar) == noon("2027-01-31")
    assert life.status(ACME, webinar) == "pending_cancellation"


def test_a_contract_that_is_lifted_lets_who_leaves_go_with_the_month():
    """GT-10: without a contract "votre abonnement restera actif jusqu'à la fin du mois"."""
    life, webinar = under_contract(12)
    life.cancel(ACME, webinar)

    life.operator("PUT", f"/v1/admin/accounts/{ACME}", {"contracts": []})
    life.move(noon("2026-02-02"))

    assert marked(life, webinar)
    assert life.access_ends_at(ACME, webinar) == noon("2026-02-28")


# -- the reason, and late jobs


def test_the_reason_given_at_first_reaches_stripe_with_the_mark():
    """SC-1: "Select the reason for canceling", also where Stripe learns of it months later."""
    life, webinar = under_contract(3)
    canceled = life.cancel(ACME, webinar, "not_using")

    life.move(noon("2026-04-01"))

    assert at_stripe(life, webinar)["cancellation_details"]["feedback"] == "unused"
    assert evidence(life, canceled.body["evidence_id"]).reason == "not_using"


def test_a_job_that_slept_within_the_last_month_makes_no_difference():
    """GT-2: a step is counted from its day, not from the day a job woke up."""
    life, webinar = under_contract(12)
    life.cancel(ACME, webinar)
    life.move(noon("2026-12-31") - SECOND)

    life.sleep(noon("2027-01-20"))
    assert not marked(life, webinar)
    life.run_jobs()
    life.move(noon("2028-01-31"))

    assert billed(life) == MONTH_ENDS[:12]
    assert ended_at(life, webinar) == noon("2027-01-31")


def test_a_job_that_slept_past_the_end_turns_renewal_off_at_once_and_says_it_is_late(caplog):
    """GT-2: renewed against the promise, it is used for what was paid, and not billed again. Operators hear of it."""
    life, webinar = under_contract(12)
    life.cancel(ACME, webinar)
    life.move(noon("2026-12-31") - SECOND)

    life.sleep(noon("2027-02-03"))
    life.run_jobs()

    assert "contract_renewal_off_late" in caplog.text
    assert marked(life, webinar)
    assert life.access_ends_at(ACME, webinar) == noon("2027-02-28")
    life.move(noon("2028-01-31"))
    assert billed(life) == MONTH_ENDS[:13]


def test_a_job_that_slept_over_a_portal_cancellation_corrects_it_the_second_before_its_end(
    in_portal,
):
    """GT-2: as long as Stripe has not ended it, it can be taken back."""
    life, webinar = in_portal
    life.sleep(noon("2026-03-31") - SECOND)
    life.run_jobs()

    life.move(noon("2026-04-15"))

    assert at_stripe(life, webinar)["status"] == "active"
    assert life.access_ends_at(ACME, webinar) == noon("2027-01-31")


def test_a_job_that_slept_over_the_end_of_a_cancellation_does_not_move_the_date_that_was_shown(
    cancelled_before_the_contract_was_told,
):
    """GT-2, invariant 14: Stripe has ended it and does not take that back. Whoever was told the end of the contract's last
    month keeps that day, and is billed for nothing more (seed 1745)."""
    life, webinar, shown = cancelled_before_the_contract_was_told

    life.sleep(noon("2026-03-16"))
    life.run_jobs()

    assert ended_at(life, webinar) == noon("2026-02-28")
    assert life.access_ends_at(ACME, webinar) == shown == noon("2027-02-28")
    life.move(noon("2027-06-01"))
    assert billed(life) == MONTH_ENDS[:1]


@pytest.fixture(params=["told here", "asked of the portal"])
def cancelled_before_the_contract_was_told(request):
    """Cancelled with the month; then we were told that a contract binds it, and the customer looked again."""
    life, webinar = customer_of_goto()
    if request.param == "told here":
        life.cancel(ACME, webinar)
    else:
        life.control("portal_cancel", subscription=webinar)
    bind(life, webinar, 12, starts_at="2026-02-10T00:00:00Z")
    shown = life.cancel(ACME, webinar)
    return life, webinar, instant(shown.body["access_ends_at"])


def test_a_contract_that_nobody_cancelled_ends_on_its_day_when_stripe_has_ended_it():
    """Invariant 7, the other side: nobody was shown the end of another month."""
    life, webinar = customer_of_goto()
    bind(life, webinar, 12, starts_at="2026-02-10T00:00:00Z")

    life.control("cancel_now", subscription=webinar)

    assert life.access_ends_at(ACME, webinar) == instant("2027-02-10T00:00:00Z")


def test_an_unpaid_instalment_leaves_access_to_what_is_paid():
    """GT-11, M1-14: billed is not paid."""
    life, webinar = under_contract(12)
    life.cancel(ACME, webinar)
    life.control("fail_payment", customer=customer_id(life))

    life.move(noon("2026-03-10"))

    assert life.features(ACME)["host_webinars"] is False
    assert instant(shown_subscription(life, webinar)["access_ends_at"]) == noon("2027-01-31")
