"""1msg: cancels in the portal, resumes in the last second, cancels again."""

from collections.abc import Iterator
from datetime import datetime

from infra.local.demo.customer import Customer
from infra.local.demo.promise import SECOND
from infra.local.demo.promises import access_ends, goes_on
from infra.local.demo.stories import Story, on


def life(me: Customer) -> Iterator[datetime]:
    yield on("2027-11-03", "12:00")
    channel = me.subscribes("1msg:channel:month", costs=4900, gives=("send_messages",))

    yield on("2027-11-25", "09:12")
    end = me.cancels_in_portal(channel)
    leaving = me.is_told(access_ends(end, channel))

    yield end - SECOND
    me.resumes(channel, leaving)
    me.expects(goes_on(end, channel))

    yield on("2027-12-20", "09:12")
    end = me.cancels_in_portal(channel)
    me.is_told(access_ends(end, channel))
    yield end
    me.may_not_resume(channel)


STORY = Story(
    account="onemsg",
    policy="1msg",
    title="1msg: resumed in the last second",
    tells="Renewal is turned off in Stripe's portal and on again one second before the period ends; then off for good.",
    life=life,
)
