"""NexorONE: subscribed on the last day of a month, so that every period ends on the last day of its month."""

from collections.abc import Iterator
from datetime import datetime

from infra.local.demo.customer import Customer
from infra.local.demo.promises import access_ends
from infra.local.demo.stories import Story, on


def life(me: Customer) -> Iterator[datetime]:
    yield on("2027-12-31", "10:00")
    service = me.subscribes("nexorone:service:month", costs=3900, gives=("use_service",))
    yield on("2028-02-10", "13:30")
    shown = me.previews(service)
    me.agrees(shown, access_ends(on("2028-02-29", "10:00"), service))
    yield on("2028-02-29", "10:00")
    me.may_not_resume(service)


STORY = Story(
    account="nexor",
    policy="nexorone",
    title="NexorONE: the last days of the months",
    tells="Renews on 31 January, ends on 29 February: a month later is the same day, or the month's last.",
    life=life,
)
