"""How the demo looks on a terminal: 100 columns, aligned, coloured only where colours are wanted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from textwrap import wrap
from typing import TextIO

from infra.local.demo.books import WALLET
from infra.local.demo.diary import Deed, Expected
from infra.local.demo.judge import FAULTS, Finding, span
from infra.local.demo.money import spelled
from infra.local.demo.play import Lived
from infra.local.demo.promise import Promise
from infra.local.demo.stories import START

WIDTH = 100
TEXT, AMOUNT, TITLE = 56, 14, 38
KEPT, BROKEN = "✓", "✗"
STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32"}


class Screen:
    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._is_terminal = out.isatty()
        self._colours = self._is_terminal and "NO_COLOR" not in os.environ
        self._month = (0, 0)
        self._unfinished = False

    def say(self, text: str = "") -> None:
        self._wipe()
        print(text, file=self._out, flush=True)

    def styled(self, text: str, *styles: str) -> str:
        if not self._colours or not styles or not text.strip():
            return text
        return f"\x1b[{';'.join(STYLES[style] for style in styles)}m{text}\x1b[0m"

    def legend(self) -> None:
        self.say()
        self.say(f"  {self.styled(KEPT, 'green')} promised: not there one second before, there at its second, "
                 "in the books exactly once")  # fmt: skip
        self.say(f"  {self.styled('·', 'dim')} what the customer does and is told")

    def progress(self, now: datetime, who: str) -> None:
        """One line that is written over; where that is not possible, the months as they pass."""
        if self._is_terminal:
            self._write(f"\r\x1b[K  {day(now)}  {who}"[: WIDTH + 3])
        elif (month := (now.year, now.month)) != self._month:
            new_year = f"\n  {now.year} " if now.year != self._month[0] else ""
            self._month = month
            self._write(f"{new_year} {now.strftime('%b')}")

    def _write(self, text: str) -> None:
        print(text, end="", file=self._out, flush=True)
        self._unfinished = True

    def _wipe(self) -> None:
        if self._unfinished:
            print("\r\x1b[K" if self._is_terminal else "\n", end="", file=self._out)
        self._unfinished = False

    # -- one account

    def account(self, life: Lived) -> None:
        findings = life.findings()
        self._heading(life)
        self._timeline(life, findings)
        self._ledger(life)
        if findings:
            self.say()
        for finding in findings:
            self._indented(f"{BROKEN} {finding.sentence}", "red")

    def _heading(self, life: Lived) -> None:
        title, name = f"━━ {life.story.title} ", f" account {life.story.account} ━━"
        self.say()
        rule = "━" * (WIDTH - len(title) - len(name))
        self.say(self.styled(f"{title}{rule}{name}", "bold"))
        self._indented(life.story.tells, "dim")
        self.say()

    def _timeline(self, life: Lived, findings: Sequence[Finding]) -> None:
        broken = {id(finding.promise) for finding in findings}
        before = ""
        for line in chronological(life):
            date = day(line.at if isinstance(line, Deed) else line.promise.at)
            shown = date if date != before else ""
            before = date
            if isinstance(line, Deed):
                self._deed(line, shown)
            else:
                self._promise(line.promise, shown, life, kept=id(line.promise) not in broken)

    def _deed(self, deed: Deed, date: str) -> None:
        self._line(date, clock(deed.at), "·", deed.words)
        for at, words in deed.below:
            dated = f"{day(at)} {clock(at)}  " if at else ""
            for part in wrap(dated + words, TEXT + AMOUNT, subsequent_indent=" " * len(dated)):
                self.say(self.styled(f"{'':28}{part}", "dim"))

    def _promise(self, promise: Promise, date: str, life: Lived, *, kept: bool) -> None:
        amount = "" if promise.amount is None else spelled(promise.amount, life.story.currency)
        if promise.amount and promise.amount > 0 and promise.traces[-1].book == WALLET:
            amount = f"+{amount}"
        mark = KEPT if kept else BROKEN
        self._line(date, clock(promise.at), mark, promise.words, amount)

    def _line(self, date: str, time: str, mark: str, words: str, amount: str = "") -> None:
        styled = self.styled(mark, {KEPT: "green", BROKEN: "red"}.get(mark, "dim"))
        first, *rest = wrap(words, TEXT if amount else TEXT + AMOUNT)
        end = f"{first:<{TEXT}}{amount:>{AMOUNT}}" if amount else first
        self.say(f"  {self.styled(f'{date:<11}', 'bold')}  {time}   {styled} {end}")
        for part in rest:
            self.say(f"{'':28}{part}")

    def _ledger(self, life: Lived) -> None:
        self.say()
        if life.last is None:
            return
        if not life.last.entries:
            self._indented("The wallet was never used.", "dim")
            return
        self.say(
            self.styled(f"  {'Ledger of the wallet':<70}{'amount':>14}{'balance':>14}", "bold")
        )
        balance = 0
        words = {trace: text for trace, text in life.verdict.words.items() if trace.book == WALLET}
        booked = [trace for trace in life.last.traces if trace.book == WALLET]
        for entry, trace in zip(life.last.entries, booked, strict=True):
            balance += trace.amount
            said = words.get(trace, entry["kind"].replace("_", " "))
            amount, total = (spelled(n, life.story.currency) for n in (trace.amount, balance))
            if trace.amount > 0:
                amount = f"+{amount}"
            self.say(
                f"  {day(trace.at):<11}  {clock(trace.at)}     {said[:43]:<44}"
                f"{amount:>14}{total:>14}"
            )

    def _indented(self, text: str, *styles: str) -> None:
        for part in wrap(text, WIDTH - 4, subsequent_indent="  " if text[0] in "✗✓" else ""):
            self.say(self.styled(f"  {part}", *styles))

    # -- all of them

    def closing(self, lives: Sequence[Lived], seconds: float) -> None:
        self.say()
        self.say(self.styled(f"━━ Promised and happened {'━' * (WIDTH - 25)}", "bold"))
        columns = ("promised", "happened", *FAULTS[:-1], "other")
        self.say(self.styled(f"  {'':<{TITLE}}" + " ".join(self._columns(columns)), "bold"))
        total = [0] * len(columns)
        for life in lives:
            counts = counted(life)
            total = [a + b for a, b in zip(total, counts, strict=True)]
            self._row(life.story.title, columns, counts)
        self._row("All of them", columns, total, "bold")
        self.say()
        self._last_word(lives, total, seconds)

    def _columns(self, columns: Sequence[str]) -> Iterator[str]:
        return (f"{name:>{max(len(name), 5)}}" for name in columns)

    def _row(self, title: str, columns: Sequence[str], counts: Sequence[int], *styles: str) -> None:
        cells = []
        for number, (name, count) in enumerate(zip(columns, counts, strict=True)):
            text = f"{count or '–':>{max(len(name), 5)}}"
            cells.append(self.styled(text, "red") if number > 1 and count else text)
        self.say(self.styled(f"  {title:<{TITLE}}", *styles) + " ".join(cells))

    def _last_word(self, lives: Sequence[Lived], total: Sequence[int], seconds: float) -> None:
        until = max((life.last.at for life in lives if life.last), default=START)
        lived = f"{span(until - START)} of {len(lives)} {'life' if len(lives) == 1 else 'lives'}"
        played = f"{lived}, played in {seconds:.1f} s"
        faults = sum(total[2:])
        if faults:
            text = f"  {faults} thing{'s are' if faults > 1 else ' is'} not as promised. {played}."
            self.say(self.styled(text, "red", "bold"))
            return
        self.say(
            self.styled("  Every promise was kept", "green", "bold")
            + f": not there one second before, there at its second, and once only.\n  {played}."
        )


def chronological(life: Lived) -> list[Deed | Expected]:
    """What was promised comes before what the customer does about it in the same second."""

    def key(numbered: tuple[int, Deed | Expected]) -> tuple[datetime, bool, int]:
        number, line = numbered
        if isinstance(line, Deed):
            return line.at, True, number
        return line.promise.at, not line.promise.announced, number

    lines = [
        line
        for line in life.customer.diary.lines
        if isinstance(line, Deed) or line.taken_back_at is None
    ]
    return [line for _, line in sorted(enumerate(lines), key=key)]


def counted(life: Lived) -> list[int]:
    findings = life.findings()
    promises = life.customer.diary.standing()
    broken = {id(f.promise) for f in findings if f.promise is not None}
    faults = [sum(f.fault == fault for f in findings) for fault in FAULTS]
    return [len(promises), len(promises) - len(broken), *faults]


def day(moment: datetime) -> str:
    return f"{moment.day:>2} {moment.strftime('%b %Y')}"


def clock(moment: datetime) -> str:
    return moment.strftime("%H:%M:%S")
