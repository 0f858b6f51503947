"""GoTo: two products; one is cancelled here, in French, the other in the portal a month later."""

from collections.abc import Iterator
from datetime import datetime

from infra.local.demo.customer import Customer
from infra.local.demo.promises import access_ends, goes_on
from infra.local.demo.stories import Story, on


def life(me: Customer) -> Iterator[datetime]:
    yield on("2027-11-01", "15:00")
    webinar = me.subscribes("goto:webinar:month", costs=4900, gives=("host_webinars",))
    yield on("2027-11-01", "15:10")
    connect = me.subscribes("goto:connect:month", costs=2700, gives=("make_calls",))

    yield on("2027-11-10", "10:00")
    shown = me.previews(webinar)
    end = shown.access_ends_at
    me.agrees(shown, access_ends(end, webinar))
    me.expects(goes_on(end, connect))
    yield end
    me.finds_under_discover(webinar)

    yield on("2027-12-12", "10:00")
    end = me.cancels_in_portal(connect)
    me.is_told(access_ends(end, connect))


STORY = Story(
    account="gotowebinar",
    policy="goto",
    title="GoTo: two products, one by one",
    tells="Cancelling one product leaves the other alone. What the customer reads is in French, as the account is.",
    life=life,
)
