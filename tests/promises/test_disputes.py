"""M1-12: what a dispute at the bank does to a customer's balance and access, and what it does not."""

import json
from itertools import permutations

import pytest

from chalicelib.domain.moments import from_rfc3339, rfc3339
from chalicelib.store import keys
from chalicelib.store.holdings import rows
from tests.support.cases import (
    ACME,
    DAY,
    PAYABLE,
    PERIOD_END,
    SECOND,
    answer,
    appealed,
    ask,
    ask_top_up,
    asked,
    becomes,
    cases,
    decide,
    disputed,
    in_force,
    inquired,
    newest_charge,
    onemsg,
    refunds,
    reply,
    settled,
    show,
    told,
    topped_up,
)
from tests.support.life import START, Life
from tests.support.rewriting import promise_anew
from tests.support.top_ups import held, parked, pay, started, tell

NINE_DAYS = START + 9 * DAY
"""How long the emulator's bank waits for evidence."""


def may_send(life: Life) -> bool:
    return life.features(ACME)["send_messages"]


def booked(life: Life) -> dict[str, int]:
    """Account of the ledger → what it holds in the end. Everything together is nothing."""
    found: dict[str, int] = {}
    for entry in life.entries(ACME):
        for line in entry["lines"]:
            amount = line["amount"]["amount"]
            found[line["account"]] = found.get(line["account"], 0) + amount
    assert sum(found.values()) == 0
    return {name: amount for name, amount in found.items() if amount}


# -- opened


def test_an_opened_dispute_is_shown_and_operators_are_told_with_the_evidence_deadline():
    """M1-12: "Chargeback (disputing the payment with the bank) is a procedure of the card issuer and card network"."""
    life, channel = onemsg()

    dispute = disputed(life, subscription=channel)

    (case,) = cases(life, "dispute")
    assert (case["id"], case["state"], case["subscription_id"]) == (dispute, "open", channel)
    assert case["dispute"]["evidence_due"] == rfc3339(NINE_DAYS)
    (news,) = told(life, "dispute.opened")
    assert news["data"]["due"] == rfc3339(NINE_DAYS)
    assert news["data"]["charge_id"] == newest_charge(life)
    (listed,) = life.operator("GET", "/v1/admin/cases").body["data"]
    assert (listed["id"], listed["account_id"]) == (dispute, ACME)
    assert listed["waiting_for"] == [
        {"kind": "evidence", "due_at": rfc3339(NINE_DAYS), "overdue": False}
    ]


def test_an_opened_dispute_changes_neither_access_nor_balance():
    """M1-12: only "a confirmed chargeback may result in balance and access adjustments"."""
    life, channel = onemsg()

    disputed(life, subscription=channel)

    assert (may_send(life), held(life)) == (True, 0)
    assert life.status(ACME, channel) == "active"


def test_the_money_a_dispute_takes_is_booked_between_accounts_of_ours():
    life, channel = onemsg()

    disputed(life, subscription=channel)

    assert booked(life) == {"disputes": -4900, "stripe": 4900 + 1500, "dispute_fees": -1500}
    assert [e["kind"] for e in life.entries(ACME)] == ["dispute_withdrawn"]


def test_evidence_is_reminded_of_and_its_breach_said_once():
    life, channel = onemsg()
    disputed(life, subscription=channel)

    life.move(NINE_DAYS - SECOND)
    before = [e["type"] for e in told(life, "case.reminded", "case.overdue")]
    life.move(NINE_DAYS + DAY)

    assert before == ["case.reminded"]
    overdue = told(life, "case.overdue")
    assert [e["data"]["waiting_for"] for e in overdue] == [["evidence"]]


def test_evidence_that_was_given_needs_no_reminder():
    life, channel = onemsg()
    dispute = disputed(life, subscription=channel)

    life.stripe("POST", f"/v1/disputes/{dispute}", "evidence[access_activity_log]=none&submit=true")
    life.move(NINE_DAYS + DAY)

    assert show(life, dispute)["state"] == "in_review"
    assert told(life, "case.reminded", "case.overdue") == []


