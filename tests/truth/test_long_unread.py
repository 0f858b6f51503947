"""Money that moved while nobody listened, or long after it was first heard of, comes into the books all the same."""

from datetime import timedelta

from chalicelib import catching_up
from chalicelib.handlers.jobs import JOBS
from chalicelib.lifecycle import must_load
from chalicelib.reconciling_lists import PAID_SINCE, place, survey_lists
from chalicelib.store import cases as case_rows
from chalicelib.store import keys
from chalicelib.store.holdings import rows
from tests.operators.desk import PURGE, Desk
from tests.purging.test_purge import certificates
from tests.purging.test_unheard_disputes import Line
from tests.support.cases import (
    ask_top_up,
    becomes,
    decide,
    disputed,
    newest_charge,
    onemsg,
    refunds,
    settled,
    show,
    told,
    topped_up,
)
from tests.support.top_ups import held, pay, started

DAY = timedelta(days=1)
RECONCILE = JOBS["reconcile"]
OUTAGE = 200 * DAY


def unread(life):
    """From now on no webhook comes, and no job of ours runs."""
    assert RECONCILE.run(life.world).did == ""
    life.control("drop_webhooks")


def run(life):
    life.wait(life.now + DAY)
    return RECONCILE.run(life.world).did


# -- while nobody read


def test_what_was_paid_while_we_were_down_for_months_is_in_the_wallet():
    """M1-5. Stripe has forgotten the events, and so long ago no list was read back: it is read from where it was read last."""
    life, _ = onemsg()
    unread(life)
    pay(life, started(life))
    life.sleep(life.now + OUTAGE)

    assert "1 repaired: top_up_unheard" in run(life)
    assert held(life) == 5000


def test_a_dispute_opened_and_lost_while_we_were_down_as_well():
    life, _ = onemsg()
    topped_up(life)
    unread(life)
    dispute = disputed(life, charge=newest_charge(life))
    settled(life, dispute, "lost")
    life.sleep(life.now + OUTAGE)

    assert "1 repaired: dispute_unheard" in run(life)
    assert (held(life), show(life, dispute)["state"]) == (0, "lost")


def test_looked_at_only_it_is_seen_as_well():
    life, _ = onemsg()
    unread(life)
    pay(life, started(life))
    life.sleep(life.now + OUTAGE)

    assert survey_lists(life.world).counts["drifted: top_up_unheard"] == 1
    assert held(life) == 0


def test_a_walk_that_stopped_half_way_reaches_as_far_back_when_it_goes_on():
    life, _ = onemsg()
    unread(life)
    pay(life, started(life))
    life.sleep(life.now + OUTAGE)
    line = Line(life, silent="checkout/sessions")
    stopped = run(life)

    line.silent = None
    seen = survey_lists(life.world).counts
    assert "1 repaired: top_up_unheard" in run(life)

    assert "stopped" in stopped
    assert seen["drifted: top_up_unheard"] == 1
    assert held(life) == 5000


def test_and_once_read_the_next_day_reads_back_no_further_than_ever():
    life, _ = onemsg()
    unread(life)
    life.sleep(life.now + OUTAGE)
    first = life.now + DAY
    run(life)

    run(life)

    assert place(life.world).unread_since == first


def test_the_first_walk_of_all_reads_back_what_every_walk_does():
    life, _ = onemsg()
    life.control("drop_webhooks")
    pay(life, started(life))
    life.sleep(life.now + PAID_SINCE)

    assert "top_up_unheard" not in run(life)


# -- long after it was heard of


def given_up(life):
    """Stripe asked the customer for a bank account, and nobody answered."""
    (refund,) = refunds(life)
    world = life.emulator._world
    world.change(world.get("refund", refund["id"]), status="canceled")


def test_a_refund_that_stripe_gives_up_after_its_forty_five_days_comes_back_to_the_wallet():
    """A28: Stripe waits so long for the customer's bank account. Until then it counts as paid."""
    life, _ = onemsg()
    case = ask_top_up(life, topped_up(life)).body["id"]
    decide(life, case)
    before = held(life)
    life.move(life.now + 46 * DAY)
    life.control("drop_webhooks")
    given_up(life)
    life.sleep(life.now + catching_up.HORIZON + DAY)

    assert "1 repaired: refund_unheard" in run(life)
    assert (before, held(life)) == (0, 5000)
    assert show(life, case)["state"] == "reopened"


def purged(life, case):
    """Its row as a purge leaves it."""
    table = life.world.table
    (row,) = [one for one in rows(table, "acme", keys.CASE) if one["sk"].endswith(case)]
    case_rows.purge(table, "acme", row)


def test_of_a_purged_account_a_refund_that_fails_comes_back_and_waits_for_nobody():
    """What is gone cannot be decided anew; a case that nobody can open would hold the next purge for ever."""
    life, _ = onemsg()
    case = ask_top_up(life, topped_up(life)).body["id"]
    decide(life, case)
    purged(life, case)
    life.control("drop_webhooks")
    life.control("refund_fails", refund=refunds(life)[0]["id"])

    assert "1 repaired: refund_unheard" in run(life)
    assert "refund_unheard" not in run(life)

    assert held(life) == 5000
    assert must_load(life.world, "acme").account.cases == {}
    assert life.operator("GET", "/v1/admin/cases").body["data"] == []
    assert life.operator("GET", "/v1/admin/cases?state=closed").body["data"] == []
    assert len(told(life, "case.refund_failed")) == 1


def test_of_a_purged_account_a_dispute_won_on_appeal_without_a_word_gives_back_what_it_took():
    """M1-12: "won → reversed": the ledger outlives the purge, and the case does without its words."""
    desk = Desk()
    pay(desk.life, started(desk.life))
    desk.leave()
    desk.life.move(PURGE - 100 * DAY)
    dispute = disputed(desk.life, charge=newest_charge(desk.life))
    settled(desk.life, dispute, "lost")
    desk.life.move(PURGE + DAY)
    lost = held(desk.life), len(certificates(desk.life))
    desk.life.control("drop_webhooks")
    becomes(desk.life, dispute, "won")

    assert run(desk.life) == "1 repaired: dispute_unheard at Stripe"
    assert run(desk.life) == ""

    assert (lost, held(desk.life)) == ((0, 1), 5000)
    assert desk.life.operator("GET", "/v1/admin/cases?state=closed").body["data"] == []
