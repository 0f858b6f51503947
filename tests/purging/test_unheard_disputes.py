"""SC-10, M1-12: a dispute that nobody told us of holds the purge as well: Stripe is asked before anything is deleted."""

from dataclasses import replace

import pytest

from chalicelib import disputing
from chalicelib.domain import steps
from chalicelib.domain.capabilities import SHADOW
from chalicelib.domain.facts import PurgeBegan
from chalicelib.domain.steps import Step
from chalicelib.lifecycle import must_load, tell
from chalicelib.store import cases
from chalicelib.store.accounts import Loaded
from chalicelib.sweeping import sweep
from tests.operators.desk import ACME, DAY, PURGE, Desk
from tests.purging.test_purge import certificates, everything
from tests.support import top_ups
from tests.support.cases import SECOND, becomes, disputed, inquired, settled, show
from tests.switches.test_modes import switch
from tests.truth.worlds import MESSAGING, subscribe_at_stripe


@pytest.fixture
def desk():
    """A year after its end, all but a second; of what happens at Stripe from now on no webhook tells."""
    desk = Desk().leave()
    desk.life.move(PURGE - SECOND)
    desk.life.control("drop_webhooks")
    return desk


def the_purge_is_due(desk):
    desk.life.sleep(PURGE)
    return str(sweep(desk.life.world, steps.DATA_PURGED))


def nothing_is_gone(desk):
    account = must_load(desk.life.world, ACME).account
    began = account.purge_began_at or account.purged_at
    return began is None and any(row["sk"].startswith("number#") for row in everything(desk.life))


class Line:
    """To Stripe: what is asked on it, and of some paths no answer comes for a while."""

    def __init__(self, life, silent=None):
        self.asked = []
        self.silent = silent
        stripe = life.world.stripe.inner
        real = stripe._http_client

        def client():
            made = real()
            answer = made.request

            def request(method, url, *more, **named):
                path = url.partition("?")[0].rpartition("/v1/")[2]
                self.asked.append(path)
                if path == self.silent:
                    return b'{"error": {"type": "api_error"}}', 500, {}
                return answer(method, url, *more, **named)

            made.request = request
            return made

        stripe._http_client = client
        stripe._clients.clear()


def test_a_dispute_whose_webhook_is_late_holds_the_purge_until_it_is_closed(desk):
    """SC-10: "retained for one year"; M1-12: what answers the bank is not deleted while the bank waits (seed 868)."""
    dispute = disputed(desk.life, subscription=desk.subscription)

    did = the_purge_is_due(desk)

    assert (did, nothing_is_gone(desk)) == ("1 called off", True)
    assert show(desk.life, dispute)["state"] == "open"
    (held,) = desk.timeline()["held"]
    assert (held["kind"], held["held"]["by"]) == ("data_purged", dispute)

    desk.life.control("resume_webhooks")
    desk.life.move(PURGE + 30 * DAY)
    assert nothing_is_gone(desk)
    settled(desk.life, dispute, "won")
    desk.life.move(PURGE + 31 * DAY)

    assert len(certificates(desk.life)) == 1
    assert not nothing_is_gone(desk)


def test_the_late_webhook_then_says_nothing_new(desk):
    dispute = disputed(desk.life, subscription=desk.subscription)
    the_purge_is_due(desk)
    before = desk.told("dispute.opened"), desk.life.entries(ACME)

    desk.life.control("resume_webhooks")
    desk.life.move(PURGE + DAY)

    assert (desk.told("dispute.opened"), desk.life.entries(ACME)) == before
    assert len(before[0]) == 1
    assert show(desk.life, dispute)["state"] == "open"


def test_opened_and_closed_before_its_day_it_holds_nothing(desk):
    settled(desk.life, disputed(desk.life, subscription=desk.subscription), "won")

    assert the_purge_is_due(desk) == "1 done"
    assert len(certificates(desk.life)) == 1


def test_a_question_of_the_bank_holds_it_as_well(desk):
    (charge,) = desk.life.charges(desk.customer)
    dispute = inquired(desk.life, charge["id"])

    assert the_purge_is_due(desk) == "1 called off"
    assert show(desk.life, dispute)["state"] == "inquiry"
    assert nothing_is_gone(desk)


def test_a_lost_dispute_that_was_appealed_without_a_word_holds_it():
    desk = Desk().leave()
    dispute = disputed(desk.life, subscription=desk.subscription)
    settled(desk.life, dispute, "lost")
    desk.life.move(PURGE - SECOND)
    desk.life.control("drop_webhooks")
    becomes(desk.life, dispute, "appeal_under_review")

    assert the_purge_is_due(desk) == "1 called off"
    assert show(desk.life, dispute)["state"] == "in_review"
    assert nothing_is_gone(desk)


