"""What customers read: right, in both languages, and harmless whatever outsiders put into it."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from string import Formatter
from typing import Any

import pytest

from chalicelib.domain import notices, steps
from chalicelib.domain.money import Money
from chalicelib.domain.notices import Ahead, Notice
from chalicelib.domain.policy import Text
from chalicelib.policies import SHIPPED, Policies
from chalicelib.policies.reading import read_policy
from chalicelib.texts import moments, money, words
from chalicelib.texts.inert import LONGEST, inert
from chalicelib.texts.letters import Reader, letter

POLICY = Policies().get("smarter-contact")
ENGLISH = Reader("en", "UTC", POLICY)
FRENCH = Reader("fr", "Europe/Paris", POLICY)
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KINDS = sorted(words.OF_KIND)
HOSTILE = (
    "<script>alert('x')</script>",
    "\u202egnp.exe",
    "a\r\nBcc: everybody@example.com",
    "{plan} {reason} %s ${{7*7}}",
    "x" * 100_000,
    "\x00\x1b[31m\u2028",
    "\ud800",
)


def full(kind: str, **more) -> Notice:
    """A notice with everything in it that any kind may hold."""
    known: dict[str, Any] = {
        "at": AT,
        "subscription_id": "sub_1",
        "plan": "messaging",
        "before": steps.NUMBERS_RELEASED,
        "count": 3,
        "amount": Money(126, "usd"),
        "ahead": (Ahead(kind=steps.NUMBERS_RELEASED, at=AT, count=2),),
        "pays_number_fees": True,
        "ends_at": AT,
        "reason": "New disks",
        "kept": (notices.NUMBERS, notices.DATA),
        "gone": (notices.REGISTRATIONS,),
    }
    return Notice(kind=kind, **(known | more))


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.words = ""

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)

    def handle_data(self, data):
        self.words += data


@pytest.mark.parametrize("reader", [ENGLISH, FRENCH], ids=["en", "fr"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_letter_is_whole_in_both_languages(kind, reader):
    made = letter(full(kind), reader)

    assert made.subject
    assert not re.search(r"[{}]", made.subject + made.text)
    assert "None" not in made.text
    assert "Smarter Contact" in made.text
    assert made.text.startswith(made.body)


@pytest.mark.parametrize("kind", KINDS)
def test_the_html_says_what_the_text_says(kind):
    made = letter(full(kind), FRENCH)
    tags = Tags()
    tags.feed(made.html)

    for said in (*made.paragraphs, *made.items, *made.closing, *made.signature):
        assert said in tags.words
        assert said in made.text


@pytest.mark.parametrize("kind", KINDS)
def test_the_two_languages_differ(kind):
    assert letter(full(kind), ENGLISH).subject != letter(full(kind), FRENCH).subject


def test_every_kind_of_notice_has_its_words():
    assert set(words.OF_KIND) == set(notices.KINDS)
    assert set(words.REMINDED_OF) == set(steps.REMINDABLE)


def test_a_policy_file_may_hold_its_own_words_for_a_mail():
    text = (SHIPPED / "nexorone.toml").read_text("utf-8")
    own = 'mail_resumed = { en = "Back to {plan}.", fr = "Retour." }'
    text = text.replace("[texts]\n", f"[texts]\n{own}\n")

    policy = read_policy(text, "nexorone.toml")

    made = letter(full(notices.RESUMED, plan="service"), replace(ENGLISH, policy=policy))
    assert made.paragraphs[0] == "Back to Service."


def test_the_sentences_ask_for_nothing_that_is_not_filled_in():
    filled = {"plan", "moment", "last_day", "amount", "count", "what", "kept", "gone", "ends",
              "reason", "unsure", "thing"}  # fmt: skip
    texts = [t for w in words.OF_KIND.values() for t in (w.subject, w.opening)]
    texts += [value for value in vars(words).values() if isinstance(value, Text)]

    for text in texts:
        for said in (text.en, text.fr or ""):
            assert {name for _, name, _, _ in Formatter().parse(said) if name} <= filled, said


@pytest.mark.parametrize("hostile", HOSTILE)
def test_an_operator_s_reason_is_inert(hostile):
    made = letter(full(notices.MAINTENANCE, reason=hostile), ENGLISH)
    tags = Tags()
    tags.feed(made.html)

    assert tags.seen <= {"html", "head", "meta", "title", "body", "h1", "p", "ul", "li", "hr", "br"}
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b\r]", made.text + made.html)
    assert "\nBcc" not in made.text
    assert len(made.text) < 1000
    made.text.encode()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_plan_s_name_is_inert_in_the_subject(hostile):
    made = letter(full(notices.RESUMED, plan=hostile), ENGLISH)

    assert "\n" not in made.subject
    assert "<script" not in made.html
    assert len(made.subject) <= LONGEST
    made.html.encode()


def test_ids_of_the_account_stand_in_no_letter():
    for kind in KINDS:
        assert "sub_1" not in letter(full(kind), ENGLISH).html


def test_words_that_are_not_latin_stay():
    assert inert("Смс 計画 \u0628\u0631 é\u0301 👩‍💻") == "Смс 計画 \u0628\u0631 é\u0301 👩‍💻"


def test_a_policy_says_the_opening_in_its_own_words_and_the_dates_stay():
    own = {"mail_cancellation_confirmed": Text(en="Farewell from {plan}.", fr="Adieu.")}
    reader = replace(ENGLISH, policy=replace(POLICY, texts={**POLICY.texts, **own}))

    made = letter(full(notices.CANCELLATION_CONFIRMED), reader)

    assert made.paragraphs[0] == "Farewell from Messaging plan."
    assert "Last day of access" in made.text


# -- dates and amounts


@pytest.mark.parametrize(
    ("end", "zone", "said"),
    [
        ("2026-02-28T12:00:00+00:00", "UTC", "28 February 2026 (2026-02-28), until 12:00 (UTC)"),
        ("2026-03-01T00:00:00+00:00", "UTC", "28 February 2026 (2026-02-28), until 24:00 (UTC)"),
        ("2026-03-01T00:00:01+00:00", "UTC", "1 March 2026 (2026-03-01), until 00:00 (UTC)"),
        (
            "2026-02-28T23:00:00+00:00",
            "Europe/Paris",
            "28 February 2026 (2026-02-28), until 24:00 (Europe/Paris)",
        ),
        (
            "2026-07-01T12:00:00+00:00",
            "America/New_York",
            "1 July 2026 (2026-07-01), until 08:00 (America/New_York)",
        ),
        ("2026-03-01T00:00:00+00:00", "Mars/Olympus", "28 February 2026 (2026-02-28), until 24:00 (UTC)"),
        ("2026-03-01T00:00:00+00:00", "../etc/passwd", "28 February 2026 (2026-02-28), until 24:00 (UTC)"),
    ],
)  # fmt: skip
def test_the_last_day_is_the_last_on_which_there_is_access(end, zone, said):
    assert moments.last_day(datetime.fromisoformat(end), zone, "en") == said


def test_the_first_of_a_month_in_french():
    assert moments.moment(AT, "UTC", "fr") == "1er mars 2026 à 12:00 (UTC)"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Money(126, "usd"), "1.26 USD"),
        (Money(4, "usd"), "0.04 USD"),
        (Money(0, "usd"), "0.00 USD"),
        (Money(-1226, "eur"), "-12.26 EUR"),
        (Money(4900, "jpy"), "4900 JPY"),
        (Money(1234, "kwd"), "1.234 KWD"),
    ],
)
def test_amounts_are_shown_in_their_currency_s_decimals(given, said):
    assert money.amount(given, "en") == said


def test_an_amount_in_french():
    assert money.amount(Money(126, "eur"), "fr") == "1,26 EUR"
