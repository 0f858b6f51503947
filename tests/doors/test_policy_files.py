"""A policy file in which any line is gone, doubled, or says something else: it is a policy that can be told in words and
lived by, or it is refused with the file, the line, the key and the reason. Never anything else.
"""

import re
from datetime import UTC, datetime
from random import Random

import pytest

from chalicelib.domain.account import Account
from chalicelib.domain.timeline import timeline
from chalicelib.policies import SHIPPED, PolicyError
from chalicelib.policies.reading import read_file, read_policy
from infra.cli.policy_words import leaves, sentence

FILES = sorted(SHIPPED.glob("*.toml"))
VALUES = [
    "0", "1", "-1", "7", "10000000000000000000000", "9" * 5000, "1.5", "nan", "inf", "true", "false", '""', '" "', '"x"',
    '"é\\u202e🙂"', '"\\u0000"', "'''\n'''", "[]", "[[]]", "[1, 'a']", "{}", "{ en = 'a' }", "{ en = 1 }", "{ month = 1 }",
    "1979-05-27", "1979-05-27T07:32:00Z", "07:32:00", "9999-12-31T23:59:59Z", "0x7fffffffffffffff", "1_000", "nothing",
    '"log_in"', '"sms"', '["sms"]', '["log_in"]', '"Europe/Paris"', '"America"', '"../../etc/passwd"', '"usd"', '"USD"',
    "[" * 2000, "1e400", "1_", "+5", "0b11", "'unclosed", '"""', "\x00", "\r",
]  # fmt: skip
NAMED = re.compile(r"^[\w.-]+\.toml:\d+: ", re.ASCII)
ACCOUNT = Account(
    id="acme", policy="acme", currency="usd", created_at=datetime(2026, 1, 31, tzinfo=UTC)
)
A_FILE = 200


def judged(text):
    """Whether it is a policy. What is refused says where and why; what is taken can be told and lived by."""
    try:
        policy = read_policy(text, "acme.toml")
    except PolicyError as error:
        said = str(error)
        assert NAMED.match(said) or said == "acme.toml: is nested too deeply", said
        assert len(said) < 1000, said
        assert said.isprintable(), repr(said)
        return False
    assert all(sentence(leaf) for leaf in leaves(policy))
    assert list(timeline(ACCOUNT, policy)) == []
    return True


def changed(lines, chance):
    """The lines with one or two of them not as they were."""
    made = list(lines)
    for _ in range(chance.choice([1, 1, 2])):
        at = chance.randrange(len(made))
        key = made[at].partition("=")[0]
        made[at : at + 1] = chance.choice(
            [
                [],
                [made[at]] * 2,
                [f"{key}= {chance.choice(VALUES)}"],
                [f"{key}= {chance.choice(VALUES)}"],
                [f"{key}= {chance.choice(VALUES)}"],
                [made[at], f"another_key = {chance.choice(VALUES)}"],
                [made[at], f"[another.table.{at}]"],
                [chance.choice(["[plans]", "[[plans]]", "[cancellation]", "[data]", "[texts.x]"])],
                [made[at][: chance.randrange(len(made[at]) + 1)]],
                [made[at].replace("_", "-", 1)],
            ]
        )
    return made


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_whatever_stands_in_it_it_is_a_policy_or_refused_by_line_key_and_reason(file):
    lines = file.read_text().splitlines()
    taken = [
        judged("\n".join(changed(lines, Random(f"{file.stem} {seed}")))) for seed in range(A_FILE)
    ]

    # Comments may change without harm, and a number may be another: both sides are seen.
    assert 0 < sum(taken) < A_FILE


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_value_replaced_by_each_other_kind_of_value(file):
    """Not by chance: the places that bear a whole number, and the words one may choose from."""
    lines = file.read_text().splitlines()
    places = [n for n, line in enumerate(lines) if re.match(r"^\w+ = (\d+|true|false)\b", line)]
    assert places
    for at in places[:: max(1, len(places) // 4)]:
        for value in VALUES:
            key = lines[at].partition("=")[0]
            judged("\n".join([*lines[:at], f"{key}= {value}", *lines[at + 1 :]]))


def test_bytes_that_are_no_text_are_refused_by_their_line(tmp_path):
    file = tmp_path / "acme.toml"
    for seed in range(200):
        chance = Random(seed)
        raw = bytearray(chance.choice(FILES).read_bytes())
        for _ in range(3):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        file.write_bytes(bytes(raw))
        try:
            read_file(file)
        except PolicyError as error:
            said = str(error)
        else:
            continue
        assert said.startswith("acme.toml:")
