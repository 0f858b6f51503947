"""Runs the commands of a Markdown page as a reader would, in one shell, and says what each block printed.

`python -m tests.support.pages_that_run PAGE` writes what they print now below each block.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.local_stack import LocalStack

BLOCK = re.compile(
    r"^( *)```sh\n(.*?)^ *```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL
)
START = "2026-03-02T09:00:00Z"
SEPARATOR = "\x1e"


@dataclass(frozen=True)
class Block:
    commands: str
    shown: str
    """What the page says that they print."""


def blocks(text: str) -> list[Block]:
    return [Block(commands, shown or "") for _, commands, shown in BLOCK.findall(text)]


def printed(found: list[Block], base: str) -> list[str]:
    """What each block printed, against the stack at `base`. The first command that fails ends it with an error."""
    return run(
        [Block(one.commands.replace("http://127.0.0.1:8765", base), one.shown) for one in found]
    )


def run(
    found: list[Block],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    seconds: float = 180,
) -> list[str]:
    script = f"\nprintf '{SEPARATOR}'\n".join(block.commands for block in found)
    # A session of its own, so that a command that never ends is ended with everything it started.
    shell = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, errors = shell.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(shell.pid, signal.SIGKILL)
        out, errors = shell.communicate()
        errors += f"\nnot done after {seconds:.0f} s"
    assert shell.returncode == 0, f"{errors}\nafter: {out[-2000:]}"
    return [one if not one or one.endswith("\n") else f"{one}\n" for one in out.split(SEPARATOR)]


def write_anew(page: Path) -> None:
    text = page.read_text()
    with LocalStack(LAPSE_START=START) as stack:
        shown = iter(printed(blocks(text), stack.url))

    def block(found: re.Match[str]) -> str:
        output = next(shown)
        margin, commands = found.group(1), found.group(2)
        told = f"\n```text\n{output}```\n" if output else ""
        return f"{margin}```sh\n{commands}{margin}```\n{told}"

    page.write_text(BLOCK.sub(block, text))


if __name__ == "__main__":
    write_anew(Path(sys.argv[1]))
