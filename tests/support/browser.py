"""A window of a real browser in front of the local stack, and what a person does in it."""

from __future__ import annotations

import json
import re
from itertools import count
from typing import Any

from tests.support.local_stack import LocalStack

PATIENCE_MS = 90_000
"""Long: the machine may be busy with other tests. Nothing here waits for time to pass, only for things to be there."""
REFUSED = re.compile(r"Failed to load resource: (?!.*status of 500)")
"""What the browser notes of each answer that is a refusal. Those are the page's to explain, and tests look at that."""
BACK = "https://app.example.com/billing"

_numbers = count(1)


def new_account(stack: LocalStack, policy: str, *, filled: bool = True) -> str:
    """An account of its own for a story, with a card, and filled as the strip's example fills it."""
    account_id = f"{policy.replace('-', '')}-{next(_numbers)}"
    customer = stack.stripe(
        "POST",
        "/v1/customers",
        email=f"owner@{account_id}.example.com",
        payment_method="pm_card_visa",
        **{"invoice_settings[default_payment_method]": "pm_card_visa"},
    )
    stack.must(
        "PUT",
        f"/v1/admin/accounts/{account_id}",
        {
            "stripe_customer_id": customer["id"],
            "policy": policy,
            "currency": "usd",
            "email": f"owner@{account_id}.example.com",
        },
        token=stack.token(None, "operator"),
    )
    if filled:
        stack.must("POST", "/_example", {"account_id": account_id})
    return account_id


def link(stack: LocalStack, account_id: str, **body: Any) -> str:
    """A one-time link to the page, as the company's own back end asks for it."""
    token = stack.token(account_id, "billing_admin")
    asked = {"return_url": BACK, **body}
    return str(stack.must("POST", "/v1/portal-sessions", asked, token=token)["url"])


class Window:
    def __init__(self, browser: Any, stack: LocalStack, **options: Any) -> None:
        given = {"viewport": {"width": 1000, "height": 900}, **options}
        self.context = browser.new_context(**given)
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.set_default_navigation_timeout(PATIENCE_MS)
        self.stack = stack
        self.complaints: list[str] = []
        self.page = self.context.new_page()
        self.page.on("console", self._noted)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", self._asked)

    def _noted(self, message: Any) -> None:
        # A violation of the content security policy is noted here too.
        if message.type in ("error", "warning") and not REFUSED.match(message.text):
            self.complaints.append(f"{message.type}: {message.text}")

    def _asked(self, request: Any) -> None:
        if not re.match(rf"{self.stack.url}/|data:|blob:", request.url):
            self.complaints.append(f"asked elsewhere: {request.url}")

    # -- what a person does

    def open(self, account_id: str, role: str = "super_admin", **query: str) -> None:
        more = "".join(f"&{name}={value}" for name, value in query.items())
        self.page.goto(f"{self.stack.url}/membership?account={account_id}&role={role}{more}")
        self.page.locator("main.membership, main.step, section.card").first.wait_for()

    def press(self, name: str, **more: Any) -> None:
        # A button does one thing at a time: pressed again meanwhile it does nothing. A person sees that it is busy.
        button = self.page.get_by_role("button", name=name, **{"exact": True, **more})
        button.and_(self.page.locator(":not([aria-busy=true])")).click()

    def heading(self, text: str) -> Any:
        found = self.page.get_by_role("heading", name=text).first
        self._wait_for(found)
        return found

    def sees(self, text: str) -> None:
        self._wait_for(self.page.get_by_text(text).first)

    def _wait_for(self, found: Any) -> None:
        from playwright.sync_api import TimeoutError as Late

        try:
            found.wait_for()
        except Late as late:
            # What is there instead says more than what is not there. The element keeps its text in a shadow of its own.
            shown = self.page.evaluate(
                "() => [...document.querySelectorAll('body *')].filter(one => one.shadowRoot)"
                ".map(one => one.shadowRoot.querySelector('.frame, .body, main')?.innerText).join(' ')"
                " + document.body.innerText"
            )
            raise AssertionError(f"{found} never came; there is: {shown}") from late

    def text(self) -> str:
        return str(self.page.locator("lapse-membership .body").inner_text())

    def focused(self) -> str:
        """What the keyboard is at, inside the element."""
        return str(
            self.page.evaluate(
                "() => { let at = document.activeElement; while (at.shadowRoot?.activeElement)"
                " at = at.shadowRoot.activeElement; return at.textContent || at.name || at.tagName; }"
            )
        )

    def must_be_open_to_all(self, element: str, *, only_colours: bool = False) -> None:
        """axe finds nothing serious in it, and nothing runs over the edge. Only the colours differ between the schemes,
        so the second one is looked at for those alone."""
        from axe_playwright_python.sync_playwright import Axe

        rules = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
        found = Axe().run(
            self.page, context={"include": [element]}, options=rules if only_colours else None
        )
        answer = found.response
        assert answer["passes"], "axe looked at nothing"
        serious = [v for v in answer["violations"] if v["impact"] in ("serious", "critical")]
        assert serious == [], json.dumps(serious, indent=1)[:3000]
        width = self.page.viewport_size["width"]
        assert self.page.evaluate("document.documentElement.scrollWidth") <= width, self.page.url

    # -- the five steps

    def choose_plan(self, title: str | None = None, go_on: str = "Continue") -> None:
        if title is not None:
            self.page.get_by_label(title).check()
        self.press(go_on)
        self.page.locator("[data-step=reason]").wait_for()

    def give_reason(self, label: str = "Another reason", go_on: str = "Continue") -> None:
        self.page.get_by_label(label).check()
        self.press(go_on)
        self.page.locator("[data-step=ahead]").wait_for()

    def agree(self, confirm: str) -> None:
        for box in self.page.get_by_role("checkbox").all():
            box.check()
        self.press(confirm)


# -- the operators' console


def open_console(window: Window, stack: LocalStack, where: str) -> None:
    window.page.goto(f"{stack.url}/console#{where}")
    window.page.locator("lapse-console h1").wait_for()


def desk(window: Window) -> Any:
    return window.page.locator("lapse-console main")
