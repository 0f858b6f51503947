"""SC-1 as plain calls: what is shown is what will be carried out."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import steps
from chalicelib.domain.consequences import (
    Holdings,
    next_fee_of,
    of_cancelling,
    upcoming,
    with_renewal_off,
)
from chalicelib.domain.messages import ScheduledMessage
from chalicelib.domain.moments import months_after
from chalicelib.domain.money import Money
from chalicelib.domain.timeline import timeline
from tests.support.records import (
    DAY,
    END,
    NEXT_END,
    POLICY,
    SECOND,
    START,
    account,
    at,
    canceled,
    ended,
    number,
    subscription,
)

CALLING = {"id": "sub_2", "plan": "calling"}
NOTHING = Holdings()


def shown(known, held=NOTHING, now=START, id="sub_1"):
    return [(c.kind, c.at) for c in of_cancelling(known, id, POLICY, held, now)]


def message(id="m1", channel="sms", send_at=END, price=7, state="scheduled"):
    return ScheduledMessage(
        id=id, channel=channel, send_at=send_at, price=Money(price, "usd"), state=state
    )


def test_the_account_as_it_would_be_has_renewal_off_and_nothing_else_changed():
    known = account(subscription(), subscription(**CALLING))

    after = with_renewal_off(known, "sub_1")

    assert after.subscriptions["sub_1"].renewal_is_off
    assert after.subscriptions["sub_2"] == known.subscriptions["sub_2"]
    assert with_renewal_off(after, "sub_1") == after


def test_what_is_shown_is_the_timeline_after_cancelling():
    known = account(subscription(), numbers=2, registrations=1)

    after = timeline(with_renewal_off(known, "sub_1"), POLICY)

    assert shown(known) == [(step.kind, step.due) for step in after]


PLANS = st.lists(
    st.tuples(st.sampled_from(["messaging", "calling"]), st.booleans(), st.integers(0, 60)),
    min_size=1,
    max_size=4,
)


@given(PLANS, st.integers(0, 2), st.integers(0, 2))
def test_whatever_the_account_what_is_new_on_the_timeline_is_what_is_shown(
    plans, numbers, registrations
):
    """Invariant 14."""
    made = [
        subscription(
            id=f"sub_{n + 1}",
            plan=plan,
            cancel_at_period_end=off and n > 0,
            period_end=END + days * DAY,
            paid_until=END + days * DAY,
        )
        for n, (plan, off, days) in enumerate(plans)
    ]
    known = account(*made, numbers=numbers, registrations=registrations)
    before = set(timeline(known, POLICY))

    after = set(timeline(with_renewal_off(known, "sub_1"), POLICY))

    new = sorted((s.due, s.kind) for s in after - before if s.kind not in steps.INTERNAL)
    assert sorted((at_, kind) for kind, at_ in shown(known)) == new


def test_cancelling_one_of_two_shows_only_what_that_changes():
    known = account(subscription(), canceled(**CALLING), numbers=1)

    assert ("numbers_released", at("2026-03-14T12:00:00Z")) in shown(known)
    assert ("access_ends", END) in shown(known)
    assert [kind for kind, _ in shown(known)].count("access_ends") == 1


def test_while_the_other_plan_renews_the_numbers_are_not_among_the_consequences():
    known = account(subscription(), subscription(**CALLING), numbers=1, registrations=1)

    assert [kind for kind, _ in shown(known)] == ["access_ends", "messages_credited"]


def test_each_says_whether_it_can_be_undone_and_how_many_it_concerns():
    known = account(subscription(), numbers=3, registrations=2)

    found = {c.kind: c for c in of_cancelling(known, "sub_1", POLICY, NOTHING, START)}

    assert found["access_ends"].reversible
    assert not found["numbers_released"].reversible
    assert (found["numbers_released"].count, found["registrations_lapse"].count) == (3, 2)
    assert found["access_ends"].subject == "sub_1"


def test_titles_are_in_the_account_s_language():
    english = account(subscription())
    french = account(subscription(), locale="fr-CA")

    def title(known):
        (first, *_) = of_cancelling(known, "sub_1", POLICY, NOTHING, START)
        return first.title

    assert title(english) == "Access ends"
    assert title(french) == "L'accès prend fin"


def test_the_credit_is_of_what_will_be_unsent_at_the_end():
    held = Holdings(
        messages=[
            message("before", send_at=END - SECOND),
            message("at", send_at=END, price=5),
            message("after", send_at=END + DAY, price=11),
            message("sent", state="sent"),
            message("deleted", state="deleted"),
            message("rvm", channel="rvm", price=100),
        ]
    )

    found = of_cancelling(account(subscription()), "sub_1", POLICY, held, START)

    (credit,) = (c for c in found if c.kind == "messages_credited")
    assert (credit.count, credit.amount) == (2, Money(16, "usd"))


def test_the_fees_until_the_end_are_shown_one_by_one():
    yearly = subscription(period_end=START.replace(year=2027), paid_until=START.replace(year=2027))
    one = number(monthly_fee=Money(115, "usd"))
    known = account(yearly, numbers=1, next_fee_at=END)

    found = of_cancelling(known, "sub_1", POLICY, Holdings(numbers=[one]), START)

    fees = [c for c in found if c.kind == "number_fee"]
    assert [c.at for c in fees] == [months_after(START, n) for n in range(1, 12)]
    assert {(c.subject, c.amount) for c in fees} == {("+14155550100", Money(115, "usd"))}


def test_a_number_that_is_going_costs_nothing_more():
    held = Holdings(numbers=[number(next_fee_at=END - DAY, state="removing")])
    known = account(subscription(), numbers=1, next_fee_at=END - DAY)

    assert "number_fee" not in dict(shown(known, held))


def test_a_fee_that_is_overdue_is_shown_as_due_now():
    held = Holdings(numbers=[number(next_fee_at=START + DAY)])
    known = account(subscription(), numbers=1, next_fee_at=START + DAY)

    assert ("number_fee", START + 2 * DAY) in shown(known, held, now=START + 2 * DAY)


def test_while_a_plan_renews_only_the_next_fee_lies_ahead():
    held = Holdings(numbers=[number(), number(e164="+14155550101", next_fee_at=NEXT_END)])
    known = account(subscription(), numbers=2, next_fee_at=END)

    found = [(c.at, c.subject) for c in upcoming(known, POLICY, held, START)]

    assert found == [(END, "+14155550100"), (NEXT_END, "+14155550101")]


def test_the_days_between_an_end_and_a_return_are_shown_as_costing_nothing():
    gap = number(bought_at=at("2026-01-05"), next_fee_at=at("2026-03-05"))
    back = subscription(
        id="sub_2", started_at=at("2026-03-10"), period_start=at("2026-03-10"),
        period_end=at("2026-04-10"), paid_until=at("2026-04-10"),
    )  # fmt: skip
    known = account(ended(), back, numbers=1, next_fee_at=at("2026-03-05"))
    held = Holdings(numbers=[gap])

    ahead = upcoming(known, POLICY, held, at("2026-03-10"))

    assert [c.at for c in ahead if c.kind == "number_fee"] == [at("2026-04-05")]
    assert next_fee_of(known, POLICY, gap) == at("2026-04-05")
    assert ("number_fee", at("2026-04-05")) in shown(known, held, at("2026-03-10"), "sub_2")


def test_the_next_fee_is_none_at_or_after_the_end():
    def next_fee(moment):
        known = account(canceled(), numbers=1, next_fee_at=moment)
        return next_fee_of(known, POLICY, number(next_fee_at=moment))

    assert next_fee(END - SECOND) == END - SECOND
    assert next_fee(END) is None


def test_housekeeping_is_not_shown():
    known = account(subscription(), in_flight={"number#+1": START})

    assert steps.CALL_SETTLED in [s.kind for s in timeline(known, POLICY)]
    assert upcoming(known, POLICY, NOTHING, START) == ()
