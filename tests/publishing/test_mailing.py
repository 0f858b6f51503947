"""Each notice is mailed once, tried again when that fails, and given up when it is too old. It blocks nothing."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from chalicelib import mailing, publishing
from chalicelib.gateways.mail import MailRefused
from chalicelib.store import outbox
from chalicelib.store.table import Delete, Unavailable
from chalicelib.sweeping import TICK
from tests.publishing.outside import waiting
from tests.publishing.stages import Listening
from tests.support.smarter_contact import ACME, subscribed

HOUR = timedelta(hours=1)


@pytest.fixture
def stage():
    stage = Listening()
    stage.leaving()
    return stage


def states(stage):
    return [one.state for one in outbox.recent(stage.table, "acme", 10)]


def test_a_mail_that_fails_is_tried_again_after_a_tick_under_the_same_key(stage):
    tried = []
    stage.listener.fails = lambda what: tried.append(what) or OSError("down")  # type: ignore[func-returns-value]
    publishing.publish(replace(stage.world, events=None), "acme")
    stage.listener.fails = lambda _: None

    mailing.send_unsent(stage.world)
    assert stage.listener.mail == []
    stage.move(stage.now + TICK)
    mailing.send_unsent(stage.world)
    mailing.send_unsent(stage.world)

    (mail,) = stage.listener.mail
    (entry,) = [e for e in stage.history() if e["what"].endswith("cancellation_scheduled")]
    assert mail["key"] == f"acme:{entry['id']}:0"
    assert states(stage) == ["sent"]


def test_tries_are_further_and_further_apart_and_end(stage):
    tried = []
    stage.listener.fails = lambda _: tried.append(stage.now) or OSError("down")  # type: ignore[func-returns-value]
    publishing.publish(replace(stage.world, events=None), "acme")

    for _ in range(5 * 24 * 12):
        stage.move(stage.now + TICK)
        mailing.send_unsent(stage.world)

    gaps = [later - earlier for earlier, later in pairwise(tried)]
    assert gaps == sorted(gaps)
    assert (gaps[0], gaps[-1]) == (TICK, timedelta(hours=6))
    assert len(tried) == mailing.MOST_TRIES
    assert states(stage) == ["given_up"]


def test_a_refused_mail_is_given_up_at_once_and_stays_readable(stage):
    stage.listener.fails = lambda what: MailRefused("MessageRejected")

    publishing.publish(replace(stage.world, events=None), "acme")

    assert states(stage) == ["given_up"]
    assert waiting(stage) == []


def test_a_mail_that_was_perhaps_sent_stays_claimed(stage):
    """The mail went out, and the table did not take note of it."""

    class LosesNotes:
        def __getattr__(self, name):
            return getattr(stage.table, name)

        def transact(self, actions):
            raise Unavailable("down")

    with pytest.raises(Unavailable):
        publishing.publish(replace(stage.world, table=LosesNotes()), "acme")
    mailing.send_unsent(stage.world)
    assert len(stage.listener.mail) == 1

    stage.move(stage.now + publishing.CLAIM)
    mailing.send_unsent(stage.world)

    assert len(set(stage.listener.keys)) == 1
    assert states(stage) == ["sent"]


def test_one_bad_notice_holds_up_no_other(stage):
    stage.leaving("other", "cus_2", "sub_2")
    stage.listener.fails = lambda _: OSError("down")
    for id in ("acme", "other"):
        publishing.publish(stage.world, id)
    stage.move(stage.now + TICK)
    stage.listener.fails = lambda _: None
    (bad,) = outbox.recent(stage.table, "acme", 1)

    class OneBroken:
        def __getattr__(self, name):
            return getattr(stage.table, name)

        def get(self, key):
            if key == bad.at:
                raise Unavailable("this one")
            return stage.table.get(key)

    report = mailing.send_unsent(replace(stage.world, table=OneBroken()))

    assert (report.counts["done"], report.counts["to be tried again"]) == (1, 1)
    assert [mail["account_id"] for mail in stage.listener.mail] == ["other"]


def test_a_purge_takes_unsent_notices_with_it(stage):
    stage.listener.fails = lambda _: OSError("down")
    publishing.publish(stage.world, "acme")
    (unsent,) = outbox.recent(stage.table, "acme", 1)
    stage.table.write(Delete(unsent.at))
    stage.move(stage.now + HOUR)

    assert mailing.send_isolated(stage.world, unsent.at) == "called off"


@pytest.mark.parametrize(("published_after", "sent"), [(HOUR - timedelta(seconds=1), 1), (HOUR, 0)])
def test_a_reminder_is_sent_until_what_it_reminds_of_and_not_then(published_after, sent):
    stage = Listening()
    stage.account()
    about = {"before": "numbers_released", "event_at": stage.now + HOUR, "count": 1}
    stage.tell("step.reminder", id="step:reminder:1", **about)
    stage.move(stage.now + published_after)

    publishing.publish(stage.world, "acme")

    assert len(stage.listener.mail) == sent
    assert states(stage) == ["sent" if sent else "noted"]


# -- through the real routes


@pytest.mark.parametrize("kind", ["error", "timeout", "throttle"])
def test_a_mailer_that_is_down_does_not_keep_a_cancellation_from_being_done(kind):
    life, (subscription,) = subscribed()
    life.faults.order({"target": "mail", "kind": kind, "count": 2})

    answer = life.cancel(ACME, subscription)
    assert answer.status == 200
    assert life.mail() == []
    life.move(life.now + HOUR)

    assert [mail["at"] for mail in life.mail()] == ["2026-01-31T12:15:00Z"]


def test_a_mailer_whose_answer_is_lost_is_asked_again_under_the_same_key():
    life, (subscription,) = subscribed()
    life.faults.order({"target": "mail", "kind": "answer_lost", "count": 1})

    life.cancel(ACME, subscription)
    life.move(life.now + HOUR)

    assert len(life.mail()) == 1
