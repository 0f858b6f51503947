"""Exports through the real routes and jobs: what is in the zip, whose it is, and how long it can be fetched."""

import csv
import hashlib
import io
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib import exporting, wiring
from chalicelib.domain.exports import MOST, cell
from chalicelib.effects import export_data
from chalicelib.gateways.files import FilesUnavailable
from chalicelib.gateways.stripe import StripeUnavailable
from infra.local.messages import Request
from tests.support.life import PORT, Life

ACME, OTHER = "acme", "acme2"
ALL = {
    "account.json", "subscriptions.csv", "invoices.csv", "ledger.csv", "numbers.csv",
    "registrations.csv", "members.csv", "scheduled_messages.csv", "cases.json", "evidence.json",
    "history.json", "manifest.json",
}  # fmt: skip


@pytest.fixture
def life():
    life = Life()
    life.account(ACME)
    life.account(OTHER)
    return life


def ask(life, account=ACME, **more):
    return life.customer(account, "POST", "/v1/exports", **more)


def show(life, export_id, account=ACME):
    return life.customer(account, "GET", f"/v1/exports/{export_id}")


def fetch(life, url):
    path = url.removeprefix(f"http://127.0.0.1:{PORT}")
    return life.files.answer(Request("GET", path), lambda: "r")


def parts(life, account=ACME):
    """Name → content of a new export."""
    return life.exported(account)


def rows(content):
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"))))


class Broken:
    """Files that cannot be reached just now."""

    at_hand = True

    def __getattr__(self, name):
        def refuse(*_, **__):
            raise FilesUnavailable("down")

        return refuse


def with_files(life, files):
    life.world = replace(life.world, files=files)
    wiring.use(life.world)


class Slow:
    """Files as they are in production: a request does not wait for them."""

    at_hand = False

    def __init__(self, files):
        self.files = files

    def __getattr__(self, name):
        return getattr(self.files, name)


# -- what is in it


def test_every_part_is_there_and_the_manifest_counts_and_sums_them(life):
    subscription = life.subscribe(ACME)
    life.number(ACME, "+14155550100")
    life.registration(ACME, "R1")
    life.schedule(ACME, ("M1", "sms", life.now, 7))
    life.cancel(ACME, subscription)

    found = parts(life)

    assert set(found) == ALL
    manifest = json.loads(found["manifest.json"])
    assert {one["name"] for one in manifest["parts"]} == ALL - {"manifest.json"}
    for one in manifest["parts"]:
        content = found[one["name"]]
        assert one["bytes"] == len(content)
        assert one["sha256"] == hashlib.sha256(content).hexdigest()
        if one["name"].endswith(".csv"):
            assert one["rows"] == len(rows(content))
        elif one["name"] != "account.json":
            assert one["rows"] == len(json.loads(content))
    counts = {one["name"]: one["rows"] for one in manifest["parts"]}
    assert all(counts[name] for name in ALL - {"manifest.json", "members.csv", "cases.json"}), (
        counts
    )


def test_a_number_stays_readable_and_is_no_formula_and_money_is_whole_minor_units(life):
    life.subscribe(ACME)
    life.number(ACME, "+14155550100", fee=150)
    life.schedule(ACME, ("=cmd|'/c calc'!A0", "sms", life.now, 7))

    found = parts(life)

    (number,) = rows(found["numbers.csv"])
    assert number["number"] == "'+14155550100"
    assert (number["monthly_fee_minor"], number["currency"]) == ("150", "usd")
    (message,) = rows(found["scheduled_messages.csv"])
    assert message["id"] == "'=cmd|'/c calc'!A0"
    assert {one["amount_minor"] for one in rows(found["ledger.csv"])} == {"-7", "7"}


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\ta", "\ra"])
def test_what_a_spreadsheet_would_run_is_a_text(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "written"), [("a=1", "a=1"), ("", ""), (None, ""), (-7, -7), (True, "true")]
)
def test_everything_else_is_written_as_it_is(value, written):
    assert cell(value) == written


