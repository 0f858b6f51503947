"""A policy file is read strictly: whatever is wrong is refused, with the line and the reason."""

from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.policies import SHIPPED, Policies, PolicyError
from chalicelib.policies.places import line_of, places, sentence_of
from chalicelib.policies.reading import read_policy

PLAIN = """\
name = "acme"
title = "Acme"
version = "1"
currency = "usd"

[plans.basic]
title = "Basic"
features = ["use_it"]
price_minor = { month = 100 }

[numbers]
release_after_hours = 336

[registrations]
lapse_after_hours = 720

[messages]
credit_unsent = true

[data]
purge_after_years = 1

[cancellation]
online = true
preview_minutes = 60

[[cancellation.reasons]]
code = "other"
label = "Another reason"

[[cancellation.disclosures]]
id = "renewal_off"
version = "1"
text = "It will not renew."
"""


def read(text):
    return read_policy(text, "acme.toml")


def changed(old, new):
    assert PLAIN.count(old) == 1, old
    return PLAIN.replace(old, new)


def refusal(text):
    with pytest.raises(PolicyError) as caught:
        read(text)
    return str(caught.value)


def test_a_plain_file_is_read():
    policy = read(PLAIN)

    assert (policy.name, policy.currency, policy.time_zone) == ("acme", "usd", "UTC")
    assert policy.plans["basic"].features == ("use_it",)
    assert policy.numbers is not None
    assert (policy.numbers.release_after_hours, policy.numbers.fee_cycle) == (336, "number")
    assert policy.cancellation.disclosures[0].text.en == "It will not renew."


def test_what_is_not_said_has_its_default():
    policy = read(PLAIN)

    assert (policy.access.settling_hours, policy.access.grace_hours) == (72, 0)
    assert policy.cancellation.open_invoices_on_cancel == "keep"
    assert policy.refunds.kind == "none"
    assert policy.support.email is None


WRONG = [
    # what is changed, into what, the line it is on, where, and why
    ('name = "acme"\n', "", 1, "name", "is missing"),
    ('currency = "usd"\n', "", 1, "currency", "is missing"),
    ("release_after_hours = 336\n", "", 11, "numbers.release_after_hours", "is missing"),
    ("lapse_after_hours = 720\n", "", 14, "registrations.lapse_after_hours", "is missing"),
    ("purge_after_years = 1\n", "", 20, "data.purge_after_years", "is missing"),
    ('title = "Basic"\n', "", 6, "plans.basic.title", "is missing"),
    ('label = "Another reason"\n', "", 27, "cancellation.reasons.0.label", "is missing"),
    ('version = "1"\ntext', "text", 31, "cancellation.disclosures.0.version", "is missing"),
    ("online = true", "onlin = true", 24, "cancellation.onlin", "is not a key we know here"),
    ('title = "Acme"', 'titel = "Acme"', 2, "titel", "is not a key we know here"),
    ("[data]", "[dater]", 20, "dater", "is not a key we know here"),
    ("= 336", "= -1", 12, "numbers.release_after_hours", "must not be negative"),
    ("= 720", "= -720", 15, "registrations.lapse_after_hours", "must not be negative"),
    ("_years = 1", "_years = -1", 21, "data.purge_after_years", "must not be negative"),
    ("= 60", "= -60", 25, "cancellation.preview_minutes", "must not be negative"),
    ("month = 100", "month = -100", 9, "plans.basic.price_minor.month", "must not be negative"),
    ("= 336", '= "336"', 12, "numbers.release_after_hours", "must be a whole number, not a text"),
    ("= 336", "= 14.5", 12, "numbers.release_after_hours", "must be a whole number, not a fraction"),
    ("= 336", "= true", 12, "numbers.release_after_hours", "must be a whole number, not true or"),
    ("credit_unsent = true", "credit_unsent = 1", 18, "messages.credit_unsent", "must be true or"),
    ('title = "Acme"', "title = 7", 2, "title", "must be a text, not a whole number"),
    ('title = "Acme"', 'title = " "', 2, "title", "must not be empty"),
    ('["use_it"]', '"use_it"', 8, "plans.basic.features", "must be a list, not a text"),
    ('["use_it"]', "[7]", 8, "plans.basic.features.0", "must be a text"),
    ('["use_it"]', '["log_in"]', 8, "plans.basic.features", "log_in is everybody's, always"),
    ("{ month = 100 }", "100", 9, "plans.basic.price_minor", "must be a table, not a whole number"),
    ("{ month = 100 }", "{}", 9, "plans.basic.price_minor", "needs month or year"),
    ("month = 100", "week = 100", 9, "plans.basic.price_minor.week", "must be month or year"),
    ('currency = "usd"', 'currency = "USD"', 4, "currency", "must be a code such as usd"),
    ('currency = "usd"', 'currency = "usd"\ntime_zone = "Mars/Olympus"', 5, "time_zone", "no time zone"),
    ('currency = "usd"', 'currency = "usd"\ntime_zone = "../etc"', 5, "time_zone", "no time zone"),
    ("[numbers]", '[numbers]\nfee_cycle = "weekly"', 12, "numbers.fee_cycle", "must be one of number, billing"),
    ("= 720", '= 720\ncounted_from = "birth"', 16, "registrations.counted_from", "must be one of end, request"),
    ("online = true", 'online = true\nopen_invoices_on_cancel = "forget"', 25,
     "cancellation.open_invoices_on_cancel", "must be one of keep, stop_collection"),
    ("online = true", 'online = true\nroles = ["king"]', 25, "cancellation.roles.0", "must be one of"),
    ('label = "Another reason"', 'label = "Another reason"\nstripe_feedback = "meh"', 30,
     "cancellation.reasons.0.stripe_feedback", "must be one of customer_service"),
    ('code = "other"', 'code = "mine"', 27, "cancellation.reasons", "needs a reason with the code other"),
    ('features = ["use_it"]', 'features = ["use_it"]\nmessage_channels = ["fax"]', 9,
     "plans.basic.message_channels.0", "must be one of sms, rvm"),
    ('label = "Another reason"', 'label = { fr = "Autre" }', 29, "cancellation.reasons.0.label.en",
     "is missing"),
    ('label = "Another reason"', 'label = { en = "Other", xx = "?" }', 29,
     "cancellation.reasons.0.label.xx", "is not a key we know here"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "where", "why"), WRONG)
