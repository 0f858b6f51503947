"""The account's row: short, and the same account whenever it is read, by whoever wrote it."""

from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from chalicelib.domain.account import (
    Account,
    Contract,
    Export,
    Hold,
    LeftPlan,
    OpenCase,
    PurgeApproval,
    Subscription,
    Tally,
    UnpaidInvoice,
    Work,
    WorkedDay,
)
from chalicelib.domain.decision import Decision
from chalicelib.domain.moments import FOREVER
from chalicelib.store import accounts, keys
from chalicelib.store.accounts import Told
from chalicelib.store.compact import LONG, SHORT, packed, unpacked
from chalicelib.store.records import to_doc
from chalicelib.store.table import Update

DAY = timedelta(days=1)
AT = datetime(2026, 2, 28, 12, 0, 7, tzinfo=UTC)
HOLD = Hold(at=AT, by="somebody", reason="null")

SUBSCRIPTION = Subscription(
    id="sub_1", plan="messaging", status="past_due", started_at=AT, period_start=AT,
    period_end=AT + DAY, cancel_at=AT + 2 * DAY, cancel_at_period_end=True, canceled_at=AT - DAY,
    ended_at=FOREVER, suspended_at=AT, trial_ends_at=AT, paid_until=AT,
    unpaid_invoices={
        "in_1": UnpaidInvoice(id="in_1", covers_until=AT, amount_due=0, failed_at=AT,
                              written_off=True, collection_stopped=True),
    },
    past_due_since=AT, forfeited_at=AT, forfeited_by=("case_1",), forfeited_until=AT, refunded_until=AT,
    leaves_with_contract=True, correcting=True, evidence_id="ev_1", settled_days=3,
    left_plans=(LeftPlan(plan="calling", at=AT),), interval="week", interval_count=2, quantity=0,
    price_minor=9900, extras_minor=5, as_of=AT, as_of_events=("evt_1", "evt_2"),
)  # fmt: skip
FULL = Account(
    id="acme", policy="gohighlevel", currency="eur", created_at=datetime(1969, 1, 1, tzinfo=UTC),
    time_zone="", locale="de", email="null", stripe_customer_id="cus_1", adopted_at=AT,
    purchased_through="sales", contracts={"sub_1": Contract(starts_at=AT, months=12, purchased_through="x")},
    subscriptions={"sub_1": SUBSCRIPTION}, numbers=2, registrations=1, seats={"sub_1": 0},
    next_fee_at=AT, removals={"+1": AT}, withdrawals={"r": AT}, recoveries={"+2": AT},
    in_flight={"number#+1": AT}, begun={"data_purged": AT}, given_up={"x": Tally(due=AT, count=1)},
    done={"access_ends:sub_1": AT}, steps={"st": AT, "data_purged": AT},
    cases={"c": OpenCase(kind="refund", about="a", clock_at=AT, pays_at=AT, pays_by="b", holds_purge=True)},
    held={"x": HOLD}, waived={"x": AT}, exports={"e": Export(asked_at=AT, ready_at=AT)},
    work={"w": Work(revision=1, days=(WorkedDay(1, 2, 3),), kept=(WorkedDay(4, 5, 6),), extends=False)},
    legal_hold=HOLD, purge_began_at=AT, purges_before=AT, purged_at=AT,
    purge_approval=PurgeApproval(due=AT, proposed=HOLD, approved=HOLD), notices=("n",),
)  # fmt: skip
EMPTY = Account(id="acme", policy="smarter-contact", currency="usd", created_at=AT)
BARE = replace(
    EMPTY,
    subscriptions={
        "sub_1": Subscription(
            id="sub_1", plan="p", status="active", started_at=AT, period_start=AT, period_end=AT
        )
    },
)


def stored(account):
    """As the table gives it back."""
    return msgspec.json.decode(msgspec.json.encode(packed(account)))


def test_the_full_account_leaves_no_field_at_its_default():
    """Otherwise the tests below would not see it."""
    for record in (FULL, SUBSCRIPTION, *SUBSCRIPTION.unpaid_invoices.values()):
        for field in fields(record):
            default = None if field.default_factory is MISSING else field.default_factory()
            default = field.default if field.default is not MISSING else default
            assert getattr(record, field.name) != default, field.name


@pytest.mark.parametrize("account", [FULL, BARE, EMPTY], ids=["full", "bare", "empty"])
def test_what_is_stored_reads_as_the_same_account(account):
    assert unpacked("acme", stored(account)) == (account, {})


@pytest.mark.parametrize("account", [FULL, BARE, EMPTY], ids=["full", "bare", "empty"])
def test_a_row_from_before_it_was_short_reads_as_the_same_account(account):
    assert unpacked("acme", to_doc(account)) == (account, {})


def test_what_is_not_said_is_the_default_of_long_ago():
    """A default that changes would change every row that leaves it out: give what is new another name."""
    kinds = (Account, Subscription, UnpaidInvoice, OpenCase, Export, Work, PurgeApproval)
    defaults = [(field.name, field.default) for kind in kinds for field in fields(kind)]

    assert [one for one in defaults if one[1] not in (MISSING, None, False, 0, ())] == [
        ("time_zone", "UTC"),
        ("locale", "en"),
        ("purchased_through", "online"),
        ("interval", "month"),
        ("interval_count", 1),
        ("quantity", 1),
        ("extends", True),
    ]


def test_no_short_name_means_two_things():
    names = {field.name for kind in (Account, Subscription) for field in fields(kind)}

    assert len(LONG) == len(SHORT)
    assert names >= set(SHORT)
    assert not names & set(LONG)


def test_what_newer_code_wrote_is_kept_by_this_one(table):
    told = Told(id="put:acme", by="test", at=AT)
    accounts.create(table, FULL, told, (), 1)
    key = keys.account("acme")
    newer = {**table.get(key)["doc"], "of_tomorrow": {"su": 1}}
    table.write(Update(key, {"doc": newer}))

    loaded = accounts.load(table, "acme")
    after = replace(loaded.account, locale="fr")
    accounts.save(table, loaded, Decision(after, "account.updated"), replace(told, id="2"), (), 1)

    assert table.get(key)["doc"]["of_tomorrow"] == {"su": 1}
    assert accounts.load(table, "acme").account == replace(FULL, locale="fr", steps={})
