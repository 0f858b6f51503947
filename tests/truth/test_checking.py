"""Every invariant that production watches over: planted straight into the table, each is found, by its own name."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import checking
from chalicelib.domain import steps
from chalicelib.domain.account import Contract, Hold
from chalicelib.domain.invariants import RULES
from chalicelib.handlers.jobs import JOBS
from chalicelib.lifecycle import must_load
from chalicelib.store import keys
from chalicelib.store.records import to_doc
from chalicelib.store.table import Delete, Key, Put, StoreError, Update
from chalicelib.store.walks import latest
from infra.cli.main import main
from tests.support.faults import Crash, FaultyTable, Plan
from tests.support.life import Life

ACME, NUMBER = "acme", "+14155550100"
DAY = timedelta(days=1)


def busy():
    """An account with a bit of everything."""
    life = Life()
    life.account(ACME)
    life.sub = life.subscribe(ACME)
    assert life.number(ACME, NUMBER).status == 200
    assert life.registration(ACME, "brand").status == 200
    later = life.now + 300 * DAY
    assert life.schedule(ACME, ("m1", "sms", later, 7), ("m2", "sms", later, 7)).status == 200
    life.move(life.now + 40 * DAY)
    life.cancel(ACME, life.sub)
    life.wait(life.now + DAY)
    return life


@pytest.fixture
def life():
    return busy()


def account(life):
    return must_load(life.world, ACME).account


def plant(life, **changes):
    key = keys.account(ACME)
    life.world.table.write(Update(key, {"doc": to_doc(replace(account(life), **changes))}))


def subscription(life, **changes):
    one = replace(account(life).subscriptions[life.sub], **changes)
    plant(life, subscriptions={life.sub: one})


def row(life, key, **changes):
    kept = life.world.table.get(key)
    life.world.table.write(Put({**kept, **changes}))


def doc(life, key, **changes):
    row(life, key, doc={**life.world.table.get(key)["doc"], **changes})


def entry(life, kind):
    page = life.world.table.query(keys.partition(ACME), keys.ENTRY)
    return next(one for one in page.rows if one["doc"]["kind"] == kind)


def a_cent_more(life):
    kept = entry(life, "number_fee")
    lines = kept["doc"]["lines"]
    lines[0]["money"]["amount"] -= 1
    doc(life, Key(kept["pk"], kept["sk"]), lines=lines)


def sent_and_credited(life):
    assert life.service("DELETE", f"/v1/scheduled-messages/m1?account_id={ACME}").status == 200
    row(life, keys.message(ACME, "m1"), state="sent")


def a_fee_after_the_release(life):
    long_ago = entry(life, "number_fee")["doc"]["at"].replace("2026", "2025")
    doc(life, keys.number(ACME, NUMBER), state="released", released_at=long_ago)


def released_too_early(life):
    end = account(life).subscriptions[life.sub].period_end
    plant(life, numbers=0, done={**account(life).done, steps.NUMBERS_RELEASED: end})


def purged_under_a_hold(life):
    hold = Hold(at=life.now, by="ann", reason="a court")
    plant(life, legal_hold=hold, purge_began_at=life.now)


def contract_cut_short(life):
    subscription(life, ended_at=life.now, status="canceled")
    plant(life, contracts={life.sub: Contract(starts_at=life.now, months=12)})


def came_back_from_its_end(life):
    subscription(life, ended_at=life.now, status="active")


def customer_of_another(life):
    customer = account(life).stripe_customer_id
    doc(life, keys.customer(customer), account_id="other")


def miscounted(life):
    plant(life, numbers=5)


def out_of_the_index(life):
    row(life, keys.step(ACME, steps.NUMBERS_RELEASED), due_kind=None, due_at=None)


def long_overdue(life):
    late = life.now - 2 * DAY
    plant(life, steps={**account(life).steps, steps.DATA_PURGED: late})


def nobody_knows(life):
    plant(life, in_flight={f"number#{NUMBER}": life.now - 2 * DAY})


def a_link_in_the_history(life):
    key = keys.history(ACME, "leak")
    link = {"what": "account.updated", "link": "https://billing.stripe.com/p/session/x"}
    life.world.table.write(Put({"pk": key.pk, "sk": key.sk, "doc": link}))


PLANTED = {
    "ledger": a_cent_more,
    "messages_once": sent_and_credited,
    "fees_once": a_fee_after_the_release,
    "releases_in_time": released_too_early,
    "lapses_and_purges_in_time": purged_under_a_hold,
    "access_whole": None,
    "contracts_whole": contract_cut_short,
    "ended_is_terminal": came_back_from_its_end,
    "owners": customer_of_another,
    "holdings_counted": miscounted,
    "steps_planned": out_of_the_index,
    "nothing_overdue": long_overdue,
    "calls_settled": nobody_knows,
    "nothing_secret": a_link_in_the_history,
}


def test_a_whole_life_breaks_none_of_them(life):
    for _ in range(20):
        assert checking.check(life.world, ACME) == []
        life.move(life.now + 25 * DAY)


def test_something_is_planted_for_every_rule():
    assert list(PLANTED) == list(RULES)


@pytest.mark.parametrize("rule", [rule for rule, planted in PLANTED.items() if planted])
def test_what_is_planted_is_found(life, logged, rule):
    PLANTED[rule](life)

    said = JOBS[checking.JOB].run(life.world).did

    assert said == "1 broken"
    assert rule in {keys["rule"] for name, keys in logged if name == "invariant_violated"}
    shown = life.operator("GET", f"/v1/admin/jobs/{checking.JOB}").body["findings"]
    (found, *_) = [one for one in shown if one["kind"] == rule]
    assert found["account_id"] == ACME
    assert RULES[rule][2] in found["says"]


def test_access_that_is_cut_is_found(life, monkeypatch):
    """It is worked out, never stored: only a mistake in the rules could cut it."""
    monkeypatch.setattr("chalicelib.domain.invariants.has_access", lambda *_: False)

    assert [one.rule for one in checking.check(life.world, ACME)] == ["access_whole"]


def test_mended_the_finding_goes(life):
    plant(life, numbers=5)
    JOBS[checking.JOB].run(life.world)
    plant(life, numbers=1)
    life.wait(life.now + DAY)
    JOBS[checking.JOB].run(life.world)

    assert life.operator("GET", f"/v1/admin/jobs/{checking.JOB}").body["findings"] == []


def test_a_row_that_is_gone_leads_nowhere(life):
    life.world.table.write(Delete(keys.live_number(NUMBER)))
    life.world.table.write(Delete(keys.subscription(life.sub)))

    assert {one.rule for one in checking.check(life.world, ACME)} == {"owners", "holdings_counted"}


def test_from_the_command_line(life, capsys):
    assert main(("invariants",)) == 0
    plant(life, numbers=5)

    assert main(("invariants", "--account", ACME, "--json")) == 1
    said = json.loads(capsys.readouterr().out.split("\n", 1)[1])
    assert [one["rule"] for one in said["violations"]] == ["holdings_counted"]
    assert main(("invariants", "--account", "nobody")) == 2


def test_broken_anywhere_the_next_run_finds_it():
    def planted():
        life = busy()
        plant(life, numbers=5)
        return life

    first = planted()
    clean = replace(first.world, table=FaultyTable(first.world.table, plan := Plan()))
    checking.check_all(clean)
    for index in range(0, len(plan.calls), 3):
        for fault in plan.calls[index].faults:
            life = first
            life.wait(life.now + DAY + timedelta(hours=1))
            broken = FaultyTable(life.world.table, Plan({index: fault}))
            with suppress(Crash, StoreError):
                checking.check_all(replace(life.world, table=broken))
            life.wait(life.now + timedelta(minutes=6))
            checking.check_all(life.world)
            (walk,) = latest(life.world.table, checking.JOB, 1)
            assert (walk.status, walk.counts) == ("complete", {"broken": 1}), (index, fault)
