"""SC-10 and SC-11 through the real routes and jobs: everywhere, for good, with a proof, and nobody else's."""

import hashlib
import io
import json
import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import exporting, wiring
from chalicelib.domain.facts import PurgeBegan
from chalicelib.domain.steps import Step
from chalicelib.lifecycle import tell
from chalicelib.log import NAME
from chalicelib.store import keys
from chalicelib.store.holdings import rows
from infra.local.saas import LocalSaas
from tests.operators.desk import ACME, DAY, END, NUMBER, PURGE, WHY, Desk
from tests.support.invariants import rows_of
from tests.support.life import Life

SECOND = timedelta(seconds=1)
CANARY = "canary"
LOOKALIKES = ("acm", "acme2", "acme-2", "ACME", "acme.x")


def everything(life, account=ACME):
    return list(rows(life.world.table, account, ""))


def certificates(life, account=ACME):
    reply = life.operator("GET", f"/v1/admin/accounts/{account}/purge-certificates")
    assert reply.status == 200, reply.body
    return reply.body["data"]


def whole_table(life):
    """Every row of the table, as text."""
    return json.dumps(list(rows_of(life.watch._table)))


def one_of_everything(life, account, number):
    """An account with every kind of row there is, each with a word that must not be found afterwards."""
    life.account(account)
    mark = f"{CANARY}-{account}"
    subscription = life.subscribe(account)
    life.number(account, number)
    life.registration(account, f"{mark}-R")
    life.schedule(
        account, (f"{mark}-M1", "sms", life.now + DAY, 7), (f"{mark}-M2", "sms", END + DAY, 7)
    )
    life.service("POST", f"/v1/scheduled-messages/{mark}-M1/sent?account_id={account}")
    activity = {
        "account_id": account,
        "kind": f"{mark}-kind",
        "at": "2026-01-31T12:00:00Z",
        "id": f"{mark}-A",
    }
    assert life.service("POST", "/v1/activity", activity).status in (200, 201)
    life.customer(account, "PUT", f"/v1/subscriptions/{subscription}/seats/{mark}-user")
    appeal = {"payment": f"{mark}-payment"}
    life.customer(account, "POST", "/v1/appeals", appeal, headers={"Idempotency-Key": f"{mark}-K"})
    life.customer(account, "POST", "/v1/exports")
    life.files.write(f"{exporting.documents_of(account)}{mark}.pdf", io.BytesIO(mark.encode()))
    life.saas.put({"account_id": account, "data": {"contacts": 3}})
    shown = life.preview(account, subscription).body
    said = {
        "preview_id": shown["preview_id"],
        "reason": {"code": "other", "comment": f"{mark}-comment"},
        "consents": [{"id": d["id"], "version": d["version"]} for d in shown["disclosures"]],
    }
    cancelled = life.customer(
        account, "POST", f"/v1/subscriptions/{subscription}/cancellation", said
    )
    assert cancelled.status == 200, cancelled.body
    return subscription


# -- the pair: everything of it, and nothing of the neighbour's


def test_one_of_everything_is_there_and_then_none_of_it():
    """SC-10: "Your account data … will be retained for one year. After that, all data will be permanently deleted."."""
    life = Life()
    one_of_everything(life, ACME, NUMBER)
    life.move(PURGE - SECOND)
    before = whole_table(life)
    kinds = {row["sk"].partition("#")[0] for row in everything(life)}

    life.move(PURGE)

    assert {"number", "registration", "message", "used", "activity", "case", "preview", "notice",
            "evidence", "history", "step"} <= kinds, kinds  # fmt: skip
    for mark in (
        f"{CANARY}-{ACME}-comment",
        f"{CANARY}-{ACME}-kind",
        f"{CANARY}-{ACME}-payment",
        "acme@example.com",
    ):
        assert mark in before, mark
        assert mark not in whole_table(life), mark
    left = {row["sk"].partition("#")[0] for row in everything(life)}
    assert left <= {"account", "wallet", "entry", "cause", "evidence", "confirmation", "history", "published",
                    "purger", "certificate", "step", "notice"}, left  # fmt: skip
    for row in everything(life):
        if not row["sk"].startswith(("entry#", "cause#")):
            # The books name the numbers and messages they are about; nothing else does.
            assert CANARY not in json.dumps(row["doc"]), row["sk"]
            assert NUMBER not in json.dumps(row), row["sk"]
    assert list(life.files.names("accounts/")) == []
    assert life.saas.view()["data"] == {}
    assert keys.email("acme@example.com") not in whole_table(life)
    assert life.world.table.get(keys.live_number(NUMBER)) is None


