"""Runs the commands of a Markdown page as a reader would, in one shell, and says what each block printed.

`python -m tests.support.pages_that_run PAGE` writes what they print now below each block.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.local_stack import LocalStack

BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
START = "2026-03-02T09:00:00Z"
SEPARATOR = "\x1e"


@dataclass(frozen=True)
class Block:
    commands: str
    shown: str
    """What the page says that they print."""


def blocks(text: str) -> list[Block]:
    return [Block(commands, shown or "") for commands, shown in BLOCK.findall(text)]


def printed(found: list[Block], base: str) -> list[str]:
    """What each block printed, against the stack at `base`. The first command that fails ends it with an error."""
    script = f"\nprintf '{SEPARATOR}'\n".join(block.commands for block in found)
    script = script.replace("http://127.0.0.1:8765", base)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, f"{done.stderr}\nafter: {done.stdout[-500:]}"
    return [
        one if not one or one.endswith("\n") else f"{one}\n" for one in done.stdout.split(SEPARATOR)
    ]


def write_anew(page: Path) -> None:
    text = page.read_text()
    with LocalStack(LAPSE_START=START) as stack:
        shown = iter(printed(blocks(text), stack.url))

    def block(found: re.Match[str]) -> str:
        output = next(shown)
        return f"```sh\n{found.group(1)}```\n" + (f"\n```text\n{output}```\n" if output else "")

    page.write_text(BLOCK.sub(block, text))


if __name__ == "__main__":
    write_anew(Path(sys.argv[1]))