def test_nobody_here_decides_a_dispute():
    life, channel = onemsg()
    dispute = disputed(life, subscription=channel)

    refused, noted = decide(life, dispute), reply(life, dispute, text="Evidence is on its way.")

    assert (refused.status, refused.code) == (409, "blocked")
    assert noted.status == 201


# -- an inquiry


def test_an_inquiry_changes_nothing_and_blocks_no_refund():
    """A29: warning_* is an inquiry, no money moves."""
    life, channel = onemsg()

    dispute = inquired(life, newest_charge(life))

    assert show(life, dispute)["state"] == "inquiry"
    assert (may_send(life), booked(life)) == (True, {})
    assert ask(life, channel).body["eligibility"]["payable"]["amount"] == PAYABLE


def test_an_inquiry_may_become_a_dispute_or_come_to_nothing():
    life, channel = onemsg()
    dispute = inquired(life, newest_charge(life))

    becomes(life, dispute, "needs_response", is_charge_refundable=False)
    then = show(life, dispute)["state"], ask(life, channel).code
    becomes(life, dispute, "warning_closed")

    assert then == ("open", "disputed")
    assert show(life, dispute)["state"] == "closed"
    assert (may_send(life), ask(life, channel).status) == (True, 201)


# -- lost


def test_a_lost_dispute_over_a_plan_ends_its_access_at_once_and_at_stripe():
    """M1-12: "a confirmed chargeback may result in balance and access adjustments in accordance with accounting
    rules". polar #8381: a dispute neither revoked nor stopped renewal."""
    life, channel = onemsg()
    dispute = disputed(life, subscription=channel)
    life.move(START + 5 * DAY)

    settled(life, dispute, "lost")
    at_once = may_send(life)
    life.move(START + 5 * DAY + SECOND)
    life.move(PERIOD_END + 40 * DAY)

    assert at_once is False
    assert life.status(ACME, channel) == "canceled"
    assert life.access_ends_at(ACME, channel) == START + 5 * DAY
    customer = life.stripe("GET", "/v1/customers?limit=1")["data"][0]["id"]
    assert len(life.charges(customer)) == 1
    assert show(life, dispute)["state"] == "lost"


def test_a_policy_may_leave_access_alone_after_a_lost_dispute():
    life, channel = onemsg()
    promise_anew(life, "1msg", ("lost_ends_access = true", "lost_ends_access = false"))

    settled(life, disputed(life, subscription=channel), "lost")
    life.move(START + DAY)

    assert (may_send(life), life.status(ACME, channel)) == (True, "active")


def test_a_lost_dispute_over_a_period_that_is_over_takes_nothing_that_was_paid_later():
    """M1-15: access lasts to the end of what was paid for; the lost payment had bought another period."""
    life, channel = onemsg()
    january = newest_charge(life)
    life.move(PERIOD_END + DAY)
    dispute = disputed(life, charge=january)

    settled(life, dispute, "lost")
    life.move(PERIOD_END + 2 * DAY)

    assert (may_send(life), life.status(ACME, channel)) == (True, "active")
    assert show(life, dispute)["state"] == "lost"


def test_a_dispute_concerns_its_own_subscription_only():
    """polar #8381: keyed to its own charge and subscription."""
    life = Life()
    life.account(ACME)
    messaging = life.subscribe(ACME, "smarter-contact:messaging:month")
    calling = life.subscribe(ACME, "smarter-contact:calling:month")
    promise_anew(
        life, "smarter-contact", ("[refunds]", "[disputes]\nlost_ends_access = true\n\n[refunds]")
    )
    dispute = disputed(life, subscription=messaging)

    settled(life, dispute, "lost")
    life.move(START + DAY)

    assert show(life, dispute)["subscription_id"] == messaging
    assert (life.status(ACME, messaging), life.status(ACME, calling)) == ("canceled", "active")
    assert (life.features(ACME)["send_sms"], life.features(ACME)["dialer"]) == (False, True)


