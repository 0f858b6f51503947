"""1Solution: a year paid in advance, cancelled on the second day, used to its last second."""

from collections.abc import Iterator
from datetime import datetime

from infra.local.demo.customer import Customer
from infra.local.demo.promises import access_ends
from infra.local.demo.stories import Story, on


def life(me: Customer) -> Iterator[datetime]:
    yield on("2027-11-15", "08:45")
    standard = me.subscribes("1smtg:standard:year", costs=29000, gives=("use_company",))
    yield on("2027-11-16", "21:00")
    shown = me.previews(standard)
    me.agrees(shown, access_ends(shown.access_ends_at, standard))


STORY = Story(
    account="onesolution",
    policy="1smtg",
    title="1Solution: a year paid, a year kept",
    tells="An annual plan, cancelled at once. It stays until the year is over; then it ends, and is not charged again.",
    life=life,
)
