"""A real browser against a real local stack: one of each per module. What the browser complains of fails the test."""

from contextlib import ExitStack, suppress

import pytest

from infra.screenshots.browser import CHROMIUM, NoBrowser, browser
from tests.support.browser import Window
from tests.support.local_stack import LocalStack


@pytest.fixture(scope="module")
def chromium():
    with ExitStack() as opened:
        try:
            yield opened.enter_context(browser())
        except NoBrowser:
            pytest.skip(f"There is no browser at {CHROMIUM}: apt-get install chromium")


@pytest.fixture(scope="module")
def stack(chromium):
    """Started only where there is a browser to look at it."""
    with LocalStack(LAPSE_START="2026-03-02T09:00:00Z") as stack:
        yield stack


@pytest.fixture
def open_window(chromium, stack):
    """Opens a window of its own; in the end none of them may have complained."""
    windows = []

    def open_window(**options):
        windows.append(Window(chromium, stack, **options))
        return windows[-1]

    yield open_window
    for window in windows:
        with suppress(Exception):
            window.context.close()
    assert [one for window in windows for one in window.complaints] == []


@pytest.fixture
def window(open_window):
    return open_window()
