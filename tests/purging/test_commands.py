"""`lapse purge`: plans, approvals, proofs, and what must not come back; what it prints, and its exit codes."""

import io
import json
from dataclasses import replace

import pytest

from chalicelib import tombstones, wiring
from chalicelib.gateways.stripe import Stripe, StripeRefused, StripeUnavailable
from chalicelib.gateways.stripe_reader import Unreadable
from chalicelib.lifecycle import must_load
from chalicelib.store.table import Unavailable
from infra.cli.main import main
from tests.operators.desk import ACME, DAY, PURGE, WHY, Desk
from tests.purging.test_approval import desk as strict  # noqa: F401 - a fixture
from tests.purging.test_purge import (
    CANARY,
    certificates,
    everything,
    one_of_everything,
    whole_table,
)
from tests.purging.test_restore import NEIGHBOUR, backup, left_and_backed_up, restore
from tests.support.life import Life


def said(capsys, *arguments):
    code = main(["purge", *arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def in_json(capsys, *arguments):
    code, out, _ = said(capsys, *arguments, "--json")
    return code, json.loads(out)


def token(desk, folder, who, role="operator"):
    file = folder / who
    file.write_text(desk.life.token(None, role, sub=who))
    return str(file)


def test_a_plan_says_what_when_how_much_and_what_holds_it_and_deletes_nothing(capsys):
    desk = Desk().leave()
    desk.life.saas.put({"account_id": ACME, "data": {"contacts": 3}})
    desk.life.sleep(PURGE - DAY)
    desk.life.run_jobs()
    early = in_json(capsys, "--plan")[1]
    desk.life.sleep(PURGE)
    before = backup(desk.life)

    code, (one,) = in_json(capsys, "--plan")
    _, out, _ = said(capsys, "--plan")

    assert early == []
    assert code == 0
    assert (one["account_id"], one["due_at"], one["is_due"], one["held_by"]) == (
        ACME, "2027-02-28T12:00:00Z", True, [])  # fmt: skip
    assert one["would_delete"]["saas"]["counts"] == {"contacts": 3}
    planned = one["would_delete"]["lapse"]["counts"]
    assert planned["number"] == 1
    assert "3 contacts" in out
    assert "nothing was deleted" in out
    assert backup(desk.life) == before
    assert desk.life.saas.view()["purges"] == []
    desk.life.run_jobs()
    assert certificates(desk.life)[0]["deleted"]["lapse"] == planned, (
        "what was shown is what is done"
    )


def test_a_plan_of_one_account_names_what_holds_it(capsys):
    desk = Desk().leave()
    desk.legal_hold("POST")

    _, (one,) = in_json(capsys, "--plan", "--account", ACME)

    assert one["held_by"] == ["legal_hold", "numbers_not_released"]
    _, (later,) = in_json(capsys, "--plan", "--until", "2027-03-01T00:00:00Z", "--account", ACME)
    assert later == one


def test_two_people_approve_with_their_own_tokens(strict, capsys, tmp_path):  # noqa: F811
    ann, bob = (token(strict, tmp_path, who) for who in ("ann", "bob"))
    approve = ("approve", ACME, "--reason", WHY, "--token-file")

    assert in_json(capsys, "--plan", "--account", ACME)[1][0]["held_by"][0] == "waits_for_approval"
    first = in_json(capsys, *approve, ann)
    other = said(capsys, "approve", ACME, "--reason", "checked", "--token-file", ann)
    second = in_json(capsys, *approve, bob)

    assert (first[0], first[1]["state"], first[1]["proposed"]["by"]) == (0, "proposed", "ann")
    assert (other[0], "somebody else" in other[2]) == (1, True)
    assert (second[0], second[1]["state"], second[1]["approved"]["by"]) == (0, "approved", "bob")
    strict.life.move(PURGE)
    assert len(certificates(strict.life)) == 1


def test_a_word_whose_answer_was_lost_is_said_again_and_is_no_second_one(
    strict,  # noqa: F811
    capsys,
    tmp_path,
):
    ann, bob = (token(strict, tmp_path, who) for who in ("ann", "bob"))
    approve = ("approve", ACME, "--reason", WHY, "--token-file")
    world = wiring.world()

    for who, state in ((ann, "proposed"), (bob, "approved")):
        wiring.use(replace(world, table=LosesAnswers(world.table)))
        lost = said(capsys, *approve, who)
        wiring.use(world)
        assert (lost[0], lost[1]) == (2, "")
        code, shown = in_json(capsys, *approve, who)
        assert (code, shown["state"], shown["proposed"]["by"]) == (0, state, "ann")

    assert shown["approved"]["by"] == "bob"
    for what in ("proposed", "approved"):
        assert len(strict.told(f"purge.{what}")) == 1


class LosesAnswers:
    """A table that does what it is asked to, and whose answer to a transaction never arrives."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def transact(self, actions):
        self.inner.transact(actions)
        raise Unavailable("lost")


def test_nobody_approves_without_an_operators_token(strict, capsys, tmp_path):  # noqa: F811
    approve = ("approve", ACME, "--reason", WHY, "--token-file")
    forged = tmp_path / "forged"
    forged.write_text("a.b.c")

    assert said(capsys, *approve, token(strict, tmp_path, "cyd", "service"))[0] == 1
    assert said(capsys, *approve, str(forged))[0] == 1
    assert said(capsys, *approve, str(tmp_path / "nothing"))[0] == 2
    assert strict.told("purge.proposed") == []


def test_a_certificate_is_shown_and_verified_and_a_forged_one_is_found(capsys):
    desk = Desk().leave()
    desk.life.move(PURGE)

    code, (one,) = in_json(capsys, "certificate", ACME)
    _, out, _ = said(capsys, "certificate", ACME)
    verified = [in_json(capsys, "verify", *which) for which in ((), (ACME,))]

    assert (code, one["sha256"] in out) == (0, True)
    assert verified == [(0, {"certificates": 1, "wrong": []})] * 2
    (row,) = [row for row in everything(desk.life) if row["sk"].startswith("certificate#")]
    restore(
        desk.life, [{**row, "doc": {**row["doc"], "due_at": "2026-01-01T00:00:00Z"}}], whole=False
    )
    code, found = in_json(capsys, "verify")
    assert (code, found["wrong"][0]["account_id"]) == (1, ACME)


def test_a_certificate_that_was_sealed_anew_does_not_match_its_tombstone(capsys):
    from chalicelib.domain.erasure import fingerprint

    desk = Desk().leave()
    desk.life.move(PURGE)
    (row,) = [row for row in everything(desk.life) if row["sk"].startswith("certificate#")]
    content = {k: v for k, v in row["doc"].items() if k != "sha256"} | {"deleted": {}}
    forged = {**content, "sha256": fingerprint(content)}

    restore(desk.life, [{**row, "doc": forged}], whole=False)

    assert in_json(capsys, "verify")[0] == 1


def test_after_a_restore_reapplying_deletes_again(capsys):
    life, rows = left_and_backed_up()
    life.move(PURGE)
    life.wait(PURGE + DAY)
    restore(life, rows)

    code, dry = in_json(capsys, "--reapply", "--dry-run")
    still = "acme@example.com" in whole_table(life)
    done = said(capsys, "--reapply")
    again = in_json(capsys, "--reapply", "--account", ACME)

    assert (code, dry["dry_run"], still) == (0, True, True)
    assert dry["accounts"][0]["deleted"]["lapse"]
    assert (done[0], "deleted" in done[1]) == (0, True)
    assert "acme@example.com" not in whole_table(life)
    assert again[1]["accounts"][0]["deleted"] == {}


def test_what_fails_is_said_and_asked_for_again(capsys):
    life, rows = left_and_backed_up()
    life.move(PURGE)
    restore(life, rows)
    life.faults.order({"target": "saas", "kind": "error", "count": 1})

    code, done = in_json(capsys, "--reapply")

    assert (code, done["accounts"][0]["failed"]) == (1, {"saas": "error"})
    assert in_json(capsys, "--reapply")[0] == 0


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (StripeRefused("resource_missing", "No such customer"), "stripe_refused:resource_missing"),
        (StripeUnavailable("away"), "stripe_unavailable"),
        (Unreadable("no customer"), "stripe_unreadable"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_one_of_whom_stripe_says_nothing_keeps_nobody_else_from_being_deleted(
    capsys, monkeypatch, error, why
):
    life = Life()
    for n, one in enumerate((ACME, NEIGHBOUR)):
        one_of_everything(life, one, f"+1415555018{n}")
    life.move("2026-06-01T00:00:00Z")
    rows = backup(life)
    life.move(PURGE + DAY)
    restore(life, rows)
    acme = must_load(life.world, ACME).account.stripe_customer_id
    real = Stripe.subscriptions_of

    def of(self, customer):
        if customer == acme:
            raise error
        return real(self, customer)

    monkeypatch.setattr(Stripe, "subscriptions_of", of)

    code, done = in_json(capsys, "--reapply")

    failed = {one["account_id"]: one["failed"] for one in done["accounts"]}
    assert (code, failed) == (1, {ACME: {"stripe": why}, NEIGHBOUR: {}})
    assert f"{CANARY}-{NEIGHBOUR}-comment" not in whole_table(life)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"account_id": 1, "at": "x"}', b"\xff"])
def test_a_tombstone_that_nobody_can_read_is_named_and_the_others_are_applied(capsys, content):
    life, rows = left_and_backed_up()
    life.move(PURGE)
    restore(life, rows)
    broken = f"{tombstones.HOME}a/broken.json"
    life.files.write(broken, io.BytesIO(content))

    code, done = in_json(capsys, "--reapply")

    assert code == 1
    assert [one["account_id"] for one in done["accounts"]] == [ACME]
    assert done["unreadable"] == [broken]
    assert "acme@example.com" not in whole_table(life)


@pytest.mark.parametrize(
    "wrong",
    [(), ("certificate", "nobody"), ("verify", "nobody"), ("--plan", "--account", "nobody"),
     ("approve", "nobody", "--reason", "x", "--token-file", "x"), ("approve", ACME, "--reason", " ", "--token-file", "x")],
    ids=" ".join,
)  # fmt: skip
def test_what_cannot_be_asked_is_said_in_a_sentence(capsys, wrong):
    Desk()

    code, out, err = said(capsys, *wrong)

    assert (code, out) == (2, "")
    assert err.startswith("lapse: ")
    assert "Traceback" not in err


def test_without_a_deployment_it_says_what_to_set(capsys, monkeypatch):
    monkeypatch.setattr(wiring, "_world", None)
    monkeypatch.delenv("LAPSE_TABLE", raising=False)

    assert said(capsys, "--plan")[0] == 2