def test_a_lost_dispute_over_a_top_up_takes_it_off_the_wallet_once():
    """M1-12: "balance … adjustments"."""
    life, channel = onemsg()
    topped_up(life)
    life.control("duplicate_webhooks")
    dispute = disputed(life, charge=newest_charge(life))
    during = held(life)

    settled(life, dispute, "lost")
    life.move(START + DAY)

    assert (during, held(life)) == (5000, 0)
    assert (may_send(life), life.status(ACME, channel)) == (True, "active")
    assert booked(life) == {"stripe": 1500, "dispute_fees": -1500}


def test_a_policy_may_leave_the_wallet_alone_after_a_lost_dispute():
    life, _ = onemsg()
    promise_anew(life, "1msg", ("lost_debits_wallet = true", "lost_debits_wallet = false"))
    topped_up(life)

    settled(life, disputed(life, charge=newest_charge(life)), "lost")

    assert held(life) == 5000


def test_a_top_up_that_was_spent_and_is_lost_is_a_balance_due():
    """SC-6's rule for everybody: the wallet may go below zero."""
    life, _ = onemsg()
    topped_up(life)
    life.service(
        "POST",
        "/v1/usage-charges",
        {"account_id": ACME, "id": "u", "kind": "conversation", "at": rfc3339(life.now),
         "amount": {"amount": 4000, "currency": "usd"}},
    )  # fmt: skip

    settled(life, disputed(life, charge=newest_charge(life)), "lost")

    assert held(life) == -4000


# -- won


def test_a_won_dispute_leaves_everything_as_it_was_but_its_fee():
    """A29: Stripe keeps its dispute fee even if it is won."""
    life, channel = onemsg()
    dispute = disputed(life, subscription=channel)

    settled(life, dispute, "won")
    life.move(START + DAY)

    assert show(life, dispute)["state"] == "won"
    assert (may_send(life), life.status(ACME, channel)) == (True, "active")
    assert booked(life) == {"stripe": 1500, "dispute_fees": -1500}


def test_after_a_won_dispute_a_refund_may_be_asked_for_again():
    life, channel = onemsg()
    settled(life, disputed(life, subscription=channel), "won")

    decide(life, asked(life, channel))

    assert in_force(life) == [PAYABLE]


def test_a_loss_that_is_won_on_appeal_gives_back_what_it_took():
    """M1-12: "won → reversed"; A29: appeal_* are statuses of their own."""
    life, channel = onemsg()
    topped_up(life)
    money, plan = disputed(life, charge=newest_charge(life)), disputed(life, subscription=channel)
    settled(life, money, "lost")
    settled(life, plan, "lost")
    life.move(START + SECOND)
    lost = held(life), may_send(life)
    for dispute in (money, plan):
        becomes(life, dispute, "appeal_under_review")
    appealed = held(life), may_send(life)

    for dispute in (money, plan):
        becomes(life, dispute, "won")

    assert lost == appealed == (0, False)
    assert (held(life), may_send(life)) == (5000, True)
    assert life.access_ends_at(ACME, channel) == PERIOD_END


# -- late, doubled, the wrong way round


def events_of(life: Life, thing: str) -> list[dict]:
    found = life.stripe("GET", "/v1/events?limit=100")["data"]
    return [e for e in reversed(found) if e["data"]["object"]["id"] == thing]


