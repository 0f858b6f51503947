"""A policy's file as it lies on somebody's disk: what cannot be used is refused in a sentence, never in a traceback."""

import pytest

from chalicelib.policies import SHIPPED, Policies, PolicyError
from chalicelib.policies.places import sentence_of, standing_alone
from chalicelib.policies.reading import LARGEST_FILE, read_file, read_policy

HEAD = """\
name = "acme"
title = "Acme"
version = "1"
currency = "usd"
plans.basic = { title = "Basic", features = ["use_it"], price_minor = { month = 100 } }
"""
TAIL = """
[[cancellation.reasons]]
code = "other"
label = "Another reason"
"""


def refusal(tmp_path, raw):
    file = tmp_path / "acme.toml"
    file.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    with pytest.raises(PolicyError) as caught:
        read_file(file)
    return str(caught.value)


def test_a_file_that_is_a_folder_is_refused(tmp_path):
    with pytest.raises(PolicyError, match=f"{tmp_path.name}: cannot be read: Is a directory"):
        read_file(tmp_path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(PolicyError, match=r"none\.toml: cannot be read: No such file"):
        read_file(tmp_path / "none.toml")


def test_a_file_in_another_encoding_is_refused_with_its_line(tmp_path):
    said = refusal(tmp_path, 'name = "a"\ntitle = "Café"\n'.encode("latin-1"))

    assert said == "acme.toml:2: is not written in UTF-8"


def test_a_mark_at_the_beginning_is_none_of_the_text(tmp_path):
    file = tmp_path / "acme.toml"
    file.write_bytes(b"\xef\xbb\xbf" + (HEAD + TAIL).encode())

    assert read_file(file)[0].name == "acme"


def test_a_file_that_is_too_large_is_refused_one_that_just_fits_is_not(tmp_path):
    plain = (HEAD + TAIL).encode()
    fits = plain + b"#" * (LARGEST_FILE - len(plain))
    file = tmp_path / "acme.toml"
    file.write_bytes(fits)

    assert read_file(file)[0].name == "acme"
    assert "is larger than" in refusal(tmp_path, fits + b"#")


@pytest.mark.parametrize("depth", [2_000, 100_000])
def test_a_file_nested_without_end_is_refused(tmp_path, depth):
    assert refusal(tmp_path, "name = " + "[" * depth).startswith("acme.toml")


def test_an_empty_file_is_refused(tmp_path):
    assert refusal(tmp_path, "") == "acme.toml:1: name: is missing"


WRONG = [
    ('name = "Acme Inc"', "name: must be a name such as acme-plans"),
    ('name = "a:b"', "name: must be a name such as acme-plans"),
    ('locale = "french"', "locale: must be such as en"),
    ('plans.basic.features = ["Send SMS"]', "features: 'Send SMS' is no name such as send_sms"),
    ('plans."a:b" = { title = "B", features = [], price_minor = { month = 1 } }',
     "plans.a:b: must be a name such as pro"),
    ('plans.basic.cancel_roles = ["king"]', "plans.basic.cancel_roles.0: must be one of super_admin"),
    ('cancellation.representative_roles = ["king"]', "representative_roles.0: must be one of"),
    ("cancellation.roles = []", "cancellation.roles: needs at least one role"),
    ("cancellation.preview_minutes = 0", "cancellation.preview_minutes: must be at least 1"),
    ("access.grace_hours = 99999999999", "access.grace_hours: must not be more than 878400"),
    ("data.purge_after_years = 101", "data.purge_after_years: must not be more than 100"),
    ("refunds.set_up_fee_minor = -500", "refunds.set_up_fee_minor: must not be negative"),
    ('refunds.kind = "always"', "refunds.kind: must be one of none, zero_usage"),
    ('refunds.top_ups = "always"', "refunds.top_ups: must be one of none, considered"),
    ('texts.party = "Hooray"', "texts.party: is no kind of step or mail"),
    ('reminders = [{ before = "lunch", days = 1 }]', "reminders.0.before: must be one of"),
    ("appeals = { first_reply_business_days = 3 }", "appeals.decision_business_days: is missing"),
    ("appeals = { first_reply_business_days = 9, decision_business_days = 3 }",
     "appeals: needs a first reply before its decision"),
    ("appeals = { first_reply_business_days = 3, decision_business_days = 14, holidays = ['Xmas'] }",
     "appeals.holidays.0: must be a day such as 2026-12-25"),
    ("title = 2026-11-22", "title: must be a text, not date"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "why"), WRONG)
def test_what_no_rule_could_follow_is_refused(line, why):
    key = line.partition(" ")[0]
    kept = [
        one
        for one in HEAD.splitlines()
        if not one.startswith(f"{key} ") and not (key.startswith("plans.") and "plans" in one)
    ]
    if key.startswith("plans.basic"):
        kept += ['plans.basic.title = "Basic"', "plans.basic.price_minor.month = 100"]
        if "features" not in key:
            kept += ['plans.basic.features = ["use_it"]']
    reasons = 'reasons = [{ code = "other", label = "Other" }]'
    text = "\n".join([*kept, line, f"cancellation.{reasons}"])

    with pytest.raises(PolicyError) as caught:
        read_policy(text, "acme.toml")

    assert why in str(caught.value)


def test_two_added_files_of_one_name_are_refused(tmp_path):
    for name in ("one.toml", "two.toml"):
        (tmp_path / name).write_text(HEAD + TAIL)

    with pytest.raises(PolicyError, match=r"two\.toml: name: .*'acme' already \(one\.toml\)"):
        Policies([tmp_path / "one.toml", tmp_path / "two.toml"])


def test_an_added_file_may_be_called_anything_its_name_is_inside(tmp_path):
    file = tmp_path / "policy-of-november.toml"
    file.write_text(HEAD + TAIL)

    policies = Policies([file])

    assert "acme" in policies.names()
    assert "policy-of-november" not in policies.names()


def test_the_comment_above_a_key_is_its_sentence():
    text = (SHIPPED / "1msg.toml").read_text("utf-8")

    assert sentence_of(text, ("appeals", "decision_business_days")) == (
        'M1-10: "will be provided within no more than 14 business days"'
    )
    second_reason = ("cancellation", "reasons", 1, "label")
    assert sentence_of(text, second_reason) == sentence_of(text, ("cancellation", "reasons", 0))
    assert sentence_of(text, ("nothing",)) is None


def test_what_is_not_promised_is_said_apart():
    text = (SHIPPED / "1msg.toml").read_text("utf-8")

    assert any(said.startswith("No [numbers]") for said in standing_alone(text))
