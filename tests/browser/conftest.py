"""A real browser against a real local stack, one of each for all of these stories. What the browser complains of
fails the test. Each story has an account of its own; one that moves the clock uses another stack (`travelled`)."""

from contextlib import ExitStack, suppress

import pytest

from chalicelib.policies import SHIPPED
from infra.screenshots.browser import CHROMIUM, NoBrowser, browser
from tests.support.browser import Window
from tests.support.local_stack import LocalStack

START = "2026-03-02T09:00:00Z"
HOUSE = "house"
"""Smarter Contact's promises, of a company that prefers our page to Stripe's."""


@pytest.fixture(scope="session")
def chromium():
    with ExitStack() as opened:
        try:
            yield opened.enter_context(browser())
        except NoBrowser:
            pytest.skip(f"There is no browser at {CHROMIUM}: apt-get install chromium")


@pytest.fixture(scope="session")
def house(tmp_path_factory):
    text = (SHIPPED / "smarter-contact.toml").read_text("utf-8")
    text = text.replace('name = "smarter-contact"', f'name = "{HOUSE}"')
    file = tmp_path_factory.mktemp("policy") / f"{HOUSE}.toml"
    file.write_text(text.replace("[cancellation]\n", '[cancellation]\npage = "ours"\n'), "utf-8")
    return str(file)


@pytest.fixture(scope="session")
def stack(chromium, house):
    """Started only where there is a browser to look at it. Its clock stands still: many stories read dates off it."""
    with LocalStack(LAPSE_START=START, LAPSE_POLICY=house) as stack:
        yield stack


@pytest.fixture(scope="module")
def travelled(chromium, house):
    """One whose clock a story may move as it likes. The stories after it begin at whatever time it is then."""
    with LocalStack(LAPSE_START=START, LAPSE_POLICY=house) as stack:
        yield stack


@pytest.fixture
def open_window(request, chromium):
    """Opens a window of its own; in the end none of them may have complained."""
    windows = []

    def open_window(**options):
        name = "travelled" if "travelled" in request.fixturenames else "stack"
        windows.append(Window(chromium, request.getfixturevalue(name), **options))
        return windows[-1]

    yield open_window
    for window in windows:
        with suppress(Exception):
            window.context.close()
    assert [one for window in windows for one in window.complaints] == []


@pytest.fixture
def window(open_window):
    return open_window()
