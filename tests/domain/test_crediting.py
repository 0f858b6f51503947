"""SC-12 as plain calls: which channels are lost with a plan."""

from chalicelib.domain.crediting import channels_lost, sendable_channels
from tests.support.records import (
    DAY,
    END,
    NEXT_END,
    POLICY,
    SECOND,
    START,
    account,
    canceled,
    subscription,
)

CALLING = {"id": "sub_2", "plan": "calling"}


def lost(known, ended="sub_1", moment=END):
    return channels_lost(known, POLICY, ended, moment)


def test_the_channels_of_the_ended_plan_are_lost():
    assert lost(account(canceled())) == {"sms"}
    assert lost(account(canceled(), subscription(**CALLING))) == {"sms"}
    assert lost(account(subscription(), canceled(**CALLING)), "sub_2") == {"rvm"}


def test_another_live_plan_with_the_same_channel_keeps_it():
    again = subscription(id="sub_3", started_at=END)

    assert lost(account(canceled(), again)) == frozenset()


def test_another_plan_that_ends_a_second_later_still_keeps_it_and_at_the_same_second_does_not():
    later = canceled(id="sub_3", cancel_at=END + SECOND, cancel_at_period_end=False)
    same = canceled(id="sub_3")

    assert lost(account(canceled(), later)) == frozenset()
    assert lost(account(canceled(), same)) == {"sms"}


def test_an_attempt_that_never_began_keeps_nothing():
    never = subscription(id="sub_3", status="incomplete")

    assert lost(account(canceled(), never)) == {"sms"}


def test_what_may_be_sent_now_is_what_live_plans_can_send():
    known = account(canceled(), canceled(**CALLING, period_end=NEXT_END, paid_until=NEXT_END))

    assert sendable_channels(known, POLICY, START) == {"sms", "rvm"}
    assert sendable_channels(known, POLICY, END - SECOND) == {"sms", "rvm"}
    assert sendable_channels(known, POLICY, END) == {"rvm"}
    assert sendable_channels(known, POLICY, NEXT_END) == frozenset()
    assert sendable_channels(account(), POLICY, START + DAY) == frozenset()


def test_a_plan_the_policy_no_longer_knows_has_no_channels():
    assert lost(account(canceled(plan="discontinued"))) == frozenset()
