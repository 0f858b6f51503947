"""The same promises when webhooks are lost, jobs sleep, run twice, or run at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.handlers.jobs import JOBS
from chalicelib.store.holdings import rows
from chalicelib.store.table import Action
from tests.support.life import Life, consenting
from tests.support.smarter_contact import (
    ACME,
    CALLING,
    END,
    LAPSE,
    MESSAGING,
    ONE,
    PURGE,
    RELEASE,
    SECOND,
    TEN_DLC,
    as_seen,
    leaving,
    subscribed,
)

DAY = timedelta(days=1)


def result(life: Life) -> dict[str, Any]:
    """What came of it, whenever it was done: all a customer and a carrier can see, and every booking."""
    return as_seen(life) | {
        "carrier": life.at_carrier(),
        "calls": {name: len(life.releases(name)) for name in life.carrier.view()["numbers"]},
        "booked": sorted((e["at"], e["kind"], e["amount"]["amount"]) for e in life.entries(ACME)),
    }


def left_with_everything() -> Life:
    """A customer who left with two plans, numbers on two cycles, a registration and unsent messages."""
    life, plans = subscribed(MESSAGING, CALLING)
    life.number(ACME, ONE)
    life.number(ACME, "+14155550109", fee=250)
    life.registration(ACME, TEN_DLC)
    life.schedule(ACME, ("s1", "sms", LAPSE, 7), ("v1", "rvm", LAPSE, 23))
    for plan in plans:
        life.cancel(ACME, plan)
    return life


def test_with_every_webhook_dropped_everything_still_happens_on_its_day():
    """SC-3, SC-8, SC-9, SC-10, SC-12: the jobs ask Stripe themselves."""
    life, messaging = leaving()
    life.schedule(ACME, ("s1", "sms", LAPSE, 7))
    life.control("drop_webhooks")

    life.move(END - SECOND)
    before = life.features(ACME)["send_sms"]
    life.move(END)
    after = life.features(ACME)["send_sms"], life.status(ACME, messaging), life.balance(ACME)
    life.move(PURGE)

    assert before is True
    assert after == (False, "canceled", 0)
    assert life.releases(ONE) == [RELEASE]
    assert life.lapses(TEN_DLC) == [LAPSE]
    assert life.membership(ACME, "id") == []


def test_cancelling_what_somebody_has_ended_at_stripe_meanwhile_is_a_cancellation_all_the_same():
    """Seed 172: its event was still on the way, and the answer was 500."""
    life, (messaging,) = subscribed(MESSAGING)
    shown = life.preview(ACME, messaging).body
    life.control("delay_webhooks")
    life.control("cancel_now", subscription=messaging)

    path = f"/v1/subscriptions/{messaging}/cancellation"
    confirmed = life.customer(ACME, "POST", path, consenting(shown))

    assert confirmed.status == 200
    assert confirmed.body["access_ends_at"] == shown["access_ends_at"]


def test_whoever_cancels_when_a_renewal_is_not_heard_of_yet_is_shown_the_new_period():
    """Seeds 322, 324: shown was the old period's end, that very second, and billed was another month."""
    life, (messaging,) = subscribed(MESSAGING)
    life.control("delay_webhooks")
    life.sleep(END)
    renewed = "2026-03-31T12:00:00Z"

    shown = life.preview(ACME, messaging).body
    path = f"/v1/subscriptions/{messaging}/cancellation"
    answers = [life.customer(ACME, "POST", path, consenting(shown)) for _ in range(2)]

    assert shown["access_ends_at"] == renewed
    assert [one.body["access_ends_at"] for one in answers] == [renewed, renewed]


