"""All dates of an account together: what lies ahead, in which order, and what is left out."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import steps
from chalicelib.domain.account import Account
from chalicelib.domain.steps import KINDS, Step, step_of
from chalicelib.domain.timeline import timeline
from tests.support.records import (
    DAY,
    END,
    HOUR,
    NEXT_END,
    POLICY,
    SECOND,
    START,
    account,
    at,
    canceled,
    policy,
    steps_of,
    subscription,
)

CALLING = {"id": "sub_2", "plan": "calling"}
HELD = {"numbers": 2, "registrations": 1}


def test_everything_that_follows_from_leaving_on_its_day():
    assert steps_of(account(canceled(), **HELD)) == {
        "access_ends:sub_1": at("2026-02-28T12:00:00Z"),
        "messages_credited:sub_1": at("2026-02-28T12:00:00Z"),
        "numbers_released": at("2026-03-14T12:00:00Z"),
        "registrations_lapse": at("2026-03-30T12:00:00Z"),
        "data_purged": at("2027-02-28T12:00:00Z"),
    }


def test_while_it_renews_nothing_lies_ahead_but_fees():
    assert steps_of(account(subscription(), **HELD)) == {}
    assert steps_of(account(subscription(), **HELD, next_fee_at=END)) == {"number_fee": END}


def test_one_of_two_plans_ends_alone():
    known = account(canceled(), subscription(**CALLING), **HELD)

    assert steps_of(known) == {"access_ends:sub_1": END, "messages_credited:sub_1": END}


def test_two_ends_count_from_the_later_one():
    later = canceled(**CALLING, period_end=NEXT_END, paid_until=NEXT_END)

    found = steps_of(account(canceled(), later, **HELD))

    assert found["access_ends:sub_1"] == END
    assert found["access_ends:sub_2"] == NEXT_END
    assert found["numbers_released"] == NEXT_END + 336 * HOUR
    assert found["registrations_lapse"] == NEXT_END + 720 * HOUR
    assert found["data_purged"] == at("2027-03-31T12:00:00Z")


def test_who_holds_nothing_gives_nothing_back():
    assert set(steps_of(account(canceled()))) == {
        "access_ends:sub_1", "messages_credited:sub_1", "data_purged",
    }  # fmt: skip


def test_every_number_of_days_is_the_policy_s():
    rules = policy(
        numbers={"release_after_hours": 1},
        registrations={"lapse_after_hours": 2},
        data={"purge_after_years": 3},
        messages={"credit_unsent": False},
    )

    found = steps_of(account(canceled(), **HELD), rules)

    assert "messages_credited:sub_1" not in found
    assert found["numbers_released"] == END + HOUR
    assert found["registrations_lapse"] == END + 2 * HOUR
    assert found["data_purged"] == END.replace(year=2029)


@pytest.mark.parametrize("time_zone", ["UTC", "America/New_York", "Europe/Paris"])
def test_no_change_of_clocks_moves_a_date(time_zone):
    known = account(canceled(), **HELD, time_zone=time_zone)

    assert steps_of(known) == steps_of(account(canceled(), **HELD))


def test_what_was_carried_out_is_left_out():
    done = {"access_ends:sub_1": END, "numbers_released": END + 336 * HOUR}

    found = steps_of(account(canceled(), **HELD, done=done))

    assert set(found) == {"messages_credited:sub_1", "registrations_lapse", "data_purged"}


def test_carried_out_for_an_earlier_date_it_is_ahead_again():
    done = {"registrations_lapse": END + 720 * HOUR - SECOND}

    assert "registrations_lapse" in steps_of(account(canceled(), **HELD, done=done))


def test_carried_out_for_a_later_date_it_is_not_done_again():
    done = {"registrations_lapse": END + 720 * HOUR + SECOND}

    assert "registrations_lapse" not in steps_of(account(canceled(), **HELD, done=done))


def test_a_wish_to_remove_or_withdraw_is_due_when_it_was_made():
    known = account(subscription(), removals={"+1": START}, withdrawals={"R1": START + DAY})

    assert steps_of(known) == {
        "number_removed:+1": START,
        "registration_withdrawn:R1": START + DAY,
    }


def test_a_call_cut_short_is_settled_only_when_nobody_wants_it_any_more():
    calls = {"number#+1": END + 336 * HOUR, "registration#R1": END + 720 * HOUR}

    leaving = steps_of(account(canceled(), **HELD, in_flight=calls))
    back = steps_of(account(canceled(), subscription(**CALLING), **HELD, in_flight=calls))

    assert not [id for id in leaving if id.startswith("call_settled")]
    assert back["call_settled:number#+1"] == END + 336 * HOUR + steps.CALL_IS_OVER
    assert back["call_settled:registration#R1"] == END + 720 * HOUR + steps.CALL_IS_OVER


def test_a_purge_that_began_goes_on_whoever_came_back():
    known = account(subscription(), purge_began_at=END)

    assert steps_of(known) == {"data_purged": END}


def test_nothing_of_it_depends_on_the_order_in_which_things_were_learnt():
    plans = [canceled(), canceled(**CALLING), canceled(id="sub_3", period_end=NEXT_END)]

    found = {timeline(account(*order, **HELD), POLICY) for order in permutations(plans)}

    assert len(found) == 1


ENDS = st.none() | st.integers(-40, 400)
PLANS = st.lists(st.tuples(st.sampled_from(["messaging", "calling", "unknown"]), ENDS), max_size=4)


def account_with(plans: list[tuple[str, int | None]], held: int) -> Account:
    made = [
        subscription(
            id=f"sub_{n}",
            plan=plan,
            cancel_at=None if days is None else END + days * DAY,
            paid_until=None,
        )
        for n, (plan, days) in enumerate(plans)
    ]
    return account(*made, numbers=held, registrations=held, next_fee_at=END if held else None)


@given(PLANS, st.integers(0, 3))
def test_step_ids_are_unique_and_the_earliest_comes_first(plans, held):
    found = timeline(account_with(plans, held), POLICY)

    assert len({step.id for step in found}) == len(found)
    assert list(found) == sorted(found, key=lambda s: (s.due, KINDS.index(s.kind), s.id))


@given(PLANS, st.integers(0, 3))
def test_nothing_is_given_back_while_a_plan_renews_or_before_its_day(plans, held):
    known = account_with(plans, held)
    found = steps_of(known)
    needing = [days for plan, days in plans if plan != "unknown"]

    if not needing or None in needing:
        assert "numbers_released" not in found
        assert "registrations_lapse" not in found
    elif held:
        last = END + max(needing) * DAY
        assert found["numbers_released"] == last + 336 * HOUR
        assert found["registrations_lapse"] == last + 720 * HOUR
    everything = [days for _, days in plans]
    assert ("data_purged" in found) == (bool(everything) and None not in everything)


@given(PLANS, st.integers(0, 3))
def test_once_everything_is_done_nothing_lies_ahead(plans, held):
    known = account_with(plans, held)
    done = {s.id: s.due for s in timeline(known, POLICY)}

    left = timeline(account_with_done(known, done), POLICY)

    assert left == ()


def account_with_done(known: Account, done: dict) -> Account:
    return account(
        *known.subscriptions.values(), numbers=known.numbers, registrations=known.registrations,
        done=done,
    )  # fmt: skip


def test_an_id_stands_for_its_step_and_for_no_other():
    for kind in KINDS:
        for subject in (None, "sub_1", "number#+14155550100", "a:b"):
            step = Step(kind, END, subject)
            assert step_of(step.id, END) == step


def test_an_unknown_kind_is_no_step():
    with pytest.raises(ValueError, match="no step is called send_flowers"):
        step_of("send_flowers:sub_1", END)


def test_what_cannot_be_undone_is_said_to_be_so():
    reversible = {kind for kind in KINDS if Step(kind, END).reversible}

    assert steps.ACCESS_ENDS in reversible
    assert not reversible & {
        steps.MESSAGES_CREDITED, steps.NUMBERS_RELEASED, steps.REGISTRATIONS_LAPSE,
        steps.DATA_PURGED, steps.NUMBER_FEE,
    }  # fmt: skip


# -- SC-9: what the thirty days are counted from


FROM_REQUEST = policy(registrations={"counted_from": "request"})


@pytest.mark.parametrize(
    ("asked", "lapses"),
    [
        (END, END + 30 * DAY),
        (END - 10 * DAY, END + 20 * DAY),
        (END - 28 * DAY, END + 2 * DAY),
    ],
)
def test_a_company_may_count_the_thirty_days_from_the_request(asked, lapses):
    """SC-9: "Your 10DLC registration remains active for 30 days after cancellation." The other reading."""
    known = account(canceled(canceled_at=asked), **HELD)

    assert steps_of(known, FROM_REQUEST)["registrations_lapse"] == lapses
    assert steps_of(known)["registrations_lapse"] == END + 30 * DAY


def test_counted_from_the_request_no_registration_lapses_before_the_end():
    """SC-9, and never while a live plan needs it: a yearly plan that was cancelled in its first month."""
    year = {"period_end": END + 300 * DAY, "paid_until": END + 300 * DAY}

    found = steps_of(account(canceled(**year), **HELD), FROM_REQUEST)

    assert found["registrations_lapse"] == END + 300 * DAY


def test_of_two_requests_the_later_counts_and_who_never_asked_counts_from_their_end():
    """SC-9: an unpaid plan that Stripe ended was never cancelled by anybody."""
    two = account(canceled(canceled_at=START), canceled(**CALLING, canceled_at=END - DAY), **HELD)
    unpaid = account(subscription(status="canceled", ended_at=END, canceled_at=None), **HELD)

    assert steps_of(two, FROM_REQUEST)["registrations_lapse"] == END + 29 * DAY
    assert steps_of(unpaid, FROM_REQUEST)["registrations_lapse"] == END + 30 * DAY


@pytest.mark.parametrize("time_zone", ["Europe/Paris", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize(
    "end", ["2026-03-20T12:00:00Z", "2026-03-01T07:30:00Z", "2026-10-20T00:00:00Z"]
)
def test_fourteen_and_thirty_days_are_hours_in_whatever_zone_a_policy_counts(time_zone, end):
    """SC-8, SC-9: "14 days", "30 days": 336 and 720 hours, though the clocks of that zone change in between."""
    known = account(canceled(period_end=at(end), paid_until=at(end)), **HELD)

    found = steps_of(known, replace(POLICY, time_zone=time_zone))

    assert found["numbers_released"] == at(end) + 336 * HOUR
    assert found["registrations_lapse"] == at(end) + 720 * HOUR
