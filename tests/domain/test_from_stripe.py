"""M1-4 as plain calls: what Stripe says, in whatever order it says it."""

import pytest

from chalicelib.domain.facts import (
    ItemAtStripe,
    StripeSaysAll,
    StripeSaysInvoice,
    StripeSaysSubscription,
)
from chalicelib.domain.from_stripe import (
    MOST_EVENTS,
    UnknownPrice,
    apply_all,
    apply_invoice,
    apply_subscription,
    standing,
)
from tests.support.records import (
    DAY,
    END,
    NEXT_END,
    POLICY,
    SECOND,
    START,
    account,
    at_stripe,
    invoice,
    subscription,
)

HEARD = subscription(as_of=START, as_of_events=("evt_1", "evt_2"))


def says(moment=START, event=None, **changes):
    return StripeSaysSubscription(
        subscription=at_stripe(**changes), as_of=moment, event_id=event, invoice=None
    )


def told(known, fact):
    return apply_subscription(known, fact, POLICY)


def known_after(*facts, known=None):
    """The subscription after these were told in this order."""
    state = known if known is not None else account()
    for fact in facts:
        state = (
            told(state, fact).account
            if isinstance(fact, StripeSaysSubscription)
            else apply_invoice(state, fact).account
        )
    return state.subscriptions["sub_1"]


@pytest.mark.parametrize(
    ("known", "moment", "event", "expected"),
    [
        (None, START, "evt_9", "news"),
        (subscription(), START, "evt_9", "news"),
        (HEARD, START + SECOND, "evt_9", "news"),
        (HEARD, START, "evt_9", "ask"),
        (HEARD, START - SECOND, "evt_9", "ask"),
        (HEARD, START, "evt_1", "repeat"),
        (HEARD, START, "evt_2", "repeat"),
        (HEARD, START + SECOND, "evt_1", "repeat"),
    ],
)
def test_only_what_is_newer_than_everything_heard_is_news(known, moment, event, expected):
    assert standing(known, moment, event) == expected


def test_what_was_heard_never_moves_back():
    known = known_after(says(START + DAY, "evt_2"), says(START, "evt_1"))

    assert (known.as_of, known.as_of_events) == (START + DAY, ("evt_2",))


def test_the_events_of_one_second_are_remembered_together():
    known = known_after(says(START, "evt_1"), says(START, "evt_2"))

    assert (known.as_of, known.as_of_events) == (START, ("evt_1", "evt_2"))


def test_of_very_many_in_one_second_the_latest_are_remembered():
    known = known_after(*(says(START, f"evt_{n}") for n in range(20)))

    assert known.as_of_events == tuple(f"evt_{n}" for n in range(20 - MOST_EVENTS, 20))


def test_a_newer_word_that_changes_nothing_is_heard_but_is_no_news():
    first = told(account(), says(START, "evt_1")).account

    decision = told(first, says(START + SECOND, "evt_2"))

    assert decision.what is None
    assert decision.account.subscriptions["sub_1"].as_of == START + SECOND


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ({}, {"cancel_at_period_end": True}, "subscription.cancellation_scheduled"),
        ({}, {"cancel_at": END}, "subscription.cancellation_scheduled"),
        ({"cancel_at": END}, {}, "subscription.resumed"),
        ({"cancel_at": END}, {"status": "canceled", "ended_at": END}, "subscription.ended"),
        ({}, {"status": "past_due"}, "subscription.past_due"),
        ({}, {"status": "paused", "suspended_at": END}, "subscription.suspended"),
        ({}, {"lookup_key": "smarter-contact:calling:month"}, "subscription.plan_changed"),
        ({}, {"period_start": END, "period_end": NEXT_END}, "subscription.renewed"),
        ({}, {"quantity": 2}, "subscription.updated"),
        ({"status": "incomplete"}, {}, "subscription.started"),
    ],
)
def test_the_history_says_what_happened(before, after, what):
    first = told(account(), says(START, "evt_1", **before)).account

    assert told(first, says(START + SECOND, "evt_2", **after)).what == what


def test_the_first_word_of_it_is_its_start():
    assert told(account(), says()).what == "subscription.started"
    assert told(account(), says(status="incomplete")).what == "subscription.incomplete"


def test_ended_is_terminal_for_its_id():
    over = told(account(), says(END, status="canceled", ended_at=END)).account

    decision = told(over, says(END + DAY, "evt_9", period_end=NEXT_END))

    assert decision.what is None
    assert decision.account == over


