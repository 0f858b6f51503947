"""Leaves, comes back on day 13, finds numbers and data as they were; and leaves for good a little later."""

from collections.abc import Iterator
from datetime import datetime

from infra.local.demo.customer import Customer
from infra.local.demo.promises import (
    access_ends,
    data_kept,
    data_purged,
    goes_on,
    messages_credited,
    numbers_kept,
    numbers_released,
    registrations_lapse,
)
from infra.local.demo.stories import Story, days, on

MESSAGING = ("send_sms", "launch_campaigns")
FEE = 125


def life(me: Customer) -> Iterator[datetime]:
    yield on("2027-11-05", "08:00")
    first_time = me.subscribes("smarter-contact:messaging:month", costs=9900, gives=MESSAGING)
    brand = me.registers_for_10dlc("return-brand")
    yield on("2027-11-10", "08:00")
    # 10 December falls between the plans: no plan needs the number that day, so nothing is charged.
    gap = me.buys_number("+14155550201", fee=FEE, fees_on=("2028-01-10", "2028-02-10"))
    yield on("2027-11-20", "08:00")
    other = me.buys_number("+14155550202", fee=FEE, fees_on=("2027-12-20", "2028-01-20"))

    yield on("2027-11-21", "19:30")
    shown = me.previews(first_time)
    end = shown.access_ends_at
    leaving = me.agrees(
        shown,
        access_ends(end, first_time),
        messages_credited(end, first_time, 0, 0),
        numbers_released(end + days(14), [gap, other]),
        registrations_lapse(end + days(30), [brand]),
        data_purged(end.replace(year=end.year + 1)),
        reason="too_expensive",
    )

    yield end + days(13)
    second_time = me.subscribes("smarter-contact:messaging:month", costs=9900, gives=MESSAGING)
    me.is_spared(leaving)
    me.expects(
        numbers_kept(end + days(14), [gap, other]),
        goes_on(end + days(30), second_time),
        data_kept(end.replace(year=end.year + 1)),
    )

    yield on("2028-02-02", "08:00")
    shown = me.previews(second_time)
    end = shown.access_ends_at
    me.agrees(
        shown,
        access_ends(end, second_time),
        messages_credited(end, second_time, 0, 0),
        numbers_released(end + days(14), [gap, other]),
        registrations_lapse(end + days(30), [brand]),
        data_purged(end.replace(year=end.year + 1)),
        reason="other",
    )


STORY = Story(
    account="returning",
    policy="smarter-contact",
    title="Smarter Contact: back on day 13",
    tells="Cancels, loses access, and resubscribes one day before the numbers would be released. Everything still "
    "held is kept; the days are counted anew from the second end.",
    life=life,
)
