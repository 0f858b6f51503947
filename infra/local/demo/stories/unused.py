"""1msg: paid for and never used. Asked back, approved by a person, refunded once; the plan ends with it."""

from collections.abc import Iterator
from datetime import datetime

from infra.local.demo.customer import Customer
from infra.local.demo.stories import Story, on

SET_UP_FEE = 500
STRIPE_FEE = 172
"""2.9 % of 49.00 and 0.30."""


def life(me: Customer) -> Iterator[datetime]:
    yield on("2028-01-10", "10:00")
    channel = me.subscribes("1msg:channel:month", costs=4900, gives=("send_messages",))
    yield on("2028-01-12", "11:00")
    case = me.asks_refund(
        channel, set_up_fee=SET_UP_FEE, stripe_fee=STRIPE_FEE, comment="We never started."
    )
    yield on("2028-01-14", "16:00")
    me.is_refunded(channel, case, 4900 - SET_UP_FEE - STRIPE_FEE, "Not one message was sent.")


STORY = Story(
    account="unused",
    policy="1msg",
    title="1msg: never used, money back",
    tells="Whoever used nothing may ask for a refund. The set-up fee and Stripe's own fee are deducted, a person "
    "decides, the money goes back once, and no renewal follows.",
    life=life,
)