def test_an_unknown_price_is_not_guessed():
    with pytest.raises(UnknownPrice, match="somebody:else:month"):
        told(account(), says(lookup_key="somebody:else:month"))


def test_what_a_plan_costs_is_read_from_its_own_item_whichever_comes_first():
    plan = ItemAtStripe(
        price_id="price_1",
        lookup_key="smarter-contact:messaging:month",
        interval="month",
        interval_count=1,
        price_minor=9900,
        quantity=3,
    )
    line = {"price_id": "price_2", "lookup_key": None, "price_minor": 500, "quantity": 2}

    decision = told(account(), says(**line, other_items=(plan,)))

    one = decision.account.subscriptions["sub_1"]
    assert (one.plan, one.price_minor, one.quantity) == ("messaging", 9900, 3)
    assert one.extras_minor == 2 * 500


@pytest.mark.parametrize(
    ("changes", "paid_until"),
    [
        ({}, END),
        ({"status": "trialing", "trial_ends_at": START + 7 * DAY}, START + 7 * DAY),
        ({"status": "trialing"}, END),
        ({"status": "incomplete"}, None),
        ({"status": "incomplete_expired", "ended_at": END}, None),
        ({"period_start": END, "period_end": NEXT_END}, END),
        ({"status": "past_due", "period_start": END, "period_end": NEXT_END}, END),
        ({"status": "canceled", "ended_at": START + DAY}, START + DAY),
    ],
)
def test_what_is_known_to_be_paid_at_first_sight(changes, paid_until):
    assert known_after(says(**changes)).paid_until == paid_until


def test_a_renewal_alone_pays_for_nothing():
    known = known_after(says(), says(END, period_start=END, period_end=NEXT_END))

    assert (known.period_end, known.paid_until) == (NEXT_END, END)


def test_past_due_counts_from_when_it_was_first_heard_and_ends_with_it():
    behind = known_after(says(), says(END, status="past_due"), says(END + DAY, status="unpaid"))
    fine = known_after(says(), says(END, status="past_due"), says(END + DAY, status="active"))

    assert behind.past_due_since == END
    assert fine.past_due_since is None


def test_the_evidence_is_kept_while_renewal_is_off_and_goes_with_a_resume():
    asked = account(subscription(evidence_id="ev_1"))
    off = told(asked, says(START + SECOND, cancel_at_period_end=True)).account
    on = told(off, says(START + DAY)).account

    assert off.subscriptions["sub_1"].evidence_id == "ev_1"
    assert on.subscriptions["sub_1"].evidence_id is None


def test_waiting_for_stripe_to_turn_it_off_keeps_the_evidence():
    asked = account(subscription(evidence_id="ev_1"))

    assert known_after(says(), known=asked).evidence_id == "ev_1"


def test_all_at_once_learns_of_each_and_leaves_out_what_it_does_not_know():
    other = at_stripe(id="sub_2", lookup_key="smarter-contact:calling:month")
    strange = at_stripe(id="sub_3", lookup_key="somebody:else:month")
    fact = StripeSaysAll(subscriptions=(at_stripe(), strange, other), as_of=START)

    decision = apply_all(account(), fact, POLICY)

    assert set(decision.account.subscriptions) == {"sub_1", "sub_2"}
    assert decision.what == "subscription.started"
    assert [change["subscription_id"] for change in decision.data["changes"]] == ["sub_1", "sub_2"]
    assert apply_all(decision.account, fact, POLICY).what is None


def test_what_ended_before_the_purge_stays_forgotten():
    purged = account(purged_at=END.replace(year=2027))

    decision = told(purged, says(END, status="canceled", ended_at=END))

    assert decision.what is None
    assert decision.account.subscriptions == {}


def test_what_is_bought_after_the_purge_is_known():
    purged = account(purged_at=END.replace(year=2027))

    assert told(purged, says(END.replace(year=2027, month=5))).what == "subscription.started"


def test_a_subscription_given_up_before_its_first_payment_never_began():
    begun = says(status="incomplete")

    given_up = known_after(
        begun, says(START + DAY, status="canceled", ended_at=START + DAY), known=account()
    )

    assert not given_up.has_started


def test_a_payment_heard_of_after_the_end_still_began_the_subscription():
    given_up = says(START + DAY, status="canceled", ended_at=START + DAY)
    paid = StripeSaysInvoice(invoice=invoice(status="paid", covers_until=END))

    known = known_after(says(status="incomplete"), given_up, paid)

    assert known.has_started
    assert known.paid_until == END
