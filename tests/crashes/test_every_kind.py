"""The listing of what the schedule and Stripe set off: every step, every job and every event, each with the story in
which it is broken at every call in every way. One that is new, or whose story is gone, is named here.
"""

import importlib
import re
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

import chalicelib
from chalicelib.domain import steps
from chalicelib.gates import PORTS
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.handlers.jobs import SCHEDULE
from chalicelib.hearing import HEARD
from chalicelib.lifecycle import must_load
from chalicelib.store import parked
from chalicelib.store.table import StoreError
from chalicelib.store.walks import due_kind
from tests.crashes.again import CAME_THROUGH, every_fault_of, from_here
from tests.crashes.every_route import Ready, onemsg, smarter
from tests.crashes.lives import ending, through, with_files_of_its_own
from tests.crashes.stories import STORIES
from tests.doors.scene import ACME
from tests.support.endings import differences
from tests.support.endings import ending as ending_of
from tests.support.everything_at_stripe import Scene
from tests.support.faults import Crash, FaultyTable, Plan, faulty
from tests.support.invariants import check_all
from tests.support.stripe_shapes import VERSIONS, event

SWEPT = "tests.crashes.test_sweeps", "test_a_sweep_broken_anywhere_ends_as_if_nothing_had_happened"
PAID = "tests.cases.test_crashes", "test_a_flow_broken_anywhere_ends_as_if_nothing_had_happened"
CONTRACT = "tests.crashes.test_contracts", "test_a_sweep_broken_anywhere_leaves_the_contract_whole"
CARDS = "tests.crashes.test_collecting_and_seats"
STEPS = {
    **dict.fromkeys(set(STORIES) - {parked.KIND}, SWEPT),
    steps.REFUND_PAID: PAID,
    steps.APPEAL_CREDITED: PAID,
    # A decision carries it out at once: the plan that is refunded there ends, or is found unpaid.
    steps.PLAN_ENDED: PAID,
    steps.RENEWAL_RESTORED: CONTRACT,
    steps.RENEWAL_OFF: CONTRACT,
    steps.COLLECTION_STOPPED: (CARDS, "test_a_stop_of_the_collection_broken_anywhere_leaves_the_card_alone"),
    steps.COLLECTION_RESUMED: (CARDS, "test_a_collection_taken_up_again_broken_anywhere_is_taken_up"),
    steps.SEATS_UNASSIGNED: (CARDS, "test_seats_emptied_anywhere_in_between_are_empty_in_the_end"),
    steps.EXPORT_MADE: ("tests.purging.test_crashes", "test_an_export_broken_anywhere_is_made_whole_and_once"),
}  # fmt: skip
"""Step → the module and the test. Those below have their stories here."""
WORKS = {
    "tell_of_maintenance": (
        "tests.crashes.test_maintenance", "test_telling_that_dies_anywhere_is_finished_by_the_schedule_and_tells_once"),
    "publish_again": ("tests.publishing.test_crashes", "test_a_publisher_broken_anywhere_loses_nothing"),
    "send_again": (
        "tests.publishing.test_delivering_crashes", "test_a_sender_broken_anywhere_loses_nothing_and_keeps_the_order"),
    "catch_up_publishing": ("tests.publishing.test_crashes", "test_a_publisher_broken_anywhere_loses_nothing"),
    "hear_missed_events": ("tests.truth.test_catching_up", "test_broken_anywhere_the_next_run_hears_everything"),
    "reconcile": ("tests.truth.test_reconciling", "test_broken_anywhere_the_next_runs_repair_all_of_it"),
    "check_invariants": ("tests.truth.test_checking", "test_broken_anywhere_the_next_run_finds_it"),
    "retry_parked_events": SWEPT,
}  # fmt: skip
"""Job that does more than sweep steps → the same."""
IN_PARTS = dict.fromkeys(
    ("tell_of_maintenance", "catch_up_publishing", "reconcile", "check_invariants"),
    ("tests.crashes.test_walks_in_parts", "test_whoever_takes_a_part_may_die_anywhere"),
)
"""Job that walks over all accounts, and shares its walk out → the same, of whatever it does to each."""
BY_HAND = {
    "backfill": (
        "tests.truth.test_backfilling",
        "test_broken_anywhere_it_goes_on_and_tells_the_truth",
    ),
}
"""What walks over everything, keeps how far it is, and is started by a person instead of the schedule → the same."""
HARMLESS = {"listen_for_silence"}
"""It only looks, and says what it saw in the log."""


