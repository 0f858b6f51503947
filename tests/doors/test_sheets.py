"""CSV files with anything in them: each line is taken or named with its reason, and what is no such file is refused in a
sentence. What was taken is written, and the table is as sound as before.
"""

import io
from random import Random

import pytest

from chalicelib import importing, wiring
from chalicelib.importing import Bad
from infra.cli.main import main
from tests.doors.asked import HOSTILE
from tests.support.invariants import check_all, rows_of
from tests.support.stage import Stage

COLUMNS = {"numbers": importing.NUMBER_COLUMNS, "messages": importing.MESSAGE_COLUMNS}
GOOD = {
    "account_id": ["acme"], "number": ["+14155550100", "+14155550101"], "provider": ["local"],
    "provider_id": ["PN1"], "monthly_fee": ["126", "0"], "currency": ["usd"], "price": ["7"],
    "bought_at": ["2026-01-01T00:00:00Z", "2024-02-29T00:00:00Z"], "id": ["m1", "m2"],
    "channel": ["sms", "rvm"], "send_at": ["2026-03-01T00:00:00Z"],
}  # fmt: skip
ODD = [
    *HOSTILE, "", "x" * 5000, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "999999999999",
    "٣", "-1", "1.5", "1e3", "+1", '"', '""', 'a"b', ",", "a,b", "\r", "=1+1", "\ufeff", "+١٤١٥٥٥٥٠١٠٠",
    "+14155550100\n", "0001-01-01T00:00:00+14:00",
]  # fmt: skip
HOW = {
    "numbers": (importing.number, "number"),
    "messages": (importing.message, "id"),
}


@pytest.fixture
def stage():
    stage = Stage()
    stage.account()
    stage.subscribe()
    stage.account("other", "cus_2")
    return stage


def sheet(columns, chance):
    """A file of these columns: mostly good lines, some odd ones, and at times a head that is none."""
    head = list(columns)
    if chance.random() < 0.2:
        head[chance.randrange(len(head))] = chance.choice(ODD)
    lines = [",".join(head)]
    for _ in range(chance.randint(0, 4)):
        values = [_value(name, chance) for name in columns]
        if chance.random() < 0.1:
            values = values[: chance.randrange(len(values))] + values * chance.choice([0, 1])
        lines.append(",".join(values))
    return chance.choice(["\n", "\r\n", "\n", "\r"]).join(lines)


def _value(name, chance):
    if chance.random() < 0.85:
        return chance.choice(GOOD[name])
    odd = chance.choice(ODD)
    return chance.choice([odd, '"' + odd.replace('"', '""') + '"'])


@pytest.mark.parametrize("kind", COLUMNS)
def test_each_line_is_taken_or_named_with_its_reason(stage, kind):
    one, key = HOW[kind]
    taken, refused = 0, 0
    for seed in range(300):
        text = sheet(COLUMNS[kind], Random(f"{kind} {seed}"))
        try:
            read = importing.read(
                stage.world, io.StringIO(text, newline=""), COLUMNS[kind], one, key
            )
        except Bad:
            continue
        if kind == "numbers":
            failed = importing.put_numbers(stage.world, read.good)
        else:
            failed = importing.schedule_messages(stage.world, read.good, are_paid=True)
        assert all(line.reason for line in [*read.bad, *failed])
        taken, refused = taken + len(read.good), refused + len(read.bad)
    assert taken > 50
    assert refused > 50
    check_all(stage.world, stage.table, stage.carrier)
    stage.tick()
    check_all(stage.world, stage.table, stage.carrier)


BYTES = {
    "nothing": b"",
    "a head alone": b"account_id,number\n",
    "no text": b"\xff\xfe\x00account_id",
    "text, and then none": b"account_id,id,channel,send_at,price,currency\nacme,\xff,sms,x,1,usd\n",
    "a nul": b"account_id,id\x00,channel,send_at,price,currency\n",
    "a quote that never ends": b'"account_id,number',
    "a quote that never ends, below": b'account_id,id,channel,send_at,price,currency\n"acme',
    "a field beyond all": b"account_id," + b"x" * 200_000 + b"\n",
    "UTF-16": "account_id,number".encode("utf-16"),
}


@pytest.mark.parametrize("raw", BYTES.values(), ids=BYTES)
@pytest.mark.parametrize("option", ["--numbers", "--messages", "--accounts", "--prices"])
def test_what_is_no_such_file_is_refused_in_a_sentence(stage, tmp_path, capsys, option, raw):
    wiring.use(stage.world)
    if option == "--prices" and not raw:
        return  # An empty map says nothing, and is one.
    before = list(rows_of(stage.table))
    file = tmp_path / "given"
    file.write_bytes(raw)

    code = main(["backfill", "--policy", "smarter-contact", option, str(file), "--apply"])

    said = capsys.readouterr()
    assert code in (1, 2)
    assert said.err.startswith("lapse: ") or "line" in said.out, said
    assert list(rows_of(stage.table)) == before


PRICES = [
    "prices = 1", "prices = []", "[[prices]]\na = 'ignore'", "[prices]\na = 1", "[prices.a]\nb = 'ignore'",
    "[prices]\na = 'smarter-contact'", "[prices]\na = 'nobodys:plan'", "[prices]\na = ''", f"x = {'9' * 5000}", "x = [",
    "[prices]\na = []", "[prices]\na = 'smarter-contact:nothing'",
]  # fmt: skip


@pytest.mark.parametrize("text", PRICES)
def test_a_map_of_prices_that_is_none_is_refused_in_a_sentence(stage, tmp_path, capsys, text):
    wiring.use(stage.world)
    file = tmp_path / "prices.toml"
    file.write_text(text)

    code = main(["backfill", "--policy", "smarter-contact", "--prices", str(file)])

    said = capsys.readouterr()
    assert code == 2
    assert said.err.startswith("lapse: "), said