def disputed_unheard(outcome: str) -> tuple[Life, str, str, list[dict]]:
    """A plan and a top-up; the top-up is disputed and decided, and nobody here has heard of it."""
    life, channel = onemsg()
    topped_up(life)
    life.control("drop_webhooks")
    dispute = disputed(life, charge=newest_charge(life))
    settled(life, dispute, outcome)
    return life, channel, dispute, events_of(life, dispute)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_won_dispute_heard_in_any_order_is_won(order):
    life, _, dispute, events = disputed_unheard("won")
    assert len(events) == len(order)

    for n in (*order, *order):
        assert tell(life, events[n]) in ("applied", "duplicate")

    assert (show(life, dispute)["state"], held(life)) == ("won", 5000)
    assert booked(life) == {"wallet": 5000, "stripe": 1500 - 5000, "dispute_fees": -1500}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_lost_dispute_heard_in_any_order_is_lost_once(order):
    life, _, dispute, events = disputed_unheard("lost")
    assert len(events) == len(order)

    for n in (*order, *order):
        assert tell(life, events[n]) in ("applied", "duplicate")

    assert (show(life, dispute)["state"], held(life)) == ("lost", 0)
    assert [e["kind"] for e in life.entries(ACME)].count("dispute_lost") == 1


@pytest.mark.parametrize(
    "version", ["2019-12-03", "2024-06-20", "2025-02-24.acacia", "2025-09-30.clover"]
)
def test_events_of_any_api_version_are_heard_the_same(version):
    """A4, A9: an event is rendered in its endpoint's version; what it is about is asked for in ours."""
    life, channel = onemsg()
    topped_up(life)
    life.control("old_api_version", version=version)
    dispute = disputed(life, charge=newest_charge(life))

    settled(life, dispute, "lost")
    decide(life, asked(life, channel))

    assert (show(life, dispute)["state"], held(life)) == ("lost", 0)
    assert (in_force(life), may_send(life), parked(life)) == ([PAYABLE], False, [])


def test_an_old_event_after_the_end_changes_nothing():
    life, channel = onemsg()
    dispute = disputed(life, subscription=channel)
    settled(life, dispute, "lost")
    life.move(START + DAY)
    before = life.entries(ACME), show(life, dispute), life.status(ACME, channel)

    for event in events_of(life, dispute):
        tell(life, {**event, "id": f"{event['id']}again"})

    assert (life.entries(ACME), show(life, dispute), life.status(ACME, channel)) == before


def test_a_status_nobody_knows_is_kept_and_changes_nothing(caplog):
    """Enumerations are open: an unknown dispute state is stored and alarmed on, never a crash."""
    life, channel = onemsg()
    dispute = disputed(life, subscription=channel)

    becomes(life, dispute, "escalated_to_the_moon")

    assert show(life, dispute)["dispute"]["status"] == "escalated_to_the_moon"
    assert (may_send(life), parked(life)) == (True, [])
    assert ask(life, channel).code == "disputed"
    assert "dispute_status_unknown" in caplog.text


def test_while_stripe_does_not_answer_a_dispute_waits_and_is_heard_later():
    life, channel = onemsg()
    life.control("drop_webhooks")
    dispute = disputed(life, subscription=channel)
    (created, *_) = events_of(life, dispute)
    life.faults.order({"target": "stripe", "kind": "error", "count": 3})

    outcome = tell(life, created)
    life.move(START + 600 * SECOND)

    assert outcome == "parked"
    assert parked(life) == []
    assert [one["id"] for one in cases(life)] == [dispute]


def test_a_dispute_of_a_customer_nobody_knows_waits_for_the_account():
    life, channel = onemsg()
    life.control("drop_webhooks")
    dispute = disputed(life, subscription=channel)
    (created, *_) = events_of(life, dispute)
    world = life.emulator._world
    charge = world.get("charge", newest_charge(life))
    world.change(charge, customer="cus_stranger")

    outcome = tell(life, created)

    assert outcome == "parked"
    assert parked(life) == [("charge.dispute.created", "unknown_customer")]
    assert cases(life) == []


def top_up_disputed_unheard() -> tuple[Life, str, str]:
    """A paid top-up that its bank wants back and gets; nobody here has heard of either."""
    life, _ = onemsg()
    life.control("drop_webhooks")
    session = started(life)
    pay(life, session)
    dispute = disputed(life, charge=newest_charge(life))
    settled(life, dispute, "lost")
    return life, session, dispute


