"""The pages and their files: the right kinds, kept by browsers as long as they may be, and safe to open."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from chalicelib import pages, wiring
from tests.support.life import Life

ASSETS = Path(pages.__file__).parent / "assets"


@pytest.fixture
def life():
    return Life()


def get(life, path):
    reply = life.api("GET", path)
    # What is no JSON, the world hands on as bytes.
    reply.body = reply.body.decode() if isinstance(reply.body, bytes) else reply.body
    return reply


def with_settings(life, **settings):
    wiring.use(replace(life.world, settings=replace(life.world.settings, **settings)))


# -- the page


def test_the_page_is_there_for_everybody_without_a_token(life):
    page = get(life, "/membership")

    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-store"
    assert "<lapse-membership>" in page.body


def test_everything_it_asks_for_is_served_under_the_version_it_names(life):
    asked = [path for path in Addresses.of(get(life, "/membership").body) if path != "data:,"]

    assert len(asked) == 3
    for path in asked:
        # From where the page is: before it may stand the path of a stage.
        assert path.startswith("pages/")
        reply = get(life, f"/{path}")
        assert reply.status == 200, path
        assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_it_runs_our_scripts_and_nothing_else(life):
    rules = get(life, "/membership").headers["content-security-policy"].split("; ")

    assert "default-src 'none'" in rules
    assert "script-src 'self'" in rules
    assert "style-src 'self'" in rules
    assert "require-trusted-types-for 'script'" in rules
    assert not [rule for rule in rules if "unsafe" in rule or "*" in rule]


def test_it_gives_nothing_away(life):
    headers = get(life, "/membership").headers

    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


def test_nobody_shows_it_in_a_frame_unless_the_settings_say_who(life):
    shut = get(life, "/membership").headers

    with_settings(life, frame_ancestors=("https://app.example.com/", "not an origin", "*"))
    opened = get(life, "/membership").headers

    assert "frame-ancestors 'none'" in shut["content-security-policy"]
    assert shut["x-frame-options"] == "DENY"
    assert "frame-ancestors https://app.example.com;" in opened["content-security-policy"]
    assert "x-frame-options" not in opened


def test_no_script_and_no_style_stands_in_the_page_itself(life):
    page = Inline()
    page.feed(get(life, "/membership").body)

    assert page.found == []


# -- without JavaScript


def test_without_javascript_it_leads_to_stripes_login_and_to_support(life):
    with_settings(life, customer_login_url="https://pay.example.com/login", pages_policy="1smtg")

    page = get(life, "/membership").body

    assert 'href="https://pay.example.com/login"' in page
    assert "(888) 458 0650" in page
    assert "9:00 a.m. to 5:00 p.m. on business days" in page


def test_without_a_login_it_promises_none(life):
    with_settings(life, customer_login_url=None, pages_policy="nobody's")

    page = get(life, "/membership").body

    assert "Stripe" not in page
    assert "Write to the support of the company you have your account with." in page
    assert "{{" not in page


def test_it_speaks_the_policys_language(life):
    with_settings(life, pages_policy="goto")

    page = get(life, "/membership").body

    assert '<html lang="fr">' in page
    assert "Sélectionnez Contact support dans GoTo Admin." in page


def test_a_setting_is_text_and_never_markup(life):
    with_settings(life, customer_login_url='https://x.example/"><script>alert(1)</script>')

    page = get(life, "/membership").body

    assert "<script>alert" not in page


# -- the files


@pytest.mark.parametrize("file", sorted(ASSETS.iterdir()), ids=lambda file: file.name)
def test_every_file_is_served_as_it_lies_there(life, file):
    kinds = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

    reply = get(life, f"/pages/{file.name}")

    assert reply.status == 200
    assert reply.headers["content-type"] == kinds[file.suffix]
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.body == file.read_text("utf-8")


@pytest.mark.parametrize("accept", ["*/*", "text/css,*/*;q=0.1", "application/json", None])
def test_whatever_a_browser_accepts_it_gets_the_text(life, accept):
    reply = life.api("GET", "/pages/base.css", headers={"Accept": accept} if accept else {})

    assert reply.status == 200


def test_without_the_version_it_is_asked_for_again_and_sent_only_when_it_changed(life):
    first = get(life, "/pages/dom.js")
    etag = first.headers["etag"]

    again = [
        life.api("GET", "/pages/dom.js", headers={"If-None-Match": known})
        for known in (etag, f"W/{etag}", f'"other", {etag}')
    ]
    changed = life.api("GET", "/pages/dom.js", headers={"If-None-Match": '"other"'})

    assert first.headers["cache-control"] == "no-cache"
    assert [reply.status for reply in again] == [304, 304, 304]
    assert {reply.headers["etag"] for reply in again} == {etag}
    assert changed.status == 200


def test_an_old_version_is_answered_and_kept_by_nobody(life):
    """A browser with yesterday's page may ask today's deployment."""
    reply = get(life, "/pages/000000000000/dom.js")

    assert reply.status == 200
    assert reply.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "name",
    ["nothing.js", "..%2F__init__.py", "membership.html", "__init__.py", "dom.js%00", "%2e%2e"],
)
def test_what_is_no_file_of_ours_is_not_found(life, name):
    reply = get(life, f"/pages/{name}")

    assert (reply.status, reply.code) == (404, "not_found")


def test_the_pages_of_allowed_origins_may_load_them(life):
    ours = life.api("GET", "/pages/dom.js", headers={"Origin": "https://app.example.com"})
    other = life.api("GET", "/pages/dom.js", headers={"Origin": "https://evil.example"})

    assert ours.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "access-control-allow-origin" not in other.headers
    assert ours.headers["cross-origin-resource-policy"] == "cross-origin"


def test_another_method_is_refused(life):
    reply = life.api("POST", "/membership", {})

    assert (reply.status, reply.code) == (405, "method_not_allowed")


class Addresses(HTMLParser):
    """What a page loads: its scripts and style sheets."""

    def __init__(self):
        super().__init__()
        self.found = []

    @classmethod
    def of(cls, html):
        parser = cls()
        parser.feed(html)
        return parser.found

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        if tag == "script":
            self.found.append(known["src"])
        if tag == "link":
            self.found.append(known["href"])


class Inline(HTMLParser):
    """What a strict policy would refuse to run."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        if tag == "style" or (tag == "script" and "src" not in known):
            self.found.append(tag)
        self.found += [name for name in known if name == "style" or name.startswith("on")]
