"""Promised and happened, side by side: each trace exactly once, at its instant, and nothing besides. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from infra.local.demo.books import Trace
from infra.local.demo.promise import Promise

Fault = Literal["early", "late", "twice", "missing", "unpromised", "other"]
FAULTS: tuple[Fault, ...] = ("early", "late", "twice", "missing", "unpromised", "other")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was promised, in a sentence for a person."""

    fault: Fault
    sentence: str
    promise: Promise | None = None


@dataclass(slots=True)
class Verdict:
    findings: list[Finding] = field(default_factory=list)
    words: dict[Trace, str] = field(default_factory=dict)
    """What each trace that was promised means."""


def judge(promises: Sequence[Promise], happened: Sequence[Trace]) -> Verdict:
    verdict = Verdict()
    left = list(happened)
    missed: list[tuple[Promise, Trace]] = []
    for promise in promises:
        for trace in promise.traces:
            if trace in left:
                left.remove(trace)
                verdict.words[trace] = promise.words
            else:
                missed.append((promise, trace))
    for promise, trace in missed:
        verdict.findings.append(_missing(promise, trace, left))
    verdict.findings += [_besides(trace, verdict) for trace in left]
    return verdict


def _missing(promise: Promise, trace: Trace, left: list[Trace]) -> Finding:
    """Takes from `left` what looks like it at another instant, or in another size."""
    for other in left:
        if _key(other) == _key(trace):
            left.remove(other)
            return _displaced(promise, trace, other)
    promised = f"“{promise.words}” was promised for {when(trace.at)}"
    for other in left:
        if (other.book, other.what, other.at) == (trace.book, trace.what, trace.at):
            left.remove(other)
            return Finding("other", f"{promised}: {described(other)} instead.", promise)
    return Finding("missing", f"{promised} and never happened ({described(trace)}).", promise)


def _displaced(promise: Promise, trace: Trace, other: Trace) -> Finding:
    fault: Fault = "early" if other.at < trace.at else "late"
    gap = span(abs(other.at - trace.at))
    sentence = f"“{promise.words}” was promised for {when(trace.at)} and happened {gap} {fault}"
    return Finding(fault, f"{sentence}, {when(other.at)}.", promise)


def _besides(trace: Trace, verdict: Verdict) -> Finding:
    words = verdict.words.get(trace)
    if words is not None:
        return Finding("twice", f"“{words}” happened once more {when(trace.at)}.")
    return Finding("unpromised", f"Nobody promised this: {described(trace)} {when(trace.at)}.")


def _key(trace: Trace) -> tuple[str, str, str, int]:
    return trace.book, trace.what, trace.subject, trace.amount


def described(trace: Trace) -> str:
    about = f" of {trace.subject}" if trace.subject else ""
    size = f", {trace.amount} in minor units" if trace.amount else ""
    return f"{trace.book}: {trace.what}{about}{size}"


def when(moment: datetime) -> str:
    return moment.strftime("%-d %b %Y %H:%M:%S")


def span(gap: timedelta) -> str:
    """`1 second`, `13 days`, `2 hours`: the largest unit that fits, rounded down."""
    seconds = int(gap.total_seconds())
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds >= size or size == 1:
            n = seconds // size
            return f"{n} {unit}{'' if n == 1 else 's'}"
    raise AssertionError