def test_somebody_elses_dispute_holds_nothing_of_theirs():
    desk = Desk()
    desk.life.account("bravo")
    theirs = desk.life.subscribe("bravo")
    desk.leave()
    desk.life.move(PURGE - SECOND)
    desk.life.control("drop_webhooks")
    disputed(desk.life, subscription=theirs)

    assert the_purge_is_due(desk) == "1 done"
    assert len(certificates(desk.life)) == 1


def test_a_dispute_of_a_top_up_that_nobody_told_of_is_heard_with_its_payment(desk):
    session = top_ups.started(desk.life)
    top_ups.pay(desk.life, session)
    dispute = disputed(desk.life, charge=desk.life.charges(desk.customer)[-1]["id"])

    assert the_purge_is_due(desk) == "1 called off"
    assert show(desk.life, dispute)["state"] == "open"
    assert desk.life.balance(ACME) == 5000
    assert nothing_is_gone(desk)


def test_among_hundreds_of_payments_the_oldest_is_looked_at_too(desk):
    world = desk.life.emulator._world
    disputed(desk.life, subscription=desk.subscription)
    (paid,) = desk.life.charges(desk.customer)
    for n in range(250):
        world.add({**world.get("charge", paid["id"]), "id": f"ch_{n}", "disputed": False})

    line = Line(desk.life)
    did = the_purge_is_due(desk)

    assert (did, nothing_is_gone(desk)) == ("1 called off", True)
    assert line.asked.count("charges") == 3


def test_it_costs_one_call_where_nothing_was_ever_disputed(desk):
    line = Line(desk.life)

    assert the_purge_is_due(desk) == "1 done"

    assert line.asked == ["subscriptions", "charges"]


def test_of_who_came_back_without_a_word_no_disputes_are_asked_for(desk):
    """What Stripe says of their subscriptions has called the purge off already."""
    desk.life.customers = {ACME: desk.customer}
    subscribe_at_stripe(desk.life, ACME, MESSAGING)
    line = Line(desk.life)

    assert the_purge_is_due(desk) == "1 called off"
    assert line.asked == ["subscriptions"]


def test_and_a_second_before_its_day_nobody_asks(desk):
    line = Line(desk.life)

    did = str(sweep(desk.life.world, steps.DATA_PURGED))

    assert (did, line.asked, nothing_is_gone(desk)) == ("", [], True)


@pytest.mark.parametrize("fails", ["charges", "disputes"])
def test_while_stripe_does_not_say_the_purge_waits_with_a_reason_and_is_done_then(desk, fails):
    settled(desk.life, disputed(desk.life, subscription=desk.subscription), "won")
    line = Line(desk.life, silent=fails)

    did = the_purge_is_due(desk)
    waiting = nothing_is_gone(desk), desk.step(steps.DATA_PURGED)["last_error"]
    line.silent = None
    desk.life.move(PURGE + DAY)

    assert did == "1 to be tried again"
    assert waiting == (True, "StripeUnavailable")
    assert len(certificates(desk.life)) == 1


def test_a_dispute_nobody_can_read_keeps_the_purge_waiting(desk):
    world = desk.life.emulator._world
    dispute = disputed(desk.life, subscription=desk.subscription)
    world.change(world.get("dispute", dispute), currency=None)

    assert the_purge_is_due(desk) == "1 to be tried again"
    assert desk.step(steps.DATA_PURGED)["last_error"] == "Unreadable"
    assert nothing_is_gone(desk)


def test_a_purge_that_has_begun_finishes_and_asks_nobody(desk):
    """What is half deleted answers no bank."""
    desk.life.sleep(PURGE)
    tell(desk.life.world, ACME, PurgeBegan(step=Step("data_purged", PURGE)), id="p", by="sweep")
    dispute = disputed(desk.life, subscription=desk.subscription)
    line = Line(desk.life)

    assert the_purge_is_due(desk) == "1 done"

    assert line.asked == []
    assert len(certificates(desk.life)) == 1
    assert cases.load(desk.life.world.table, ACME, dispute) is None


def test_in_shadow_nothing_is_noted_that_would_not_be_done(desk):
    dispute = disputed(desk.life, subscription=desk.subscription)
    switch(desk.life, purge=SHADOW)

    assert the_purge_is_due(desk) == "1 called off"
    assert show(desk.life, dispute)["state"] == "open"


def test_who_has_no_customer_at_stripe_is_asked_nothing_of():
    """Unbound, there is nobody whose payments could be listed."""
    desk = Desk()
    account = replace(must_load(desk.life.world, ACME).account, stripe_customer_id=None)
    line = Line(desk.life)
    loaded = Loaded(account, 1, {})

    assert disputing.hear_open(desk.life.world, loaded) is loaded
    assert line.asked == []
