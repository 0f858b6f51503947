"""What invoices tell, as plain calls. They need no order: paid only grows, and an invoice is never unpaid again."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.facts import StripeSaysInvoice, StripeSaysSubscription
from chalicelib.domain.from_stripe import (
    UnknownSubscription,
    apply_invoice,
    apply_subscription,
    may_be_overtaken,
)
from chalicelib.domain.moments import months_after
from tests.support.records import (
    DAY,
    END,
    HOUR,
    NEXT_END,
    POLICY,
    START,
    account,
    at_stripe,
    ended,
    invoice,
    subscription,
)


def known_after(*told: StripeSaysInvoice, known: Account) -> Subscription:
    """The subscription after these were told in this order."""
    for fact in told:
        known = apply_invoice(known, fact).account
    return known.subscriptions["sub_1"]


def test_an_invoice_before_its_subscription_asks_for_that():
    with pytest.raises(UnknownSubscription, match="sub_1"):
        apply_invoice(account(), StripeSaysInvoice(invoice=invoice()))


def test_an_invoice_of_a_time_before_the_purge_is_forgotten():
    purged = account(purged_at=END.replace(year=2027))

    assert apply_invoice(purged, StripeSaysInvoice(invoice=invoice())).what is None


def paid(covers_until=END, id="in_1"):
    return StripeSaysInvoice(invoice=invoice(id=id, covers_until=covers_until))


def failed(moment, covers_until=NEXT_END, id="in_2"):
    return StripeSaysInvoice(
        invoice=invoice(id=id, status="open", covers_until=covers_until, failed_at=moment)
    )


def void(covers_until=NEXT_END, id="in_2", status="void"):
    return StripeSaysInvoice(invoice=invoice(id=id, status=status, covers_until=covers_until))


def test_paid_invoices_carry_the_access_and_only_forward():
    known = known_after(paid(NEXT_END, "in_2"), paid(END, "in_1"), known=account(subscription()))

    assert known.paid_until == NEXT_END


def test_the_first_failed_charge_is_remembered():
    known = known_after(
        failed(END + 3 * DAY), failed(END + HOUR), failed(END + 5 * DAY),
        known=account(subscription()),
    )  # fmt: skip

    assert known.unpaid is not None
    assert known.unpaid.failed_at == END + HOUR


def test_a_draft_or_an_untried_invoice_says_nothing():
    known = account(subscription())
    untried = StripeSaysInvoice(
        invoice=invoice(id="in_2", status="open", covers_until=NEXT_END, failed_at=None)
    )

    assert apply_invoice(known, untried).what is None


def test_paid_it_is_no_longer_unpaid_also_when_the_failure_comes_late():
    in_order = known_after(
        failed(END + HOUR), paid(NEXT_END, "in_2"), known=account(subscription())
    )
    late = known_after(paid(NEXT_END, "in_2"), failed(END + HOUR), known=account(subscription()))

    assert in_order.unpaid is None
    assert late == in_order


@pytest.mark.parametrize("status", ["void", "uncollectible"])
def test_written_off_it_is_remembered_with_its_first_failure(status):
    known = known_after(failed(END + HOUR), void(status=status), known=account(subscription()))

    assert known.unpaid is not None
    assert (known.unpaid.written_off, known.unpaid.failed_at) == (True, END + HOUR)


def test_a_failure_of_a_period_that_is_paid_is_nothing():
    known = account(subscription())

    assert apply_invoice(known, failed(START + HOUR, END, "in_1")).what is None


def story():
    """Three periods: one paid late, one written off, one paid; with every try of the card."""
    second, third, fourth = NEXT_END, months_after(START, 3), months_after(START, 4)
    return [
        paid(END, "in_1"),
        failed(END + HOUR, second, "in_2"),
        failed(END + 3 * DAY, second, "in_2"),
        paid(second, "in_2"),
        failed(second + HOUR, third, "in_3"),
        void(third, "in_3"),
        failed(third + HOUR, fourth, "in_4"),
    ]


def test_the_same_invoices_in_any_order_leave_the_same_behind():
    """Invariant 10."""
    first, *others = (
        known_after(*order, known=account(subscription(paid_until=None)))
        for order in permutations(story())
    )

    assert all(known == first for known in others)
    known = first
    assert known.paid_until == NEXT_END
    assert known.unpaid is not None
    assert known.unpaid.id == "in_4"


INVOICES = st.lists(
    st.tuples(st.integers(1, 5), st.sampled_from(["paid", "failed", "void"]), st.integers(1, 90)),
    min_size=1,
    max_size=8,
)


@given(INVOICES, st.randoms(use_true_random=False))
def test_any_invoices_in_any_order_and_doubled_give_one_state(found, dice):
    """Invariant 10, for stories nobody thought of. One invoice a period, as Stripe makes them."""

    def fact(period, kind, hours):
        end, id = months_after(START, period), f"in_{period}"
        made = {"paid": paid(end, id), "void": void(end, id)}
        return made.get(kind) or failed(START + hours * HOUR, end, id)

    def known_after_asking(*told):
        """As it is heard: where a failure may be overtaken, Stripe says what became of the invoice."""
        known = account(subscription(paid_until=None))
        for one in told:
            late = may_be_overtaken(known.subscriptions["sub_1"], one.invoice)
            heard = replace(became.get(one.invoice.id, one), asked=True) if late else one
            known = apply_invoice(known, heard).account
        return known.subscriptions["sub_1"]

    facts = [fact(*one) for one in found]
    settled = [one for one in facts if one.invoice.status != "open"]
    became = {
        one.invoice.id: one for one in sorted(settled, key=lambda one: one.invoice.status)[::-1]
    }
    became |= {one.invoice.id: one for one in settled if one.invoice.status == "paid"}
    shuffled = [*facts, *facts]
    dice.shuffle(shuffled)

    assert known_after_asking(*shuffled) == known_after_asking(*facts)


def test_a_failure_of_an_earlier_period_that_stripe_confirms_is_remembered_beside_a_paid_one():
    known = account(subscription(paid_until=NEXT_END))
    confirmed = replace(failed(START + HOUR, END, "in_1"), asked=True)

    (subscription_,) = apply_invoice(known, confirmed).account.subscriptions.values()

    assert list(subscription_.unpaid_invoices) == ["in_1"]
    assert subscription_.unpaid is None, "it is not what keeps the subscription from going on"
    paid_at_last = known_after(paid(END, "in_1"), known=account(subscription_))
    assert paid_at_last.unpaid_invoices == {}


def test_of_two_unpaid_invoices_the_newest_is_owed_and_the_first_failure_counts():
    known = known_after(
        failed(NEXT_END + HOUR, months_after(START, 3), "in_3"),
        failed(END + HOUR, NEXT_END, "in_2"),
        known=account(subscription()),
    )

    assert known.unpaid is not None
    assert known.unpaid.id == "in_3"
    assert known.failing_since == END + HOUR


def test_no_more_unpaid_invoices_are_remembered_than_a_record_can_hold():
    many = [failed(END + n * DAY, months_after(START, n + 2), f"in_{n:02}") for n in range(20)]

    known = known_after(*many, known=account(subscription()))

    assert list(known.unpaid_invoices) == [f"in_{n:02}" for n in range(8, 20)]


def test_the_invoice_that_came_along_counts_as_if_it_had_come_alone():
    along = StripeSaysSubscription(
        subscription=at_stripe(period_start=END, period_end=NEXT_END),
        as_of=END + DAY,
        invoice=invoice(id="in_2", covers_until=NEXT_END),
    )

    decision = apply_subscription(account(subscription()), along, POLICY)

    assert decision.account.subscriptions["sub_1"].paid_until == NEXT_END


def test_ended_stays_ended_though_its_last_invoice_comes_later():
    known = known_after(paid(END), known=account(ended(paid_until=START)))

    assert (known.ended_at, known.paid_until) == (END, END)
