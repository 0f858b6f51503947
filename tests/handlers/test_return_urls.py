"""Where we send customers back to: origins that are configured, however cleverly somebody writes another."""

from dataclasses import replace

import pytest

from chalicelib import wiring
from chalicelib.handlers.origins import allowed_origins, origin_of
from tests.support.life import Life

ORIGINS = (
    *("https://app.example.com", "http://127.0.0.1:8765", "http://localhost:8765"),
    "https://shop.example.com:8443",
)


@pytest.fixture(scope="module")
def shared():
    life = Life()
    life.world = replace(life.world, settings=replace(life.world.settings, return_origins=ORIGINS))
    wiring.use(life.world)
    life.account("acme")
    life.subscribe("acme")
    return life


@pytest.fixture
def life(shared):
    wiring.use(shared.world)
    return shared


GOOD = [
    "https://app.example.com",
    "https://app.example.com/",
    "https://app.example.com/membership?tab=plans&x=%2F#top",
    "https://app.example.com?next=https://evil.example",
    "https://app.example.com/#@evil.example",
    "https://app.example.com#@evil.example",
    "https://app.example.com?@evil.example",
    "https://app.example.com/@evil.example",
    "https://app.example.com//evil.example",
    "https://app.example.com/ok?session_id={CHECKOUT_SESSION_ID}",
    "https://app.example.com:443/",
    "HTTPS://APP.EXAMPLE.COM/",
    "hTTps://App.Example.Com/Path",
    "http://127.0.0.1:8765/membership",
    "http://localhost:8765",
    "https://shop.example.com:8443/",
]

EVIL = [
    # another origin, plainly
    *("https://evil.example", "http://app.example.com", "https://example.com", "https://127.0.0.1"),
    *("http://127.0.0.1", "http://127.0.0.1:8766", "http://localhost", "http://[::1]:8765"),
    *("https://app.example.com:80", "https://app.example.com:8443", "https://shop.example.com"),
    # names that only begin, or end, like ours
    *("https://app.example.com.evil.example", "https://evilapp.example.com"),
    *("https://evil.example/app.example.com", "https://sub.app.example.com"),
    *("https://app-example.com", "https://app.example.com.", "https://app.example.co"),
    # somebody before an @
    *("https://app.example.com@evil.example", "https://app.example.com:443@evil.example"),
    *("https://a@app.example.com", "https://:@app.example.com", "https://@app.example.com"),
    *("https://app.example.com%40evil.example", "https://evil.example#@app.example.com"),
    # slashes of either kind, too many or too few
    *("//app.example.com", "//evil.example", "///evil.example", "/membership", "membership", "?", "#"),
    *("https:app.example.com", "https:/app.example.com", "https:///app.example.com", "https://"),
    *("https:\\\\app.example.com", "https://app.example.com\\@evil.example"),
    *("https://app.example.com\\.evil.example", "https:/\\evil.example", "\\\\evil.example"),
    *("https://evil.example\\app.example.com", "https://app.example.com/\\evil.example"),
    # other schemes
    *("javascript:alert(1)", "javascript://app.example.com/%0aalert(1)", "JaVaScRiPt:alert(1)"),
    *("data:text/html,x", "ftp://app.example.com", "file:///etc/passwd", "blob:https://app.example.com"),
    *("mailto:a@app.example.com", "http+unix://app.example.com", "wss://app.example.com"),
    "view-source:https://app.example.com",
    # what browsers strip, and readers do not see
    *("https://app.example.com\n", "\thttps://app.example.com", " https://app.example.com"),
    *("https://app.example.com ", "https://app.exa\nmple.com", "ht\ntps://app.example.com"),
    *("https://app.example.com/\r\nSet-Cookie: a=b", "https://app.example.com/\x00", "java\tscript:x"),
    *("https://app.example.com\u200b", "https://app.example.com/\u202e", "\ufeffhttps://app.example.com"),
    # other alphabets, and escapes in the name
    *("https://аpp.example.com", "https://app。example。com", "https://app.example.com／evil.example"),
    *("https://app%2eexample.com", "https://app.example.com%2f@evil.example", "https://app.example.com%00"),
    *("https://ａpp.example.com", "https://app.example.com/é", "https://xn--pp-7kc.example.com"),
    # ports that are none
    *("https://app.example.com:https", "https://app.example.com:-1", "https://app.example.com:99999"),
    *("https://app.example.com:443:443", "https://app.example.com:4 43", "https://app.example.com:٤٤٣"),
    # names that are none
    *("https://[app.example.com]", "https://app.example.com;evil.example", "https://*.example.com"),
    *("https://app.example.com,evil.example", "https://app.example.com|evil.example", "https://."),
    *("https://0x7f.1:8765", "http://2130706433:8765", "http://127.1:8765", "http://0:8765"),
]  # fmt: skip


def portal(life, url):
    return life.customer("acme", "POST", "/v1/portal-sessions", {"return_url": url})


@pytest.mark.parametrize("url", GOOD)
def test_an_address_of_an_allowed_origin_is_passed_on_as_it_was_written(life, url):
    reply = portal(life, url)

    assert reply.status == 201, reply.body


@pytest.mark.parametrize("url", EVIL)
def test_anything_else_is_refused(life, url):
    reply = portal(life, url)

    assert (reply.status, reply.code) == (422, "return_url_not_allowed")
    assert [error["pointer"] for error in reply.body["errors"]] == ["/return_url"]


@pytest.mark.parametrize("url", ["", "x" * 2001, None, 7, ["https://app.example.com"]])
def test_what_is_no_address_at_all_is_invalid(life, url):
    reply = portal(life, url)

    assert (reply.status, reply.code) == (422, "invalid_request")


@pytest.mark.parametrize("name", ["success_url", "cancel_url"])
def test_checkout_looks_at_both_of_its_addresses(life, name):
    body = {
        "purpose": "plan", "price": "smarter-contact:calling:month",
        "success_url": "https://app.example.com/ok", "cancel_url": "https://app.example.com/no",
        name: "https://evil.example",
    }  # fmt: skip

    reply = life.customer("acme", "POST", "/v1/checkout-sessions", body)

    assert (reply.status, reply.code) == (422, "return_url_not_allowed")
    assert [error["pointer"] for error in reply.body["errors"]] == [f"/{name}"]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("HTTPS://App.Example.Com:443/x", "https://app.example.com"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:08765", "http://localhost:8765"),
        ("https://localhost:80", "https://localhost:80"),
        ("https://app.example.com:", None),
        ("https://app.example.com:0", "https://app.example.com:0"),
    ],
)
def test_an_origin_is_written_as_a_browser_writes_it(url, origin):
    assert origin_of(url) == origin


def test_an_entry_that_is_no_origin_allows_nothing(life):
    entries = ("app.example.com", "*", "https://*.example.com", "", "null", "https://ok.example/")

    settings = replace(life.world.settings, return_origins=entries)

    assert allowed_origins(settings) == {"https://ok.example"}
