"""`lapse policy`: check a company's file, explain it, compare two, and print the schema for editors."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from textwrap import fill, indent

from chalicelib.domain.policy import Policy
from chalicelib.gateways.calendars import NoCalendar, public_holidays
from chalicelib.policies import SHIPPED, PolicyError
from chalicelib.policies.places import places, sentence_of, standing_alone
from chalicelib.policies.reading import read_file
from infra.cli.policy_schema import schema
from infra.cli.policy_words import GENERAL, SECTIONS, Leaf, leaves, sentence

WIDTH = 100
CALENDAR_YEAR = 2026
NOT_PROMISED = "No ["
"""How a comment begins that says what a file leaves out, and why."""


def add(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = groups.add_parser("policy", help="what the companies promised: check, explain, compare")
    commands = group.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser(
        "check", help="everything wrong with a file, with its line and reason"
    )
    one.add_argument("files", nargs="*", metavar="FILE", help="default: every policy we ship")
    one.set_defaults(run=_check)

    one = commands.add_parser("explain", help="every period, role, fee and text in plain words")
    one.add_argument("policy", metavar="NAME", help="a shipped policy's name, or a file")
    one.set_defaults(run=_explain)

    one = commands.add_parser("diff", help="what changes for a customer from one policy to another")
    one.add_argument("a", metavar="A", help="a shipped policy's name, or a file")
    one.add_argument("b", metavar="B", help="a shipped policy's name, or a file")
    one.set_defaults(run=_diff)

    one = commands.add_parser("schema", help="the JSON Schema of a policy file, for editors")
    one.set_defaults(run=_schema)


def _check(arguments: argparse.Namespace) -> int:
    files = [Path(name) for name in arguments.files] or _shipped()
    names = {file.stem: file for file in _shipped()}
    wrong = 0
    for file in files:
        try:
            policy, text = read_file(file)
            _must_be_alone(policy, file, names)
            _must_have_a_calendar(policy, file)
        except PolicyError as error:
            print(error)
            wrong += 1
        else:
            print(f"{file.name}: fine{_unfounded(policy, text)}")
    return 1 if wrong else 0


def _must_have_a_calendar(policy: Policy, file: Path) -> None:
    """Looked up here, where somebody can mend it, and not when a function starts."""
    rules = policy.appeals
    if rules is None or rules.holiday_country is None:
        return
    try:
        public_holidays(rules.holiday_country, rules.holiday_subdivision, CALENDAR_YEAR)
    except NoCalendar as error:
        raise PolicyError(f"{file.name}: appeals: nobody knows the holidays of {error}") from error


def _must_be_alone(policy: Policy, file: Path, names: dict[str, Path]) -> None:
    """Two files of one name cannot be served together; a shipped one is called as its file is."""
    other = names.setdefault(policy.name, file)
    if other.resolve() != file.resolve():
        raise PolicyError(
            f"{file.name}: name: there is a policy called {policy.name!r} already ({other.name})"
        )
    if file.resolve().parent == SHIPPED and policy.name != file.stem:
        raise PolicyError(f"{file.name}: name: must be {file.stem!r}, as the file is called")


def _unfounded(policy: Policy, text: str) -> str:
    """Keys that no comment gives a sentence for: no mistake, but nobody can tell what they keep."""
    known = places(text)
    lines = [
        known[leaf.path]
        for leaf in leaves(policy)
        if leaf.path in known and sentence_of(text, leaf.path) is None
    ]
    if not lines:
        return ""
    said = ", ".join(map(str, sorted(lines)))
    return f"; no comment says which sentence these lines keep: {said}"


def _explain(arguments: argparse.Namespace) -> int:
    try:
        policy, text = _named(arguments.policy)
    except PolicyError as error:
        return _refused(error)
    print(f"{policy.title}: policy {policy.name}, version {policy.version}")
    told = [leaf for leaf in leaves(policy) if leaf.value or _stands(text, leaf)]
    for section, leaves_of_it in groupby(told, lambda leaf: leaf.section):
        print(f"\n{section}")
        # Several keys that keep one sentence are told together, and the sentence once, beneath them.
        for cited, keeping_it in groupby(leaves_of_it, lambda leaf: _cited(text, leaf)):
            for leaf in keeping_it:
                print(_paragraph(sentence(leaf), "  "))
            print(_paragraph(cited, "      "))
    left_out = [said for said in standing_alone(text) if said.startswith(NOT_PROMISED)]
    if left_out:
        print("\nNot promised")
        for said in left_out:
            print(_paragraph(said, "  "))
    return 0


def _cited(text: str, leaf: Leaf) -> str:
    if not _stands(text, leaf):
        return "Not in the file: the default."
    return sentence_of(text, leaf.path) or "No comment says which sentence this keeps."


def _stands(text: str, leaf: Leaf) -> bool:
    """Whether the file says it: by a key of its own, by keys below it, or within a table on one line."""
    known = places(text)
    size = len(leaf.path)
    inline = leaf.kind == "Plan.price_minor" and leaf.path[:-1] in known
    return inline or any(place[:size] == leaf.path for place in known)


def _diff(arguments: argparse.Namespace) -> int:
    try:
        (a, _), (b, _) = _named(arguments.a), _named(arguments.b)
    except PolicyError as error:
        return _refused(error)
    changes = list(_changes(a, b))
    if not changes:
        print("Nothing changes for a customer.")
        return 0
    print(f"From {a.name}, version {a.version}, to {b.name}, version {b.version}:")
    section = ""
    for leaf, lines in changes:
        if leaf.section != section:
            section = leaf.section
            print(f"\n{section}")
        print("\n".join(lines))
    if a.name == b.name and a.version == b.version:
        print(
            "\nBoth are called the same version. Change it with every change of a promise:"
            "\nit is kept with every consent, and tells what was agreed to."
        )
    return 0


UNSEEN = ("name", "version")
"""What no customer reads."""


def _changes(a: Policy, b: Policy) -> Iterator[tuple[Leaf, list[str]]]:
    """Key by key, what was said (-) and what is said (+). What is not promised is not said."""
    before = {leaf.dotted: leaf for leaf in leaves(a)}
    after = {leaf.dotted: leaf for leaf in leaves(b)}
    order = {section: n for n, section in enumerate((GENERAL, *SECTIONS.values()))}
    both = {**before, **after}
    for name in sorted(both, key=lambda name: order[both[name].section]):
        old, new = before.get(name), after.get(name)
        if name in UNSEEN or (old and new and old.value == new.value):
            continue
        # A default that forbids or names nothing is no news where the whole thing comes or goes.
        said = [(sign, one) for sign, one in (("- ", old), ("+ ", new)) if one is not None]
        lines = [
            _paragraph(sentence(one), f"  {sign}")
            for sign, one in said
            if len(said) == 2 or one.value
        ]
        if lines:
            yield both[name], lines


def _schema(_arguments: argparse.Namespace) -> int:
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0


def _named(name: str) -> tuple[Policy, str]:
    """The policy of this name, or in this file."""
    shipped = {file.stem: file for file in _shipped()}
    if name not in shipped and not _is_there(Path(name)):
        known = ", ".join(shipped)
        raise PolicyError(f"{name}: neither a file nor a policy we ship ({known})")
    return read_file(shipped.get(name, Path(name)))


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:
        # A name that no file can have.
        return False


def _shipped() -> list[Path]:
    return sorted(SHIPPED.glob("*.toml"))


def _refused(error: PolicyError) -> int:
    print(error, file=sys.stderr)
    return 1


def _paragraph(said: str, margin: str) -> str:
    return indent(fill(said, WIDTH - len(margin)), " " * len(margin)).replace(
        " " * len(margin), margin, 1
    )
