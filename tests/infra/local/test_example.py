"""`POST /_example` fills an account with something to look at, once, for every company."""

import pytest

from infra.local.seeds import ACCOUNTS
from tests.support.local_stack import LocalStack


@pytest.fixture(scope="module")
def stack():
    with LocalStack(LAPSE_START="2026-03-02T09:00:00Z") as stack:
        yield stack


@pytest.mark.parametrize("account_id", ACCOUNTS)
def test_every_seeded_account_can_be_filled_and_pressing_twice_does_nothing_more(stack, account_id):
    did = stack.must("POST", "/_example", {"account_id": account_id})["did"]
    filled = stack.membership(account_id)

    again = stack.must("POST", "/_example", {"account_id": account_id})["did"]

    assert did.startswith(f"{account_id} has ")
    assert filled["subscriptions"]
    assert {s["status"] for s in filled["subscriptions"]} == {"active"}
    assert again == f"{account_id} has something to show already."
    assert len(stack.membership(account_id)["subscriptions"]) == len(filled["subscriptions"])


def test_it_names_the_accounts_there_are(stack):
    assert stack.must("GET", "/_example")["accounts"] == list(ACCOUNTS)


@pytest.mark.parametrize("body", [{"account_id": "nobody"}, {}, []])
def test_an_account_that_is_not_there_is_refused_with_a_sentence(stack, body):
    reply = stack.ask("POST", "/_example", body)

    assert reply.status == 400
    assert reply.json()["detail"]