def test_every_invoice_is_in_it_and_no_link_to_stripes_pages(life):
    life.subscribe(ACME)
    life.move(life.now + timedelta(days=100))

    found = parts(life)

    assert len(rows(found["invoices.csv"])) == 4
    everything = b"".join(found.values())
    for secret in (b"_stripe", b"https://", b"http://", b"sk_test", b"whsec", b"hosted_invoice"):
        assert secret not in everything


def test_nothing_of_a_neighbour_is_in_it(life):
    for account, e164, message in ((ACME, "+14155550100", "M1"), (OTHER, "+14155550199", "M2")):
        life.subscribe(account)
        life.number(account, e164)
        life.schedule(account, (message, "sms", life.now, 7))
        life.files.write(exporting.documents_of(account) + "of.txt", io.BytesIO(message.encode()))
    (theirs,) = life.membership(OTHER, "id")

    everything = b"".join(parts(life).values())

    assert b"4155550100" in everything
    for foreign in (b"4155550199", b"M2", OTHER.encode(), theirs.encode()):
        assert foreign not in everything


def test_what_an_operator_notes_for_themselves_is_not_in_it(life):
    life.operator(
        "POST", f"/v1/admin/accounts/{ACME}/legal-hold", {"reason": "the lawyers asked for it"}
    )

    assert b"lawyers" not in b"".join(parts(life).values())


def test_documents_stay_inside_their_folder(life):
    class Hostile:
        def names(self, prefix):
            return iter([f"{prefix}../../evil.txt", f"{prefix}a\\..\\b.txt"])

        def read(self, name):
            return iter([b"x"])

        def __getattr__(self, name):
            return getattr(life.files, name)

    with_files(life, Hostile())

    assert {"documents/evil.txt", "documents/a/b.txt"} <= set(parts(life))


def test_a_folder_that_is_written_as_a_file_is_left_out_and_two_of_one_name_are_both_there(life):
    """S3's own pages write an empty file for a folder: unpacked, it would stand where the folder has to be."""
    folder = exporting.documents_of(ACME)
    stored = {"": b"", "2026/": b"", "2026/a.pdf": b"one", "2026//a.pdf": b"two", "b": b"three"}

    class Folders:
        def names(self, prefix):
            return iter(sorted(f"{folder}{name}" for name in stored))

        def read(self, name):
            return iter([stored[name.removeprefix(folder)]])

        def __getattr__(self, name):
            return getattr(life.files, name)

    with_files(life, Folders())

    documents = {name: said for name, said in parts(life).items() if name.startswith("documents")}
    assert sorted(documents.values()) == [b"one", b"three", b"two"]
    assert {"documents/2026/a.pdf", "documents/b"} < set(documents)
    assert not any(f"{name}/" in other for name in documents for other in documents)


@pytest.mark.parametrize("name", ["..", "a/../../b", ".", "é" * 200, "a#b", "~", "𝕒" * 200])
def test_an_accounts_files_lie_in_a_folder_of_their_own(life, name):
    folder = exporting.home(name)

    life.files.write(f"{folder}exports/x.zip", io.BytesIO(b"x"))

    assert folder.count("/") == 2
    assert "." not in folder
    assert list(life.files.names(folder)) == [f"{folder}exports/x.zip"]


# -- how long


def test_a_link_works_for_fifteen_minutes_and_each_answer_has_a_new_one(life):
    export_id = ask(life).body["id"]
    url = show(life, export_id).body["url"]

    life.move(life.now + timedelta(minutes=15) - timedelta(seconds=1))
    before = fetch(life, url)
    life.move(life.now + timedelta(seconds=1))
    after = fetch(life, url)

    assert (before.status, after.status) == (200, 404)
    assert fetch(life, show(life, export_id).body["url"]).status == 200