@pytest.mark.parametrize("neighbour", LOOKALIKES)
def test_a_neighbour_whose_name_looks_alike_keeps_everything(neighbour):
    """SC-10: "Your account data": nobody else's, on whatever shard it lies."""
    life = Life()
    one_of_everything(life, ACME, NUMBER)
    theirs = one_of_everything(life, neighbour, "+14155550199")
    life.resume(neighbour, theirs)
    life.move(PURGE - SECOND)
    before = {row["sk"] for row in everything(life, neighbour)}
    files = sorted(life.files.names(exporting.home(neighbour)))

    life.move(PURGE)

    assert before <= {row["sk"] for row in everything(life, neighbour)}
    assert sorted(life.files.names(exporting.home(neighbour))) == files
    assert files
    assert life.saas.view()["data"] == {neighbour: {"contacts": 3}}
    assert life.features(neighbour)["send_sms"] is True
    assert certificates(life, neighbour) == []


def test_no_log_line_says_what_was_deleted(caplog):
    caplog.set_level(logging.INFO, logger=NAME)
    life = Life()
    one_of_everything(life, ACME, NUMBER)

    life.move(PURGE)

    assert "data_purged" in caplog.text
    for secret in (f"{CANARY}-{ACME}-comment", f"{CANARY}-{ACME}-payment", "acme@example.com"):
        assert secret not in caplog.text


# -- the certificate


