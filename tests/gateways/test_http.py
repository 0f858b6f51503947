"""The one HTTPS client: what it says about a request that failed, and what it never says."""

import datetime as dt
import socket
import ssl
import threading
import time
from contextlib import contextmanager, nullcontext, suppress

import pytest

from chalicelib.gateways import http
from chalicelib.gateways.http import NotSent, OutcomeUnknown, Refused, send

SECRET = "sk_very_secret"


class Server:
    """Reads one request per connection and answers with the very bytes it is told."""

    def __init__(self, script, wrap=nullcontext):
        self.script, self.wrap, self.requests = script, wrap, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/path?token={SECRET}"

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
                with connection:
                    connection.settimeout(5)
                    with self.wrap(connection) as spoken:
                        self.requests.append(read_request(spoken))
                        for piece in self.script(self.stopped):
                            spoken.sendall(piece)
            except OSError:
                if self.stopped.is_set():
                    return

    def stop(self):
        self.stopped.set()
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        ),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def serving(*pieces, script=None, wrap=nullcontext):
    server = Server(script or (lambda stopped: pieces), wrap)
    try:
        yield server
    finally:
        server.stop()


def answer(status, body=b"", *headers):
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_an_answer_comes_back_whole_with_its_headers_in_lower_case():
    with serving(answer(201, b'{"id": "PN1"}', "Retry-After: 3")) as server:
        said = send("POST", server.url, headers={"Authorization": "Bearer x"}, body=b"a=1")

    assert (said.status, said.json(), said.headers["retry-after"]) == (201, {"id": "PN1"}, "3")
    assert server.requests[0].startswith(f"POST /path?token={SECRET} HTTP/1.1\r\n".encode())
    assert b"Authorization: Bearer x\r\n" in server.requests[0]
    assert server.requests[0].endswith(b"\r\n\r\na=1")


def test_an_answer_in_chunks_is_put_together():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serving(head, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n") as server:
        assert send("GET", server.url).body == b"abcde"


def test_an_answer_without_a_body_is_one():
    with serving(b"HTTP/1.1 204 No Content\r\n\r\n") as server:
        assert send("DELETE", server.url).body == b""


def test_nobody_listening_means_that_nothing_was_sent():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(NotSent) as failed:
        send("POST", f"http://127.0.0.1:{port}/")

    assert (failed.value.code, failed.value.outcome_unknown) == ("no_connection", False)


@pytest.mark.parametrize(
    "url",
    [
        "http://carrier.example.com/",
        "http://10.0.0.1/",
        "http://127.0.0.1.example.com/",
        "http://127.0.0.1@carrier.example.com/",
        "https://user:word@carrier.example.com/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "//127.0.0.1/",
        "https:///path",
        "https://carrier.example.com:99999/",
        "https://carrier.example.com/a b",
        "https://carrier.example.com/a\r\nX: 1",
        "https://[half/",
        "",
    ],
)
def test_an_address_that_is_not_safe_is_never_called(url, monkeypatch):
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("it was called"))

    with pytest.raises(NotSent):
        send("GET", url)


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Authorization": f"{SECRET}\r\nX-Injected: 1"}),
        ("GET", {"Authorization": f"{SECRET}\u2028"}),
        ("GET", {f"Bad Name {SECRET}": "x"}),
        (f"GET /{SECRET}\r\n", {}),
    ],
)
def test_a_header_that_would_break_the_request_is_not_sent(method, headers):
    with serving(answer(200)) as server, pytest.raises(NotSent) as failed:
        send(method, server.url, headers=headers)

    assert server.requests == []
    assert_nothing_secret(failed.value)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 409, 422, 429])
