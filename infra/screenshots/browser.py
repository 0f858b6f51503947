"""Debian's own browser, told not to look around in the network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A page that a test makes up has no address of its own, and would not be let through to this machine's.
    "--disable-features=LocalNetworkAccessChecks",
)


class NoBrowser(Exception):
    """There is none where Debian puts it."""


@contextmanager
def browser() -> Iterator[Any]:
    """Raises NoBrowser."""
    if shutil.which(CHROMIUM) is None:
        raise NoBrowser
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield opened
        finally:
            opened.close()
