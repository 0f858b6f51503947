"""SC-7: whoever comes back in the middle of a sweep keeps everything that was not carried out by then."""

from datetime import timedelta

from chalicelib.domain import steps
from chalicelib.store import holdings
from chalicelib.sweeping import sweep
from tests.crashes.stories import STORIES, Down
from tests.crashes.test_sweeps import at_every_moment, at_every_moment_of, prepared, recover
from tests.support.invariants import Witness, check_all
from tests.support.stage import END, Stage


def test_who_returns_in_the_middle_of_a_release_keeps_every_number_not_begun_by_then():
    """SC-7: "stops every consequence not yet carried out"."""

    def returns(stage):
        stage.subscribe("sub_2")
        stage.kept = {
            n.e164 for n in holdings.numbers(stage.table, "acme") if n.state == "active"
        }  # fmt: skip

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        held = {n.e164 for n in holdings.numbers(stage.table, "acme") if n.state == "active"}
        at_carrier = {
            name for name, n in stage.carrier.view()["numbers"].items() if n["status"] == "active"
        }
        assert held == at_carrier, plan
        # The one at the carrier in that moment may be gone; then the customer is told so.
        assert stage.kept <= held, plan
        assert len(held - stage.kept) <= 1, plan
        assert stage.load().in_flight == {}
        return len(held)

    seen = set(at_every_moment(STORIES[steps.NUMBERS_RELEASED], returns, looked_at))
    assert seen == {0, 1, 2, 3}


def test_who_returns_after_a_lost_answer_keeps_what_the_next_run_would_have_released():
    """The next try, too, is made only after its intent was saved on the account as it is."""
    story = STORIES[steps.NUMBERS_RELEASED]

    stage, witness = prepared(story)
    sweep(stage.process(carriers={"local": Down(stage.carrier)}), steps.NUMBERS_RELEASED)
    stage.move(stage.now + timedelta(minutes=10))

    def released(stage):
        numbers = stage.carrier.view()["numbers"].items()
        return {name for name, record in numbers if record["status"] == "released"}

    def returns(stage):
        stage.begun = released(stage)
        stage.subscribe("sub_2")

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        calling = plan.calls[plan.at].name.endswith("release_number")
        # Only a call that was under way already can still arrive.
        assert len(released(stage) - stage.begun) <= calling, plan

    at_every_moment_of(stage, witness, story.sweep, returns, looked_at)


def test_who_returns_in_the_middle_of_a_lapse_keeps_every_registration_not_begun_by_then():
    def returns(stage):
        stage.subscribe("sub_2")
        # A registration's own row does not say that it is at the carrier: the account does.
        begun = {call.partition("#")[2] for call in stage.load().in_flight}
        stage.kept = {
            r.id for r in holdings.registrations(stage.table, "acme") if r.lapses
        } - begun  # fmt: skip

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        held = {r.id for r in holdings.registrations(stage.table, "acme") if r.lapses}
        assert stage.kept <= held, plan
        at_carrier = stage.carrier.view()["registrations"].items()
        assert held == {name for name, r in at_carrier if r["status"] == "active"}, plan

    at_every_moment(STORIES[steps.REGISTRATIONS_LAPSE], returns, looked_at)


def test_who_returns_in_the_middle_of_the_credit_finds_each_message_scheduled_or_paid_back():
    """SC-12 and SC-7: nothing is credited after the return was saved."""

    def returns(stage):
        stage.subscribe("sub_2")
        stage.left = {
            m.id for m in holdings.messages(stage.table, "acme") if m.state == "scheduled"
        }  # fmt: skip

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        still = {m.id for m in holdings.messages(stage.table, "acme") if m.state == "scheduled"}
        assert still == stage.left, plan

    at_every_moment(STORIES[steps.MESSAGES_CREDITED], returns, looked_at)


def test_a_customer_who_returns_while_the_purge_begins_is_purged_whole_or_not_at_all():
    def returns(stage):
        stage.subscribe("sub_2")
        stage.began = stage.load().purge_began_at is not None or stage.load().purged_at is not None

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        account = stage.load()
        assert (account.purged_at is not None) == stage.began, plan
        assert account.purge_began_at is None
        left = list(holdings.messages(stage.table, "acme"))
        assert bool(left) != stage.began, plan
        assert "sub_2" in account.subscriptions

    at_every_moment(STORIES[steps.DATA_PURGED], returns, looked_at)


def test_who_returns_while_the_carrier_of_a_hundred_and_fifty_numbers_is_down_is_heard_at_once():
    """However many calls were cut short, the return must fit into one transaction."""
    stage, witness = _many_numbers(150)
    stage.world = stage.process(carriers={"local": Down(stage.carrier)})
    stage.tick(4)
    assert 0 < len(stage.load().in_flight) <= 20

    stage.subscribe("sub_2")
    check_all(stage.world, stage.table, stage.carrier, witness)

    stage.world = stage.process()
    stage.tick(4)
    check_all(stage.world, stage.table, stage.carrier, witness)
    assert stage.load().in_flight == {}
    assert {n.state for n in holdings.numbers(stage.table, "acme")} == {"active"}


def test_a_hundred_and_fifty_numbers_are_all_released_once_their_carrier_is_back():
    stage, witness = _many_numbers(150)
    stage.world = stage.process(carriers={"local": Down(stage.carrier)})
    stage.tick(2)

    stage.world = stage.process()
    stage.tick(6)
    check_all(stage.world, stage.table, stage.carrier, witness)
    assert {n.state for n in holdings.numbers(stage.table, "acme")} == {"released"}
    assert "numbers_released" in stage.load().done


def _many_numbers(many):
    stage, witness = Stage(), Witness()
    stage.account()
    stage.subscribe()
    for n in range(many):
        stage.number(f"+1415555{n:04}")
    stage.cancel()
    stage.move(END)
    stage.run_schedule()
    stage.move(END + timedelta(days=14))
    return stage, witness
