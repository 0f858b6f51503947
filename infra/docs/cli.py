"""docs/reference/cli.md: every `lapse` command and option, read off the parser that parses them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from infra.cli.main import parser
from infra.docs.tables import code, made_from, table


def page() -> str:
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    top = parser()
    yield f"# The `lapse` command\n\n{made_from('infra/cli')}\n"
    yield f"{top.description} It is in `.venv/bin` after any `make` target; `lapse GROUP --help` says the same.\n"
    yield (
        "It acts with the settings in its environment. `lapse --stage NAME GROUP …` acts on a deployed stage instead,"
        " with the settings of that stage's own functions, which are read by your login at AWS.\n"
    )
    for name, says, group in commands(top):
        yield f"## `lapse {name}`\n\n{_sentence(says)}\n"
        inner = list(commands(group))
        if not inner:
            yield from _takes(group)
        for command, said, one in inner:
            yield f"### `lapse {name} {command}`\n\n{_sentence(said)}\n"
            yield from _takes(one)


def commands(of: argparse.ArgumentParser) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    for action in of._actions:  # noqa: SLF001 - argparse has no public way to its own commands
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            helps = {one.dest: one.help or "" for one in action._choices_actions}  # noqa: SLF001
            for name, one in action.choices.items():
                yield name, helps.get(name, ""), one


def _takes(command: argparse.ArgumentParser) -> Iterator[str]:
    if command.description:
        yield f"{' '.join(command.description.split())}\n"
    yield f"```\n{_usage(command)}\n```\n"
    rows = [
        (
            _names(action),
            " ".join((action.help or "").replace("%%", "%").split()),
            _otherwise(action),
        )
        for action in command._actions  # noqa: SLF001
        if not isinstance(action, argparse._HelpAction)  # noqa: SLF001
    ]
    if rows:
        yield table(("argument", "what it is", "otherwise"), rows)


def _usage(command: argparse.ArgumentParser) -> str:
    """On one line: how it is broken depends on the terminal."""
    words = " ".join(command.format_usage().removeprefix("usage: ").split())
    return words.replace("[-h] ", "")


def _names(action: argparse.Action) -> str:
    if not action.option_strings:
        return code(action.metavar or action.dest)
    takes = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
    return ", ".join(code(f"{name}{takes}") for name in action.option_strings)


def _otherwise(action: argparse.Action) -> str:
    if action.choices and not isinstance(action.choices, dict):
        chosen = ", ".join(map(code, action.choices))
        return f"one of {chosen}" + (f"; {code(action.default)}" if action.default else "")
    if action.nargs == 0 or action.default in (None, argparse.SUPPRESS, "", [], ()):
        return ""
    return code(action.default)


def _sentence(text: str) -> str:
    return (text[:1].upper() + text[1:]).rstrip(".") + "." if text else ""