def test_a_mistake_is_refused_with_its_line_and_reason(old, new, line, where, why):
    said = refusal(changed(old, new))

    assert said.startswith(f"acme.toml:{line}: {where}: "), said
    assert why in said


@pytest.mark.parametrize(
    ("need", "section"),
    [
        ("needs_numbers = true", "[numbers]\nrelease_after_hours = 336\n"),
        ("needs_registrations = true", "[registrations]\nlapse_after_hours = 720\n"),
        ('message_channels = ["sms"]', "[messages]\ncredit_unsent = true\n"),
    ],
)
def test_what_a_plan_needs_must_have_its_section(need, section):
    with_need = changed('features = ["use_it"]', f'features = ["use_it"]\n{need}')
    name = section.partition("\n")[0]

    said = refusal(with_need.replace(section, ""))

    assert said.startswith(f"acme.toml:9: plans.basic.{need.partition(' ')[0]}: ")
    assert f"needs a {name} section" in said
    read(with_need)


def test_no_plan_at_all_is_refused():
    plans = PLAIN[PLAIN.index("[plans.basic]") : PLAIN.index("[numbers]")]

    assert "plans: is missing" in refusal(PLAIN.replace(plans, ""))
    assert "plans: needs at least one plan" in refusal(PLAIN.replace(plans, "[plans]\n"))


@pytest.mark.parametrize(
    ("twice", "why"),
    [
        ('[[cancellation.reasons]]\ncode = "other"\nlabel = "Again"\n', "reasons.1.code: 'other' is"),
        ('[[cancellation.disclosures]]\nid = "renewal_off"\nversion = "2"\ntext = "Again."\n',
         "disclosures.1.id: 'renewal_off' is"),
    ],
)  # fmt: skip
def test_what_is_there_twice_is_refused_at_the_second(twice, why):
    line = len(PLAIN.splitlines()) + 2

    assert refusal(PLAIN + twice) == f"acme.toml:{line}: cancellation.{why} there twice"


def test_the_line_is_that_of_the_second_of_two():
    second = '\n[[cancellation.reasons]]\ncode = "too_dear"\nlabel = 7\n'

    said = refusal(PLAIN + second)

    line = (PLAIN + second).splitlines().index("label = 7") + 1
    assert said.startswith(f"acme.toml:{line}: cancellation.reasons.1.label: ")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name = ", 1),
        ('name = "a"\nname = "b"', 2),
        ('name = "a"\n\n[plans', 3),
        ("name = nothing", 1),
        ("\x00", 1),
    ],
)
def test_what_is_no_toml_is_refused_with_its_line(text, line):
    assert refusal(text).startswith(f"acme.toml:{line}: ")


