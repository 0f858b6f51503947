"""What stands beside an answer in words is what the mails say: same zone, same language, nothing added up."""

import pytest

from chalicelib.texts.worded import words


def test_every_instant_and_amount_has_its_words_wherever_it_stands():
    answer = {
        "at": "2026-02-28T12:00:00Z",
        "wallet": {"balance": {"amount": -126, "currency": "usd"}},
        "numbers": [{"next_fee_at": None}, {"next_fee_at": "2026-03-01T00:00:00Z"}],
        "title": "Access ends",
        "count": 3,
    }

    assert words(answer, "UTC", "en") == {
        "/at": "28 February 2026 at 12:00 (UTC)",
        "/wallet/balance": "-1.26 USD",
        "/numbers/1/next_fee_at": "1 March 2026 at 00:00 (UTC)",
    }


def test_they_follow_language_and_time_zone():
    said = words(
        {"at": "2026-06-30T22:30:00Z", "fee": {"amount": 1500, "currency": "jpy"}},
        "Europe/Paris",
        "fr-FR",
    )

    assert said == {"/at": "1er juillet 2026 à 00:30 (Europe/Paris)", "/fee": "1500 JPY"}


def test_a_deadline_at_midnight_is_said_as_the_end_of_its_day():
    said = words({"decision_due": "2026-03-21T00:00:00Z"}, "UTC", "en")

    assert said == {"/decision_due": "20 March 2026 (2026-03-20), until 24:00 (UTC)"}


@pytest.mark.parametrize(
    "text",
    ["2026-13-45T99:00:00Z", "2026-02-28", "28 February", "2026-02-28T12:00:00Z\n", "", "0000-00-00T00:00:00Z"],
)  # fmt: skip
def test_what_only_looks_like_an_instant_is_left_alone(text):
    assert words({"comment": text}, "UTC", "en") == {}


def test_a_name_with_a_slash_in_it_still_points_to_its_place():
    assert list(words({"a/b~c": {"amount": 1, "currency": "usd"}}, "UTC", "en")) == ["/a~1b~0c"]


def test_a_record_with_an_amount_among_other_things_is_no_amount():
    answer = {"amount": {"amount": 5, "currency": "usd"}, "currency": "usd", "kind": "fee"}

    assert words(answer, "UTC", "en") == {"/amount": "0.05 USD"}