@pytest.mark.parametrize("token", ["", "x", "a.b", "é.é", "W10.W10", "../../notebook.sqlite"])
def test_a_made_up_link_leads_nowhere(life, token):
    assert life.files.answer(Request("GET", f"/_files/{token}"), lambda: "r").status == 404


def test_another_file_under_a_signed_link_leads_nowhere(life):
    one, two = (show(life, ask(life).body["id"]).body["url"] for _ in range(2))
    mixed = one.rpartition(".")[0] + "." + two.rpartition(".")[2]

    assert fetch(life, mixed).status == 404


def test_after_a_week_the_file_is_gone_and_not_a_second_before(life):
    export_id = ask(life).body["id"]
    made = life.now

    life.move(made + timedelta(days=7) - timedelta(seconds=1))
    last = show(life, export_id)
    life.move(made + timedelta(days=7))

    assert last.status == 200
    assert last.body["url_expires_at"] == last.body["expires_at"], "no link outlives its file"
    assert show(life, export_id).code == "not_found"
    assert list(life.files.names("accounts/")) == []
    assert [e["type"] for e in life.events() if e["type"].startswith("export.")] == [
        "export.asked",
        "export.completed",
        "export.expired",
    ]


# -- asking


def test_a_repeat_under_the_same_key_is_the_same_export(life):
    first, second = (ask(life, headers={"Idempotency-Key": "k"}) for _ in range(2))

    assert (first.status, second.status) == (202, 202)
    assert first.body == second.body
    assert ask(life).body["id"] != first.body["id"]


def test_three_at_a_time(life):
    made = [ask(life).status for _ in range(MOST)]

    refused = ask(life)
    life.move(life.now + timedelta(days=7))

    assert made == [202] * MOST
    assert (refused.status, refused.code) == (429, "rate_limited")
    assert ask(life).status == 202


@pytest.mark.parametrize("role", ["billing_admin", "product_admin", "billing_contact", "member"])
def test_only_a_super_admin_may(life, role):
    export_id = ask(life).body["id"]
    token = life.token(ACME, role)

    asked = life.api("POST", "/v1/exports", token=token)
    shown = life.api("GET", f"/v1/exports/{export_id}", token=token)

    assert (asked.code, shown.code) == ("role_required", "role_required")


def test_anothers_export_is_not_found(life):
    export_id = ask(life).body["id"]

    assert show(life, export_id, OTHER).code == show(life, "ex_nobody", OTHER).code == "not_found"


def test_where_files_are_far_away_the_job_makes_it(life):
    with_files(life, Slow(life.files))

    asked = ask(life)
    waiting = show(life, asked.body["id"])
    did = life.run_jobs()
    ready = show(life, asked.body["id"])

    assert (asked.status, asked.body["state"]) == (202, "making")
    assert (waiting.status, waiting.body["state"], "url" in waiting.body) == (202, "making", False)
    assert did["make_exports"] == "1 done"
    assert (ready.status, ready.body["progress"]) == (200, 100)


def test_while_stripe_is_down_it_waits_and_is_made_later(life):
    files, stripe = life.files, life.world.stripe

    class Down:
        def __getattr__(self, name):
            def refuse(*_, **__):
                raise StripeUnavailable("down")

            return refuse

    life.world = replace(life.world, stripe=Down())
    wiring.use(life.world)
    asked = ask(life)
    before = list(files.names("accounts/"))
    life.world = replace(life.world, stripe=stripe)
    wiring.use(life.world)
    life.move(life.now + timedelta(minutes=5))

    assert (asked.status, asked.body["state"], before) == (202, "making", [])
    assert show(life, asked.body["id"]).body["state"] == "ready"