def test_zero_is_no_negative_number():
    assert read(changed("= 336", "= 0")).numbers.release_after_hours == 0


def test_a_key_the_file_does_not_name_is_found_by_what_is_around_it():
    assert line_of(PLAIN, ("numbers", "release_after_hours")) == 12
    assert line_of(PLAIN, ("numbers", "nothing")) == 11
    assert line_of(PLAIN, ("nothing",)) == 1
    assert line_of(PLAIN, ()) == 1


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_policy_is_read_and_named_after_its_file(path: Path):
    policy = read_policy(path.read_text(encoding="utf-8"), path.name)

    assert policy.name == path.stem
    assert policy.time_zone == "UTC"
    assert [r.code for r in policy.cancellation.reasons].count("other") == 1


def test_the_shipped_ones_are_the_five_companies():
    assert set(Policies().names()) >= {"smarter-contact", "goto", "1msg", "1smtg", "nexorone"}


def test_a_sixth_company_adds_a_file(tmp_path):
    file = tmp_path / "acme.toml"
    file.write_text(PLAIN, encoding="utf-8")

    policies = Policies([file])

    assert "acme" in policies.names()
    assert policies.get("acme").title == "Acme"
    assert policies.get("acme") is policies.get("acme")


def test_an_added_file_with_a_mistake_is_refused_at_once(tmp_path):
    file = tmp_path / "acme.toml"
    file.write_text(PLAIN.replace('"Acme"', "7"), encoding="utf-8")

    with pytest.raises(PolicyError, match=r"acme\.toml:2: title: must be a text"):
        Policies([file])


def test_an_added_file_may_not_take_a_shipped_one_s_name(tmp_path):
    file = tmp_path / "acme.toml"
    file.write_text(changed('name = "acme"', 'name = "goto"'), encoding="utf-8")

    with pytest.raises(PolicyError, match="there is a policy called 'goto' already"):
        Policies([file])


def test_a_name_nobody_wrote_a_file_for_is_unknown():
    with pytest.raises(KeyError):
        Policies().get("seventh")


SMARTER_CONTACT = Policies().get("smarter-contact")


def test_smarter_contact_s_numbers_are_those_of_its_document():
    policy = SMARTER_CONTACT

    assert policy.numbers is not None
    assert policy.registrations is not None
    assert policy.data is not None
    assert policy.numbers.release_after_hours == 14 * 24
    assert policy.registrations.lapse_after_hours == 30 * 24
    assert policy.data.purge_after_years == 1
    assert policy.numbers.fee_cycle == "number"
    assert (policy.access.grace_hours, policy.access.settling_hours) == (0, 72)
    assert policy.cancellation.open_invoices_on_cancel == "stop_collection"
    assert policy.refunds.kind == "none"


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_every_key_of_a_shipped_policy_has_a_sentence_above_it(path: Path):
    text = path.read_text(encoding="utf-8")
    found = places(text)
    keys = [p for p in found if not any(other[: len(p)] == p and other != p for other in found)]

    without = [key for key in keys if sentence_of(text, key) is None]

    assert len(keys) > 20
    assert without == []


def test_every_text_is_there_in_both_languages():
    rules = SMARTER_CONTACT.cancellation
    texts = [d.text for d in rules.disclosures] + [r.label for r in rules.reasons]

    assert all(text.en and text.fr and text.fr != text.en for text in texts)


def test_a_price_stands_for_a_plan_by_its_lookup_key_or_its_id():
    policy = SMARTER_CONTACT
    messaging = replace(policy.plans["messaging"], stripe_prices=("price_old", "legacy_key"))
    known = replace(policy, plans={**policy.plans, "messaging": messaging})

    assert known.plan_of_price("price_1", "smarter-contact:calling:year") == "calling"
    assert known.plan_of_price("price_old", None) == "messaging"
    assert known.plan_of_price("price_1", "legacy_key") == "messaging"
    assert known.plan_of_price("price_1", "smarter-contact:calling:week") is None
    assert known.plan_of_price("price_1", "goto:webinar:month") is None
    assert known.plan_of_price("price_1", None) is None


def test_a_number_beyond_what_python_reads_is_refused_by_its_line():
    said = refusal(changed("= 336", f"= {'9' * 5000}"))

    assert said == "acme.toml:12: a number has too many digits"