def test_a_top_up_that_nobody_told_of_is_credited_before_its_dispute_takes_it_off():
    """Whatever became of the payment's own event: the ledger shows both, and each once."""
    life, session, dispute = top_up_disputed_unheard()

    first = tell(life, events_of(life, dispute)[0])
    then = tell(life, events_of(life, session)[-1])
    life.move(START + DAY)

    assert (first, then) == ("applied", "duplicate")
    assert (held(life), parked(life)) == (0, [])
    kinds = [one["kind"] for one in life.entries(ACME)]
    assert sorted(kinds) == ["dispute_lost", "dispute_withdrawn", "top_up"]
    assert show(life, dispute)["state"] == "lost"


def test_and_a_year_later_when_no_list_names_the_payment_any_more():
    """Seed 265: it stayed parked for ever."""
    life, _, dispute = top_up_disputed_unheard()
    (created, *_) = events_of(life, dispute)
    life.wait(START + 400 * DAY)

    outcome = tell(life, created)

    assert (outcome, held(life), parked(life)) == ("applied", 0, [])
    assert show(life, dispute)["state"] == "lost"


def test_a_refund_of_a_top_up_that_nobody_told_of_credits_it_first_as_well():
    life, _ = onemsg()
    life.control("drop_webhooks")
    pay(life, started(life))
    made = life.stripe("POST", "/v1/refunds", f"charge={newest_charge(life)}&amount=2000")
    (created, *_) = events_of(life, made["id"])
    life.wait(START + 400 * DAY)

    outcome = tell(life, created)

    assert (outcome, held(life), parked(life)) == ("applied", 3000, [])


def test_what_stripe_does_not_call_paid_yet_is_not_credited_and_its_dispute_waits():
    life, session, dispute = top_up_disputed_unheard()
    world = life.emulator._world
    world.change(world.get("checkout.session", session), payment_status="unpaid")

    first = tell(life, events_of(life, dispute)[0])
    waiting = parked(life), held(life)
    world.change(world.get("checkout.session", session), payment_status="paid")
    life.move(START + DAY)

    assert first == "parked"
    assert waiting == ([("charge.dispute.created", "not_credited_yet")], 0)
    assert (held(life), parked(life)) == (0, [])
    assert show(life, dispute)["state"] == "lost"


def test_a_payment_for_another_wallet_is_credited_to_nobody_by_its_dispute():
    life, session, dispute = top_up_disputed_unheard()
    world = life.emulator._world
    paid = world.get("checkout.session", session)
    world.change(paid, metadata={**paid["metadata"], "account_id": "bravo"})

    assert tell(life, events_of(life, dispute)[0]) == "parked"

    assert parked(life) == [("charge.dispute.created", "other_account")]
    assert (held(life), life.entries(ACME)) == (0, [])


# -- the same money, twice


def test_a_dispute_of_a_refunded_payment_is_alarmed(caplog):
    """Refund plus dispute for the same money: somebody has to answer the bank with the refund."""
    life, channel = onemsg()
    case = asked(life, channel)
    decide(life, case)

    disputed(life, charge=newest_charge(life))

    assert "dispute_of_refunded_payment" in caplog.text
    (news,) = told(life, "dispute.opened")
    assert news["data"]["refunded"] is True
    assert in_force(life) == [PAYABLE]


def test_a_disputed_top_up_is_not_refunded():
    life, _ = onemsg()
    entry = topped_up(life)
    case = ask_top_up(life, entry).body["id"]
    disputed(life, charge=newest_charge(life))

    decided = decide(life, case)

    assert (decided.status, decided.code) == (409, "disputed")
    assert (refunds(life), held(life)) == ([], 5000)


# -- SC-10: evidence is not purged while it is needed