def test_whoever_is_shown_a_period_that_ends_before_they_press_is_shown_the_next_one_first():
    life, (messaging,) = subscribed(MESSAGING)
    life.control("delay_webhooks")
    life.sleep(END - timedelta(seconds=1))
    shown = life.preview(ACME, messaging).body
    life.sleep(END)

    path = f"/v1/subscriptions/{messaging}/cancellation"
    pressed = life.customer(ACME, "POST", path, consenting(shown))

    assert (pressed.status, pressed.code) == (409, "preview_stale")
    assert pressed.body["preview"]["access_ends_at"] == "2026-03-31T12:00:00Z"


def test_cancelled_in_the_portal_and_no_webhook_ever_came():
    """SC-3: "until your current billing period ends": what the webhook missed is found in Stripe's own list."""
    life, (messaging,) = subscribed()
    life.control("drop_webhooks")
    life.control("portal_cancel", subscription=messaging)

    life.move(END - SECOND)
    last_second = life.features(ACME)["send_sms"]
    life.move(END)

    assert last_second is True
    assert life.features(ACME)["send_sms"] is False


def test_cancelled_in_the_portal_and_no_job_of_ours_ran_either():
    """SC-3: "until your current billing period ends": access is never given past what was paid and may settle."""
    life, (messaging,) = subscribed()
    life.control("drop_webhooks")
    life.control("portal_cancel", subscription=messaging)

    life.sleep(END + timedelta(hours=72) - SECOND)
    settling = life.features(ACME)["send_sms"]
    life.sleep(END + timedelta(hours=72))

    assert settling is True
    assert life.features(ACME)["send_sms"] is False


def test_a_fee_of_a_plan_nobody_told_us_of_is_owed_though_a_later_plan_was_heard_of_first():
    """SC-6. A date on which no plan we know of was there is passed over for good, so Stripe is asked before that.
    Found by the simulation (seed 191)."""
    life = Life()
    customer = life.account(ACME)
    life.number(ACME, ONE)

    def sold_at_stripe(plan: str) -> None:
        price = life.stripe("GET", f"/v1/prices?lookup_keys[0]={plan}")["data"][0]["id"]
        life.stripe("POST", "/v1/subscriptions", f"customer={customer}&items[0][price]={price}")

    life.control("drop_webhooks")
    sold_at_stripe(MESSAGING)
    life.sleep(END + DAY)

    life.control("resume_webhooks")
    sold_at_stripe(CALLING)
    life.run_jobs()

    assert [fee["at"] for fee in life.entries(ACME, "number_fee")] == ["2026-02-28T12:00:00Z"]


def test_cancelled_in_the_portal_without_a_webhook_no_fee_is_charged_after_the_end():
    """SC-6: no fee at or after the end, though nobody told us of it: Stripe is asked before charging."""
    life, (messaging,) = subscribed()
    life.number(ACME, ONE)
    life.control("drop_webhooks")
    life.control("portal_cancel", subscription=messaging)

    life.move(RELEASE)

    assert life.entries(ACME) == []
    assert life.releases(ONE) == [RELEASE]


@pytest.mark.parametrize("mode", ["duplicate_webhooks", "reorder_webhooks", "delay_webhooks"])
def test_webhooks_doubled_reordered_or_late_lead_to_the_same(mode):
    """SC-3 … SC-12: any permutation, duplication or delay of the same events gives the same state."""
    calm = left_with_everything()
    calm.move(LAPSE)
    expected = result(calm)
    life = left_with_everything()

    life.control(mode)
    life.move(LAPSE)
    life.control("resume_webhooks")
    life.move(LAPSE)

    assert result(life) == expected


@pytest.mark.parametrize("since", [END, RELEASE, LAPSE, PURGE])
def test_a_job_that_slept_a_week_catches_up_with_the_same_result(since):
    """SC-6, SC-8, SC-9, SC-10, SC-12: every step counts from when it was due, not from when a job woke up."""
    punctual = left_with_everything()
    punctual.move(since + 7 * DAY)
    expected = result(punctual)
    life = left_with_everything()
    life.move(since - SECOND)

    life.sleep(since + 7 * DAY)
    life.run_jobs()

    assert result(life) == expected


