"""`make screenshots`: real pictures of the pages on the local stack, into docs/images, the same on every run."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.local.endpoints import CannotStart
from infra.local.options import Options
from infra.local.stack import Stack
from infra.screenshots.browser import CHROMIUM, NoBrowser, browser

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DESK = {"width": 860, "height": 760}
CONSOLE = {"width": 1000, "height": 860}
PHONE = {"width": 390, "height": 780}
CONFIRM = "I understand the consequences and still want to cancel"


def main() -> int:
    stack = Stack(Options(port=0, start=START))
    try:
        with browser() as chromium:
            stack.start()
            take(chromium, stack.url)
    except NoBrowser:
        print(f"There is no browser at {CHROMIUM}. On Debian or Ubuntu: apt-get install chromium")
        return 1
    except CannotStart as error:
        print(error)
        return 1
    finally:
        stack.stop()
    return 0


def take(chromium: Any, url: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    desk = _window(chromium, DESK, "light")
    desk.goto(f"{url}/membership?account=smarter")
    desk.get_by_role("button", name="Fill with an example").click()
    desk.get_by_text("and whatever goes with them").wait_for()
    desk.get_by_role("heading", name="Phone numbers").wait_for()
    _keep(desk, "membership")

    # The first of two plans takes its own features only; the last one takes everything along, and that is to be seen.
    _up_to_what_will_happen(desk, "Calling plan")
    _agree(desk)
    desk.get_by_role("button", name="Back to membership").click()
    _up_to_what_will_happen(desk, "Messaging plan")
    page = desk.locator("lapse-membership")
    _keep(page, "what-will-happen")
    desk.get_by_role("button", name="Continue").click()
    desk.get_by_role("heading", name="Please confirm").wait_for()
    _keep(page, "disclosures")
    _agree(desk, at="consent")
    _keep(page, "done")

    operator = _window(chromium, CONSOLE, "light")
    operator.goto(f"{url}/console#/accounts/smarter")
    operator.get_by_role("heading", name="Ahead").wait_for()
    _keep(operator, "console")

    phone = _window(chromium, PHONE, "dark")
    phone.goto(f"{url}/membership?account=smarter&locale=fr")
    phone.locator("main.membership").wait_for()
    phone.evaluate("document.querySelector('.bar').hidden = true")
    _keep(phone, "phone-dark-french")


def _up_to_what_will_happen(page: Any, plan: str) -> None:
    page.get_by_role("button", name="Unsubscribe").click()
    page.get_by_label(plan).check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Another reason").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="What will happen").wait_for()
    page.mouse.move(0, 0)


def _agree(page: Any, at: str = "ahead") -> None:
    if at == "ahead":
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("heading", name="Please confirm").wait_for()
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name=CONFIRM).click()
    page.get_by_role("heading", name="is cancelled").wait_for()
    page.mouse.move(0, 0)


def _window(chromium: Any, size: dict[str, int], scheme: str) -> Any:
    page = chromium.new_context(
        viewport=size, color_scheme=scheme, reduced_motion="reduce"
    ).new_page()
    page.set_default_timeout(60_000)
    return page


def _keep(shown: Any, name: str) -> None:
    path = IMAGES / f"{name}.png"
    shown.screenshot(path=path, animations="disabled", caret="hide")
    print(f"docs/images/{path.name}: {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    sys.exit(main())
