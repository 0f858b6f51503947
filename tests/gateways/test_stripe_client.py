"""Exactly the client that Lambda needs, shown against a server of our own: what is sent, how often, for how long."""

import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chalicelib.domain.moments import from_unix
from chalicelib.domain.money import Money
from chalicelib.gateways import patience, stripe
from chalicelib.gateways.stripe import Stripe, StripeBusy, StripeRefused, StripeUnavailable
from chalicelib.gateways.stripe_reader import Unreadable
from tests.support.stripe_shapes import invoice, subscription

REFUND = {
    "id": "re_1", "object": "refund", "charge": "ch_1", "amount": 5, "currency": "usd", "status": "succeeded",
}  # fmt: skip
INVOICE = {"id": "in_1", "object": "invoice", "status": "paid"}


class Server:
    """Answers what it is told to, one after the other, the last one for ever; keeps every request."""

    def __init__(self):
        self.answers = [(200, INVOICE, {})]
        self.asked = []
        self.silent_seconds = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                outer.asked.append(
                    (self.command, self.path, dict(self.headers), self.rfile.read(length).decode())
                )
                status, body, headers = outer.answers[min(len(outer.asked), len(outer.answers)) - 1]
                time.sleep(outer.silent_seconds)
                if status is None:
                    self.close_connection = True
                    return
                raw = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {
                    "Content-Length": str(len(raw)),
                    "Request-Id": "req_1",
                    **headers,
                }.items():
                    self.send_header(name, value)
                # Whoever gave up waiting has hung up.
                with suppress(BrokenPipeError):
                    self.end_headers()
                    self.wfile.write(raw)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names the standard library calls

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def fails(self, status, code="x", type="api_error", **headers):
        return (status, {"error": {"type": type, "code": code, "message": "no"}}, headers)

    def header(self, name):
        return [headers.get(name) for _, _, headers, _ in self.asked]

    def stop(self):
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def ours(server, pauses, monkeypatch):
    import stripe as sdk

    # The package's own pauses between its retries, which are random and up to two seconds.
    monkeypatch.setattr(sdk.HTTPClient, "_sleep_time_seconds", lambda *_: 0)
    return Stripe("sk_test_1", base_url=server.url, sleep=pauses.append)


def pay_back(ours):
    return ours.pay_back(
        "ch_1", Money(5, "usd"), case_id="case", attempt=1, key="refund:acme:case:1"
    )


# -- what is sent


def test_the_api_version_is_said_with_every_request(server, ours):
    ours.invoice_status("in_1")
    server.answers = [(200, REFUND, {})]
    pay_back(ours)

    assert server.header("Stripe-Version") == ["2026-10-28.endive"] * 2
    assert server.header("Authorization") == ["Bearer sk_test_1"] * 2


def test_it_is_ours_and_not_the_one_that_the_package_was_made_with(server, ours, monkeypatch):
    monkeypatch.setattr(stripe, "API_VERSION", "2020-08-27")

    ours.invoice_status("in_1")

    assert server.header("Stripe-Version") == ["2020-08-27"]


