"""`GET /v1/wallet` and `/v1/wallet/entries`; and money in other currencies, through the whole app."""

import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from chalicelib.domain.moments import rfc3339
from chalicelib.store import wallet
from tests.support.books import credit, debit
from tests.support.life import Life
from tests.support.smarter_contact import ONE

ACME = "acme"
DAY = timedelta(days=1)


def living(entries: int = 0, policy: str = "1msg") -> Life:
    life = Life()
    life.account(ACME, policy)
    for n in range(entries):
        wallet.post(life.world.table, ACME, credit(f"c{n}", n + 1))
    return life


def page(life: Life, query: str = ""):
    return life.customer(ACME, "GET", f"/v1/wallet/entries{query}")


@pytest.mark.parametrize(
    ("entries", "limit"), [(0, 1), (1, 1), (5, 2), (6, 2), (6, 3), (20, 20), (41, 20)]
)
def test_every_entry_is_on_exactly_one_page_newest_first(entries, limit):
    life = living(entries)

    seen, query, pages = [], f"?limit={limit}", 0
    while True:
        body = page(life, query).body
        seen += [one["id"] for one in body["data"]]
        pages += 1
        if not body["has_more"]:
            assert body["next_cursor"] is None
            break
        query = f"?limit={limit}&cursor={body['next_cursor']}"

    assert seen == [f"{n:012d}" for n in range(entries, 0, -1)]
    assert pages == max(1, -(-entries // limit))


def test_what_is_booked_between_two_pages_moves_nothing():
    life = living(4)

    first = page(life, "?limit=2").body
    wallet.post(life.world.table, ACME, debit("new", 1))
    second = page(life, f"?limit=2&cursor={first['next_cursor']}").body

    assert [one["id"][-1] for one in first["data"] + second["data"]] == ["4", "3", "2", "1"]
    assert second["has_more"] is False


@pytest.mark.parametrize(
    "cursor",
    ["", "1", "0" * 11, "0" * 13, "-00000000001", "abcdefghijkl", "٠" * 12, "000000000001\n",
     "entry#000000", "' OR 1=1 -- ", "00000000000é", "null"],
)  # fmt: skip
def test_a_cursor_that_is_none_of_ours_is_refused(cursor):
    life = living(3)

    refused = page(life, f"?cursor={quote(cursor)}")

    assert (refused.status, refused.code) == (422, "invalid_request")
    assert refused.body["errors"][0]["pointer"] == "/cursor"


@pytest.mark.parametrize(("cursor", "ids"), [("0" * 12, []), ("0" * 11 + "1", []), ("9" * 12, 3)])
def test_a_cursor_beyond_either_end_is_no_error(cursor, ids):
    life = living(3)

    body = page(life, f"?cursor={cursor}").body

    assert len(body["data"]) == (ids if isinstance(ids, int) else 0)
    assert body["has_more"] is False


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "abc", "", "٣", "1e1", "9" * 30])
def test_a_limit_out_of_bounds_is_refused(limit):
    refused = page(living(), f"?limit={quote(limit)}")

    assert (refused.status, refused.code) == (422, "invalid_request")


def test_an_entry_says_what_it_was_and_sums_to_zero():
    life = living(1)

    (entry,) = page(life).body["data"]

    assert entry["kind"] == "top_up"
    assert entry["cause"] == "c0"
    assert entry["amount"] == {"amount": 1, "currency": "usd"}
    assert sum(line["amount"]["amount"] for line in entry["lines"]) == 0
    assert len(entry["hash"]) == 64


def test_another_account_s_wallet_is_not_found_and_a_member_sees_none():
    life = living(2)
    life.account("bravo", "1msg")

    theirs = life.customer("bravo", "GET", "/v1/wallet/entries").body["data"]
    asked = life.customer("bravo", "GET", f"/v1/wallet?account_id={ACME}")
    member = life.api("GET", "/v1/wallet", token=life.token(ACME, "member"))
    nobody = life.service("GET", "/v1/wallet/entries?account_id=nobody")

    assert theirs == []
    assert (asked.status, asked.code) == (404, "not_found")
    assert (member.status, member.code) == (403, "role_required")
    assert (nobody.status, nobody.code) == (404, "not_found")


def test_a_wallet_without_entries_is_zero_in_the_account_s_currency():
    life = living()

    body = life.customer(ACME, "GET", "/v1/wallet").body

    assert body["balance"] == body["balance_due"] == {"amount": 0, "currency": "usd"}
    assert body["other_balances"] == []


# -- other currencies


def in_currency(currency: str) -> Life:
    life = living(policy="smarter-contact")
    put = life.operator("PUT", f"/v1/admin/accounts/{ACME}", {"currency": currency})
    assert put.status == 200
    life.subscribe(ACME, "smarter-contact:messaging:year")
    return life


