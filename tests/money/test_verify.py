"""`lapse ledger verify`: says that the books are whole, or which entry is the first that is not."""

import json
from dataclasses import replace

import pytest

from chalicelib import wiring
from chalicelib.store import keys, wallet
from chalicelib.store.table import Delete, Put, Update
from infra.cli.main import main
from tests.support.books import credit, debit
from tests.support.stage import Stage


@pytest.fixture
def stage(monkeypatch):
    """Two accounts with three entries each, and one that never had any."""
    stage = Stage()
    for name in ("acme", "bravo", "empty"):
        stage.account(name, customer=f"cus_{name}")
    for name in ("acme", "bravo"):
        for posting in (credit("in", 500), debit("fee:1", 126), debit("fee:2", 126)):
            wallet.post(stage.table, name, posting)
    monkeypatch.setattr(wiring, "_world", stage.world)
    return stage


def verify(capsys, *arguments):
    code = main(["ledger", "verify", *arguments])
    return code, capsys.readouterr().out


def change(stage, account, seq, **values):
    key = keys.entry(account, seq)
    row = stage.table.get(key)
    stage.table.write(Update(key, {"doc": {**row["doc"], **values}}))


def test_a_whole_ledger_is_said_to_be_whole(stage, capsys):
    code, said = verify(capsys, "acme")

    assert code == 0
    assert said == "acme: 3 entries, all as booked\n1 ledgers, 3 entries, 0 broken\n"


def test_all_accounts_are_checked_those_without_entries_too(stage, capsys):
    code, said = verify(capsys, "--all", "--json")

    assert code == 0
    assert json.loads(said) == {"ok": True, "accounts": 3, "entries": 6, "broken": []}


def test_the_first_broken_entry_is_named_and_the_exit_code_says_so(stage, capsys):
    lines = [
        {"account": "wallet", "money": {"amount": -1, "currency": "usd"}},
        {"account": "number_fees", "money": {"amount": 1, "currency": "usd"}},
    ]
    change(stage, "bravo", 2, lines=lines)
    change(stage, "bravo", 3, lines=lines)

    code, said = verify(capsys, "--all", "--json")

    assert code == 1
    assert json.loads(said)["ok"] is False
    assert json.loads(said)["broken"] == [
        {
            "account_id": "bravo",
            "entries": 3,
            "broken_entry": 2,
            "what": "its content is not what its hash was made of",
        }
    ]
    assert verify(capsys, "acme")[0] == 0
    code, said = verify(capsys, "bravo")
    assert code == 1
    assert "bravo: entry 2 is broken: its content is not what its hash was made of" in said


@pytest.mark.parametrize(
    ("spoil", "seq", "what"),
    [
        (lambda t: t.write(Delete(keys.entry("acme", 1))), 1, "it is missing"),
        (lambda t: t.write(Delete(keys.entry("acme", 2))), 2, "it is missing"),
        (lambda t: t.write(Delete(keys.entry("acme", 3))), 3, "it is missing"),
        (lambda t: t.write(Delete(keys.cause("acme", "fee:1"))), 2, "on record for entry None"),
        (lambda t: t.write(Delete(keys.wallet("acme"))), 1, "balance does not know it"),
        (lambda t: t.write(Update(keys.entry("acme", 2), {"doc": {"seq": "two"}})), 2, "read"),
        (
            lambda t: t.write(Put({"pk": "A#acme", "sk": "cause#gift", "doc": {"seq": 9}})),
            4,
            "gift is on record",
        ),
    ],
)
def test_whatever_is_taken_away_or_put_in_is_found(stage, capsys, spoil, seq, what):
    spoil(stage.table)

    code, said = verify(capsys, "acme", "--json")

    (broken,) = json.loads(said)["broken"]
    assert code == 1
    assert broken["broken_entry"] == seq
    assert what in broken["what"]


def test_a_changed_balance_is_found(stage, capsys):
    key = keys.wallet("acme")
    row = stage.table.get(key)
    stage.table.write(Update(key, {"doc": {**row["doc"], "balances": {"usd": 1_000_000}}}))

    code, said = verify(capsys, "acme")

    assert code == 1
    assert "the wallet holds 1000000 usd, its entries sum to 248" in said


def test_entries_booked_while_it_looks_are_not_called_broken(stage, capsys):
    class Busy:
        """Somebody books after the wallet was read, twice."""

        def __init__(self, inner):
            self.inner, self.times = inner, 2

        def __getattr__(self, name):
            return getattr(self.inner, name)

        def query(self, pk, prefix="", **more):
            if prefix == keys.ENTRY and self.times:
                self.times -= 1
                wallet.post(self.inner, "acme", credit(f"late:{self.times}"))
            return self.inner.query(pk, prefix, **more)

    wiring.use(replace(stage.world, table=Busy(stage.table)))

    code, said = verify(capsys, "acme")

    assert code == 0
    assert "acme: 5 entries" in said


@pytest.mark.parametrize("name", ["nobody", "", "a#b", "x" * 3000])
def test_an_account_that_does_not_exist_is_an_error_with_a_sentence(stage, capsys, name):
    code = main(["ledger", "verify", name])

    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert said.err.startswith("lapse: there is no account")


def test_it_says_what_to_set_when_there_is_no_table(monkeypatch, capsys):
    monkeypatch.setattr(wiring, "_world", None)
    monkeypatch.delenv("LAPSE_TABLE", raising=False)

    code = main(["ledger", "verify", "--all"])

    assert code == 2
    assert "set LAPSE_TABLE" in capsys.readouterr().err


def test_either_one_account_or_all_are_asked_for(stage, capsys):
    for arguments in ([], ["acme", "--all"]):
        with pytest.raises(SystemExit) as wrong:
            main(["ledger", "verify", *arguments])
        assert wrong.value.code == 2
