"""What a check found: a line that says whether it is well, and if not, what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

T = TypeVar("T")
Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    says: str
    do: str = ""


def ok(says: str) -> Finding:
    return Finding("ok", says)


def warn(says: str, do: str) -> Finding:
    return Finding("warn", says, do)


def fail(says: str, do: str) -> Finding:
    return Finding("fail", says, do)


@dataclass(frozen=True, slots=True)
class Check(Generic[T]):
    name: str
    looks: Callable[[T], Iterator[Finding]]
    at_aws: bool = False
    """Whether it looks at the deployment itself, which the local stack has none of."""


def run(check: Check[T], patient: T) -> list[Finding]:
    """One that breaks is a finding like any other: it must not hide what the others find."""
    found: list[Finding] = []
    try:
        found.extend(check.looks(patient))
    except Exception as error:  # noqa: BLE001 - see above
        cause = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        found.append(fail(f"could not be looked at: {cause}", "mend that, and look again"))
    return found