def test_the_certificate_says_what_when_and_how_much_and_is_of_exactly_that():
    desk = Desk().leave()
    desk.life.saas.put({"account_id": ACME, "data": {"contacts": 3, "campaigns": 2}})

    desk.life.move(PURGE)

    (one,) = certificates(desk.life)
    assert one["due_at"] == one["began_at"] == one["finished_at"] == "2027-02-28T12:00:00Z"
    assert one["deleted"]["saas"] == {"campaigns": 2, "contacts": 3}
    assert one["deleted"]["lapse"]["number"] == 1
    assert set(one["deleted"]) == {"lapse", "parked_events", "files", "saas"}
    content = {name: value for name, value in one.items() if name != "sha256"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert one["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert NUMBER not in text
    assert "@" not in text


def test_only_an_operator_reads_it_and_it_survives_the_next_purge():
    desk = Desk().leave()
    desk.life.move(PURGE)
    path = f"/v1/admin/accounts/{ACME}/purge-certificates"
    subscription = desk.life.subscribe(ACME)
    desk.life.cancel(ACME, subscription)

    desk.life.move(PURGE + 500 * DAY)

    assert desk.life.service("GET", path).status == 403
    assert desk.life.customer(ACME, "GET", path).status == 403
    assert desk.life.operator("GET", path.replace(ACME, "nobody")).status == 404
    assert len({one["id"] for one in certificates(desk.life)}) == 2


# -- everybody who keeps something must have deleted it


def test_it_is_not_done_before_everybody_has_acknowledged():
    desk = Desk().leave()
    desk.life.saas.put({"account_id": ACME, "data": {"contacts": 3}})
    desk.life.sleep(PURGE)
    desk.life.faults.order({"target": "saas", "kind": "error", "count": 2})

    desk.life.run_jobs()
    failed = desk.timeline()

    (step,) = [one for one in failed["failed"] if one["kind"] == "data_purged"]
    assert step["last_error"] == "saas: error"
    saas = {one["name"]: one for one in failed["purge"]["purgers"]}
    assert saas["lapse"]["done_at"] is not None
    assert (saas["saas"]["done_at"], saas["saas"]["last_error"]) == (None, "error")
    assert certificates(desk.life) == []
    desk.life.move(PURGE + timedelta(hours=1))
    assert len(certificates(desk.life)) == 1
    assert desk.told("step.data_purged")
    (purge,) = desk.life.saas.view()["purges"]
    assert (purge["account_id"], purge["deleted"]) == (ACME, {"contacts": 3})


def test_an_answer_that_was_lost_is_asked_for_again_under_the_same_id():
    desk = Desk().leave()
    desk.life.saas.put({"account_id": ACME, "data": {"contacts": 3}})
    desk.life.sleep(PURGE)
    desk.life.faults.order({"target": "saas", "kind": "answer_lost", "count": 1})

    desk.life.run_jobs()
    desk.life.move(PURGE + timedelta(minutes=10))

    (purge,) = desk.life.saas.view()["purges"]
    assert purge["calls"] == 2
    assert certificates(desk.life)[0]["deleted"]["saas"] == {"contacts": 3}


def test_a_purger_for_other_policies_is_not_asked():
    class Theirs(LocalSaas):
        policies = ("goto",)

    desk = Desk().leave()
    life = desk.life
    theirs = Theirs(life.saas._notebook, life.clock, life.faults)
    life.world = replace(life.world, purgers=(theirs,))
    wiring.use(life.world)

    life.move(PURGE)

    assert life.saas.view()["purges"] == []
    assert "saas" not in certificates(life)[0]["deleted"]


def test_a_large_account_is_purged_a_run_at_a_time_and_counted_once():
    desk = Desk().leave()
    for n in range(6):
        desk.life.schedule(ACME, *((f"m{n}-{i}", "sms", END + DAY, 1) for i in range(100)))
    desk.life.sleep(PURGE - DAY)
    desk.life.run_jobs()
    desk.life.sleep(PURGE)
    (job,) = [one for one in desk.life.travel._schedule if one.name == "purge_data"]
    seen = []

    for _ in range(40):
        asked = iter([False, False])
        seen.append(job.run(desk.life.world, lambda asked=asked: next(asked, True)).did)
        if certificates(desk.life):
            break
        desk.life.wait(desk.life.now + timedelta(minutes=5))

    assert len(certificates(desk.life)) == 1, seen
    assert len(seen) > 3, seen
    assert not [row for row in everything(desk.life) if row["sk"].startswith("message#")]


# -- who returns, who is held


@pytest.mark.parametrize("late", [timedelta(0), timedelta(minutes=3)])
def test_once_begun_it_finishes_also_outside_and_they_return_to_an_empty_account(late):
    """SC-10, SC-11: "you can still log in to your account"."""
    desk = Desk().leave()
    life = desk.life
    life.saas.put({"account_id": ACME, "data": {"contacts": 3}})
    life.sleep(PURGE)
    life.faults.order({"target": "saas", "kind": "timeout", "count": 1})
    life.run_jobs()
    life.sleep(PURGE + late)
    assert not certificates(life)

    back = life.subscribe(ACME)
    life.number(ACME, "+14155550111")
    life.schedule(ACME, ("new", "sms", life.now + DAY, 7))
    life.move(PURGE + timedelta(hours=1))

    assert len(certificates(life)) == 1
    assert life.saas.view()["data"] == {}
    page = life.membership(ACME)
    assert [one["id"] for one in page["subscriptions"]] == [back]
    assert [one["number"] for one in page["numbers"]] == ["+14155550111"]
    assert life.features(ACME)["send_sms"] is True
    assert life.upcoming(ACME).get("data_purged") is None
    if late:
        assert life.world.table.get(keys.message(ACME, "new")), (
            "what came after the beginning is theirs"
        )


def test_a_customer_who_returns_in_the_second_before_it_begins_keeps_everything():
    desk = Desk().leave()
    desk.life.sleep(PURGE)

    desk.life.subscribe(ACME)
    desk.life.move(PURGE + DAY)

    assert certificates(desk.life) == []
    assert desk.life.saas.view()["purges"] == []
    assert len(desk.life.membership(ACME)["subscriptions"]) == 2


def test_a_legal_hold_in_that_second_holds_everybody():
    desk = Desk().leave()
    desk.life.sleep(PURGE)

    assert desk.legal_hold("POST").status == 200
    desk.life.move(PURGE + DAY)

    assert certificates(desk.life) == []
    assert desk.life.saas.view()["purges"] == []


def test_notices_come_30_and_7_days_before():
    """SC-10, as the policy has it."""
    desk = Desk().leave()

    desk.life.move(PURGE)

    about = [one["at"] for one in desk.life.mail() if "delet" in one["subject"].lower()]
    assert about == ["2027-01-29T12:00:00Z", "2027-02-21T12:00:00Z", "2027-02-28T12:00:00Z"]


def test_begun_by_older_code_it_is_finished_all_the_same():
    """Before the moment of the beginning was kept, only the due date was."""
    desk = Desk().leave()
    desk.life.sleep(PURGE)
    tell(desk.life.world, ACME, PurgeBegan(step=Step("data_purged", PURGE)), id="p", by="sweep")

    desk.life.move(PURGE + SECOND)

    assert len(certificates(desk.life)) == 1
    assert WHY
