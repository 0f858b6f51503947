"""An existing Stripe account is adopted: everybody, once, or named with the reason; and it never says more than is so."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib import backfilling
from chalicelib.backfilling import Options, adopt_all, plan
from chalicelib.domain import steps
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.lifecycle import must_load
from chalicelib.store import accounts
from chalicelib.store.table import StoreError
from infra.cli.main import main
from tests.support.faults import Crash, FaultyTable, every_fault, faulty
from tests.support.life import Life

DAY = timedelta(days=1)
OPTIONS = Options(policy="smarter-contact")
MESSAGING = "smarter-contact:messaging:month"
READS = ("customers_page", "everything_of", "newest_paid_invoice", "subscription")


class Old:
    """A Stripe account that was there long before us: nobody heard any of its webhooks."""

    def __init__(self):
        self.life = Life()
        self.life.control("drop_webhooks")
        self.price = self.life.stripe("GET", f"/v1/prices?lookup_keys[0]={MESSAGING}")
        self.price = self.price["data"][0]["id"]

    def customer(self, account_id, *, card=True):
        named = f"metadata[account_id]={account_id}&" if account_id else ""
        paid = "payment_method=pm_card_visa&invoice_settings[default_payment_method]=pm_card_visa"
        body = f"{named}email={account_id or 'x'}%40example.com&{paid if card else ''}"
        return self.life.stripe("POST", "/v1/customers", body)["id"]

    def subscribe(self, customer, price=None):
        body = f"customer={customer}&items[0][price]={price or self.price}"
        return self.life.stripe("POST", "/v1/subscriptions", body)["id"]

    def ids(self):
        return sorted(accounts.ids(self.life.world.table, 2))


@pytest.fixture
def old():
    return Old()


def test_everybody_with_a_subscription_is_adopted(old):
    subs = {id: old.subscribe(old.customer(id)) for id in ("a", "b")}
    old.life.control("portal_cancel", subscription=subs["b"])

    run = adopt_all(old.life.world, OPTIONS)

    assert (run.status, run.counts) == ("complete", {"adopted": 2})
    assert old.life.status("a", subs["a"]) == "active"
    assert old.life.status("b", subs["b"]) == "pending_cancellation"
    assert "data_purged" in old.life.upcoming("b")


def test_a_dry_run_changes_nothing(old):
    old.subscribe(old.customer("a"))
    old.customer(None)

    made = plan(old.life.world, OPTIONS)

    assert made.customers == 2
    assert made.outcomes == {"adopted": 1, "without subscriptions": 1}
    assert made.subscriptions == {"active": 1}
    assert old.ids() == []
    assert backfilling.last_run(old.life.world) is None


def test_again_it_finds_everybody_here_and_nothing_twice(old):
    old.subscribe(old.customer("a"))
    adopt_all(old.life.world, OPTIONS)
    before = old.life.operator("GET", "/v1/admin/accounts/a/timeline").body["past"]
    old.life.wait(old.life.now + DAY)

    run = adopt_all(old.life.world, OPTIONS)

    assert (run.status, run.counts) == ("complete", {"already here": 1})
    assert old.life.operator("GET", "/v1/admin/accounts/a/timeline").body["past"] == before


def test_who_cannot_be_adopted_is_named_and_it_is_not_complete(old):
    nobody = old.customer(None)
    old.subscribe(nobody)
    old.subscribe(old.customer("a"))

    run = adopt_all(old.life.world, OPTIONS)

    assert (run.status, run.left_over) == ("incomplete", 1)
    (left,) = backfilling.left_over(old.life.world)
    assert (left.kind, left.subject) == ("unmapped", nobody)

    mapped = {nobody: backfilling.Mapped(account_id="n")}
    run = adopt_all(old.life.world, replace(OPTIONS, mapped=mapped))
    assert run.status == "complete"
    assert not list(backfilling.left_over(old.life.world))
    assert old.ids() == ["a", "n"]


def test_conflicts_are_named_and_touch_nobody(old):
    mine = old.customer("a")
    old.subscribe(mine)
    put = {"stripe_customer_id": old.customer("other"), "policy": "smarter-contact",
           "currency": "usd"}  # fmt: skip
    old.life.operator("PUT", "/v1/admin/accounts/a", put)
    old.life.operator("PUT", "/v1/admin/accounts/z", {**put, "stripe_customer_id": mine})
    old.subscribe(old.customer("a"))
    second = old.customer("m")
    old.subscribe(second)
    old.life.operator("PUT", "/v1/admin/accounts/m", {"policy": "1msg", "currency": "usd"})

    made = plan(old.life.world, OPTIONS)
    run = adopt_all(old.life.world, OPTIONS)

    assert {one.kind for one in made.left_over} == {
        "customer_of_another_account", "account_has_another_customer", "another_policy",
    }  # fmt: skip
    assert run.left_over == 4
    assert must_load(old.life.world, "a").account.subscriptions == {}


def test_two_customers_of_one_account_are_told_before_anything_is_done(old):
    old.subscribe(old.customer("a"))
    old.subscribe(old.customer("a"))

    made = plan(old.life.world, OPTIONS)
    assert [one.kind for one in made.left_over] == ["account_has_another_customer"]
    assert adopt_all(old.life.world, OPTIONS).status == "incomplete"


def unknown_price(old):
    product = old.life.stripe("POST", "/v1/products", "name=Other")["id"]
    made = f"product={product}&currency=usd&unit_amount=100&recurring[interval]=month"
    return old.life.stripe("POST", "/v1/prices", made)["id"]


def test_a_map_that_cannot_be_written_is_said_beside_the_plan(old, tmp_path, capsys):
    old.subscribe(old.customer("a"), unknown_price(old))
    file = tmp_path / "nowhere" / "prices.toml"

    assert main(("backfill", "--policy", "smarter-contact", "--prices", str(file))) == 1

    said = capsys.readouterr()
    assert "1 customers, 1 subscriptions" in said.out
    assert said.err == f"lapse: {file} cannot be written: No such file or directory\n"


def test_unknown_prices_give_a_map_to_fill_in(old, tmp_path, capsys):
    price = unknown_price(old)
    old.subscribe(old.customer("a"), price)
    file = tmp_path / "prices.toml"
    arguments = ("backfill", "--policy", "smarter-contact", "--prices", str(file))

    assert main(arguments) == 1
    assert f'"{price}" = ""  # no lookup key, 1 subscriptions' in file.read_text()
    capsys.readouterr()

    assert main(arguments) == 2
    assert "is not filled in" in capsys.readouterr().err
    file.write_text(f'[prices]\n"{price}" = "smarter-contact:messaging"\n')
    assert main((*arguments, "--apply")) == 2
    assert "add it to stripe_prices of [plans.messaging]" in capsys.readouterr().err
    assert old.ids() == []

    file.write_text(f'[prices]\n"{price}" = "ignore"\n')
    assert main((*arguments, "--apply", "--json")) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "complete"


# -- what was over before we came


def ended_long_ago(old, days):
    sub = old.subscribe(old.customer("a"))
    old.life.control("cancel_now", subscription=sub)
    old.life.stripe("POST", f"/v1/subscriptions/{sub}", "metadata[a]=b")
    old.life.sleep(old.life.now + days * DAY)
    return sub


def test_what_was_due_before_the_adoption_is_not_made_up_for(old):
    """Released, lapsed, purged and told long ago elsewhere, or not at all: it is not done on the day we come."""
    ended_long_ago(old, 500)
    adopt_all(old.life.world, OPTIONS)
    assert old.life.number("a", "+14155550100").status == 200

    old.life.move(old.life.now + 30 * DAY)

    assert old.life.at_carrier() == {"+14155550100": "active"}
    assert must_load(old.life.world, "a").account.purged_at is None
    assert old.life.mail() == []


def test_what_falls_due_after_the_adoption_is_ours(old):
    ended_long_ago(old, 35)
    adopted_at = old.life.now
    adopt_all(old.life.world, OPTIONS)
    assert old.life.number("a", "+14155550100").status == 200
    ahead = must_load(old.life.world, "a").account.steps

    assert steps.DATA_PURGED in ahead
    assert all(due > adopted_at for due in ahead.values())


def test_unless_it_is_asked_for(old):
    ended_long_ago(old, 500)
    adopt_all(old.life.world, OPTIONS)
    assert old.life.number("a", "+14155550100").status == 200

    adopt_all(old.life.world, replace(OPTIONS, makes_up_for_the_past=True))
    old.life.move(old.life.now + DAY)

    assert old.life.at_carrier() == {"+14155550100": "released"}
    assert must_load(old.life.world, "a").account.purged_at is not None


# -- interrupted


def through(life, plan):
    stripe = faulty(
        life.world.stripe, plan, names=READS, reads=READS,
        unavailable=lambda: StripeUnavailable("as planned"),
    )  # fmt: skip
    return replace(life.world, table=FaultyTable(life.world.table, plan), stripe=stripe)


def three():
    old = Old()
    for id in ("a", "b"):
        old.subscribe(old.customer(id))
    old.subscribe(old.customer(None))
    return old


@pytest.mark.slow
def test_broken_anywhere_it_goes_on_and_tells_the_truth():
    for plan_ in every_fault(lambda p: adopt_all(through(three().life, p), OPTIONS)):
        old = three()
        with suppress(Crash, StoreError, StripeUnavailable, backfilling.job_notes.Overtaken):
            adopt_all(through(old.life, plan_), OPTIONS)
        where = f"{plan_} at {plan_.calls[min(plan_.faults)].name}"
        interrupted = backfilling.last_run(old.life.world)
        if interrupted is not None and interrupted.status != "running":
            assert interrupted.customers == 3, where
        else:
            old.life.wait(old.life.now + DAY)

        run = adopt_all(old.life.world, OPTIONS)

        assert (run.status, run.customers, run.left_over) == ("incomplete", 3, 1), where
        assert old.ids() == ["a", "b"], where
        for id in ("a", "b"):
            past = old.life.operator("GET", f"/v1/admin/accounts/{id}/timeline").body["past"]
            assert [one["what"] for one in past] == ["account.created", "account.adopted"], where


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_five_thousand_killed_three_times_end_complete_without_a_duplicate():
    many, old = 5000, Old()
    world = old.life.world
    old.life.emulator._world.commit()
    for n in range(many):
        old.subscribe(old.customer(f"acct-{n:04}"))

    class Killer:
        """Ends the process after so many customers were asked for."""

        def __init__(self, stripe, after):
            self.stripe, self.left = stripe, after

        def __getattr__(self, name):
            return getattr(self.stripe, name)

        def everything_of(self, customer):
            self.left -= 1
            if self.left < 0:
                raise Crash
            return self.stripe.everything_of(customer)

    for after in (777, 1500, 2050):
        with pytest.raises(Crash):
            adopt_all(replace(world, stripe=Killer(world.stripe, after), customers={}), OPTIONS)
        assert backfilling.last_run(world).status == "running"
        assert backfilling.last_run(world).customers < many

    run = adopt_all(world, OPTIONS)

    assert (run.status, run.customers, run.counts) == ("complete", many, {"adopted": many})
    ids = old.ids()
    assert len(ids) == len(set(ids)) == many
    held = [must_load(world, id).account.subscriptions for id in ids]
    assert all(len(one) == 1 for one in held)
    assert len({next(iter(one)) for one in held}) == many


# -- numbers and messages


def csv(tmp_path, text):
    file = tmp_path / "file.csv"
    file.write_text(text)
    return str(file)


NUMBERS = "account_id,number,provider,provider_id,monthly_fee,currency,bought_at\n"
BAD = [
    ("a,4155550100,local,PN1,100,usd,2025-01-01T00:00:00Z", "number is no number"),
    ("a,+14155550101,nobody,PN1,100,usd,2025-01-01T00:00:00Z", "no carrier of this name"),
    ("zz,+14155550101,local,PN1,100,usd,2025-01-01T00:00:00Z", "there is no account zz"),
    ("a,+14155550101,local,PN1,1.00,usd,2025-01-01T00:00:00Z", "whole number of minor units"),
    ("a,+14155550101,local,PN1,100,eur,2025-01-01T00:00:00Z", "the account's is usd"),
    ("a,+14155550101,local,PN1,100,usd,yesterday", "no instant"),
    ("a,+14155550101,local,PN1,100,usd,2099-01-01T00:00:00Z", "lies ahead"),
    ("a,+14155550100,local,PN1,100,usd,2025-01-01T00:00:00Z", "stands in line 2 already"),
    ("a,+14155550101,local,,100,usd,2025-01-01T00:00:00Z", "provider_id is empty"),
    ("a,+14155550101,local,PN1,100,usd,2025-01-01T00:00:00Z,more", "more values than columns"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_a_bad_line_is_named_and_keeps_the_file_out(old, tmp_path, capsys, line, reason):
    old.subscribe(old.customer("a"))
    adopt_all(old.life.world, OPTIONS)
    good = "a,+14155550100,local,PN0,100,usd,2025-01-01T00:00:00Z"
    file = csv(tmp_path, f"{NUMBERS}{good}\n{line}\n")

    assert main(("backfill", "--numbers", file, "--apply")) == 1
    out = capsys.readouterr().out
    assert "line 3: " in out
    assert reason in out
    assert must_load(old.life.world, "a").account.numbers == 0

    assert main(("backfill", "--numbers", file, "--apply", "--skip-bad", "--json")) == 1
    assert json.loads(capsys.readouterr().out)["imported"] == 1
    assert must_load(old.life.world, "a").account.numbers == 1


def test_numbers_come_in_once_however_often_the_file_is_given(old, tmp_path, capsys):
    old.subscribe(old.customer("a"))
    adopt_all(old.life.world, OPTIONS)
    file = csv(tmp_path, NUMBERS + "a,+14155550100,local,PN0,100,usd,2025-01-05T00:00:00Z\n")

    assert main(("backfill", "--numbers", file)) == 0
    assert must_load(old.life.world, "a").account.numbers == 0
    for _ in range(2):
        assert main(("backfill", "--numbers", file, "--apply")) == 0

    account = must_load(old.life.world, "a").account
    assert account.numbers == 1
    assert account.next_fee_at == datetime(2026, 2, 5, tzinfo=UTC)


@pytest.mark.parametrize(("paid", "balance"), [((), -7), (("--already-paid",), 0)])
def test_messages_are_debited_and_what_was_paid_elsewhere_is_brought_forward(
    old, tmp_path, capsys, paid, balance
):
    old.subscribe(old.customer("a"))
    adopt_all(old.life.world, OPTIONS)
    text = "account_id,id,channel,send_at,price,currency\na,m1,sms,2026-06-01T00:00:00Z,7,usd\n"
    for _ in range(2):
        assert main(("backfill", "--messages", csv(tmp_path, text), "--apply", *paid)) == 0

    assert old.life.balance("a") == balance
    assert main(("ledger", "verify", "a")) == 0


def test_a_file_of_other_columns_is_refused(old, tmp_path, capsys):
    assert main(("backfill", "--numbers", csv(tmp_path, "a,b\n1,2\n"), "--apply")) == 2
    assert "missing: account_id" in capsys.readouterr().err


def test_stripe_being_away_it_says_interrupted_and_never_complete(old, capsys):
    old.subscribe(old.customer("a"))
    arguments = ("backfill", "--policy", "smarter-contact", "--apply", "--json")

    class Away:
        def __getattr__(self, name):
            return getattr(old.life.world.stripe, name)

        def everything_of(self, _):
            raise StripeUnavailable("as planned")

    from chalicelib import wiring

    wiring.use(replace(old.life.world, stripe=Away()))
    assert main(arguments) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["status"], said["stopped_by"]) == ("interrupted", "as planned")

    wiring.use(old.life.world)
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "complete"
