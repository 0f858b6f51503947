"""Every command of `lapse` with anything for its arguments: it answers, or says in a sentence what is wrong. It never
ends in a traceback, and prints no neighbour's word to whoever asked for somebody else.
"""

import argparse
from random import Random

import pytest

from chalicelib import wiring
from infra.cli.main import main, parser
from tests.doors.asked import HOSTILE
from tests.doors.scene import ACME, Scene

ASKS_THE_CLOUD = {"doctor", "setup"}
"""They look at AWS and Stripe themselves: tests/operators/test_doctor_aws.py and test_setup.py have both at hand."""
SAYS = [
    # No argument of a process holds a NUL.
    *[one for one in HOSTILE if "\x00" not in one], "", "acme", "nobodys", "smarter-contact", "2026-03-01T00:00:00Z", "2026-13-01", "soon", "9" * 400, "-5", "1",
    "release_numbers", "+14155550111", "evt_nobodys", "case_nobodys", "why not", "/nowhere/at/all", ".", "--apply",
]  # fmt: skip


def commands(of, words=()):
    """Each command: its words, and its own parser."""
    inner = [a for a in of._actions if isinstance(a, argparse._SubParsersAction)]
    if not inner:
        yield words, of
    for group in inner:
        for name, one in group.choices.items():
            yield from commands(one, (*words, name))


COMMANDS = {" ".join(words): one for words, one in commands(parser())}
ASKED = {
    name: one for name, one in COMMANDS.items() if name.partition(" ")[0] not in ASKS_THE_CLOUD
}


@pytest.fixture(scope="module")
def shared():
    return Scene()


@pytest.fixture
def scene(shared):
    # Other tests make worlds of their own, and a process serves one.
    wiring.use(shared.life.world)
    return shared


def line(of, chance):
    """Arguments as this parser might take them, most of the time."""
    given = []
    for action in of._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        if not action.option_strings:
            few = chance.randint(0, 2) if action.nargs in ("*", "+", "?") else 1
            given += [_word(action, chance) for _ in range(few)]
        elif action.required or chance.random() < 0.4:
            given.append(action.option_strings[-1])
            given += [] if action.nargs == 0 else [_word(action, chance)]
    return given if chance.random() < 0.9 else [*given, chance.choice(SAYS)]


def _word(action, chance):
    known = list(action.choices or ()) or {"account": [ACME], "id": [ACME]}.get(action.dest, [])
    return str(chance.choice(known if known and chance.random() < 0.7 else SAYS))


@pytest.mark.parametrize("name", ASKED)
def test_whatever_it_is_given_it_answers_or_says_what_is_wrong(
    scene, capsys, tmp_path, monkeypatch, name
):
    # What writes a file writes it here.
    monkeypatch.chdir(tmp_path)
    for seed in range(25):
        given = line(COMMANDS[name], Random(f"{name} {seed}"))
        try:
            code = main([*name.split(" "), *given])
        except SystemExit as ended:
            code = ended.code
        said = capsys.readouterr()
        assert code in (0, 1, 2), given
        assert "Traceback" not in said.err, given
        assert said.out or said.err, given
