"""The documentation is true: what is made from the code is current, commands exist, links lead somewhere."""

import inspect
import re
import shlex
from pathlib import Path

import pytest

from infra.cli.main import parser
from infra.docs import states
from infra.docs.__main__ import DOCS, PAGES, main
from infra.docs.cli import commands
from infra.screenshots import __main__ as screenshots
from tests.support.local_stack import LocalStack
from tests.support.pages_that_run import START, blocks, printed

ROOT = DOCS.parent
WRITTEN = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
TUTORIAL = DOCS / "tutorial/first-cancellation.md"


def named(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES)
def test_what_is_made_from_the_code_is_current(page):
    assert (DOCS / page).read_text() == PAGES[page](), "run: make docs"


def test_a_part_nobody_knows_is_refused(capsys):
    assert main(["nonsense"]) == 2
    assert "There is no part called nonsense." in capsys.readouterr().out


@pytest.mark.parametrize("page", WRITTEN, ids=named)
def test_every_link_leads_somewhere(page):
    gone = [
        link
        for link in LINK.findall(page.read_text())
        if not re.match(r"https?:|mailto:|urn:", link) and not (page.parent / link).exists()
    ]

    assert gone == []


def test_every_page_is_in_the_index():
    index = (DOCS / "README.md").read_text()
    pages = {
        str(page.relative_to(DOCS))
        for page in DOCS.rglob("*.md")
        if page.parent.name not in ("decisions", "events") and page.name != "README.md"
    }

    assert pages - set(LINK.findall(index)) == set()


def test_every_picture_is_made_by_one_command_and_nothing_else_lies_there():
    made = set(re.findall(r'_keep\(\w+, "([a-z-]+)"\)', inspect.getsource(screenshots)))

    assert made == {image.stem for image in (DOCS / "images").iterdir()}


# -- the command line


def told(page):
    """Every `lapse …` of a page, as words: in a block by itself, or in code within a line."""
    text = re.sub(r"lapse --stage [^\s`]+ ", "lapse ", page.read_text())
    lines = re.findall(r"^(?: {4,}|\$ )?(lapse [a-z].*)$", text, re.MULTILINE)
    lines += re.findall(r"`(lapse [a-z][^`]*)`", text)
    return [re.split(r"\s{2,}|\s#|\s>|\s\|", line)[0] for line in lines]


@pytest.mark.parametrize("page", WRITTEN, ids=named)
def test_every_command_a_page_names_is_there_with_its_options(page):
    groups = {name: one for name, _, one in commands(parser())}
    for line in told(page):
        words = shlex.split(line.rstrip(" \\").replace("…", "").replace("'", "").rstrip(",.:;"))[1:]
        if not words:
            continue
        name, *rest = words
        assert name.rstrip(",") in groups, line
        found = groups[name.rstrip(",")]
        inner = {name: one for name, _, one in commands(found)}
        if (
            inner
            and rest
            and re.fullmatch(r"[a-z-]+", rest[0].rstrip(","))
            and not rest[0].startswith("-")
        ):
            assert rest[0].rstrip(",") in inner, line
            found = inner[rest[0].rstrip(",")]
        known = {option for action in found._actions for option in action.option_strings}
        for one in inner.values():
            known |= {option for action in one._actions for option in action.option_strings}
        unknown = [
            word
            for word in rest
            if word.strip("[],").startswith("--")
            and word.strip("[],").partition("=")[0] not in known
        ]
        assert unknown == [], line


# -- the diagram


def test_nothing_leads_out_of_the_end():
    assert [after for before, after in states.edges() if before == "canceled"] == []


def test_every_status_is_reached():
    reached = {after for _, after in states.edges()}

    assert reached == set(states.STATUSES)


def test_a_status_that_stands_for_an_end_is_reached_from_everything_that_lives():
    """Nobody is kept: from every status but the end, the end can be reached."""
    edges = states.edges()
    ending = {"canceled"}
    while more := {before for before, after in edges if after in ending} - ending:
        ending |= more

    assert set(states.STATUSES) <= ending


# -- the tutorial


def test_the_tutorial_runs_and_shows_what_it_says():
    found = blocks(TUTORIAL.read_text())

    with LocalStack(LAPSE_START=START) as stack:
        shown = printed(found, stack.url)

    assert len(found) == len(re.findall("^```sh$", TUTORIAL.read_text(), re.MULTILINE))
    for block, output in zip(found, shown, strict=True):
        assert output == block.shown, (
            f"{block.commands}\nrun: python -m tests.support.pages_that_run {named(TUTORIAL)}"
        )


def test_the_policy_the_how_to_begins_with_is_a_whole_one(tmp_path):
    from infra.cli.main import main as lapse

    (text,) = re.findall(
        r"```toml\n(.*?)```", (DOCS / "how-to/write-a-policy.md").read_text(), re.DOTALL
    )
    file = Path(tmp_path / "acme.toml")
    file.write_text(re.sub("^ {3}", "", text, flags=re.MULTILINE))

    assert lapse(["policy", "check", str(file)]) == 0
