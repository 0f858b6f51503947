"""SC-6's other reading: "according to your billing cycle" taken for the plan's billing day; and fees that come late."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib import wiring
from chalicelib.domain import steps
from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.moments import from_rfc3339, months_after, rfc3339
from chalicelib.domain.money import Money
from chalicelib.domain.number_fees import (
    Number,
    cycle_of,
    fees_until,
    first_fee_at,
    next_fee_after,
    paid_beyond,
)
from chalicelib.domain.policy import Policy
from chalicelib.policies import Policies
from chalicelib.store import holdings, keys, wallet
from chalicelib.store.records import to_doc
from chalicelib.store.table import Update
from chalicelib.sweeping import sweep
from tests.support.faults import Plan
from tests.support.life import Life
from tests.support.smarter_contact import ACME, CALLING, ONE, TWO
from tests.support.stage import Stage

SHIPPED = Policies().get("smarter-contact")
assert SHIPPED.numbers is not None
BILLING = replace(SHIPPED, numbers=replace(SHIPPED.numbers, fee_cycle="billing"))
CALLING_ALONE = replace(SHIPPED.plans["calling"], needs_numbers=False)
NO_NUMBERS_TO_CALL = replace(SHIPPED, plans={**SHIPPED.plans, "calling": CALLING_ALONE})
YEARLY = "smarter-contact:messaging:year"
SECOND = timedelta(seconds=1)


class Other(Policies):
    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.policy = policy

    def get(self, name):
        return self.policy if name == self.policy.name else super().get(name)


def by_billing_day(life: Life) -> Life:
    life.world = replace(life.world, policies=Other(BILLING))
    wiring.use(life.world)
    return life


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fees(life: Life) -> list[tuple[str, str, int]]:
    return [
        (e["at"], e["note"]["number"], e["amount"]["amount"])
        for e in life.entries(ACME, "number_fee")
    ]


# -- the billing day of the plan


def test_numbers_bought_on_any_day_are_charged_on_the_plan_s_billing_day():
    life = by_billing_day(Life())
    life.account(ACME)
    life.subscribe(ACME)
    life.move("2026-02-10T09:30:00Z")
    life.number(ACME, ONE, fee=100)
    life.move("2026-03-05T00:00:00Z")
    life.number(ACME, TWO, fee=200)

    life.move("2026-05-01T00:00:00Z")

    # The plan was bought on 31 January at noon. A month must have passed since the purchase of a number.
    assert fees(life) == [
        ("2026-03-31T12:00:00Z", ONE, -100),
        ("2026-04-30T12:00:00Z", ONE, -100),
        ("2026-04-30T12:00:00Z", TWO, -200),
    ]


def test_the_page_and_the_preview_show_the_billing_days_and_they_are_kept():
    life = by_billing_day(Life())
    life.account(ACME)
    yearly = life.subscribe(ACME, YEARLY)
    life.move("2026-10-15T00:00:00Z")
    life.number(ACME, ONE, fee=115)
    shown = life.preview(ACME, yearly).body["consequences"]
    on_the_page = [n["next_fee_at"] for n in life.membership(ACME)["numbers"]]
    life.cancel(ACME, yearly)

    life.move("2027-06-01T00:00:00Z")

    promised = [c["at"] for c in shown if c["kind"] == "number_fee"]
    assert promised == ["2026-11-30T12:00:00Z", "2026-12-31T12:00:00Z"]
    assert on_the_page == promised[:1]
    # The next billing day, 31 January at noon, is the end itself: no fee falls due at the end.
    assert [one[0] for one in fees(life)] == promised


def number(bought_at: datetime, next_fee_at: datetime | None = None) -> Number:
    return Number(
        e164=ONE,
        provider="local",
        provider_id="PN1",
        monthly_fee=Money(100, "usd"),
        bought_at=bought_at,
        known_since=bought_at,
        next_fee_at=next_fee_at or months_after(bought_at, 1),
    )


def subscription(id: str, started: str, ends: str, **more) -> Subscription:
    return Subscription(
        id=id,
        plan="messaging",
        status="active",
        started_at=at(started),
        period_start=at(started),
        period_end=at(ends),
        **more,
    )


def account(*subscriptions: Subscription) -> Account:
    return Account(
        id="acme",
        policy="smarter-contact",
        currency="usd",
        created_at=at("2026-01-01T00:00:00"),
        subscriptions={s.id: s for s in subscriptions},
    )


def test_the_31st_stays_the_31st_although_february_was_billed_on_the_28th():
    acme = account(subscription("sub_1", "2026-01-31T12:00:00", "2026-03-31T12:00:00"))

    cycle = cycle_of(acme, BILLING, at("2026-01-15T00:00:00"))
    one = number(at("2026-01-15T00:00:00"), at("2026-02-28T12:00:00"))

    assert cycle == at("2026-01-31T12:00:00")
    assert [d.day for d in fees_until(one, at("2026-07-01T00:00:00"), cycle)] == [
        28,
        31,
        30,
        31,
        30,
    ]


def test_after_a_trial_the_months_are_counted_from_its_end():
    trialed = subscription(
        "sub_1",
        "2026-01-05T08:00:00",
        "2026-02-19T08:00:00",
        trial_ends_at=at("2026-01-19T08:00:00"),
    )

    assert cycle_of(account(trialed), BILLING, at("2026-01-07T00:00:00")).day == 19


def test_a_billing_day_that_stripe_moved_is_followed():
    moved = subscription("sub_1", "2026-01-05T08:00:00", "2026-02-20T10:00:00")

    assert cycle_of(account(moved), BILLING, at("2026-01-07T00:00:00")) == at("2026-02-20T10:00:00")


def test_without_a_plan_that_needs_it_a_number_keeps_its_own_day():
    bought = at("2026-01-07T00:00:00")

    assert cycle_of(account(), BILLING, bought) == bought
    assert cycle_of(account(), SHIPPED, bought) == bought


def test_of_two_plans_the_one_that_lasts_longer_says_the_day():
    leaving = subscription(
        "sub_1", "2026-01-03T00:00:00", "2026-03-03T00:00:00", cancel_at=at("2026-03-03T00:00:00")
    )
    staying = subscription("sub_2", "2026-01-20T00:00:00", "2026-02-20T00:00:00")

    assert cycle_of(account(leaving, staying), BILLING, at("2026-02-01T00:00:00")).day == 20
    older = replace(leaving, cancel_at=None)
    assert cycle_of(account(older, staying), BILLING, at("2026-02-01T00:00:00")).day == 3


def test_when_the_billing_day_changes_no_month_is_charged_twice():
    one = number(at("2026-01-10T00:00:00"))

    # Charged on 10 March; the new plan's day is the 12th. Two days later would be a second fee for one month.
    after = next_fee_after(one, at("2026-03-10T00:00:00"), at("2026-03-12T00:00:00"))

    assert after == at("2026-04-12T00:00:00")


@pytest.mark.parametrize(
    ("known", "first"),
    [
        ("2026-01-10T00:00:00", "2026-02-10T00:00:00"),
        ("2026-02-10T00:00:00", "2026-02-10T00:00:00"),
        ("2026-02-10T00:00:01", "2026-03-10T00:00:00"),
        ("2026-06-01T00:00:00", "2026-06-10T00:00:00"),
    ],
)
def test_the_first_fee_is_a_month_after_the_purchase_and_not_before_we_knew(known, first):
    assert first_fee_at(at("2026-01-10T00:00:00"), at(known)) == at(first)


@pytest.mark.parametrize("day", [28, 29, 30, 31])
def test_a_cycle_from_the_end_of_a_month_never_drifts(day):
    bought = at(f"2028-01-{day}T23:59:59")
    date, dates = first_fee_at(bought, bought), []
    for _ in range(48):
        dates.append(date)
        date = next_fee_after(number(bought), date)

    assert dates == [months_after(bought, n) for n in range(1, 49)]


# -- fees that come late


def test_a_new_fee_does_not_reach_back_to_a_date_that_has_come():
    """SC-6: a new fee counts from the next cycle, also when the job has not come by yet."""
    life = Life()
    life.account(ACME)
    life.subscribe(ACME, YEARLY)
    life.number(ACME, ONE, fee=100)
    life.wait("2026-02-28T12:00:01Z")

    assert life.number(ACME, ONE, fee=999).status == 200
    life.move("2026-03-31T12:00:00Z")

    assert [(when, amount) for when, _, amount in fees(life)] == [
        ("2026-02-28T12:00:00Z", -100),
        ("2026-03-31T12:00:00Z", -999),
    ]


def test_a_new_fee_put_while_a_fee_is_charged_is_not_lost():
    life = Life()
    life.account(ACME)
    life.subscribe(ACME, YEARLY)
    life.number(ACME, ONE, fee=100)
    life.wait("2026-02-28T12:00:00Z")
    inner = life.world.table

    class Racing:
        """Somebody changes the fee after the sweep has read the number, before it writes."""

        def __init__(self):
            self.armed = True

        def __getattr__(self, name):
            return getattr(inner, name)

        def transact(self, actions):
            if self.armed and any("wallet" in str(getattr(a, "key", "")) for a in actions):
                self.armed = False
                wiring.use(life.world)
                assert life.number(ACME, ONE, fee=150).status == 200
            inner.transact(actions)

    racing = replace(life.world, table=Racing())
    sweep(racing, steps.NUMBER_FEE)
    life.move("2026-04-01T00:00:00Z")

    kept = holdings.number(life.world.table, ACME, ONE)
    assert kept is not None
    assert kept.monthly_fee == Money(150, "usd")
    assert [amount for _, _, amount in fees(life)] == [-100, -150]


def test_dates_beyond_what_is_paid_are_charged_only_after_stripe_was_asked():
    """The app slept while Stripe ended the plan. What fell due before is owed, what came after is not."""
    life = Life()
    customer = life.account(ACME)
    monthly = life.subscribe(ACME)
    life.number(ACME, ONE, bought_at=at("2026-01-20T00:00:00"))
    life.control("drop_webhooks")
    life.stripe("POST", f"/v1/subscriptions/{monthly}", "cancel_at_period_end=true")
    life.sleep("2026-06-01T00:00:00Z")

    life.run_jobs()
    life.run_jobs()

    assert customer
    assert [when for when, _, _ in fees(life)] == ["2026-02-20T00:00:00Z"]


@pytest.mark.parametrize(
    ("days", "asks"),
    [(28, True), (29, False)],
    ids=["paid up to the date", "paid beyond it"],
)
def test_a_fee_asks_stripe_unless_the_plan_that_needs_the_number_is_paid_beyond_its_date(
    days, asks
):
    stage = Stage()
    stage.account()
    stage.subscribe(days=days)
    date = stage.number(ONE).next_fee_at
    assert date == stage.now + timedelta(days=28)
    stage.move(date)
    plan = Plan()

    assert sweep(stage.through(plan), steps.NUMBER_FEE).counts["done"] == 1

    assert ("Truth.subscriptions_of" in [call.name for call in plan.calls]) is asks


def test_a_plan_that_needs_no_numbers_vouches_for_none_of_their_fees():
    """It was there all the time and is paid beyond the date; of the one that needed the number, nobody told us."""
    stage = Stage()
    stage.world = replace(stage.world, policies=Other(NO_NUMBERS_TO_CALL))
    stage.account()
    stage.subscribe("sub_calls", days=365, price=CALLING)
    stage.subscribe("sub_unheard", days=56, hear=False)
    date = stage.number(ONE).next_fee_at
    stage.move(date + timedelta(days=2))
    # Another one that needs numbers, so that the step stands on the timeline.
    stage.subscribe("sub_later", days=56)

    sweep(stage.world, steps.NUMBER_FEE)

    assert wallet.booked(stage.table, "acme", f"number_fee:{ONE}:{rfc3339(date)}")


def test_nothing_is_certain_beyond_the_plan_that_is_paid_the_least():
    paid = {"paid_until": at("2026-03-01T00:00:00")}
    monthly = subscription("sub_1", "2026-02-01T00:00:00", "2026-03-01T00:00:00", **paid)
    yearly = replace(monthly, id="sub_2", paid_until=at("2027-02-01T00:00:00"))
    ended = replace(monthly, id="sub_3", ended_at=at("2026-02-05T00:00:00"))
    unpaid = replace(monthly, id="sub_4", paid_until=None)

    assert paid_beyond(account(monthly, yearly)) == at("2026-03-01T00:00:00")
    assert paid_beyond(account(yearly, ended)) == at("2027-02-01T00:00:00")
    assert paid_beyond(account(yearly, unpaid)) is None
    assert paid_beyond(account()) is None


def test_a_number_charged_for_a_date_under_an_earlier_row_is_not_charged_again():
    """The row of a number may be put anew; the ledger remembers the date."""
    life = Life()
    life.account(ACME)
    life.subscribe(ACME, YEARLY)
    life.number(ACME, ONE)
    life.move("2026-02-28T12:00:00Z")
    found = holdings.number(life.world.table, ACME, ONE)
    assert found is not None
    back = replace(found, next_fee_at=from_rfc3339("2026-02-28T12:00:00Z"))
    life.world.table.write(Update(keys.number(ACME, ONE), {"doc": to_doc(back)}))

    life.move("2026-04-01T00:00:00Z")

    assert [when for when, _, _ in fees(life)] == ["2026-02-28T12:00:00Z", "2026-03-31T12:00:00Z"]
