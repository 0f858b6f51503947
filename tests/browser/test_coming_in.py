"""Ways into the page: over a one-time link, inside somebody else's page, and without anything."""

import pytest

from chalicelib.policies import SHIPPED
from tests.support.browser import new_account
from tests.support.local_stack import LocalStack

OURS = "house"
"""Smarter Contact's promises, of a company that prefers our page to Stripe's."""
BACK = "https://app.example.com/billing"


@pytest.fixture(scope="module")
def stack(chromium, tmp_path_factory):
    text = (SHIPPED / "smarter-contact.toml").read_text("utf-8")
    text = text.replace('name = "smarter-contact"', f'name = "{OURS}"')
    file = tmp_path_factory.mktemp("policy") / f"{OURS}.toml"
    file.write_text(text.replace("[cancellation]\n", '[cancellation]\npage = "ours"\n'), "utf-8")
    with LocalStack(LAPSE_START="2026-03-02T09:00:00Z", LAPSE_POLICY=str(file)) as stack:
        yield stack


@pytest.fixture
def account_id(stack):
    return new_account(stack, OURS)


def link(stack, account_id, **body):
    token = stack.token(account_id, "billing_admin")
    asked = {"return_url": BACK, **body}
    return stack.must("POST", "/v1/portal-sessions", asked, token=token)["url"]


# -- over a one-time link


def test_a_link_opens_the_page_and_leaves_no_code_behind(window, stack, account_id):
    window.page.goto(link(stack, account_id))

    window.heading("Plans")

    assert window.page.url == f"{stack.url}/membership"
    back = window.page.get_by_role("link", name="Back to where you came from")
    assert back.get_attribute("href") == BACK
    kept = window.page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.length])"
    )
    assert kept.startswith('[{},{},"",')


def test_a_link_to_cancel_begins_with_that_plan(window, stack, account_id):
    subscription = next(
        s["id"] for s in stack.membership(account_id)["subscriptions"] if s["plan"] == "calling"
    )

    window.page.goto(
        link(stack, account_id, flow="subscription_cancel", subscription_id=subscription)
    )

    window.heading("Select the plan you wish to cancel")
    assert window.page.get_by_label("Calling plan").is_checked()


def test_a_link_that_was_used_says_so_in_words(open_window, stack, account_id):
    url = link(stack, account_id)
    first, second = open_window(), open_window()
    first.page.goto(url)
    first.heading("Plans")

    second.page.goto(url)

    second.sees("This link was used already, or is older than a minute.")


def test_a_visit_that_is_over_says_how_to_come_back(window, stack, account_id):
    window.page.goto(link(stack, account_id))
    window.heading("Plans")
    stack.move_by("PT31M")

    window.press("10.00 USD")

    window.heading("This visit has ended")
    assert window.page.get_by_role("link", name="Back to where you came from").is_visible()


def test_whoever_pays_comes_back_to_where_they_came_from(window, stack, account_id):
    """The token is in memory only, so the page itself could not know them again."""
    window.page.goto(link(stack, account_id))
    window.heading("Plans")
    window.page.context.route(f"{BACK}**", lambda route: route.fulfill(body="back at the SaaS"))
    window.page.remove_listener("request", window._asked)

    window.press("10.00 USD")
    window.page.get_by_role("button", name="Pay", exact=True).click()

    window.page.wait_for_url(f"{BACK}**")


# -- inside another page


EMBEDDING = """<!doctype html><html lang="en"><head><title>A SaaS</title>
<style>lapse-membership {{ --lapse-accent: rgb(120, 0, 120); }}</style>
<script type="module">
  import "{api}/pages/lapse-membership.js";
  const element = document.querySelector("lapse-membership");
  window.told = [];
  for (const name of ["lapse-ready", "lapse-changed"]) {{
    document.addEventListener(name, (event) => window.told.push([name, event.detail.what ?? null]));
  }}
  document.addEventListener("lapse-leave", (event) => {{ event.preventDefault(); window.told.push(["leave", event.detail.url]); }});
  element.getToken = async () => "{token}";
</script></head>
<body><h1>My account</h1><lapse-membership api="{api}" locale="fr"></lapse-membership></body></html>"""


@pytest.fixture
def embedded(window, stack, account_id):
    """A page of another origin, which is one of the allowed ones, with the element in it."""
    elsewhere = stack.url.replace("127.0.0.1", "localhost")
    html = EMBEDDING.format(api=stack.url, token=stack.token(account_id, "super_admin"))
    window.page.route(
        f"{elsewhere}/account",
        lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"),
    )
    window.page.remove_listener("request", window._asked)
    window.page.goto(f"{elsewhere}/account")
    window.heading("Forfaits")
    return window


def told(window):
    return window.page.evaluate("window.told")


def test_another_page_embeds_it_in_its_own_colours_and_language(embedded):
    colour = embedded.page.locator("#plans .button").last.evaluate("e => getComputedStyle(e).color")

    assert colour == "rgb(120, 0, 120)"
    assert ["lapse-ready", None] in told(embedded)


def test_the_page_around_it_hears_what_happens_and_decides_where_to_go(embedded):
    embedded.page.get_by_role("button", name="10,00 USD").click()
    embedded.page.wait_for_function("window.told.some(([name]) => name === 'leave')")
    (left,) = [url for name, url in told(embedded) if name == "leave"]

    embedded.page.locator("#numbers .button").first.click()
    embedded.page.get_by_role("dialog").get_by_role("button", name="Supprimer").click()
    embedded.sees("Le numéro est supprimé. Il ne coûte plus rien.")

    assert "/_stripe/c/pay/" in left
    assert ["lapse-changed", "number"] in told(embedded)


# -- coming back


def test_whoever_comes_back_late_sees_what_is_gone(window, stack, account_id):
    """SC-7: what is gone stays gone, and the page says so. The last story here: it moves the clock for weeks."""
    numbers = [one["number"] for one in stack.membership(account_id)["numbers"]]
    for one in stack.membership(account_id)["subscriptions"]:
        stack.must(
            "POST", "/_stripe/_control", {"action": "portal_cancel", "subscription": one["id"]}
        )
    stack.move_by("P50D")

    window.open(account_id)

    window.heading("What went with your plan")
    for number in numbers:
        window.page.locator("#gone").get_by_text(number).wait_for()
    window.sees("You have no plan at the moment.")
    assert window.page.get_by_role("button", name="Unsubscribe").count() == 0
    assert window.page.get_by_role("button", name="Subscribe to Messaging plan").count() == 2
