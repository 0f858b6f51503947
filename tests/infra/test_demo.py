"""`make demo`: it passes when every promise is kept, and it can fail: early, late, twice, never, or not promised."""

import io
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.local.demo.books import CARRIER, WALLET, Snapshot, Trace
from infra.local.demo.diary import Expected
from infra.local.demo.judge import judge
from infra.local.demo.money import spelled
from infra.local.demo.printing import WIDTH, Screen
from infra.local.demo.promises import SECOND, Plan, Promise, access_ends, numbers_released
from infra.local.demo.stories import stories
from infra.local.demo.told import disagreements

ROOT = Path(__file__).resolve().parents[2]
E = datetime(2028, 2, 29, 9, 30, tzinfo=UTC)
NUMBER = "+14155550101"
FEE = Trace(book=WALLET, what="number_fee", at=E, subject=NUMBER, amount=-150)
PLAN = Plan(id="sub_1", title="Messaging plan", began=E, months=1, price=9900, features=("send_sms",))  # fmt: skip


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=170,
    )


# -- the whole of it


@pytest.fixture(scope="module")
def played():
    return run("infra.local.demo")


@pytest.mark.slow
def test_every_promise_is_kept(played):
    assert played.returncode == 0, played.stdout[-6000:] + played.stderr[-2000:]
    assert "Every promise was kept" in played.stdout
    assert "✗" not in played.stdout


@pytest.mark.slow
def test_every_life_has_its_section_its_timeline_and_its_ledger(played):
    for story in stories():
        assert f"━━ {story.title} ━" in played.stdout
    assert played.stdout.count("Ledger of the wallet") == 3
    assert "14 Mar 2028  09:30:00   ✓ +14155550101 and +14155550103: released" in played.stdout
    assert " 1 Mar 2029  09:30:00   ✓ All data is deleted" in played.stdout


@pytest.mark.slow
def test_it_fits_a_terminal_and_is_plain_where_there_is_none(played):
    assert max(len(line) for line in played.stdout.splitlines()) <= WIDTH
    assert "\x1b" not in played.stdout


@pytest.mark.slow
def test_each_happened_as_often_as_it_was_promised(played):
    rows = re.findall(r"^  (.{40}) +(\d+) +(\d+) (.*)$", played.stdout, re.MULTILINE)
    table = {title.strip(): (int(a), int(b), rest) for title, a, b, rest in rows}

    assert set(table) == {story.title for story in stories()} | {"All of them"}
    for promised, happened, faults in table.values():
        assert promised == happened > 0
        assert set(faults) <= {" ", "–"}


# -- it can fail


@pytest.mark.slow
@pytest.mark.parametrize(
    ("planted", "sentences"),
    [
        (
            "wrong-day",
            (
                f"The preview does not say “{NUMBER[:-4]}0901: released” for 14 Jan 2028 09:30:00",
                "The preview says numbers_released (1) for 15 Jan 2028 09:30:00, which nobody promised",
                "was promised for 14 Jan 2028 09:30:00 and happened 1 day late, 15 Jan 2028 09:30:00",
            ),
        ),
        ("release-twice", ("“+14155550901: released” happened once more 15 Jan 2028 09:30:00",)),
        ("release-never", ("“+14155550901: released” was promised for", "and never happened")),
        ("release-late", ("happened 1 day late, 16 Jan 2028 09:30:00",)),
        ("charge-twice", ("“+14155550901: monthly fee” happened once more 1 Dec 2027 09:30:00",)),
        ("broken-off", ("the story could not go on", "POST /v1/checkout-sessions answered 422")),
    ],
)
def test_what_is_not_as_promised_is_said_in_plain_words_and_fails(planted, sentences):
    ran = run("tests.support.planted_demo", planted)

    said = " ".join(ran.stdout.split())
    assert ran.returncode == 1, ran.stdout + ran.stderr
    for sentence in sentences:
        assert sentence in said
    assert "not as promised" in said
    assert "Traceback" not in ran.stdout


@pytest.mark.slow
def test_the_same_life_with_nothing_planted_passes():
    ran = run("tests.support.planted_demo", "nothing")

    assert ran.returncode == 0, ran.stdout + ran.stderr


# -- judging


def fee(at: datetime = E) -> Promise:
    return Promise(at=at, words="The fee", traces=(Trace(book=WALLET, what="number_fee", at=at,
                                                         subject=NUMBER, amount=-150),))  # fmt: skip


def shifted(trace: Trace, **by: int) -> Trace:
    moved = {name: getattr(trace, name) for name in ("book", "what", "subject", "amount")}
    return Trace(at=trace.at + timedelta(**by), **moved)


def faults(promises, happened):
    return [finding.fault for finding in judge(promises, happened).findings]


def test_what_happened_once_at_its_second_is_kept():
    assert faults([fee()], [FEE]) == []


