"""SC-5, SC-12 when a plan is switched for another at Stripe: what only the old one gave ends with the switch.

Found by the simulation: messages of the old plan could neither be sent ("already_credited") nor were ever credited.
"""

from datetime import timedelta

from chalicelib.store import keys
from tests.support.life import Life
from tests.support.smarter_contact import ACME, CALLING, MESSAGING, TEN_DLC, subscribed

DAY = timedelta(days=1)


def switch(life: Life, subscription: str, price: str) -> None:
    found = life.stripe("GET", f"/v1/subscriptions/{subscription}")
    listed = life.stripe("GET", f"/v1/prices?lookup_keys[0]={price}")["data"]
    item = found["items"]["data"][0]["id"]
    body = f"items[0][id]={item}&items[0][price]={listed[0]['id']}&proration_behavior=none"
    life.stripe("POST", f"/v1/subscriptions/{subscription}", body)


def scheduled() -> tuple[Life, str]:
    life, (messaging,) = subscribed()
    life.schedule(
        ACME, ("s1", "sms", life.now + 20 * DAY, 7), ("s2", "sms", life.now + 21 * DAY, 11)
    )
    return life, messaging


def credited(life: Life) -> list[int]:
    return [e["amount"]["amount"] for e in life.entries(ACME, "messages_credited")]


def test_what_only_the_old_plan_could_send_is_credited_at_the_switch_once():
    """SC-12: "we'll credit your account for: Unsent scheduled SMS messages"."""
    life, messaging = scheduled()
    life.move(life.now + DAY)
    at = life.now

    switch(life, messaging, CALLING)
    life.move(at)
    life.move(at + 2 * DAY)

    assert credited(life) == [18]
    assert life.balance(ACME) == 0
    refused = life.service("POST", f"/v1/scheduled-messages/s1/sent?account_id={ACME}")
    assert (refused.status, refused.body["state"]) == (409, "credited")
    (told,) = life.mail("Messaging")[-1:]
    assert "0.18" in told["text"]


def test_another_plan_that_can_send_them_keeps_them():
    life, (messaging, _) = subscribed(MESSAGING, CALLING)
    life.schedule(ACME, ("v1", "rvm", life.now + 20 * DAY, 23))

    switch(life, messaging, CALLING)
    life.move(life.now + DAY)

    assert credited(life) == []
    assert life.service("POST", f"/v1/scheduled-messages/v1/sent?account_id={ACME}").status == 200


def test_switched_back_before_the_sweep_nothing_is_credited_and_the_messages_can_be_sent():
    life, messaging = scheduled()

    switch(life, messaging, CALLING)
    switch(life, messaging, MESSAGING)
    life.move(life.now + DAY)

    assert credited(life) == []
    assert life.service("POST", f"/v1/scheduled-messages/s1/sent?account_id={ACME}").status == 200


def test_after_a_switch_and_back_and_a_second_switch_new_messages_are_credited_as_well():
    life, messaging = scheduled()
    for price in (CALLING, MESSAGING):
        life.move(life.now + DAY)
        switch(life, messaging, price)
        life.move(life.now)
    life.schedule(ACME, ("s3", "sms", life.now + 20 * DAY, 5))

    life.move(life.now + DAY)
    switch(life, messaging, CALLING)
    life.move(life.now)

    assert credited(life) == [18, 5]


def test_an_id_that_was_credited_at_a_switch_long_ago_may_be_used_anew_and_is_credited_again():
    """SC-12. The first message of that id was tidied up since; this one was debited on its own."""
    life, messaging = scheduled()
    life.move(life.now + DAY)
    switch(life, messaging, CALLING)
    life.move(life.now)
    for id in ("s1", "s2"):
        key = keys.message(ACME, id)
        life.watch._table._partitions[key.pk].remove(key.sk)
    switch(life, messaging, MESSAGING)
    life.schedule(ACME, ("s1", "sms", life.now + 90 * DAY, 5))

    life.move(life.now + DAY)
    switch(life, messaging, CALLING)
    life.move(life.now)

    assert credited(life) == [18, 5]


def test_a_switch_in_which_nothing_was_lost_is_no_news():
    life, (messaging,) = subscribed()
    before = len(life.mail())

    switch(life, messaging, CALLING)
    life.move(life.now + DAY)

    assert len(life.mail()) == before


def test_a_registration_that_only_the_old_plan_needed_would_lapse_thirty_days_after_the_switch():
    """SC-9 through `needs`: with a policy whose calling plan needs none, the switch is the end of the need."""
    from dataclasses import replace

    from chalicelib.domain.lapsing import lapse_at
    from chalicelib.lifecycle import must_load

    life, (messaging,) = subscribed()
    life.registration(ACME, TEN_DLC)
    at = life.now
    switch(life, messaging, CALLING)
    policy = life.world.policies.get("smarter-contact")
    calling = replace(policy.plans["calling"], needs_registrations=False)
    other = replace(policy, plans={**policy.plans, "calling": calling})

    account = must_load(life.world, ACME).account

    assert lapse_at(account, policy) is None
    assert lapse_at(account, other) == at + 30 * DAY
