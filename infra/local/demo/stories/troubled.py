"""A card that fails: paid late the first time, never again the second. Stripe gives up, and the rest follows."""

from collections.abc import Iterator
from datetime import datetime

from infra.local.demo.customer import Customer
from infra.local.demo.payments import STRIPE_FINALIZES, collected, declined
from infra.local.demo.promises import (
    access_stops_unpaid,
    data_purged,
    ended_by_stripe,
    goes_on,
    numbers_released,
)
from infra.local.demo.stories import Story, days, on


def life(me: Customer) -> Iterator[datetime]:
    yield on("2027-11-08", "07:00")
    messaging = me.subscribes(
        "smarter-contact:messaging:month", costs=9900, gives=("send_sms", "launch_campaigns")
    )
    yield on("2027-11-15", "07:00")
    # The plan lives on while Stripe tries again, and so does the number.
    number = me.buys_number("+14155550301", fee=150, fees_on=("2027-12-15", "2028-01-15"))

    yield on("2027-11-20", "20:00")
    me.saves_card("pm_card_chargeCustomerFail", "Saves another card, which the bank will refuse")
    me.no_longer([me.renewal_of(messaging)])
    refused = on("2027-12-08", "07:00") + STRIPE_FINALIZES
    me.expects(
        # While the renewal settles, access goes on; no grace is promised after the first refusal.
        goes_on(on("2027-12-08", "07:00"), messaging),
        access_stops_unpaid(refused, messaging),
        collected(refused + days(3), messaging),
    )
    yield on("2027-12-09", "20:00")
    me.saves_card("pm_card_visa", "Saves a card that works")

    yield on("2028-01-02", "07:00")
    me.bank_refuses()
    refused = on("2028-01-08", "07:00") + STRIPE_FINALIZES
    # Stripe tries again after 3, 5 and 7 more days, then it ends the subscription.
    end = refused + days(3 + 5 + 7)
    me.expects(
        access_stops_unpaid(refused, messaging),
        declined(refused + days(3), messaging),
        declined(refused + days(3 + 5), messaging),
        ended_by_stripe(end, messaging),
    )
    yield end
    me.is_told(
        numbers_released(end + days(14), [number]),
        data_purged(end.replace(year=end.year + 1)),
    )


STORY = Story(
    account="troubled",
    policy="smarter-contact",
    title="Troubled: the card that fails",
    tells="One renewal is paid three days late, the next never. Access stops at the first refusal and is back with the "
    "payment; when Stripe gives up, the plan ends and everything that follows an end follows.",
    life=life,
)
