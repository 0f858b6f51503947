"""The five shipped policies say what the five documents say: each number, role and word, written out here once more."""

import re

import pytest

from chalicelib.domain.policy import Text
from chalicelib.policies import SHIPPED, Policies
from infra.cli.policy_words import leaves

POLICIES = Policies()
SHIPPED_NAMES = ("1msg", "1smtg", "goto", "nexorone", "smarter-contact")
IDS = re.compile(r"\b(SC|GT|M1|OS|NX)-\d+\b")


def policy(name):
    return POLICIES.get(name)


def test_the_plans_and_features_are_the_contract_s():
    found = {
        name: {plan: known.features for plan, known in policy(name).plans.items()}
        for name in SHIPPED_NAMES
    }

    assert found == {
        "smarter-contact": {
            "messaging": ("send_sms", "launch_campaigns"),
            "calling": ("dialer", "send_rvm"),
        },
        "1msg": {"channel": ("send_messages",)},
        "goto": {"webinar": ("host_webinars",), "connect": ("make_calls",)},
        "1smtg": {"standard": ("use_company",)},
        "nexorone": {"service": ("use_service",)},
    }


def test_the_goto_roles_are_by_product_and_by_purchase():
    rules = policy("goto")

    assert set(rules.cancellation.roles) == {"super_admin", "billing_admin"}
    assert set(rules.plans["connect"].cancel_roles) == {"super_admin"}
    assert rules.plans["webinar"].cancel_roles == ()
    assert set(rules.cancellation.representative_roles) == {
        "product_admin", "billing_contact", "super_admin",
    }  # fmt: skip
    assert rules.cancellation.blocks_on_balance
    assert all(plan.cancelable_online for plan in rules.plans.values())
    assert rules.locale == "fr"


def test_the_1msg_money_is_the_contract_s():
    rules = policy("1msg")

    assert rules.plans["channel"].price_minor["month"] == 4900
    assert (rules.refunds.kind, rules.refunds.set_up_fee_minor) == ("zero_usage", 500)
    assert rules.refunds.deducts_stripe_fee
    assert rules.refunds.ends_plan
    assert rules.refunds.top_ups == "considered"
    assert rules.wallet is not None
    assert (rules.wallet.top_up_min_minor, rules.wallet.top_up_max_minor) == (100, 1_000_000)


def test_the_1msg_periods_are_the_document_s():
    rules = policy("1msg")

    assert rules.appeals is not None
    assert rules.appeals.first_reply_business_days == 3
    assert rules.appeals.decision_business_days == 14
    assert rules.maintenance is not None
    assert rules.maintenance.longest_business_days == 3
    assert rules.maintenance.extends_access
    assert (rules.support.email, rules.support.phone) == ("finance@1msg.io", "+6531650115")


def test_the_1smtg_support_is_there_from_nine_to_five():
    support = policy("1smtg").support

    assert support.phone == "(888) 458 0650"
    assert support.hours is not None
    assert support.hours.en == "9:00 a.m. to 5:00 p.m. on business days"


@pytest.mark.parametrize("name", ["1msg", "1smtg", "goto", "nexorone"])
def test_what_a_document_does_not_promise_is_not_there(name):
    rules = policy(name)

    assert (rules.numbers, rules.registrations, rules.data, rules.messages) == (None,) * 4
    assert rules.cancellation.reason_required is False
    assert (rules.appeals is None) == (name != "1msg")


@pytest.mark.parametrize("name", ["1msg", "1smtg", "nexorone", "smarter-contact"])
def test_at_any_time_nobody_is_blocked(name):
    rules = policy(name)

    assert rules.cancellation.online
    assert not rules.cancellation.blocks_on_balance
    assert all(plan.cancelable_online for plan in rules.plans.values())


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_every_text_is_there_in_both_languages(name):
    texts = [leaf for leaf in leaves(policy(name)) if isinstance(leaf.value, Text)]

    missing = [leaf.dotted for leaf in texts if not leaf.value.fr or leaf.value.fr == leaf.value.en]

    assert texts
    assert missing == []


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_every_comment_names_a_promise_or_says_that_the_line_is_ours(name):
    text = (SHIPPED / f"{name}.toml").read_text("utf-8")
    blocks = re.findall(r"(?:^#(?!:).*\n)+", text, re.MULTILINE)

    unfounded = [b for b in blocks if not IDS.search(b) and "# Ours" not in b and "# No [" not in b]

    # The file's own heading, and the word above a section of texts.
    assert len([b for b in unfounded if "Each line cites" not in b and "own words" not in b]) == 0
