"""The strip above our pages is the local stack's: it is put in here, and stands in nothing that is deployed."""

from pathlib import Path

import pytest

from chalicelib import pages
from infra.local import page_bar
from infra.local.messages import Answer, Request, json_answer

HTML = b'<html lang="en">\n  <head>\n  </head>\n  <body></body></html>'


def page(status=200, kind="text/html; charset=utf-8"):
    return Answer(status, (("Content-Type", kind), ("Content-Security-Policy", "x")), HTML)


@pytest.mark.parametrize("path", ["/membership", "/membership/", "/console"])
def test_it_stands_above_our_pages_and_leaves_their_rules_alone(path):
    shown = page_bar.above(Request("GET", path), page())

    assert b'<script type="module" src="/_bar/bar.js"></script>' in shown.body
    assert shown.header("Content-Security-Policy") == "x"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/_stripe/c/pay/cs_1", page()),
        ("/membership", page(status=404)),
        ("/membership", json_answer({"no": "page"})),
    ],
)
def test_it_stands_above_nothing_else(path, answer):
    assert page_bar.above(Request("GET", path), answer) is answer


@pytest.mark.parametrize("name", page_bar.KINDS)
def test_its_files_are_served_from_here(name):
    reply = page_bar.file(Request("GET", f"/_bar/{name}"))

    assert reply is not None
    assert reply.status == 200
    assert reply.body


@pytest.mark.parametrize("path", ["/_bar/other.js", "/_bar/../example.py", "/_bar/", "/bar.js"])
def test_nothing_else_is_served_from_here(path):
    assert page_bar.file(Request("GET", path)) is None


def test_what_is_deployed_knows_nothing_of_it():
    deployed = [f for f in Path(pages.__file__).parent.rglob("*") if f.suffix in (".html", ".js")]

    assert len(deployed) > 5
    assert not [file for file in deployed if "_bar" in file.read_text("utf-8")]
