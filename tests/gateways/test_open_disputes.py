"""Open disputes of a customer, put together from Stripe's lists: page by page, and never from half an answer."""

import pytest

from chalicelib.gateways.stripe import Stripe, StripeRefused
from chalicelib.gateways.stripe_reader import Unreadable
from tests.gateways.test_stripe_client import Server

DISPUTE = {
    "id": "du_1", "object": "dispute", "amount": 4900, "currency": "usd", "charge": "ch_1",
    "created": 1_769_860_800, "reason": "fraudulent", "status": "needs_response",
}  # fmt: skip


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stop()


def charge(id, **values):
    return {"id": id, "object": "charge", **values}


def page(*things, more=False):
    return 200, {"object": "list", "url": "/v1/x", "has_more": more, "data": list(things)}, {}


def asked(server, *answers):
    server.answers = list(answers)
    found = Stripe("sk_test_1", base_url=server.url).open_disputes_of("cus_1")
    return [one.id for one in found]


def paths(server):
    return [path.removeprefix("/v1/") for _, path, _, _ in server.asked]


def test_it_asks_for_payments_and_for_the_disputes_of_those_that_were_disputed(server):
    payments = page(charge("ch_2", disputed=False), charge("ch_1", disputed=True))

    assert asked(server, payments, page(DISPUTE)) == ["du_1"]
    assert paths(server) == [
        "charges?customer=cus_1&limit=100",
        "disputes?charge=ch_1&limit=100",
    ]


def test_it_reads_every_page(server):
    first, second = page(charge("ch_2", disputed=False), more=True), page(charge("ch_1", disputed=True))  # fmt: skip

    assert asked(server, first, second, page(DISPUTE)) == ["du_1"]
    assert paths(server)[1] == "charges?customer=cus_1&limit=100&starting_after=ch_2"


@pytest.mark.parametrize("status", ["won", "lost", "warning_closed", "prevented"])
def test_what_is_over_is_left_out(server, status):
    assert asked(server, page(charge("ch_1", disputed=True)), page({**DISPUTE, "status": status})) == []  # fmt: skip


@pytest.mark.parametrize(
    "status", ["warning_needs_response", "under_review", "appeal_under_review", "never_heard_of"]
)
def test_what_is_not_known_to_be_over_is_open(server, status):
    found = asked(server, page(charge("ch_1", disputed=True)), page({**DISPUTE, "status": status}))

    assert found == ["du_1"]


@pytest.mark.parametrize("said", [{}, {"disputed": None}, {"disputed": "no"}, {"disputed": 0}])
def test_a_payment_that_does_not_say_is_asked_about(server, said):
    assert asked(server, page(charge("ch_1", **said)), page(DISPUTE)) == ["du_1"]


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([page(more=True)], id="an empty page, and more to follow"),
        pytest.param([page(charge(None, disputed=False))], id="a payment without an id"),
        pytest.param(
            [page(charge("ch_1", disputed=True)), page({**DISPUTE, "amount": "all"})],
            id="a dispute without an amount",
        ),
        pytest.param(
            [page(charge("ch_1", disputed=True)), page({**DISPUTE, "status": None})],
            id="a dispute without a status",
        ),
    ],
)
def test_half_an_answer_is_none(server, answers):
    with pytest.raises(Unreadable):
        asked(server, *answers)


def test_a_customer_stripe_does_not_know_is_no_customer_without_disputes(server):
    with pytest.raises(StripeRefused):
        asked(server, server.fails(400, "resource_missing", "invalid_request_error"))