@pytest.mark.parametrize(
    ("happened", "fault"),
    [
        ([], "missing"),
        ([shifted(FEE, seconds=-1)], "early"),
        ([shifted(FEE, seconds=1)], "late"),
        ([FEE, FEE], "twice"),
        ([FEE, Trace(book=CARRIER, what="release", at=E, subject=NUMBER)], "unpromised"),
        ([Trace(book=WALLET, what="number_fee", at=E, subject=NUMBER, amount=-151)], "other"),
        ([Trace(book=WALLET, what="number_fee", at=E, subject="+1", amount=-150)], "other"),
    ],
)
def test_each_way_to_break_a_promise_has_its_name(happened, fault):
    assert faults([fee()], happened) == [fault]


def test_two_promises_are_not_kept_by_one_trace():
    assert faults([fee(), fee()], [FEE]) == ["missing"]


def test_an_early_and_a_late_one_are_told_apart():
    next_month = E + timedelta(days=30)

    found = judge([fee(), fee(next_month)], [FEE, shifted(FEE, days=31)]).findings

    assert [finding.fault for finding in found] == ["late"]
    assert "1 day late" in found[0].sentence


# -- looking on the day


def seen(at: datetime, *, allowed: bool, status: str, traces: tuple[Trace, ...] = ()) -> Snapshot:
    return Snapshot(
        at=at,
        membership={"subscriptions": [{"id": PLAN.id, "status": status}]},
        features={"log_in": True, "send_sms": allowed},
        entries=(),
        carrier={},
        traces=traces,
    )


ENDED = access_ends(E, PLAN).traces


@pytest.mark.parametrize(
    ("before", "then", "fault"),
    [
        ((True, "pending_cancellation", ()), (False, "canceled", ENDED), []),
        ((False, "pending_cancellation", ()), (False, "canceled", ENDED), ["early"]),
        ((True, "canceled", ()), (False, "canceled", ENDED), ["early"]),
        ((True, "pending_cancellation", ENDED), (False, "canceled", ENDED), ["early"]),
        ((True, "pending_cancellation", ()), (True, "canceled", ENDED), ["late"]),
        ((True, "pending_cancellation", ()), (False, "pending_cancellation", ENDED), ["late"]),
        ((True, "pending_cancellation", ()), (False, "canceled", ()), ["late"]),
    ],
)
def test_a_promise_is_looked_at_one_second_before_and_at_its_instant(before, then, fault):
    expected = Expected(access_ends(E, PLAN))

    assert expected.next_look(E - timedelta(days=3)) == E - SECOND
    expected.look(seen(E - SECOND, allowed=before[0], status=before[1], traces=before[2]))
    assert expected.next_look(E - SECOND) == E
    expected.look(seen(E, allowed=then[0], status=then[1], traces=then[2]))

    assert expected.next_look(E) is None
    assert [finding.fault for finding in expected.findings] == fault


def test_what_was_taken_back_is_not_looked_at():
    expected = Expected(access_ends(E, PLAN))

    expected.taken_back_at = E - SECOND

    assert expected.next_look(E - SECOND) is None


# -- what was told beforehand


def told(kind: str, at: str, **more: object) -> dict[str, object]:
    return {"kind": kind, "at": at, "title": kind, "reversible": False, **more}


def test_what_was_told_and_what_was_promised_have_to_be_the_same():
    promised = [access_ends(E, PLAN), numbers_released(E + timedelta(days=14), [NUMBER])]
    right = [
        told("access_ends", "2028-02-29T09:30:00Z", subject=PLAN.id),
        told("numbers_released", "2028-03-14T09:30:00Z", count=1),
    ]

    assert list(disagreements("It", right, promised)) == []
    assert len(list(disagreements("It", right[:1], promised))) == 1
    assert len(list(disagreements("It", right, promised[:1]))) == 1
    wrong_count = [right[0], {**right[1], "count": 2}]
    assert len(list(disagreements("It", wrong_count, promised))) == 2


# -- how it looks


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (126, "usd", "1.26 USD"),
        (-5, "usd", "−0.05 USD"),
        (123456789, "eur", "1,234,567.89 EUR"),
        (500, "jpy", "500 JPY"),
        (1250, "kwd", "1.250 KWD"),
        (0, "usd", "0.00 USD"),
    ],
)
def test_money_is_written_with_its_currencys_own_decimals(amount, currency, text):
    assert spelled(amount, currency) == text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals_that_want_them(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Screen(Terminal()).styled("✓", "green") == "\x1b[32m✓\x1b[0m"
    assert Screen(io.StringIO()).styled("✓", "green") == "✓"

    monkeypatch.setenv("NO_COLOR", "1")
    assert Screen(Terminal()).styled("✓", "green") == "✓"


def test_progress_is_one_line_that_is_written_over_on_a_terminal():
    out = Terminal()
    screen = Screen(out)

    screen.progress(E, "x" * 200)
    screen.progress(E + timedelta(days=1), "short")
    screen.say("Done.")

    assert out.getvalue().count("\n") == 1
    assert all(len(part) < WIDTH + 10 for part in out.getvalue().split("\r"))
