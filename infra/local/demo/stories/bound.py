"""GoTo: a contract of fifteen months, cancelled three months before its end. The three are billed, and used."""

from collections.abc import Iterator
from datetime import datetime

from infra.local.demo.customer import Customer
from infra.local.demo.payments import instalments
from infra.local.demo.promises import access_ends, renewal_off, seats_unassigned
from infra.local.demo.stories import Story, on


def life(me: Customer) -> Iterator[datetime]:
    yield on("2027-11-02", "09:00")
    webinar = me.subscribes("goto:webinar:month", costs=4900, gives=("host_webinars",))
    me.signs_contract(webinar, months=15)
    me.gives_seats(webinar, "ann", "bob", "zoe")
    yield on("2028-03-15", "14:20")
    me.takes_seat_back(webinar, "bob")

    yield on("2028-11-02", "08:59")
    # Three months are left, to the minute: those of November, December and January.
    end = on("2029-02-02", "09:00")
    months = [on(f"{day}-02", "09:00") for day in ("2028-11", "2028-12", "2029-01")]
    me.agrees(
        me.previews(webinar),
        *instalments(webinar, *months),
        renewal_off(months[-1], webinar),
        access_ends(end, webinar),
        seats_unassigned(end, webinar, ["ann", "zoe"]),
    )
    yield end
    me.finds_under_discover(webinar)
    me.may_not_resume(webinar)


STORY = Story(
    account="bound",
    policy="goto",
    title="GoTo: bound for fifteen months",
    tells="A contract, billed monthly, cancelled three months before its end: those three are charged, renewal goes off "
    "in the last of them, and the plan lives to its contract's last second. Nobody keeps a seat.",
    life=life,
)