def test_nothing_about_us_is_sent_along_or_written_down(server, ours, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    for _ in range(3):
        ours.invoice_status("in_1")

    assert server.header("X-Stripe-Client-Telemetry") == [None] * 3
    assert list(tmp_path.rglob("*")) == []


def test_no_netrc_takes_the_place_of_our_key(server, ours, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else")
    monkeypatch.setenv("NETRC", str(netrc))

    ours.invoice_status("in_1")

    assert server.header("Authorization") == ["Bearer sk_test_1"]


def test_it_goes_through_the_proxy_that_the_environment_names(server, monkeypatch):
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url)

    Stripe("sk_test_1", base_url="http://stripe.invalid").invoice_status("in_1")

    assert [path for _, path, _, _ in server.asked] == ["http://stripe.invalid/v1/invoices/in_1"]


def test_it_keeps_away_from_the_proxy_where_the_environment_says_so(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    Stripe("sk_test_1", base_url=server.url).invoice_status("in_1")

    assert len(server.asked) == 1


# -- how long, and how often


def test_a_request_is_given_eight_seconds():
    client = Stripe("sk_test_1")._client("sk_test_1")

    assert client._requestor._client._timeout == stripe.TIMEOUT_SECONDS == 8


def test_a_server_that_says_nothing_is_given_up_after_the_time_out(server, ours, monkeypatch):
    monkeypatch.setattr(stripe, "TIMEOUT_SECONDS", 0.2)
    server.silent_seconds = 1.0
    began = time.monotonic()

    with pytest.raises(StripeUnavailable):
        ours.invoice_status("in_1")

    assert len(server.asked) == 3
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_error_of_stripes_is_tried_three_times_under_one_key(server, ours, status):
    server.answers = [server.fails(status)]

    with pytest.raises(StripeUnavailable):
        pay_back(ours)

    assert server.header("Idempotency-Key") == ["refund:acme:case:1"] * 3


def test_a_lost_connection_is_tried_again_under_the_same_key(server, ours):
    server.answers = [(None, {}, {}), (200, REFUND, {})]

    assert pay_back(ours).id == "re_1"
    assert server.header("Idempotency-Key") == ["refund:acme:case:1"] * 2


def test_another_request_under_the_same_key_is_waited_for_and_then_busy(server, ours):
    server.answers = [server.fails(409, "idempotency_key_in_use", "idempotency_error")]

    with pytest.raises(StripeBusy):
        pay_back(ours)
    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [400, 402, 404])
def test_a_no_is_a_no_at_once(server, ours, status):
    server.answers = [server.fails(status, "resource_missing", "invalid_request_error")]

    with pytest.raises(StripeRefused, match=r"^resource_missing$") as refused:
        ours.invoice_status("in_1")
    # Its sentence is there for whoever shows it; an error's own words are logged.
    assert refused.value.message == "no"
    assert len(server.asked) == 1


# -- too many requests


def too_many(server, **headers):
    return server.fails(429, "rate_limit", "invalid_request_error", **headers)


def test_who_comes_too_soon_waits_longer_each_time(server, ours, pauses):
    server.answers = [too_many(server)] * 3 + [(200, INVOICE, {})]

    assert ours.invoice_status("in_1") == "paid"

    assert len(server.asked) == 4
    for pause, least in zip(pauses, (0.5, 1, 2), strict=True):
        assert least <= pause <= least * 1.25


def test_while_somebody_waits_for_our_answer_it_is_given_up_after_five_seconds(
    server, ours, pauses
):
    server.answers = [too_many(server)]

    with pytest.raises(StripeUnavailable, match="RateLimitError"):
        ours.invoice_status("in_1")

    assert sum(pauses) <= 5
    assert len(server.asked) == len(pauses) + 1 == 4


@pytest.mark.parametrize(("seconds", "tries"), [(0, 1), (-3, 1), (1, 2), (60, 9)])
def test_a_job_waits_as_long_as_its_function_has_left(server, ours, pauses, seconds, tries):
    server.answers = [too_many(server)]

    with patience.within(lambda: seconds), pytest.raises(StripeUnavailable):
        ours.invoice_status("in_1")

    assert sum(pauses) <= max(seconds, 0)
    assert (
        len(server.asked) in (tries, tries + 1, tries + 2)
        if tries > 2
        else len(server.asked) == tries
    )


def test_stripes_own_word_on_how_long_to_wait_counts(server, ours, pauses):
    server.answers = [too_many(server, **{"Retry-After": "3"}), (200, INVOICE, {})]

    assert ours.invoice_status("in_1") == "paid"
    assert 3 <= pauses[0] <= 3.75


@pytest.mark.parametrize("said", ["soon", "-1", "1e9", "99999", "٣", ""])
def test_a_word_on_how_long_to_wait_that_is_none_is_ignored(server, ours, pauses, said):
    error = type("Error", (), {"headers": {"retry-after": said}})

    assert stripe._wait_asked_for(error) == 0.0
    assert stripe._wait_asked_for(type("Error", (), {"headers": None})) == 0.0


def test_a_refund_that_came_too_soon_is_made_again_under_its_own_key(server, ours):
    server.answers = [too_many(server), too_many(server), (200, REFUND, {})]

    pay_back(ours)

    assert server.header("Idempotency-Key") == ["refund:acme:case:1"] * 3


def test_a_job_run_by_lambda_tells_what_it_has_left(monkeypatch):
    from chalicelib.handlers import jobs

    told = []
    job = type("Job", (), {"run": lambda *_: told.append(patience.seconds_left()) or jobs.Ran("")})
    monkeypatch.setitem(jobs.JOBS, "some_job", job())
    monkeypatch.setattr(jobs, "world", lambda: None)

    jobs.run("some_job", lambda: 80_000)

    assert told == [60.0]
    assert patience.seconds_left() == patience.IN_A_HURRY


# -- what moves money has a key of its own


def test_everything_that_moves_money_or_a_subscription_is_keyed_by_what_it_is_for(server, ours):
    """The package makes up a key where none is given: then a second try would be a second refund."""
    subscription = {"object": "subscription", "id": "sub_1"}
    server.answers = [(200, REFUND, {}), (200, subscription, {})]

    pay_back(ours)
    for change in (
        lambda: ours.turn_renewal_off("sub_1", key="off", feedback="other", comment=None),
        lambda: ours.turn_renewal_on("sub_1", key="on", clears_cancel_at=True),
        lambda: ours.note("sub_1", key="note", leaving_at="2026"),
        lambda: ours.set_collection("in_1", stopped=True, key="stop"),
    ):
        # What it makes of such an answer is another test's matter.
        with suppress(Exception):
            change()

    posts = [
        headers["Idempotency-Key"] for method, _, headers, _ in server.asked if method == "POST"
    ]
    assert posts == ["refund:acme:case:1", "off", "on", "note", "stop"]


# -- lists that go on


def listed(*things, more=False):
    return {"object": "list", "data": list(things), "has_more": more, "url": "/v1/x"}


def test_an_invoice_with_many_lines_is_read_to_its_last(server, ours):
    """Only the first ten come along with it; the period that was paid may stand on the eleventh."""
    whole = invoice(start=1, end=2)
    (line,) = whole["lines"]["data"]
    last = {**line, "id": "il_last", "period": {"start": 1, "end": 1_772_280_000}}
    server.answers = [
        (200, {**whole, "lines": listed(line, more=True)}, {}),
        (200, listed(line, more=True), {}),
        (200, listed(last), {}),
    ]

    said = ours.invoice("in_1")

    assert said.covers_until == from_unix(1_772_280_000)
    assert [path for _, path, _, _ in server.asked] == [
        "/v1/invoices/in_1",
        "/v1/invoices/in_1/lines?limit=100",
        f"/v1/invoices/in_1/lines?limit=100&starting_after={line['id']}",
    ]


def test_half_an_answer_about_a_customers_subscriptions_is_none(server, ours):
    """Numbers are released and data is purged on it: who came back may stand on the page that did not come."""
    one = {**subscription(start=1, end=2_000_000_000), "latest_invoice": None}
    server.answers = [(200, listed(one, more=True), {}), (200, listed(more=True), {})]

    with pytest.raises(Unreadable):
        ours.subscriptions_of("cus_1")


def test_half_an_answer_about_the_refunds_of_a_payment_is_none(server, ours):
    """Whoever finds none makes one: ours may stand on the page that did not come."""
    server.answers = [(200, listed(more=True), {})]

    with pytest.raises(Unreadable):
        ours.refunds_of("ch_1")


def test_a_subscription_with_many_items_is_read_to_its_last(server, ours):
    whole = {**subscription(start=1, end=2_000_000_000), "latest_invoice": None}
    (item,) = whole["items"]["data"]
    first = {**item, "id": "si_0", "price": {**item["price"], "lookup_key": "usage"}}
    soonest = {**item, "current_period_end": 1_772_280_000}
    server.answers = [
        (
            200,
            {**whole, "items": listed(first, more=True)},
            {"Date": "Sat, 31 Jan 2026 12:00:00 GMT"},
        ),
        (200, listed(first, soonest), {}),
    ]

    said = ours.subscription("sub_1").subscription

    assert said.period_end == from_unix(1_772_280_000)
    assert [one.lookup_key for one in said.other_items] == [item["price"]["lookup_key"]]
    assert server.asked[1][1] == "/v1/subscription_items?limit=100&subscription=sub_1"


def test_a_whole_invoice_costs_no_second_question(server, ours):
    server.answers = [(200, invoice(start=1, end=2), {})]

    ours.invoice("in_1")

    assert len(server.asked) == 1
