"""Whom operators find, by what, and what a hostile question gets."""

from urllib.parse import quote

import pytest

from chalicelib import wiring
from tests.operators.desk import ACME, DAY, NUMBER, PURGE, Desk
from tests.support.life import Life


def found(life, query, **more):
    asked = "&".join(f"{k}={v}" for k, v in {"query": quote(query, safe=""), **more}.items())
    reply = life.operator("GET", f"/v1/admin/accounts?{asked}")
    assert reply.status == 200, reply.body
    return [one["account_id"] for one in reply.body["data"]]


def every_page(life, query, limit):
    ids, cursor, pages = [], None, 0
    while True:
        more = {"limit": limit, **({"cursor": cursor} if cursor else {})}
        asked = "&".join(f"{k}={v}" for k, v in {"query": quote(query), **more}.items())
        body = life.operator("GET", f"/v1/admin/accounts?{asked}").body
        assert len(body["data"]) <= limit
        ids += [one["account_id"] for one in body["data"]]
        pages += 1
        if not body["has_more"]:
            return ids, pages
        cursor = body["next_cursor"]


OTHER = "Other-é"


@pytest.fixture(scope="module")
def shared():
    desk = Desk()
    desk.life.account("acme-two")
    desk.life.account(OTHER)
    return desk


@pytest.fixture
def desk(shared):
    # Other tests make worlds of their own, and a process serves one.
    wiring.use(shared.life.world)
    return shared


def test_by_what_an_account_is_found(desk):
    life = desk.life
    for query in (ACME, desk.customer, desk.subscription, "ACME@Example.com ", NUMBER,
                  "1 (415) 555-0100"):  # fmt: skip
        assert ACME in found(life, query), query
    for query in (desk.customer, desk.subscription, "acme@example.com", NUMBER):
        assert found(life, query) == [ACME], query


def test_what_is_said_of_it(desk):
    (one,) = desk.life.operator("GET", f"/v1/admin/accounts?query={desk.customer}").body["data"]

    assert one == {
        "account_id": ACME,
        "policy": "smarter-contact",
        "email": "acme@example.com",
        "stripe_customer_id": desk.customer,
        "subscriptions": [{"id": desk.subscription, "plan": "messaging", "status": "active"}],
    }


def test_the_start_of_an_id_finds_all_that_begin_so_and_nothing_finds_everybody(desk):
    assert found(desk.life, "acme") == [ACME, "acme-two"]
    assert found(desk.life, "acme-") == ["acme-two"]
    assert found(desk.life, "cme") == []
    assert found(desk.life, "") == [OTHER, ACME, "acme-two"]
    assert found(desk.life, OTHER) == [OTHER]


def test_pages_show_everybody_once():
    life = Life()
    for n in range(7):
        life.account(f"page-{n}")
        put = {"email": "shared@example.com"}
        assert life.operator("PUT", f"/v1/admin/accounts/page-{n}", put).status == 200
    everybody = [f"page-{n}" for n in range(7)]

    for query in ("page-", "", "shared@example.com"):
        for limit in (1, 2, 3, 7, 100):
            ids, _ = every_page(life, query, limit)
            assert sorted(ids) == everybody, (query, limit)


def test_an_id_that_looks_like_an_address_is_found_once():
    life = Life()
    life.account("ann@example.com")
    life.account("ann@example.com.au")
    life.operator("PUT", "/v1/admin/accounts/ann@example.com", {"email": "ann@example.com"})

    assert found(life, "ann@example.com") == ["ann@example.com", "ann@example.com.au"]
    assert sorted(every_page(life, "ann@example.com", 1)[0]) == [
        "ann@example.com",
        "ann@example.com.au",
    ]


def test_a_changed_address_is_found_no_longer():
    desk = Desk()
    desk.life.operator("PUT", f"/v1/admin/accounts/{ACME}", {"email": "new@example.com"})

    assert found(desk.life, "acme@example.com") == []
    assert found(desk.life, "new@example.com") == [ACME]


def test_a_purge_takes_what_leads_to_the_account_with_it():
    desk = Desk().leave()
    desk.life.move(PURGE + DAY)

    assert found(desk.life, "acme@example.com") == []
    assert found(desk.life, desk.subscription) == []
    assert found(desk.life, NUMBER) == []
    assert found(desk.life, desk.customer) == [ACME]


@pytest.mark.parametrize(
    "query",
    ["#", "A#acme", "C#x", "%", "*", "' OR 1=1 --", "<script>", "@", "@@", "+", "  ", "\\",
     "a" * 254, "é" * 254, "@" * 254, "𝕒" * 200],
)  # fmt: skip
def test_a_strange_question_finds_nobody_wrongly(desk, query):
    everybody = {OTHER, ACME, "acme-two"}

    assert set(found(desk.life, query)) == (set() if query.strip() else everybody)


@pytest.mark.parametrize("query", ["a" * 255, "a\x00b", "a\nb", "\u202eacme", "\ud7ff\x7f"])
def test_an_unprintable_or_endless_question_is_refused(desk, query):
    reply = desk.life.operator("GET", f"/v1/admin/accounts?query={quote(query)}")

    assert (reply.status, reply.body["errors"][0]["pointer"]) == (422, "/query")


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "W10", "e30", "bnVsbA", "WyJhIiwiYiJd", "a" * 9000, "é", "WyJwcmVmaXgiLCJ4Il0",
     "WyJwcmVmaXgiLCAiW1wieHh4XCIsIFwiQSN4eHhcIiwgXCJhY2NvdW50XCJdIl0",
     "WyJwcmVmaXgiLCAiWzEsIDIsIDNdIl0", "WyJlbWFpbCIsICIiXQ"],
)  # fmt: skip
@pytest.mark.parametrize("where", ["accounts?query=acme", "deadlines?kind=data_purged"])
def test_a_made_up_cursor_is_refused(desk, cursor, where):
    reply = desk.life.operator("GET", f"/v1/admin/{where}&cursor={quote(cursor)}")

    assert (reply.status, reply.code) == (422, "invalid_request"), reply.body


def test_only_operators_may_search(desk):
    for reply in (
        desk.life.customer(ACME, "GET", "/v1/admin/accounts?query=acme"),
        desk.life.service("GET", "/v1/admin/accounts?query=acme"),
    ):
        assert (reply.status, reply.code) == (403, "role_required")
