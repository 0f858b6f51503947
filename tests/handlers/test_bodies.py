"""What is made of a body, whatever somebody sends."""

import pytest

from chalicelib import wiring
from chalicelib.handlers import strict_json
from tests.support.life import Life

NUMBER = "/v1/numbers/+14155550100"


@pytest.fixture(scope="module")
def shared():
    life = Life()
    life.account("acme")
    return life


@pytest.fixture
def life(shared):
    # Other tests make worlds of their own, and a process serves one.
    wiring.use(shared.world)
    return shared


def number(**change):
    fee = {"amount": 100, "currency": "usd"}
    body = {
        "account_id": "acme", "provider": "local", "provider_id": "PN1", "monthly_fee": fee,
        "bought_at": "2026-01-31T12:00:00Z",
    }  # fmt: skip
    return {**body, **change}


MALFORMED = {
    "cut off": b'{"a": 1',
    "not JSON": b"account_id=acme",
    "blank": b"  \n",
    "two": b"{} {}",
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "a number beyond all": b'{"a": 1e999}',
    "a number of 5000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "a key twice": b'{"account_id": "acme", "account_id": "other"}',
    "a key twice inside": b'{"a": {"b": 1, "b": 2}}',
    "lone surrogate": b'{"account_id": "\\ud800"}',
    "lone surrogate, in capitals": b'{"account_id": "\\uDC00"}',
    "lone surrogate as a key": b'{"\\udfff": 1}',
    "not UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "deeply nested": b"[" * 100_000,
    "deeply nested and closed": b"[" * 100_000 + b"]" * 100_000,
    "deeply nested objects": b'{"a":' * 40_000,
    "a line break in a text": b'{"a": "\n"}',
    "single quotes": b"{'a': 1}",
}


NO_TEXT = ("not UTF-8", "UTF-16")
"""Bytes that API Gateway replaces, unless their content type is a binary one."""


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_json_is_malformed(life, name):
    kind = "application/octet-stream" if name in NO_TEXT else "application/json"

    reply = life.service("PUT", NUMBER, MALFORMED[name], headers={"Content-Type": kind})

    assert (reply.status, reply.code) == (400, "malformed_request")


SHAPELESS = {
    "nothing": b"",
    "empty object": b"{}",
    "array": b"[1, 2]",
    "text": b'"acme"',
    "number": b"7",
    "null": b"null",
    "true": b"true",
    "nested far, but not too far": b"[" * 200 + b"]" * 200,
}


@pytest.mark.parametrize("raw", SHAPELESS.values(), ids=SHAPELESS)
def test_json_of_another_shape_is_invalid(life, raw):
    reply = life.service("PUT", NUMBER, raw)
    mine = life.customer("acme", "POST", "/v1/portal-sessions", raw)

    assert (reply.status, reply.code) == (mine.status, mine.code) == (422, "invalid_request")


def money(**change):
    return {"monthly_fee": {"amount": 100, "currency": "usd", **change}}


FIELDS = {
    "2^63": (money(amount=2**63), "/monthly_fee/amount"),
    "2^53 + 1": (money(amount=2**53 + 1), "/monthly_fee/amount"),
    "far beyond": (money(amount=10**300), "/monthly_fee/amount"),
    "below zero": (money(amount=-1), "/monthly_fee/amount"),
    "a fraction": (money(amount=1.5), "/monthly_fee/amount"),
    "a whole fraction": (money(amount=100.0), "/monthly_fee/amount"),
    "a text of digits": (money(amount="100"), "/monthly_fee/amount"),
    "true": (money(amount=True), "/monthly_fee/amount"),
    "null": (money(amount=None), "/monthly_fee/amount"),
    "large letters": (money(currency="USD"), "/monthly_fee/currency"),
    "a line break behind": (money(currency="usd\n"), "/monthly_fee/currency"),
    "another alphabet": (money(currency="usⅾ"), "/monthly_fee/currency"),
    "no date": ({"bought_at": "yesterday"}, "/bought_at"),
    "no offset": ({"bought_at": "2026-01-31T12:00:00"}, "/bought_at"),
    "no such day": ({"bought_at": "2026-02-30T12:00:00Z"}, "/bought_at"),
    "a week date": ({"bought_at": "2026-W01-1T12:00:00Z"}, "/bought_at"),
    "before the calendar": ({"bought_at": "0001-01-01T00:00:00+23:59"}, "/bought_at"),
    "after the calendar": ({"bought_at": "9999-12-31T23:59:59Z"}, "/bought_at"),
    "digits of another alphabet": ({"bought_at": "٢٠٢٦-01-31T12:00:00Z"}, "/bought_at"),
    "a unix time": ({"bought_at": 1769860800}, "/bought_at"),
    "an empty id": ({"provider_id": ""}, "/provider_id"),
    "an endless id": ({"provider_id": "x" * 201}, "/provider_id"),
    "an object for an id": ({"provider_id": {}}, "/provider_id"),
}


@pytest.mark.parametrize(("change", "pointer"), FIELDS.values(), ids=FIELDS)
def test_a_field_that_is_not_what_belongs_there_is_named(life, change, pointer):
    reply = life.service("PUT", NUMBER, number(**change))

    assert (reply.status, reply.code) == (422, "invalid_request")
    assert [error["pointer"] for error in reply.body["errors"]] == [pointer]


def test_a_refusal_says_what_belongs_there(life):
    body = {"account_id": "acme", "kind": "postcard", "state": "active"}

    reply = life.service("PUT", "/v1/registrations/R1", body)
    dated = life.service("PUT", NUMBER, number(bought_at="soon"))

    assert reply.body["errors"][0]["detail"] == "One of 10dlc, sign_up."
    assert "2026-12-01T00:00:00Z" in dated.body["errors"][0]["detail"]


def test_a_field_in_a_list_is_named_by_its_place(life):
    good = {
        "id": "m1", "channel": "sms", "send_at": "2026-03-01T00:00:00Z",
        "price": {"amount": 1, "currency": "usd"},
    }  # fmt: skip
    body = {"account_id": "acme", "messages": [good, {**good, "channel": "sms\n"}]}

    reply = life.service("POST", "/v1/scheduled-messages", body)

    assert reply.body["errors"][0]["pointer"] == "/messages/1/channel"


def test_unknown_fields_are_ignored(life):
    reply = life.service("PUT", NUMBER, number(colour="green", nested={"deep": [1.5, None]}))

    assert reply.status == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json; charset=utf-8", "application/x-www-form-urlencoded",
             "application/octet-stream", "image/png", "nonsense", ""],
)  # fmt: skip
def test_what_a_body_calls_itself_does_not_matter(life, kind):
    assert life.service("PUT", NUMBER, number(), headers={"Content-Type": kind}).status == 200


