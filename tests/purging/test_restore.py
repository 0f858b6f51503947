"""A backup is restored, and the people who were erased before do not come back with it."""

import io
import json
from datetime import timedelta

import pytest

from chalicelib import exporting, tombstones
from chalicelib.store import keys
from chalicelib.store.table import Put
from tests.operators.desk import ACME, DAY, NUMBER, PURGE, Desk
from tests.purging.test_purge import CANARY, everything, one_of_everything, whole_table
from tests.support.invariants import rows_of
from tests.support.life import Life

NEIGHBOUR = "acme2"


def backup(life):
    return [dict(row) for row in rows_of(life.watch._table)]


def restore(life, rows, *, whole=True):
    """As a backup comes back: all of the table is what it was then, or its rows are put over what is there."""
    table = life.watch._table
    if whole:
        table.__init__()
    for row in rows:
        table.write(Put(row))


def reapply(life, **more):
    return [tombstones.reapply(life.world, one, **more) for one in tombstones.newest(life.files)]


def left_and_backed_up(*others):
    life = Life()
    one_of_everything(life, ACME, NUMBER)
    for n, other in enumerate(others):
        theirs = one_of_everything(life, other, f"+1415555019{n}")
        life.resume(other, theirs)
    life.move("2026-06-01T00:00:00Z")
    return life, backup(life)


def is_gone(life):
    for row in everything(life):
        if not row["sk"].startswith(("entry#", "cause#", "step#")):
            assert CANARY not in json.dumps(row["doc"]), row["sk"]
    said = whole_table(life)
    assert f"{CANARY}-{ACME}-comment" not in said
    assert "acme@example.com" not in said
    assert keys.email("acme@example.com") not in said
    assert life.membership(ACME)["subscriptions"] == []
    return True


@pytest.mark.parametrize("whole", [True, False], ids=["the whole table", "rows over rows"])
def test_after_a_restore_it_is_purged_again_and_the_neighbour_is_untouched(whole):
    life, rows = left_and_backed_up(NEIGHBOUR)
    life.move(PURGE)
    assert is_gone(life)

    restore(life, rows, whole=whole)
    came_back = f"{CANARY}-{ACME}-comment" in whole_table(life)
    theirs = [row for row in rows_of(life.watch._table) if row["pk"] == keys.partition(NEIGHBOUR)]
    (done,) = reapply(life)

    assert came_back
    assert (done.account_id, done.failed) == (ACME, {})
    assert sum(done.deleted["lapse"].values()) > 3
    assert is_gone(life)
    assert [
        row for row in rows_of(life.watch._table) if row["pk"] == keys.partition(NEIGHBOUR)
    ] == theirs
    assert life.features(ACME)["send_sms"] is False


def test_applied_again_it_finds_nothing_more():
    life, rows = left_and_backed_up()
    life.move(PURGE)
    life.wait(PURGE + DAY)
    restore(life, rows)
    reapply(life)
    once = backup(life)

    (again,) = reapply(life)

    assert sum(sum(counts.values()) for counts in again.deleted.values()) == 0
    assert again.failed == {}
    ours = lambda rows: [row for row in rows if not row["sk"].startswith("purger#")]  # noqa: E731
    assert ours(backup(life)) == ours(once)


def test_without_a_restore_there_is_nothing_to_do():
    life, _ = left_and_backed_up()
    life.move(PURGE)
    before = life.membership(ACME)

    (done,) = reapply(life)

    assert sum(sum(counts.values()) for counts in done.deleted.values()) == 0
    assert life.membership(ACME) == before