def test_jobs_that_slept_all_the_time_catch_up_in_one_run():
    """SC-6, SC-8, SC-9, SC-10, SC-12: two years late, and still everything once."""
    punctual = left_with_everything()
    punctual.move(PURGE + 365 * DAY)
    expected = result(punctual)
    life = left_with_everything()

    life.sleep(PURGE + 365 * DAY)
    did = life.run_jobs()

    assert set(did) == {
        "expire_subscriptions", "credit_unsent_messages", "release_numbers", "lapse_registrations",
        "purge_data",
    }  # fmt: skip
    assert result(life) == expected


@pytest.mark.parametrize("first", ["release_numbers", "charge_number_fees"])
def test_after_months_asleep_what_is_owed_is_charged_before_the_numbers_go(first):
    """SC-6, SC-8: "you may still incur phone number fees"; whichever job runs first, and each number is released."""
    life, (plan,) = subscribed("smarter-contact:messaging:year")
    life.number(ACME, ONE)
    life.cancel(ACME, plan)
    end = life.access_ends_at(ACME, plan)
    life.sleep(end + 30 * DAY)

    JOBS[first].run(life.world)
    assert first == "charge_number_fees" or life.releases(ONE) == []
    life.run_jobs()
    life.move(life.now + timedelta(hours=1))

    assert len(life.entries(ACME, "number_fee")) == 11
    assert len(life.releases(ONE)) == 1


@pytest.mark.parametrize("moment", [END, RELEASE, LAPSE, PURGE])
def test_a_doubled_run_does_nothing_twice(moment):
    """SC-6, SC-8, SC-9, SC-10, SC-12: every action can be asked for twice."""
    life = left_with_everything()
    life.move(moment)
    before = result(life), list(rows(life.world.table, ACME, ""))

    again = life.run_jobs()

    assert again == {}
    assert (result(life), list(rows(life.world.table, ACME, ""))) == before


def test_two_runs_at_once_release_each_number_once():
    """SC-8: "All purchased phone numbers will be released": each of them, once."""
    numbers = [f"+1415555{n:04}" for n in range(30)]
    life, (messaging,) = subscribed()
    for number in numbers:
        life.number(ACME, number)
    life.cancel(ACME, messaging)
    life.move(RELEASE - SECOND)
    life.sleep(RELEASE)

    did = at_once(life, "release_numbers", 4)

    calls = {n: life.carrier.view()["numbers"][n]["calls"] for n in numbers}
    assert did.count("1 done") == 1
    assert all([call["outcome"] for call in calls[n]] == ["done"] for n in numbers)
    assert life.membership(ACME)["numbers"] == []


def test_two_runs_at_once_credit_each_message_once():
    """SC-12: "we'll credit your account": once, also when two jobs do it."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, *[(f"m{n}", "sms", LAPSE, n + 1) for n in range(100)])
    life.cancel(ACME, messaging)
    life.move(END - SECOND)
    life.sleep(END)

    at_once(life, "expire_subscriptions", 4)
    at_once(life, "credit_unsent_messages", 4)
    life.move(END + timedelta(hours=1))

    assert life.balance(ACME) == 0
    credited = life.entries(ACME, "messages_credited")
    assert sum(e["amount"]["amount"] for e in credited) == sum(range(1, 101))


def test_two_runs_at_once_charge_each_fee_once():
    """SC-6: no number fee twice for one date."""
    life, _ = subscribed("smarter-contact:messaging:year")
    for n in range(12):
        life.number(ACME, f"+1415555{n:04}", fee=100 + n)
    life.sleep("2026-05-20T00:00:00Z")

    at_once(life, "charge_number_fees", 4)
    life.move("2026-05-21T00:00:00Z")

    fees = life.entries(ACME, "number_fee")
    assert len(fees) == len({e["cause"] for e in fees}) == 36
    assert life.balance(ACME) == -3 * sum(range(100, 112))


def test_a_message_is_sent_or_credited_but_never_both_though_they_race():
    """SC-12: sent → never credited, credited → never sent."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, *[(f"m{n}", "sms", END, 10) for n in range(40)])
    life.cancel(ACME, messaging)
    life.move(END - SECOND)
    start = Barrier(2)

    def send() -> list[int]:
        start.wait()
        path = "/v1/scheduled-messages/m{}/sent?account_id=" + ACME
        return [life.service("POST", path.format(n)).status for n in range(40)]

    def end() -> None:
        start.wait()
        life.wait(END)
        life.side.run_due()
        JOBS["credit_unsent_messages"].run(life.world)

    with ThreadPoolExecutor(2) as threads:
        sending, ending = threads.submit(send), threads.submit(end)
        statuses = sending.result()
        ending.result()
    life.move(END + timedelta(hours=1))

    assert set(statuses) <= {200, 409}
    assert life.balance(ACME) == -10 * statuses.count(200)