def test_a_body_may_be_large_but_not_too_large(life):
    room = 256 * 1024
    frame = len(b'{"padding": ""}')

    fits = life.service("PUT", NUMBER, b'{"padding": "' + b"x" * (room - frame) + b'"}')
    too_large = life.service("PUT", NUMBER, b'{"padding": "' + b"x" * (room - frame + 1) + b'"}')

    assert (fits.status, fits.code) == (422, "invalid_request")
    assert (too_large.status, too_large.code) == (413, "body_too_large")


def test_a_body_where_none_belongs_is_not_looked_at(life):
    assert life.customer("acme", "GET", "/v1/membership", b"{not json").status == 200


def test_a_pair_of_surrogates_is_a_character():
    assert strict_json.read(b'{"a": "\\ud83d\\ude42"}') == {"a": "🙂"}


# -- what stands in the address


@pytest.mark.parametrize(
    "limit", ["0", "101", "-1", "1.5", "", "x", "1000", "٣", "01", "+5", "1e1"]
)
def test_a_limit_is_a_whole_number_from_1_to_100(life, limit):
    reply = life.customer("acme", "GET", f"/v1/wallet/entries?limit={limit}")

    assert (reply.status, reply.body["errors"][0]["pointer"]) == (422, "/limit")


@pytest.mark.parametrize("limit", ["1", "99", "100"])
def test_both_ends_of_a_limit_are_fine(life, limit):
    assert life.customer("acme", "GET", f"/v1/wallet/entries?limit={limit}").status == 200


@pytest.mark.parametrize("cursor", ["x", "", "1", "-00000000001", "٠" * 12, "0" * 13, "%00", "#"])
def test_a_cursor_is_one_we_gave(life, cursor):
    reply = life.customer("acme", "GET", f"/v1/wallet/entries?cursor={cursor.replace('#', '%23')}")

    assert (reply.status, reply.code) == (422, "invalid_request")


def test_a_list_is_read_to_its_end_by_its_cursors(life):
    life.account("lister")
    life.subscribe("lister")
    for n in range(5):
        life.schedule("lister", (f"m{n}", "sms", life.now, 7))
    seen, cursor, pages = [], "", 0
    while True:
        page = life.customer("lister", "GET", f"/v1/wallet/entries?limit=2{cursor}").body
        assert set(page) == {"data", "has_more", "next_cursor"}
        seen, pages = seen + [entry["id"] for entry in page["data"]], pages + 1
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert page["next_cursor"] is None
    assert seen == sorted(set(seen), reverse=True)
    assert (len(seen), pages) == (5, 3)


def test_a_page_that_is_just_full_promises_no_other(life):
    life.account("full")
    life.subscribe("full")
    for n in range(2):
        life.schedule("full", (f"m{n}", "sms", life.now, 7))

    page = life.customer("full", "GET", "/v1/wallet/entries?limit=2").body

    assert (len(page["data"]), page["has_more"], page["next_cursor"]) == (2, False, None)


HOSTILE = ["x" * 201, "%00", "%0A", "a%2F..%2Fb", "%F0%9F%99%82" * 300, "..%2f..", "%ff", "a#b"]


@pytest.mark.parametrize("id", HOSTILE)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v1/registrations/{}?account_id=acme"),
        ("DELETE", "/v1/scheduled-messages/{}?account_id=acme"),
        ("DELETE", "/v1/numbers/{}"),
        ("DELETE", "/v1/numbers/{}?account_id=acme"),
    ],
)
def test_an_id_nobody_has_is_not_found_however_it_looks(life, method, path, id):
    reply = life.service(method, path.format(id.replace("#", "%23")))

    assert (reply.status, reply.code) == (404, "not_found")


@pytest.mark.parametrize("id", HOSTILE)
def test_an_account_nobody_has_is_not_found_however_it_looks(life, id):
    id = id.replace("#", "%23")
    replies = [
        life.service("GET", f"/v1/entitlements?account_id={id}"),
        life.operator("GET", f"/v1/admin/accounts/{id}/timeline"),
    ]

    assert [reply.status for reply in replies] == [404, 404]
