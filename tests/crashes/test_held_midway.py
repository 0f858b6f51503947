"""An operator holds or waives what moves money at any moment of its being carried out: nothing follows their word, and
they are told what went before it. Nothing is lost, and nothing moves twice.
"""

from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import count

import pytest

from chalicelib import sweeping, wiring
from chalicelib.already import already
from chalicelib.domain.account import Hold
from chalicelib.domain.facts import StepHeld, StepRetried, StepWaived
from chalicelib.domain.overruling import NotAhead
from chalicelib.domain.steps import (
    APPEAL_CREDITED,
    MESSAGES_CREDITED,
    NUMBER_FEE,
    REFUND_PAID,
    step_of,
)
from chalicelib.lifecycle import tell
from chalicelib.store import wallet
from tests.crashes.lives import through
from tests.crashes.meanwhile import Meanwhile
from tests.crashes.stories import ONE, STORIES, THREE, TWO, Story
from tests.crashes.test_sweeps import at_every_moment, recover
from tests.support.cases import (
    ACME,
    DAY,
    appealed,
    ask_top_up,
    asked,
    decide,
    in_force,
    onemsg,
    show,
    topped_up,
)
from tests.support.life import Life
from tests.support.stage import Stage
from tests.support.top_ups import held as balance

# -- what is booked here


def _three_fees_of_one_date(stage: Stage) -> None:
    stage.account()
    stage.subscribe(days=60)
    for e164 in (ONE, TWO, THREE):
        stage.number(e164)
    stage.move(stage.now + timedelta(days=32))


BOOKED = {
    "fees": (Story(NUMBER_FEE, _three_fees_of_one_date), "number_fee", 3),
    "messages": (STORIES[MESSAGES_CREDITED], "messages_credited", 1),
}


def step_id_of(stage, kind):
    (found,) = [id for id in stage.load().steps if id.partition(":")[0] == kind]
    return found


def booked(stage, kind):
    entries, _ = wallet.entries(stage.table, "acme", limit=100)
    return [one for one in entries if one.kind == kind]


def overruled(stage, kind, what):
    """The operator's word, and what they are told of what was done before; None when it is all over."""
    step_id = step_id_of(stage, kind)
    due = stage.load().steps[step_id]
    if due > stage.now:
        raise NotAhead("the next date's: this one's is over")
    fact = (
        StepHeld(step_id=step_id, hold=Hold(at=stage.now, by="op", reason="Wait."))
        if what == "hold"
        else StepWaived(step_id=step_id, reason="A gift.")
    )
    tell(stage.world, "acme", fact, id="overruled", by="op")
    return already(stage.world, "acme", step_of(step_id, due)) or {"count": 0}


@pytest.mark.parametrize("what", ["hold", "waive"])
@pytest.mark.parametrize(("story", "entry", "most"), BOOKED.values(), ids=BOOKED)
def test_nothing_is_booked_after_the_operators_word_and_they_are_told_what_was(
    story, entry, most, what
):
    def says(stage):
        stage.before = len(booked(stage, entry))
        stage.told = None
        with suppress(NotAhead, ValueError):
            stage.told = overruled(stage, story.kind, what)

    def looked_at(plan, stage, witness):
        after = len(booked(stage, entry))
        if stage.told is None:
            assert after == most, plan
            return "over"
        recover(stage, witness)
        assert len(booked(stage, entry)) == after == stage.before, plan
        said = stage.told["count"]
        assert (said > 0) == (after > 0), plan
        if entry == "number_fee":
            assert said == after, plan
        if what == "hold":
            step_id = next(iter(stage.load().held))
            let_go = StepRetried(step_id=step_id, reason="Go on.")
            tell(stage.world, "acme", let_go, id="released", by="op")
            recover(stage, witness)
            assert len(booked(stage, entry)) == most, plan
        return after

    seen = set(at_every_moment(story, says, looked_at))

    assert {0, most} <= seen
    assert what != "hold" or entry != "number_fee" or {1, 2} <= seen


def test_whoever_waives_a_fee_over_the_api_is_told_that_it_was_charged_a_moment_ago():
    """They were told "waived", and the wallet had paid."""
    outcomes = set()
    for moment in count():
        life = Life()
        life.account(ACME)
        life.subscribe(ACME)
        life.number(ACME, ONE, fee=100)
        life.wait("2026-02-28T12:00:00Z")
        said = []

        def waives(life=life, said=said):
            said.append((balance(life), say(life, NUMBER_FEE, "waive")))

        meanwhile = Meanwhile(moment, waives)
        sweeping.try_now(through(life, meanwhile), ACME, NUMBER_FEE)
        if not meanwhile.happened:
            break
        ((before, reply),) = said
        assert (reply.status, balance(life)) == (200, before), meanwhile
        told = reply.body.get("already")
        assert told == (ONE_FEE if before else None), meanwhile
        outcomes.add(before)

    assert outcomes == {0, -100}