@pytest.mark.parametrize("whole", [True, False], ids=["the whole table", "rows over rows"])
def test_who_came_back_after_the_purge_keeps_what_is_new(whole):
    life, rows = left_and_backed_up()
    life.move(PURGE)
    life.move(PURGE + 10 * DAY)

    def returns():
        life.service("PUT", f"/v1/admin/accounts/{ACME}", {"email": "new@example.com"})
        life.number(ACME, "+14155550111")
        life.registration(ACME, "new-R")
        life.schedule(ACME, ("new-M", "sms", life.now + 90 * DAY, 7))

    back = life.subscribe(ACME)
    if whole:
        restore(life, rows)
        life.stripe("POST", f"/v1/subscriptions/{back}", "metadata[said]=again")
        returns()
    else:
        returns()
        restore(life, rows, whole=False)
    life.files.write(exporting.documents_of(ACME) + "new.pdf", io.BytesIO(b"new"))
    life.saas.put({"account_id": ACME, "data": {"contacts": 3}})

    (done,) = reapply(life)

    assert done.failed == {}
    page = life.membership(ACME)
    assert [one["id"] for one in page["subscriptions"]] == [back]
    assert [one["number"] for one in page["numbers"]] == ["+14155550111"]
    assert [one["id"] for one in page["registrations"]] == ["new-R"]
    assert life.features(ACME)["send_sms"] is True
    messages = [row["sk"] for row in everything(life) if row["sk"].startswith("message#")]
    assert messages == ["message#new-M"]
    assert list(life.files.names(exporting.home(ACME))) == [
        exporting.documents_of(ACME) + "new.pdf"
    ]
    assert life.world.table.get(keys.live_number("+14155550111"))
    assert life.world.table.get(keys.live_number(NUMBER)) is None
    said = whole_table(life)
    assert f"{CANARY}-{ACME}-comment" not in said
    assert "acme@example.com" not in said


def test_a_number_that_is_anothers_by_now_stays_theirs():
    life, rows = left_and_backed_up(NEIGHBOUR)
    early = [row for row in rows if row["pk"] == keys.partition(ACME)]
    life.move(PURGE)
    assert life.number(NEIGHBOUR, NUMBER).status == 200

    restore(life, early, whole=False)
    reapply(life)

    assert life.world.table.get(keys.live_number(NUMBER))["state"] == NEIGHBOUR
    assert NUMBER in [one["number"] for one in life.membership(NEIGHBOUR)["numbers"]]


def test_a_backup_without_the_account_s_own_record_is_purged_as_well():
    life, rows = left_and_backed_up()
    life.move(PURGE)
    restore(life, [row for row in rows if row["sk"] != "account"])

    (done,) = reapply(life)

    assert done.failed == {}
    assert f"{CANARY}-{ACME}-comment" not in whole_table(life)


def test_a_dry_run_says_what_it_would_delete_and_deletes_nothing():
    life, rows = left_and_backed_up()
    life.move(PURGE)
    restore(life, rows)
    before = backup(life)

    (done,) = reapply(life, dry=True)

    assert sum(done.deleted["lapse"].values()) > 3
    assert backup(life) == before


def test_a_tombstone_names_the_account_the_moment_and_the_certificate_and_nothing_else():
    desk = Desk().leave()
    desk.life.move(PURGE)

    (name,) = desk.life.files.names(tombstones.HOME)

    said = json.loads(b"".join(desk.life.files.read(name)))
    path = f"/v1/admin/accounts/{ACME}/purge-certificates"
    (certificate,) = desk.life.operator("GET", path).body["data"]
    assert said == {"format": 1, "account_id": ACME, "at": "2027-02-28T12:00:00Z",
                    "certificate_sha256": certificate["sha256"]}  # fmt: skip


def test_of_several_purges_the_last_counts():
    desk = Desk().leave()
    desk.life.move(PURGE)
    desk.life.cancel(ACME, desk.life.subscribe(ACME))
    desk.life.move(PURGE + 500 * DAY)

    (one,) = tombstones.newest(desk.life.files)

    assert one.at > PURGE + timedelta(days=360)


def test_while_a_later_purge_is_under_way_it_is_left_to_that_one():
    desk = Desk().leave()
    desk.life.move(PURGE)
    desk.life.cancel(ACME, desk.life.subscribe(ACME))
    again = desk.life.upcoming(ACME)["data_purged"]
    desk.life.sleep(again)
    desk.life.faults.order({"target": "saas", "kind": "error", "count": 1})
    desk.life.run_jobs()

    (done,) = reapply(desk.life)
    desk.life.move(again + DAY)

    assert done.failed == {"lapse": "a_purge_is_under_way"}
    assert len(desk.told("step.data_purged")) == 2
