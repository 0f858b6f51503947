"""Ways into the page: over a one-time link, inside somebody else's page, and without anything."""

import pytest

from tests.browser.conftest import HOUSE
from tests.support.browser import BACK, link, new_account


@pytest.fixture
def account_id(stack):
    return new_account(stack, HOUSE)


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