def test_larger_than_the_disk_it_waits_for_a_person_and_is_made_when_there_is_room(
    life, monkeypatch, caplog
):
    room = export_data.SpooledTemporaryFile
    full = Path("/dev/full")
    monkeypatch.setattr(export_data, "SpooledTemporaryFile", lambda **_: full.open("r+b"))
    asked = ask(life)
    monkeypatch.setattr(export_data, "SpooledTemporaryFile", room)
    life.move(life.now + timedelta(minutes=5))

    assert (asked.status, asked.body["state"]) == (202, "making")
    assert "no_room_on_disk" in caplog.text
    assert "step_needs_person" in caplog.text
    assert show(life, asked.body["id"]).body["state"] == "ready"


def test_without_a_place_for_files_nothing_is_promised(life):
    with_files(life, None)

    assert ask(life).status == 503


def test_the_page_and_the_preview_say_nothing_of_it(life):
    subscription = life.subscribe(ACME)
    with_files(life, Slow(life.files))
    before = (
        life.membership(ACME)["upcoming"],
        life.preview(ACME, subscription).body["consequences"],
    )

    ask(life)

    shown = life.membership(ACME)["upcoming"], life.preview(ACME, subscription).body["consequences"]
    assert shown == before


def test_it_stays_owed_and_short_whatever_an_operator_wants(life):
    export_id = ask(life).body["id"]
    timeline = life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body
    (step,) = [one for one in _dicts(timeline) if one.get("kind") == "export_expires"]

    refused = life.operator("POST", f"/v1/admin/steps/{step['key']}/waive", {"reason": "keep it"})

    assert refused.code == "blocked"
    assert show(life, export_id).status == 200


def _dicts(thing):
    if isinstance(thing, dict):
        yield thing
    inner = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list) else ()
    for one in inner:
        yield from _dicts(one)


# -- at a purge


def purged(life):
    subscription = life.subscribe(ACME)
    life.cancel(ACME, subscription)
    return life


def test_until_the_purge_it_can_be_asked_for_and_with_it_everything_goes(life):
    purged(life)
    at = life.upcoming(ACME)["data_purged"]
    life.move(at - timedelta(seconds=1))
    life.files.write(exporting.documents_of(ACME) + "invoice.pdf", io.BytesIO(b"pdf"))
    life.files.write(exporting.documents_of(OTHER) + "invoice.pdf", io.BytesIO(b"pdf"))
    last = ask(life).body["id"]
    url = show(life, last).body["url"]

    life.move(at)

    assert list(life.files.names("accounts/")) == [exporting.documents_of(OTHER) + "invoice.pdf"]
    assert show(life, last).code == "not_found"
    assert fetch(life, url).status == 404
    refused = ask(life)
    assert (refused.status, refused.code) == (409, "blocked")


def test_whoever_comes_back_after_the_purge_can_export_again(life):
    purged(life)
    life.move(life.upcoming(ACME)["data_purged"])

    life.subscribe(ACME)

    assert len(rows(parts(life)["subscriptions.csv"])) == 1


def test_a_purge_waits_for_files_it_cannot_delete_and_finishes_then(life):
    purged(life)
    at = life.upcoming(ACME)["data_purged"]
    life.move(at - timedelta(seconds=1))
    export_id = ask(life).body["id"]
    files = life.files

    with_files(life, Broken())
    life.move(at)
    still_there = list(files.names("accounts/"))
    with_files(life, files)
    life.move(at + timedelta(minutes=5))

    assert len(still_there) == 1
    assert list(files.names("accounts/")) == []
    assert show(life, export_id).code == "not_found"


def test_an_export_overtaken_by_the_purge_leaves_no_file(life):
    purged(life)
    at = life.upcoming(ACME)["data_purged"]
    life.move(at - timedelta(seconds=1))
    files = life.files

    class Overtaken(Slow):
        def write(self, name, source):
            files.write(name, source)
            with_files(life, files)
            life.wait(at)
            life.run_jobs()
            files.write(name, io.BytesIO(b"written late"))

    with_files(life, Overtaken(files))
    ask(life)
    life.run_jobs()

    assert list(files.names("accounts/")) == []
