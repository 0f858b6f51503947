"""The fingerprint of what was shown: the same for the same promises, another for any other."""

from dataclasses import replace

import pytest

from chalicelib.domain.consequence import Consequence
from chalicelib.domain.evidence import digest, fingerprint
from chalicelib.domain.money import Money
from tests.support.records import DAY, END, POLICY, SECOND

FEE = Consequence(
    kind="number_fee", at=END - DAY, title="Phone number fee", reversible=False,
    subject="+14155550100", amount=Money(100, "usd"),
)  # fmt: skip
ENDS = Consequence(kind="access_ends", at=END, title="Access ends", reversible=True, subject="s")


def shown(*consequences, policy=POLICY, end=END):
    return fingerprint(consequences or (FEE, ENDS), policy, end)


def test_the_same_promises_have_the_same_fingerprint():
    assert shown() == shown(replace(FEE), replace(ENDS))


def test_another_language_is_no_other_promise():
    assert shown() == shown(replace(FEE, title="Frais de numéro"), ENDS)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "messages_credited"},
        {"at": FEE.at + SECOND},
        {"subject": "+14155550101"},
        {"amount": Money(101, "usd")},
        {"amount": Money(100, "eur")},
        {"amount": None},
        {"count": 1},
    ],
)
def test_another_promise_has_another(changes):
    assert shown(replace(FEE, **changes), ENDS) != shown()


def test_another_end_policy_or_text_has_another():
    rules = POLICY.cancellation
    new_text = replace(rules.disclosures[0], version="2")
    texts = replace(rules, disclosures=(new_text, *rules.disclosures[1:]))

    assert shown(end=END + SECOND) != shown()
    assert shown(policy=replace(POLICY, version="2027-01-01")) != shown()
    assert shown(policy=replace(POLICY, cancellation=texts)) != shown()
    assert shown(ENDS) != shown()


def test_a_text_is_known_by_its_sha_256():
    assert digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest("a") != digest("b")
