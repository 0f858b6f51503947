"""1msg's wallet: topped up by card, not by a bank debit that fails, used, overdrawn, settled."""

from collections.abc import Iterator
from datetime import datetime

from infra.local.demo.customer import Customer
from infra.local.demo.promises import access_ends
from infra.local.demo.stories import Story, on


def life(me: Customer) -> Iterator[datetime]:
    yield on("2028-01-04", "10:00")
    channel = me.subscribes("1msg:channel:month", costs=4900, gives=("send_messages",))
    yield on("2028-01-05", "10:00")
    me.tops_up(2000)
    yield on("2028-01-06", "15:00")
    debit = me.tops_up_by_bank_debit(5000)
    me.has(2000)
    yield on("2028-01-08", "09:00")
    me.uses("talk-1", 825, "Conversation fees, first week")
    yield on("2028-01-11", "15:00")
    me.bank_debit_fails(debit, 5000)
    me.has(1175)
    yield on("2028-01-14", "09:00")
    me.uses("talk-2", 1499, "Conversation fees, second week")
    yield on("2028-01-15", "12:00")
    # Whoever owes may cancel all the same; the plan's invoices never touch the wallet.
    end = me.cancels_in_portal(channel)
    me.is_told(access_ends(end, channel))
    yield on("2028-01-16", "12:00")
    me.settles_balance(324)
    me.has(0)


STORY = Story(
    account="prepaid",
    policy="1msg",
    title="1msg: the prepaid wallet",
    tells="Topped up through Checkout; a bank debit that never arrives books nothing. Conversation fees take it below "
    "zero, and what is due is paid through Checkout, to the cent.",
    life=life,
)