def schedule(life: Life, amount: object, currency: object):
    message = {"id": "m1", "channel": "sms", "send_at": rfc3339(life.now + DAY),
               "price": {"amount": amount, "currency": currency}}  # fmt: skip
    return life.service(
        "POST", "/v1/scheduled-messages", {"account_id": ACME, "messages": [message]}
    )


def put_number(life: Life, amount: object, currency: object):
    return life.service(
        "PUT",
        f"/v1/numbers/{ONE}",
        {"account_id": ACME, "provider": "local", "provider_id": "PN1",
         "monthly_fee": {"amount": amount, "currency": currency},
         "bought_at": rfc3339(life.now)},
    )  # fmt: skip


@pytest.mark.parametrize("currency", ["jpy", "kwd"])
def test_fees_messages_and_usage_are_whole_units_of_currencies_without_and_with_three_decimals(
    currency,
):
    life = in_currency(currency)

    assert put_number(life, 1001, currency).status == 200
    assert schedule(life, 7, currency).status == 200
    life.move("2026-02-28T12:00:00Z")

    body = life.service("GET", f"/v1/wallet?account_id={ACME}").body
    assert body["balance"] == {"amount": -1008, "currency": currency}
    assert body["other_balances"] == []
    made = life.customer(
        ACME,
        "POST",
        "/v1/checkout-sessions",
        {"purpose": "balance_due", "success_url": "https://app.example.com/",
         "cancel_url": "https://app.example.com/"},
    )  # fmt: skip
    life.control("pay_checkout", session=made.body["checkout_session_id"], outcome="paid")
    assert life.balance(ACME) == 0


@pytest.mark.parametrize("currency", ["usd", "JPY", "jp", "", None, 392, "jpy\n"])
def test_another_currency_than_the_account_s_is_refused_everywhere(currency):
    life = in_currency("jpy")

    for refused in (put_number(life, 1, currency), schedule(life, 1, currency)):
        assert (refused.status, refused.code) == (422, "invalid_request")
    assert life.entries(ACME) == []


@pytest.mark.parametrize("amount", [-1, 0.5, 1.0, "1", True, None, 2**63, 2**53])
def test_what_is_no_amount_of_minor_units_is_refused_everywhere(amount):
    life = in_currency("usd")

    for refused in (put_number(life, amount, "usd"), schedule(life, amount, "usd")):
        assert (refused.status, refused.code) == (422, "invalid_request")
    assert life.entries(ACME) == []


def test_prices_that_no_balance_could_hold_are_refused_together():
    life = in_currency("usd")
    messages = [
        {"id": f"m{n}", "channel": "sms", "send_at": rfc3339(life.now + DAY),
         "price": {"amount": 2**53 - 1, "currency": "usd"}}
        for n in range(2)
    ]  # fmt: skip

    refused = life.service(
        "POST", "/v1/scheduled-messages", {"account_id": ACME, "messages": messages}
    )

    assert (refused.status, refused.code) == (422, "invalid_request")
    assert life.entries(ACME) == []


@pytest.mark.parametrize("count", [0, 101])
def test_a_call_holds_from_one_to_a_hundred_messages(count):
    life = in_currency("usd")
    many = [(f"m{n:03d}", "sms", life.now + DAY, 1) for n in range(count)]

    refused = life.schedule(ACME, *many)

    assert (refused.status, refused.code) == (422, "invalid_request")


def test_the_same_id_twice_in_a_call_is_refused_and_names_the_second():
    life = in_currency("usd")

    refused = life.schedule(ACME, *[("m1", "sms", life.now + DAY, 1)] * 2)

    assert refused.status == 422
    assert refused.body["errors"][0]["pointer"] == "/messages/1/id"


def test_a_subscription_of_another_account_is_not_found():
    life = in_currency("usd")
    message = {"id": "m1", "channel": "sms", "send_at": rfc3339(life.now + DAY),
               "price": {"amount": 1, "currency": "usd"}, "subscription_id": "sub_other"}  # fmt: skip

    refused = life.service(
        "POST", "/v1/scheduled-messages", {"account_id": ACME, "messages": [message]}
    )

    assert (refused.status, refused.code) == (404, "not_found")


def test_no_code_that_is_deployed_divides_by_a_hundred():
    """Whole minor units: a division is where a yen becomes a hundredth of one."""
    root = Path(__file__).resolve().parents[2]
    found = [
        f"{path.name}:{n}"
        for path in [root / "app.py", *sorted((root / "chalicelib").rglob("*.py"))]
        for n, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"/\s*100(\.0)?\b|\*\s*0?\.01\b", line)
    ]
    assert found == []