def test_from_the_end_on_it_is_credited_and_can_be_deleted_no_more(monkeypatch):
    """SC-12: sent, deleted or credited: one of them, once; from the end on that is judged by the clock, not by which job
    was faster."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, ("m1", "sms", LAPSE, 7), ("m2", "sms", LAPSE, 11))
    life.cancel(ACME, messaging)
    life.move(END - SECOND)
    life.sleep(END)
    answers: list[int] = []

    def delete() -> None:
        path = f"/v1/scheduled-messages/m1?account_id={ACME}"
        answers.append(life.service("DELETE", path).status)

    just_before(monkeypatch, life, "credited", delete)
    life.run_jobs()

    assert answers == [409]
    assert life.balance(ACME) == 0
    assert [e["amount"]["amount"] for e in life.entries(ACME, "messages_credited")] == [18]


def test_credited_in_the_instant_it_is_marked_as_sent_it_must_not_be_sent(monkeypatch):
    """SC-12: credited → it can never be sent, however close the two were."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, ("m1", "sms", END, 7))
    life.cancel(ACME, messaging)
    life.move(END - SECOND)

    def the_end_comes() -> None:
        life.sleep(END)
        life.run_jobs()

    just_before(monkeypatch, life, "sent", the_end_comes)
    answer = life.service("POST", f"/v1/scheduled-messages/m1/sent?account_id={ACME}")

    assert (answer.status, answer.code) == (409, "already_credited")
    assert life.balance(ACME) == 0


def test_the_crediting_job_asks_stripe_itself_whichever_job_runs_first():
    """SC-12: "When the cancellation date arrives": a resume that no webhook told of called it off."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, ("m1", "sms", LAPSE, 7))
    life.cancel(ACME, messaging)
    life.move(END - SECOND)
    life.control("drop_webhooks")
    life.control("portal_resume", subscription=messaging)
    life.wait(END)

    JOBS["credit_unsent_messages"].run(life.world)

    assert life.entries(ACME, "messages_credited") == []
    assert life.status(ACME, messaging) == "active"


def just_before(
    monkeypatch: pytest.MonkeyPatch, life: Life, state: str, act: Callable[[], object]
) -> None:
    """Acts once, right before the first transaction that gives a message this state."""
    transact, waiting = life.watch.transact, [act]

    def meddled(actions: Sequence[Action]) -> None:
        if waiting and any(getattr(one, "set", {}).get("state") == state for one in actions):
            waiting.pop()()
        transact(actions)

    monkeypatch.setattr(life.watch, "transact", meddled)


def at_once(life: Life, job: str, runs: int) -> list[str]:
    """Several runs of one job that begin in the same instant. What each did."""
    wiring.use(life.world)
    start = Barrier(runs)

    def run(_: int) -> str:
        start.wait()
        return JOBS[job].run(life.world).did

    with ThreadPoolExecutor(runs) as threads:
        return list(threads.map(run, range(runs)))
