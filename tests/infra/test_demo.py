"""`make demo`: it passes when every promise is kept, and it can fail: early, late, twice, never, or not promised."""

import io
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.local.demo.books import CARD, CARRIER, RENEWAL, WALLET, Books, Snapshot, Trace
from infra.local.demo.diary import Expected
from infra.local.demo.judge import judge
from infra.local.demo.money import spelled
from infra.local.demo.payments import instalments, refunded
from infra.local.demo.printing import WIDTH, Screen
from infra.local.demo.promise import SECOND, Plan, Promise
from infra.local.demo.promises import access_ends, confirmed, numbers_released, renewal_off
from infra.local.demo.stories import stories
from infra.local.demo.terms import Terms
from infra.local.demo.told import disagreements

# Twelve lives, whose every second is looked at: minutes on a busy machine.
pytestmark = pytest.mark.timeout(1300)

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
        timeout=1200,
    )


# -- the whole of it


@pytest.fixture(scope="module")
def played():
    """With every event that leaves held against its schema."""
    return run("tests.support.event_schemas")


@pytest.mark.slow
def test_every_promise_is_kept(played):
    assert played.returncode == 0, played.stdout[-6000:] + played.stderr[-2000:]
    assert "Every promise was kept" in played.stdout
    assert "✗" not in played.stdout


@pytest.mark.slow
def test_every_life_has_its_section_its_timeline_and_its_ledger(played):
    for story in stories():
        assert f"━━ {story.title} ━" in played.stdout
    assert played.stdout.count("Ledger of the wallet") == 5
    assert played.stdout.count("one mail confirms it, last day") == 15
    assert played.stdout.count("One mail tells of the work") == 3
    assert "instalment 3 of 3, paid by card" in played.stdout
    assert "tries to cancel (403 role_required)" in played.stdout
    assert "refunded to the card by Stripe                 42.28 USD" in played.stdout
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
        (
            "no-extension",
            (
                "does not say “Channel plan: access goes on for 2 more days, one for each day of work”",
                "was promised for 6 May 2028 12:00:00 and happened 3 days early, 3 May 2028 12:00:00",
            ),
        ),
        ("work-told-twice", ("of the days it gives back” happened once more 1 May 2028 08:00:00",)),
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


TWO_MAILS = """
import sys
from infra.local.demo import main
from infra.local.demo.stories import nexor
from infra.local.outbox import Outbox

once = Outbox.send

def twice(self, *, key, **mail):
    once(self, key=key, **mail)
    once(self, key=key + ":again", **mail)

Outbox.send = twice
sys.exit(main([nexor.STORY]))
"""


@pytest.mark.slow
def test_a_second_confirmation_by_mail_is_said_and_fails():
    ran = subprocess.run(
        [sys.executable, "-c", TWO_MAILS], cwd=ROOT, capture_output=True, text=True, timeout=1200
    )

    said = " ".join(ran.stdout.split())
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "“Service: one mail confirms it, last day 29 Feb 2028” happened once more" in said
    assert "1 thing is not as promised" in said


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


INSTALMENTS = instalments(PLAN, E, E + timedelta(days=31))
CHARGED = [trace for promise in INSTALMENTS for trace in promise.traces]
OFF = Trace(book=RENEWAL, what="renewal_off", at=E, subject=PLAN.id)
BACK = Trace(book=CARD, what="refunded", at=E, amount=4228)


@pytest.mark.parametrize(
    ("promises", "happened", "fault"),
    [
        (INSTALMENTS, CHARGED, []),
        (INSTALMENTS, CHARGED[:1], ["missing"]),
        (INSTALMENTS, [*CHARGED, shifted(CHARGED[1], days=31)], ["unpromised"]),
        ([renewal_off(E, PLAN)], [OFF], []),
        ([renewal_off(E, PLAN)], [shifted(OFF, days=-31)], ["early"]),
        ([refunded(E, PLAN, 4228)], [BACK], []),
        ([refunded(E, PLAN, 4228)], [BACK, BACK], ["twice"]),
        ([refunded(E, PLAN, 4229)], [BACK], ["other"]),
    ],
)
def test_contracts_and_refunds_are_judged_as_everything_else_is(promises, happened, fault):
    assert faults(promises, happened) == fault


def test_several_instalments_are_told_as_one():
    first, second = INSTALMENTS

    assert (first.shown.count, first.shown.amount, first.shown.at) == (2, 2 * PLAN.price, E)
    assert second.shown is None


# -- the mail


class Answering:
    """An Api that only has an outbox."""

    def __init__(self, **mail: str) -> None:
        at = {"at": "2028-02-01T10:00:00Z", "account_id": "acme"}
        self.mail = [{**at, **mail}]

    def must(self, method: str, path: str) -> dict[str, object]:
        assert (method, path) == ("GET", "/_outbox")
        return {"mail": self.mail}


ASKED = datetime(2028, 2, 1, 10, tzinfo=UTC)
YES = "Your cancellation of Messaging plan is confirmed"


def mailed(subject: str = YES, text: str = "", account_id: str = "acme") -> list[Trace]:
    api: Any = Answering(subject=subject, text=text, account_id=account_id)
    return list(Books(api, "acme", "cus_1")._of_mail())


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (YES, "Last day of access: 29 February 2028 (2028-02-29), until 09:30 (UTC)."),
        (
            "Votre annulation de GoTo Webinar est confirmée",
            "Dernier jour d'accès : 29 février 2028 (2028-02-29), jusqu'à 09:30 (UTC).",
        ),
    ],
)
def test_a_confirmation_names_the_last_day_in_either_language(subject, text):
    assert faults([confirmed(ASKED, PLAN, E)], mailed(subject, text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "You keep access until it ends.",
        "Last day of access: 28 February 2028 (2028-02-28), until 09:30 (UTC).",
        "Last day of access: 29 February 2028 (2028-02-29), until 10:30 (UTC).",
    ],
)
def test_a_confirmation_without_the_right_last_day_is_none(text):
    assert faults([confirmed(ASKED, PLAN, E)], mailed(text=text)) == ["other"]


def test_other_mail_and_other_accounts_mail_is_not_looked_at():
    assert mailed("Your subscription to Messaging plan has ended") == []
    assert mailed(account_id="other") == []


# -- what stands in the way


class Looking(Terms):
    """Compares blockers, and notes in words what is not as it should be."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def _must(self, so: bool, sentence: str) -> None:
        self.said += [] if so else [sentence]


def in_the_way(code: str, amount: int | None = None, href: str = "/pay") -> dict[str, object]:
    owed = {} if amount is None else {"amount": {"amount": amount, "currency": "usd"}}
    return {"code": code, "title": code, "action": {"label": "Pay", "href": href}, **owed}


@pytest.mark.parametrize(
    ("blockers", "faults"),
    [
        ([in_the_way("owed", 700), in_the_way("role")], 0),
        ([in_the_way("role")], 1),
        ([in_the_way("role"), in_the_way("owed", 701)], 1),
        ([in_the_way("role"), in_the_way("owed", 700), in_the_way("owed", 700)], 1),
        ([in_the_way("role"), in_the_way("owed", 700, href="")], 1),
        ([], 1),
    ],
)
def test_all_blockers_have_to_be_named_with_what_to_do(blockers, faults):
    looking = Looking()

    looking._same_blockers("The preview", blockers, [("role", None), ("owed", 700)])

    assert len(looking.said) == faults


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