def _asked_back() -> Ready:
    """A person has to answer, by a day that was promised."""
    ready = onemsg()
    asked = {"subscription_id": ready.plan}
    assert ready.life.customer(ACME, "POST", "/v1/refund-requests", asked).status == 201
    return ready


def _leaving() -> Ready:
    ready = smarter()
    ready.life.cancel(ACME, ready.plan)
    return ready


STEPS_HERE = {
    steps.CASE_CLOCK: _asked_back,
    steps.EXPORT_EXPIRES: smarter,
    steps.REMINDER: _leaving,
}
"""Step → what leads to it."""


# -- nothing is left out


def test_every_step_every_job_and_every_event_is_in_the_listing():
    swept = {kind for job in SCHEDULE for kind in job.due_kinds} & set(steps.KINDS)
    works = {job.name for job in SCHEDULE if set(job.due_kinds) - swept or job.works}

    assert swept == set(steps.KINDS)
    assert STEPS.keys() | STEPS_HERE.keys() == set(steps.KINDS)
    assert not STEPS.keys() & STEPS_HERE.keys()
    assert WORKS.keys() | HARMLESS == works
    assert IN_PARTS.keys() == {job.name for job in SCHEDULE if due_kind(job.name) in job.shared}


def test_what_is_a_job_and_stands_in_no_schedule_is_in_the_listing_too():
    sources = [file.read_text() for file in Path(chalicelib.__file__).parent.glob("*.py")]
    named = {
        name for source in sources for name in re.findall(r'^JOB = "(\w+)"$', source, re.MULTILINE)
    }

    assert named - {job.name for job in SCHEDULE} == BY_HAND.keys()


@pytest.mark.parametrize(
    ("module", "name"),
    sorted({*STEPS.values(), *WORKS.values(), *IN_PARTS.values(), *BY_HAND.values()}),
)
def test_the_story_is_there(module, name):
    assert callable(getattr(importlib.import_module(module), name))


# -- steps


def swept_with(ready, kind, plan):
    life = ready.life
    with_files_of_its_own(life)
    (job,) = [job for job in SCHEDULE if kind in job.due_kinds]
    with suppress(Crash, StoreError):
        job.run(through(life, plan))
    life.run_jobs()
    life.move(life.now + timedelta(hours=1))
    return plan.calls, ending(life, ready.table)


@pytest.mark.parametrize("kind", STEPS_HERE)
def test_a_step_broken_anywhere_ends_as_if_nothing_had_happened(kind):
    ready = STEPS_HERE[kind]()
    life = ready.life
    planned = must_load(life.world, ACME).account.steps
    due = min(due for id, due in planned.items() if id.partition(":")[0] == kind)
    life.sleep(max(due, life.now))
    told = from_here(lambda plan: swept_with(ready, kind, plan))
    calls, right = told(Plan())
    assert {call.name for call in calls} & {"write", "transact"}

    for plan, where in every_fault_of(calls):
        _, end = told(plan)
        assert not differences(end, right), where
    assert told(Plan()) == (calls, right), CAME_THROUGH


# -- events


def an_hour_after_it_is_known():
    scene = Scene()
    scene.deliver(
        event("evt_0", "customer.subscription.created", scene.unix, scene.truth.thing("sub_1"))
    )
    scene.move(scene.now + timedelta(hours=1))
    return scene


def heard(scene, kind, plan):
    """An event of this kind; delivered again when it was not answered with 200."""
    told = event("evt_1", kind, scene.unix, scene.thing_of(kind, VERSIONS[-1]), VERSIONS[-1])
    world = scene.process(
        table=FaultyTable(scene.table, plan),
        stripe=faulty(
            scene.truth,
            plan,
            names=PORTS["stripe"].looks,
            reads=PORTS["stripe"].looks,
            unavailable=lambda: StripeUnavailable("as planned"),
        ),
    )
    status = 0
    with suppress(Crash):
        status, _ = scene.deliver(told, world)
    if status != 200:
        assert status in (0, 500, 503)
        assert scene.deliver(told)[0] == 200
    for _ in range(4):
        scene.tick()
    check_all(scene.world, scene.table, scene.carrier)
    return ending_of(scene)


@pytest.mark.parametrize("kind", HEARD)
def test_an_event_broken_anywhere_ends_as_if_nothing_had_happened(kind):
    scene = an_hour_after_it_is_known()
    told = from_here(lambda plan: heard(scene, kind, plan))
    clean = Plan()
    right = told(clean)
    assert clean.calls

    for index, call in enumerate(clean.calls):
        for fault in call.faults:
            plan = Plan({index: fault})
            assert not differences(told(plan), right), f"{plan} at {call.name}"
    assert told(Plan()) == right, CAME_THROUGH
