"""M1-12: somebody put a Stripe customer on another account. A dispute stays with the account whose payment it takes back."""

from dataclasses import replace

import pytest

from chalicelib.disputing import hear_open
from chalicelib.domain.moments import from_rfc3339
from chalicelib.lifecycle import must_load
from chalicelib.store import keys
from chalicelib.store.compact import packed
from chalicelib.store.table import Put, Update
from tests.support.cases import ACME, DAY, becomes, disputed, settled
from tests.support.life import Life
from tests.support.top_ups import parked

OTHER = "other"
MOVED = from_rfc3339("2026-03-10T12:00:00Z")
PURGE = from_rfc3339("2027-02-28T12:00:00Z")


def put_by_hand(life: Life, account_id: str, customer: str | None) -> None:
    """No door does this: an operator did, in the table itself."""
    account = replace(must_load(life.world, account_id).account, stripe_customer_id=customer)
    life.world.table.write(Update(keys.account(account_id), {"doc": packed(account)}))


def moved(life: Life, customer: str, old_names: str | None) -> None:
    life.operator("PUT", f"/v1/admin/accounts/{OTHER}", {"policy": "1msg", "currency": "usd"})
    key = keys.customer(customer)
    life.world.table.write(Put({"pk": key.pk, "sk": key.sk, "doc": {"account_id": OTHER}}))
    put_by_hand(life, OTHER, customer)
    put_by_hand(life, ACME, old_names)
    life.world.customers.clear()


def leaving() -> tuple[Life, str, str]:
    life = Life()
    customer = life.account(ACME)
    plan = life.subscribe(ACME)
    assert life.cancel(ACME, plan).status == 200
    dispute = disputed(life, subscription=plan)
    life.move(MOVED)
    return life, customer, dispute


WHOM_THE_OLD_ONE_NAMES = {
    "the same customer still": lambda life, customer: customer,
    "no customer any more": lambda life, customer: None,
    "another customer": lambda life, customer: life.stripe("POST", "/v1/customers", "")["id"],
}


def dispute_of(life: Life, account_id: str, dispute: str) -> str | None:
    row = life.world.table.get(keys.case(account_id, dispute))
    return str(row["doc"]["dispute"]["status"]) if row else None


def booked(life: Life, account_id: str) -> list[str]:
    found = life.service("GET", f"/v1/wallet/entries?account_id={account_id}&limit=100").body
    return sorted(one["kind"] for one in found["data"])


@pytest.fixture(params=[*WHOM_THE_OLD_ONE_NAMES.values()], ids=[*WHOM_THE_OLD_ONE_NAMES])
def life_and_dispute(request):
    life, customer, dispute = leaving()
    moved(life, customer, request.param(life, customer))
    return life, dispute


def test_it_is_closed_where_it_was_opened_and_the_purge_waits_no_longer(life_and_dispute):
    """It raised at the new account's door, was never parked, and the old account's purge was held for ever."""
    life, dispute = life_and_dispute
    before = booked(life, ACME)

    settled(life, dispute, "won")

    assert parked(life) == []
    assert (dispute_of(life, ACME, dispute), dispute_of(life, OTHER, dispute)) == ("won", None)
    assert set(booked(life, ACME)) == {*before, "dispute_reinstated"}
    assert booked(life, OTHER) == []
    life.move(PURGE)
    assert must_load(life.world, ACME).account.purged_at == PURGE


def test_one_that_closed_unheard_is_found_by_its_id_the_next_day(life_and_dispute):
    """Decision 0026, for an account that may not even name a customer any more."""
    life, dispute = life_and_dispute
    life.control("drop_webhooks")
    settled(life, dispute, "lost")
    world = life.emulator._world
    world.change(
        world.get("dispute", dispute),
        created=world.get("dispute", dispute)["created"] - 400 * 86_400,
    )

    life.move(MOVED + 2 * DAY)

    assert (dispute_of(life, ACME, dispute), dispute_of(life, OTHER, dispute)) == ("lost", None)
    assert list(must_load(life.world, ACME).account.cases) == []


def test_taken_up_again_after_the_purge_it_is_still_the_old_accounts(life_and_dispute):
    life, dispute = life_and_dispute
    settled(life, dispute, "lost")
    life.move(PURGE)

    becomes(life, dispute, "appeal_under_review")

    assert dispute_of(life, ACME, dispute) == "appeal_under_review"
    assert dispute_of(life, OTHER, dispute) is None
    shown = life.operator("GET", f"/v1/cases/{dispute}")
    assert (shown.body["account_id"], shown.body["purged"]) == (ACME, True)


def test_a_new_dispute_is_the_new_accounts(life_and_dispute):
    """Only what was opened before stays: from then on the payments are the other account's."""
    life, first = life_and_dispute
    settled(life, first, "won")
    world = life.emulator._world
    charge = world.get("dispute", first)["charge"]
    world.change(world.get("charge", charge), disputed=False)

    second = disputed(life, charge=charge)

    assert dispute_of(life, OTHER, second) == "needs_response"
    assert dispute_of(life, ACME, second) is None


def test_the_purge_of_the_new_account_asks_for_it_and_is_not_held_by_it():
    life, customer, dispute = leaving()
    moved(life, customer, None)
    world = life.world
    loaded = must_load(world, OTHER)

    assert hear_open(world, loaded).account.id == OTHER
    assert must_load(world, OTHER).account.cases == {}
    assert list(must_load(world, ACME).account.cases) == [dispute]