def leaving_with_a_dispute() -> tuple[Life, str]:
    life = Life()
    life.account(ACME)
    plan = life.subscribe(ACME)
    life.cancel(ACME, plan)
    return life, disputed(life, subscription=plan)


PURGE = from_rfc3339("2027-02-28T12:00:00Z")


def test_an_open_dispute_holds_the_purge_and_a_closed_one_no_longer():
    """SC-10: "retained for one year"; an open dispute holds its evidence over a purge."""
    life, dispute = leaving_with_a_dispute()
    life.move(PURGE + 30 * DAY)
    waiting = life.membership(ACME, "status"), show(life, dispute)["state"]
    seen = life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body
    (held,) = seen["held"]

    settled(life, dispute, "won")
    life.move(PURGE + 31 * DAY)

    assert waiting == (["canceled"], "open")
    assert (held["kind"], held["held"]["by"], seen["failed"]) == ("data_purged", dispute, [])
    assert life.membership(ACME, "status") == []
    assert life.customer(ACME, "GET", f"/v1/cases/{dispute}").status == 404


def test_while_a_case_holds_the_purge_nothing_is_due_and_no_reminder_of_it_goes_out():
    """Seed 107: its reminder stayed due for as long as the case was open, and asked Stripe at every tick."""
    life, dispute = leaving_with_a_dispute()
    life.move(PURGE + 30 * DAY)

    due = [life.world.table.due(f"{kind}#{shard}", rfc3339(life.now)).due
           for kind in ("data_purged", "reminder") for shard in range(2)]  # fmt: skip
    (held,) = life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body["held"]
    retried = life.operator("POST", f"/v1/admin/steps/{held['key']}/retry", {"reason": "Now."})

    assert not any(due)
    assert life.mail("deleted") == []
    assert (retried.status, dispute in retried.body["detail"]) == (409, True)


def test_the_purge_is_shown_before_a_cancellation_though_a_case_is_open():
    """GT-4: a case is decided in the end, so whoever cancels is shown when their data goes, and told it."""
    life = Life()
    life.account(ACME)
    plan = life.subscribe(ACME)
    disputed(life, subscription=plan)

    shown = {one["kind"]: one["at"] for one in life.preview(ACME, plan).body["consequences"]}
    life.cancel(ACME, plan)

    assert shown["data_purged"] == rfc3339(PURGE)
    assert life.upcoming(ACME)["data_purged"] == PURGE
    assert "February 2027" in life.mail()[-1]["text"], life.mail()[-1]["text"]


def test_an_appeal_that_waits_holds_the_purge_and_an_incomplete_one_does_not():
    life = Life()
    life.account(ACME)
    life.cancel(ACME, life.subscribe(ACME))
    appealed(life, payment=None)
    full = appealed(life).body["id"]
    life.move(PURGE + DAY)
    waiting = life.membership(ACME, "status")

    decide(life, full, approve=False)
    life.move(PURGE + 2 * DAY)

    assert waiting == ["canceled"]
    assert life.membership(ACME, "status") == []
    assert life.membership(ACME)["cases"] == []


def test_of_a_decided_case_only_the_record_outlives_the_purge():
    """SC-10: what law makes a business keep stays as a minimal record without content."""
    life = Life()
    life.account(ACME)
    life.cancel(ACME, life.subscribe(ACME))
    case = appealed(life, description="My secret is 4711.").body["id"]
    answer(life, case, text="4711 again")
    decide(life, case, approve=False)

    life.move(PURGE)

    kept = list(rows(life.world.table, ACME, keys.CASE))
    assert [row["doc"]["verdict"]["approve"] for row in kept] == [False]
    everything = json.dumps([row["doc"] for row in rows(life.world.table, ACME, "")])
    assert "4711" not in everything
    assert "We looked into it" not in everything
    assert list(rows(life.world.table, ACME, keys.REPLY)) == []
    assert life.operator("GET", "/v1/admin/cases?state=closed").body["data"] == []