ONE_FEE = {
    "count": 1,
    "amount": {"amount": 100, "currency": "usd"},
    "detail": "Fees of this date that were charged before, and stay so: 1.",
}


# -- what is Stripe's


@contextmanager
def paid_later():
    """Decided, and nothing of it is carried out yet: the process died there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeping, "try_now", lambda *_: "left")
        yield


def a_refund_to_pay(of, life, plan):
    case = asked(life, plan) if of == "plan" else ask_top_up(life, topped_up(life)).body["id"]
    with paid_later():
        assert decide(life, case).status == 200
    return case, f"{REFUND_PAID}:{case}"


def key_of(life, kind):
    shown = life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body
    found = [one["key"] for where in ("failed", "held", "future") for one in shown[where]
             if one["kind"] == kind]  # fmt: skip
    return found[0] if found else None


def say(life, kind, what):
    wiring.use(life.world)
    key = key_of(life, kind)
    if key is None:
        return None
    return life.operator("POST", f"/v1/admin/steps/{key}/{what}", {"reason": "Wait."})


@pytest.mark.parametrize("webhooks", ["heard", "lost"])
@pytest.mark.parametrize("of", ["plan", "top_up"])
def test_a_refund_that_is_held_at_any_moment_is_made_once_and_the_operator_knows_that_it_may_be(
    of, webhooks
):
    outcomes = set()
    for moment in count():
        life, plan = onemsg()
        case, step_id = a_refund_to_pay(of, life, plan)
        if webhooks == "lost":
            life.control("drop_webhooks")
        said = []
        meanwhile = Meanwhile(
            moment, lambda life=life, said=said: said.append(say(life, REFUND_PAID, "hold"))
        )
        sweeping.try_now(through(life, meanwhile), ACME, step_id)
        if not meanwhile.happened:
            break
        outcomes.add(looked_at(life, case, said[0], meanwhile, of))

    assert outcomes - {"over"} == {"not begun", "made though held"}


def looked_at(life, case, said, moment, of):
    made = in_force(life)
    assert len(made) <= 1, moment
    # Stripe's own lists are read once a day, should no event have come.
    life.move(life.now + 2 * DAY)
    assert in_force(life) == made, moment
    if said is None or said.status == 404:
        assert show(life, case)["state"] == "refunded", moment
        return "over"
    assert said.status == 200, said.body
    told = said.body.get("already")
    if made:
        assert told["count"] == 1, moment
        assert "Stripe was asked for it at" in told["detail"]
        assert show(life, case)["state"] == "refunded", moment
        assert balance(life) == 0
        return "made though held"
    assert show(life, case)["state"] == "approved", moment
    released = say(life, REFUND_PAID, "retry")
    assert released.status == 200, moment
    life.move(life.now + DAY)
    assert len(in_force(life)) == 1, moment
    assert show(life, case)["state"] == "refunded", moment
    assert balance(life) == 0
    return "not begun"


def test_a_refund_or_a_credit_that_was_decided_is_never_waived_and_the_refusal_says_what_can_be_done():
    """A decision is taken once: "decide it again" was no way out."""
    life, plan = onemsg()
    a_refund_to_pay("plan", life, plan)

    refused = say(life, REFUND_PAID, "waive")

    assert (refused.status, refused.code) == (409, "blocked")
    assert refused.body["detail"] == "A refund that was decided is owed. Hold it, or try it again."


def test_an_appeals_credit_that_is_held_is_not_booked_afterwards():
    """It was: the wallet was credited, and the case stayed on hold as if it had not been."""
    outcomes = set()
    for moment in count():
        life, _ = onemsg()
        case = appealed(life).body["id"]
        with paid_later():
            assert decide(life, case, amount=700).status == 200
        said = []

        def held(life=life, said=said):
            said.append((balance(life), say(life, APPEAL_CREDITED, "hold")))

        meanwhile = Meanwhile(moment, held)
        sweeping.try_now(through(life, meanwhile), ACME, f"{APPEAL_CREDITED}:{case}")
        if not meanwhile.happened:
            break
        ((before, reply),) = said
        assert reply.status == 200
        assert balance(life) == before, meanwhile
        assert (reply.body.get("already", {}).get("count", 0) == 1) == (before == 700), meanwhile
        assert say(life, APPEAL_CREDITED, "retry").status == 200
        life.run_jobs()
        assert (balance(life), show(life, case)["state"]) == (700, "credited"), meanwhile
        outcomes.add(before)

    assert outcomes == {0, 700}
