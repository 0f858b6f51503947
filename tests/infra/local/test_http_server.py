"""The port: whole requests in, whole answers out, and a plain refusal for what cannot be read."""

import http.client
import json
import socket
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from threading import Barrier, Thread

import pytest

from infra.local.http_server import MOST_BODY_BYTES, LocalServer
from infra.local.messages import DROPPED, Answer

NOW = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
MEGABYTE = 1024 * 1024


class StoppedClock:
    def now(self):
        return NOW


@contextmanager
def serving(respond):
    server = LocalServer(0, respond, StoppedClock(), lambda: "req-1")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def echo():
    """Answers with what arrived."""

    def respond(request):
        seen = {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": request.headers,
            "bytes": len(request.body),
            "body": request.body[:100].decode("latin-1"),
        }
        return Answer(200, (("Content-Type", "application/json"),), json.dumps(seen).encode())

    with serving(respond) as port:
        yield port


def ask(port, method, target, body=None, headers=None):
    with connected(port) as connection:
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        return answer, answer.read()


def connected(port):
    return closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30))


def speak(port, raw):
    """What comes back for raw bytes, until the connection is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        back = b""
        while more := connection.recv(65536):
            back += more
    return back


def test_a_request_arrives_as_it_was_sent(echo):
    _, body = ask(echo, "PUT", "/v1/numbers/%2B1415?a=1&a=%20", b'{"a": 1}', {"X-One": "1"})

    seen = json.loads(body)
    assert (seen["method"], seen["path"], seen["query"]) == (
        "PUT",
        "/v1/numbers/%2B1415",
        "a=1&a=%20",
    )
    assert seen["body"] == '{"a": 1}'
    assert ["X-One", "1"] in seen["headers"]


def test_a_chunked_body_arrives_whole(echo):
    pieces = iter([b"one,", b"two,", b"x" * 50])
    _, body = ask(echo, "POST", "/", pieces)

    assert json.loads(body)["body"] == "one,two," + "x" * 50


def test_the_date_is_the_clocks(echo):
    answer, _ = ask(echo, "GET", "/")

    assert answer.headers.get_all("Date") == ["Tue, 06 May 2031 07:08:09 GMT"]


def test_a_head_request_is_answered_without_a_body(echo):
    answer, body = ask(echo, "HEAD", "/")

    assert body == b""
    assert int(answer.headers["Content-Length"]) > 0


def test_one_connection_carries_many_requests(echo):
    with connected(echo) as connection:
        for number in range(5):
            connection.request("POST", f"/{number}", b"x" * number)
            assert json.loads(connection.getresponse().read())["path"] == f"/{number}"


def test_an_answer_leaves_in_one_piece(echo):
    """Header and body in two packets cost 40 ms each time, waiting for an acknowledgement."""
    with connected(echo) as connection:
        took = []
        for _ in range(50):
            began = time.perf_counter()
            connection.request("POST", "/", b"x")
            connection.getresponse().read()
            took.append(time.perf_counter() - began)

    # The quickest: every one of them would have waited, however quick the machine is.
    assert min(took) < 0.03


def test_a_body_of_10_mb_arrives(echo):
    _, body = ask(echo, "POST", "/", b"x" * MOST_BODY_BYTES)

    assert json.loads(body)["bytes"] == MOST_BODY_BYTES


@pytest.mark.parametrize("size", [MOST_BODY_BYTES + 1, 30 * MEGABYTE])
def test_a_larger_body_is_read_off_and_refused(echo, size):
    answer, body = ask(echo, "POST", "/", b"x" * size)

    assert answer.status == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert json.loads(body)["code"] == "body_too_large"
    assert json.loads(body)["request_id"] == answer.headers["Request-Id"] == "req-1"


def test_a_larger_body_in_chunks_is_read_off_and_refused(echo):
    pieces = (b"x" * MEGABYTE for _ in range(12))
    answer, _ = ask(echo, "POST", "/", pieces)

    assert answer.status == 413


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ten\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nshort", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"nonsense\r\n\r\n", 400),
        (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"A%d: 1\r\n" % i for i in range(200)) + b"\r\n", 431),
    ],
)
def test_what_cannot_be_read_is_refused_as_a_problem(echo, raw, status):
    head, _, body = speak(echo, raw).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == status


def test_status_0_drops_the_connection():
    with serving(lambda _: DROPPED) as port:
        assert speak(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") == b""


def test_a_line_break_in_a_header_does_not_make_another():
    with serving(lambda _: Answer(200, (("X-A", "1\r\nX-B: 2"),))) as port:
        assert b"X-B" not in speak(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")


def test_an_answer_without_content_has_no_length():
    with serving(lambda _: Answer(204, (("Allow", "GET"),), b"ignored")) as port:
        back = speak(port, b"OPTIONS / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert back.startswith(b"HTTP/1.1 204 ")
    assert back.endswith(b"\r\n\r\n")
    assert b"Content-Length" not in back


def test_eight_are_served_at_the_same_time():
    together = Barrier(8, timeout=10)

    def respond(_):
        together.wait()
        return Answer(200)

    with serving(respond) as port:
        answers = []
        threads = [
            Thread(target=lambda: answers.append(ask(port, "GET", "/")[0].status)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(15)

    assert answers == [200] * 8
