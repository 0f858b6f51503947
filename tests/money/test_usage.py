"""Usage charges and activity, as the SaaS reports them; and whether an account was used in some span of time."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import usage
from chalicelib.domain.activity import UsedDay, with_use
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.money import Money
from chalicelib.store import activity, holdings
from chalicelib.store.memory import MemoryTable
from tests.support.life import START, Life, Reply
from tests.support.smarter_contact import ONE

ACME = "acme"
everywhere = pytest.mark.parametrize("table", ["memory", "ministack"], indirect=True)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def living(policy: str = "1msg") -> Life:
    life = Life()
    life.account(ACME, policy)
    return life


def charge(life: Life, id: str = "u1", minor: int = 126, **more) -> Reply:
    body = {
        "account_id": ACME,
        "id": id,
        "amount": {"amount": minor, "currency": "usd"},
        "kind": "conversation",
        "at": rfc3339(life.now),
        **more,
    }
    return life.service("POST", "/v1/usage-charges", body)


def report(life: Life, id: str = "a1", **more) -> Reply:
    body = {"account_id": ACME, "id": id, "kind": "template_created", "at": rfc3339(life.now)}
    return life.service("POST", "/v1/activity", {**body, **more})


def used(life: Life, start: datetime = START, end: datetime | None = None) -> bool:
    return activity.used_between(life.world.table, ACME, start, end or life.now + SECOND)


def held(life: Life) -> int:
    return int(life.customer(ACME, "GET", "/v1/wallet").body["balance"]["amount"])


# -- charges


def test_a_charge_is_debited_once_however_often_it_is_reported():
    life = living()

    first = charge(life)
    again = [charge(life) for _ in range(3)]

    assert (first.status, first.body["outcome"]) == (200, "charged")
    assert {(r.status, r.body["outcome"]) for r in again} == {(200, "already_charged")}
    assert first.body["balance"] == {"amount": -126, "currency": "usd"}
    (entry,) = life.entries(ACME)
    assert (entry["kind"], entry["note"]) == ("usage", {"usage": "u1", "kind": "conversation"})
    assert held(life) == -126


@pytest.mark.parametrize(
    "other",
    [
        {"amount": {"amount": 127, "currency": "usd"}},
        {"kind": "template"},
        {"at": "2026-01-31T12:00:01Z"},
    ],
)
def test_the_same_id_for_something_else_is_taken(other):
    life = living()
    charge(life)

    refused = charge(life, **other)

    assert (refused.status, refused.code) == (409, "taken")
    assert held(life) == -126


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": {"amount": amount, "currency": "usd"}}
        for amount in (0, -1, 1.5, 126.0, "126", True, None, 2**63, 2**53, [126])
    ]
    + [{"amount": {"amount": 1, "currency": c}} for c in ("eur", "USD", "", None, "us", 840)]
    + [{"amount": 126}, {"amount": None}, {"at": "yesterday"}, {"at": None}, {"at": "2026-01-31"}]
    + [{"id": id} for id in ("", "x" * 201, "a\nb", "a\x00b", 7, None)]
    + [{"kind": kind} for kind in ("", "x" * 201, "a\tb", 7, None)],
)
def test_a_malformed_charge_is_refused_and_debits_nothing(wrong):
    life = living()

    refused = charge(life, **wrong)

    assert (refused.status, refused.code) == (422, "invalid_request")
    assert life.entries(ACME) == []
    assert not used(life)


def test_a_charge_is_never_refused_for_lack_of_balance_but_for_leaving_all_bounds():
    life = living()

    assert charge(life, "big", 2**53 - 1).status == 200
    refused = charge(life, "more", 1)

    assert (refused.status, refused.code) == (422, "invalid_request")
    assert held(life) == -(2**53 - 1)


def test_of_an_account_that_does_not_exist_nothing_is_charged_or_recorded():
    life = living()

    for reply in (charge(life, account_id="nobody"), report(life, account_id="nobody")):
        assert (reply.status, reply.code) == (404, "not_found")


@pytest.mark.parametrize("path", ["/v1/usage-charges", "/v1/activity"])
def test_only_the_saas_s_own_back_end_reports(path):
    life = living()
    body = {
        "account_id": ACME,
        "id": "1",
        "kind": "x",
        "at": rfc3339(life.now),
        "amount": {"amount": 1, "currency": "usd"},
    }

    mine = life.customer(ACME, "POST", path, body)
    operators = life.operator("POST", path, body)
    of_another = life.api("POST", path, body, token=life.token(None, "service", account_ids=["b"]))

    assert (mine.status, mine.code) == (403, "role_required")
    assert (operators.status, operators.code) == (403, "role_required")
    assert (of_another.status, of_another.code) == (404, "not_found")
    assert life.entries(ACME) == []


@everywhere
def test_a_hundred_charges_from_eight_threads_each_told_twice_land_once(table):
    life = Life(table)
    life.account(ACME, "1msg")
    charges = [
        usage.UsageCharge(id=f"u{n}", kind="conversation", amount=Money(n + 1, "usd"), at=life.now)
        for n in range(50)
    ]

    def work(number):
        mine = [*charges, *charges][number::4]
        Random(number).shuffle(mine)
        return sum(usage.charge(life.world, ACME, one) for one in mine)

    with ThreadPoolExecutor(8) as pool:
        new = sum(pool.map(work, range(8)))

    assert new == 50
    assert held(life) == -sum(range(1, 51))
    assert used(life)


# -- activity


def test_an_activity_is_recorded_once_under_its_id():
    life = living()

    first, again = report(life), report(life)
    other_kind = report(life, kind="login")
    other_time = report(life, at="2026-01-30T00:00:00Z")

    assert (first.status, first.body) == (200, {"id": "a1", "recorded": True})
    assert again.status == 200
    assert (other_kind.status, other_kind.code) == (409, "taken")
    assert (other_time.status, other_time.code) == (409, "taken")
    assert used(life)


@pytest.mark.parametrize(
    "wrong", [{"at": "soon"}, {"kind": ""}, {"id": "x" * 201}, {"kind": "a\nb"}, {"at": 5}]
)
def test_a_malformed_activity_is_refused(wrong):
    life = living()

    refused = report(life, **wrong)

    assert (refused.status, refused.code) == (422, "invalid_request")
    assert not used(life)


def test_what_is_reported_with_a_clock_that_runs_ahead_has_happened_by_now():
    life = living()

    report(life, at=rfc3339(life.now + 3 * DAY))

    assert used(life, life.now, life.now + SECOND)
    assert not used(life, life.now + DAY, life.now + 4 * DAY)


def test_a_charge_a_sent_message_and_a_number_count_as_use():
    for act in (
        charge,
        lambda life: life.number(ACME, ONE),
        send_one,
    ):
        life = living("smarter-contact")
        life.subscribe(ACME)
        assert not used(life)

        act(life)

        assert used(life)


def send_one(life: Life) -> None:
    life.schedule(ACME, ("m1", "sms", life.now + DAY, 7))
    assert not used(life), "scheduled is not sent"
    assert life.service("POST", f"/v1/scheduled-messages/m1/sent?account_id={ACME}").status == 200


def test_a_number_held_at_any_moment_of_the_span_counts_and_one_released_before_does_not():
    life = living("smarter-contact")
    life.subscribe(ACME, "smarter-contact:messaging:year")
    life.number(ACME, ONE)
    life.move(START + 10 * DAY)
    life.customer(ACME, "DELETE", f"/v1/numbers/{ONE}")
    released = holdings.number(life.world.table, ACME, ONE)

    assert released is not None
    assert released.state == "released"
    assert used(life, START + 3 * DAY, START + 5 * DAY)
    assert not used(life, START + 10 * DAY, START + 20 * DAY)
    assert not used(life, START - 5 * DAY, START)


# -- the spans


def span(table: MemoryTable, start: datetime, end: datetime) -> bool:
    return activity.used_between(table, ACME, start, end)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_both_sides_of_both_boundaries():
    table, use = MemoryTable(), at("2026-03-10T09:30:00")
    activity.note(table, ACME, use)

    assert span(table, use, use + SECOND)
    assert not span(table, use + SECOND, use + DAY)
    assert span(table, use - DAY, use + SECOND)
    assert not span(table, use - DAY, use)


def test_uses_before_and_after_a_life_do_not_touch_it():
    table = MemoryTable()
    for when in ("2026-03-10T09:30:00", "2026-03-20T08:00:00"):
        activity.note(table, ACME, at(when))

    assert not span(table, at("2026-03-10T09:30:01"), at("2026-03-20T08:00:00"))
    assert not span(table, at("2026-03-12T00:00:00"), at("2026-03-15T00:00:00"))
    assert span(table, at("2026-03-10T09:30:01"), at("2026-03-20T08:00:01"))


def test_a_whole_life_within_one_day_between_two_uses_counts_as_used():
    """Nobody knows; a person decides the refund anyway."""
    table = MemoryTable()
    for when in ("2026-03-10T08:00:00", "2026-03-10T20:00:00"):
        activity.note(table, ACME, at(when))

    assert span(table, at("2026-03-10T12:00:00"), at("2026-03-10T13:00:00"))


MOMENTS = st.integers(0, 40 * 24).map(lambda hours: START + timedelta(hours=hours))


@settings(max_examples=200)
@given(st.lists(MOMENTS, max_size=8), MOMENTS, MOMENTS)
def test_a_span_of_more_than_a_day_is_answered_exactly(uses, one, other):
    start, end = min(one, other), max(one, other) + DAY
    table = MemoryTable()
    for use in uses:
        activity.note(table, ACME, use)

    assert span(table, start, end) == any(start <= use < end for use in uses)


def test_the_answer_costs_two_reads_of_days_however_long_the_life():
    life = living()
    for n in range(400):
        activity.note(life.world.table, ACME, START + n * DAY)
    asked = []

    class Counted:
        def __getattr__(self, name):
            asked.append(name)
            return getattr(life.world.table, name)

    found = activity.used_between(Counted(), ACME, START - 30 * DAY, START + 900 * DAY)  # type: ignore[arg-type]

    assert found
    assert asked == ["get", "query"]


def test_a_day_keeps_its_first_and_last_use_whatever_order_they_are_told_in():
    day = None
    for hour in (12, 9, 20, 15):
        day = with_use(day, START.replace(hour=hour))

    assert day == UsedDay(first=START.replace(hour=9), last=START.replace(hour=20))
    assert replace(day) == with_use(day, START.replace(hour=10))


@everywhere
def test_many_uses_at_once_are_all_noted(table):
    moments = [START + timedelta(seconds=n) for n in range(64)]

    def work(number):
        for moment in moments[number::8]:
            activity.note(table, ACME, moment)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    assert span(table, moments[0], moments[0] + SECOND)
    assert span(table, moments[-1], moments[-1] + SECOND)
    assert not span(table, moments[-1] + SECOND, moments[-1] + DAY)
