"""The way to our own page over a one-time link: used once, within a minute, by the one it was made for."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from chalicelib import wiring
from chalicelib.handlers.page_sessions import new_secret
from chalicelib.policies import SHIPPED, Policies
from tests.support.faults import Crash, Fault, FaultyTable, Plan, every_fault
from tests.support.life import Life

OURS = "house"
BACK = "https://app.example.com/billing"


@pytest.fixture
def life(tmp_path):
    shipped = (SHIPPED / "smarter-contact.toml").read_text("utf-8")
    text = shipped.replace('name = "smarter-contact"', f'name = "{OURS}"')
    text = text.replace("[cancellation]\n", '[cancellation]\npage = "ours"\n')
    file = tmp_path / f"{OURS}.toml"
    file.write_text(text, "utf-8")
    life = Life()
    settings = replace(life.world.settings, public_url="https://billing.example.com/")
    life.world = replace(life.world, policies=Policies((file,)), settings=settings)
    wiring.use(life.world)
    life.emulator.seed_price(
        lookup_key=f"{OURS}:messaging:month",
        unit_amount=9900,
        currency="usd",
        interval="month",
        product_name="House: Messaging plan",
    )
    life.account("acme", OURS)
    return life


def link(life, account_id="acme", **body):
    reply = life.customer(account_id, "POST", "/v1/portal-sessions", {"return_url": BACK, **body})
    assert reply.status == 201, reply.body
    return reply.body["url"]


def code_of(url):
    return urlsplit(url).fragment.removeprefix("code=")


def exchange(life, code):
    return life.api("POST", "/v1/page-codes/exchange", {"code": code})


def visit(life):
    reply = exchange(life, code_of(link(life)))
    assert reply.status == 200, reply.body
    return reply.body


# -- where a portal link leads


def test_a_policy_that_prefers_our_page_links_to_it_with_the_code_in_the_fragment(life):
    url = urlsplit(link(life))

    assert (url.scheme, url.netloc, url.path, url.query) == (
        "https", "billing.example.com", "/membership", "",
    )  # fmt: skip
    assert len(code_of(link(life))) > 40


def test_to_cancel_it_leads_to_ours_as_well_and_names_the_subscription(life):
    subscription = life.subscribe("acme", f"{OURS}:messaging:month")

    url = link(life, flow="subscription_cancel", subscription_id=subscription)

    assert exchange(life, code_of(url)).body["subscription_id"] == subscription


def test_a_card_is_changed_at_stripe_all_the_same(life):
    life.subscribe("acme", f"{OURS}:messaging:month")

    assert "/_stripe/" in link(life, flow="payment_method_update")


def test_other_policies_lead_to_stripe(life):
    life.account("other", "smarter-contact")
    life.subscribe("other", "smarter-contact:messaging:month")

    assert "/_stripe/" in link(life, "other")


@pytest.mark.parametrize(
    ("public", "begins"),
    [
        ("https://billing.example.com", "https://billing.example.com/membership#code="),
        ("https://abc.example.com/prod/", "https://abc.example.com/prod/membership#code="),
        ("not an address", "http://127.0.0.1"),
    ],
)
def test_the_address_is_the_configured_one_with_its_path(life, public, begins):
    life.subscribe("acme", f"{OURS}:messaging:month")
    wiring.use(replace(life.world, settings=replace(life.world.settings, public_url=public)))

    assert link(life).startswith(begins)


def test_without_an_address_of_our_own_it_leads_to_stripe(life):
    life.subscribe("acme", f"{OURS}:messaging:month")
    wiring.use(replace(life.world, settings=replace(life.world.settings, public_url=None)))

    assert "/_stripe/" in link(life)


def test_the_way_back_must_be_an_allowed_one(life):
    reply = life.customer(
        "acme", "POST", "/v1/portal-sessions", {"return_url": "https://evil.example/"}
    )

    assert (reply.status, reply.code) == (422, "return_url_not_allowed")


# -- the exchange


def test_a_code_becomes_a_token_that_opens_the_account(life):
    found = visit(life)

    page = life.api("GET", "/v1/membership", token=found["token"])

    assert page.status == 200
    assert page.body["account_id"] == "acme"
    assert found["return_url"] == BACK


def test_a_code_is_good_once(life):
    code = code_of(link(life))

    first, second = exchange(life, code), exchange(life, code)

    assert first.status == 200
    assert (second.status, second.code) == (404, "not_found")


def test_a_code_is_good_for_a_minute_and_not_a_second_longer(life):
    early, late = code_of(link(life)), code_of(link(life))

    life.move(life.now + timedelta(seconds=59))
    assert exchange(life, early).status == 200

    life.move(life.now + timedelta(seconds=1))
    assert exchange(life, late).status == 404


@pytest.mark.parametrize(
    "code",
    ["", ".", "a", "YWNtZQ.", "YWNtZQ.wrong", "!!!.x", "YWNtZQ", "é.é", "x" * 3000, "AA.x"],
)
def test_any_other_code_is_good_for_nothing(life, code):
    link(life)

    reply = exchange(life, code)

    assert (reply.status, reply.code) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), ([], 422), ({}, 422), ({"code": 7}, 422), (b"x" * 5000, 413)]
)
def test_what_is_no_code_at_all_is_refused_with_a_sentence(life, body, status):
    reply = life.api("POST", "/v1/page-codes/exchange", body)

    assert reply.status == status
    assert reply.body["detail"]


def test_a_code_says_another_account_only_in_vain(life):
    """The account in it is where it is looked for; it proves nothing."""
    life.account("victim", OURS)
    _, _, rest = code_of(link(life)).partition(".")
    named, _, _ = new_secret("victim").partition(".")

    assert exchange(life, f"{named}.{rest}").status == 404


# -- the token


def test_a_token_has_the_roles_it_was_asked_for_with_and_no_more(life):
    subscription = life.subscribe("acme", f"{OURS}:messaging:month")
    token = visit(life)["token"]

    preview = life.api(
        "POST", f"/v1/subscriptions/{subscription}/cancellation-previews", token=token
    )
    admin = life.api("GET", "/v1/admin/accounts?query=acme", token=token)

    assert preview.status == 201
    assert (admin.status, admin.code) == (403, "role_required")


def test_a_token_opens_no_other_account(life):
    life.account("other", OURS)
    token = visit(life)["token"]

    reply = life.api("GET", "/v1/wallet?account_id=other", token=token)

    assert (reply.status, reply.code) == (404, "not_found")


def test_a_token_lasts_half_an_hour(life):
    token = visit(life)["token"]

    life.move(life.now + timedelta(minutes=30) - timedelta(seconds=1))
    assert life.api("GET", "/v1/membership", token=token).status == 200

    life.move(life.now + timedelta(seconds=1))
    reply = life.api("GET", "/v1/membership", token=token)
    assert (reply.status, reply.code) == (401, "token_expired")


@pytest.mark.parametrize("token", ["lapse_page.", "lapse_page.YWNtZQ.x", "lapse_page.é.x"])
def test_a_made_up_token_is_refused(life, token):
    reply = life.api("GET", "/v1/membership", token=token)

    assert (reply.status, reply.code) == (401, "token_invalid")


def test_a_code_is_no_token_and_a_token_is_no_code(life):
    code = code_of(link(life))
    token = visit(life)["token"]

    assert life.api("GET", "/v1/membership", token=code).status == 401
    assert life.api("GET", "/v1/membership", token=f"lapse_page.{code}").status == 401
    assert exchange(life, token).status == 404
    assert exchange(life, token.removeprefix("lapse_page.")).status == 404


# -- the table


def test_the_table_holds_neither_the_code_nor_the_token(life):
    code = code_of(link(life))
    token = exchange(life, code).body["token"]

    rows = str(life.world.table.query("A#acme").rows)

    assert code.partition(".")[2] not in rows
    assert token.rpartition(".")[2] not in rows
    assert "page#" in rows


def test_whatever_goes_wrong_at_the_table_a_code_is_never_good_twice(life):
    """A crash, a lost answer, a throttled call: at most one visit, and none at all only if the code is used up."""

    def story(plan):
        wiring.use(replace(life.world, table=FaultyTable(life.world.table, plan)))
        return exchange(life, code).status

    code = code_of(link(life))
    for plan in every_fault(story):
        wiring.use(life.world)
        code = code_of(link(life))
        with suppress(Crash):
            story(plan)
        assert plan.struck

        wiring.use(life.world)
        sessions_before = sessions(life)
        afterwards = exchange(life, code).status

        begun = sessions(life) - sessions_before
        assert (afterwards, begun) in {(200, 1), (404, 0)}, plan
        assert exchange(life, code).status == 404, plan


class Meanwhile:
    """A table behind which somebody else is faster: between our look and our write they do theirs."""

    def __init__(self, inner, first):
        self.inner, self.first = inner, first

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def transact(self, actions):
        self.first()
        self.inner.transact(actions)


def test_of_two_at_once_one_gets_in(life):
    code, others = code_of(link(life)), []

    def somebody_else():
        wiring.use(life.world)
        others.append(exchange(life, code).status)

    wiring.use(replace(life.world, table=Meanwhile(life.world.table, somebody_else)))
    mine = exchange(life, code)

    assert others == [200]
    assert (mine.status, mine.code) == (404, "not_found")
    assert sessions(life) == 1


def test_a_lost_answer_says_to_try_again_and_not_that_it_worked(life):
    code = code_of(link(life))
    wiring.use(
        replace(life.world, table=FaultyTable(life.world.table, Plan({1: Fault.ANSWER_LOST})))
    )

    reply = exchange(life, code)

    assert (reply.status, reply.code) == (503, "temporarily_unavailable")


def sessions(life):
    return len(
        [r for r in life.world.table.query("A#acme", "page#").rows if r["state"] == "session"]
    )
