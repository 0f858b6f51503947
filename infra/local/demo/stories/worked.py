"""1msg: the company works on its systems, before and after a customer leaves, and gives every day back."""

from collections.abc import Iterator
from datetime import datetime

from infra.local.demo.customer import Customer
from infra.local.demo.promises import access_ends, access_extended
from infra.local.demo.stories import Story, days, on


def life(me: Customer) -> Iterator[datetime]:
    yield on("2028-04-03", "12:00")
    channel = me.subscribes("1msg:channel:month", costs=4900, gives=("send_messages",))

    yield on("2028-04-12", "15:00")
    # Four hours, and two calendar days; the second window lies on a day that counts already.
    me.is_told_of_work(on("2028-04-14", "22:00"), on("2028-04-15", "02:00"), "New disks")
    me.is_told_of_work(on("2028-04-15", "05:00"), on("2028-04-15", "06:00"), "And their cables")

    yield on("2028-04-20", "09:12")
    paid_until = on("2028-05-03", "12:00")
    leaving = me.agrees(
        me.previews(channel),
        access_extended(paid_until, channel, 2),
        access_ends(paid_until + days(2), channel),
    )

    yield on("2028-05-01", "08:00")
    # Recorded when it was over, and the cancellation long confirmed: every date moves once more.
    me.is_told_of_work(on("2028-04-30", "03:00"), on("2028-04-30", "07:30"), "A fire in the rack")
    me.no_longer(leaving)
    me.is_told(
        access_extended(paid_until, channel, 3),
        access_ends(paid_until + days(3), channel),
    )


STORY = Story(
    account="worked",
    policy="1msg",
    title="1msg: work on the systems, given back",
    tells="Every calendar day that work touches extends access by one, however many windows touch it; announced before "
    "or recorded afterwards, the customer is told each time, and everything that follows waits.",
    life=life,
)