def test_a_refusal_is_known_to_have_done_nothing(status):
    with (
        serving(
            answer(status, b'{"code": 20404}', "Location: https://evil.example.com/")
        ) as server,
        pytest.raises(Refused) as failed,
    ):
        send("DELETE", server.url)

    assert (failed.value.status, failed.value.outcome_unknown) == (status, False)
    assert failed.value.answer.json() == {"code": 20404}
    assert len(server.requests) == 1
    assert_nothing_secret(failed.value)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_who_breaks_down_or_takes_too_long_may_have_done_it(status):
    with serving(answer(status)) as server, pytest.raises(Refused) as failed:
        send("DELETE", server.url)

    assert (failed.value.status, failed.value.outcome_unknown) == (status, True)


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"HTTP/1.1 20",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",),
        (f"{SECRET} is no answer\r\n\r\n".encode(),),
        (b"HTTP/1.1 200 OK\r\nX: " + SECRET.encode() * 10_000,),
    ],
)
def test_an_answer_that_breaks_off_leaves_the_outcome_unknown(pieces):
    with serving(*pieces) as server, pytest.raises(OutcomeUnknown) as failed:
        send("POST", server.url, body=b"x")

    assert (failed.value.code, failed.value.outcome_unknown) == ("answer_lost", True)
    assert_nothing_secret(failed.value)


def drip(*begin):
    """One byte at a time, for ever: each comes soon enough to satisfy a time-out per read."""

    def script(stopped):
        yield from begin
        while not stopped.wait(0.05):
            yield b"x"

    return script


@pytest.mark.parametrize(
    "begin",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nX-Endless: ",),
    ],
)
def test_who_sends_a_byte_at_a_time_keeps_nobody_waiting(begin):
    with serving(script=drip(*begin)) as server:
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown) as failed:
            send("POST", server.url, seconds=0.5)

    assert failed.value.code == "timed_out"
    # It would go on for minutes.
    assert time.monotonic() - began < 20


def test_who_never_answers_leaves_the_outcome_unknown():
    def silent(stopped):
        stopped.wait(5)
        return ()

    with serving(script=silent) as server, pytest.raises(OutcomeUnknown) as failed:
        send("POST", server.url, seconds=0.3)

    assert failed.value.code == "timed_out"


def test_an_answer_may_be_as_large_as_allowed_and_not_a_byte_larger():
    with serving(answer(200, b"x" * 1000)) as server:
        assert len(send("GET", server.url, largest=1000).body) == 1000
        with pytest.raises(OutcomeUnknown) as failed:
            send("GET", server.url, largest=999)

    assert failed.value.code == "answer_too_large"


def test_a_refusal_that_is_too_large_is_a_refusal_all_the_same():
    with serving(answer(404, b"x" * 1000)) as server, pytest.raises(Refused) as failed:
        send("GET", server.url, largest=10)

    assert failed.value.answer.body == b"x" * 10


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", SECRET.encode(), b"[" * 100_000])
def test_what_cannot_be_read_is_no_answer(body):
    with serving(answer(200, body)) as server:
        said = send("GET", server.url)

    with pytest.raises(OutcomeUnknown) as failed:
        said.json()

    assert failed.value.code == "answer_unreadable"
    assert_nothing_secret(failed.value)


# -- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost that no authority signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    today = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@contextmanager
def serving_tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(
        answer(200, b"hello"), wrap=lambda raw: context.wrap_socket(raw, server_side=True)
    ) as server:
        yield server


def test_a_certificate_nobody_vouches_for_gets_no_request(certificate):
    with serving_tls(certificate) as server, pytest.raises(NotSent) as failed:
        send("GET", f"https://localhost:{server.port}/", headers={"Authorization": SECRET})

    assert failed.value.code == "tls_failed"
    assert server.requests == []


def test_a_certificate_of_another_name_gets_no_request(certificate, monkeypatch):
    monkeypatch.setattr(http, "_tls", lambda: ssl.create_default_context(cafile=certificate))

    with serving_tls(certificate) as server, pytest.raises(NotSent) as failed:
        send("GET", f"https://127.0.0.1:{server.port}/")

    assert failed.value.code == "tls_failed"
    assert server.requests == []


def test_a_certificate_that_is_vouched_for_is_talked_to(certificate, monkeypatch):
    monkeypatch.setattr(http, "_tls", lambda: ssl.create_default_context(cafile=certificate))

    with serving_tls(certificate) as server:
        assert send("GET", f"https://localhost:{server.port}/").body == b"hello"


def assert_nothing_secret(error):
    """Neither in its text nor in what a traceback would print beside it."""
    while error is not None:
        assert SECRET not in f"{error!r} {error} {error.args}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
