"""Words that nobody may repeat, put into everything that takes a word: none of them stands in any log line, in any refusal,
in any parked event, in what was published, in mail to anybody else, or in anybody else's export.
"""

import json
from datetime import timedelta

import pytest

from chalicelib.gateways.stripe import StripeRefused
from chalicelib.handlers.routes import ROUTES
from chalicelib.store import keys
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Unavailable
from infra.local import seeds
from tests.doors.scene import furnished
from tests.support.invariants import rows_of
from tests.support.life import STRIPE_KEY, Life, consenting
from tests.support.logged import logged

CARD = "4242424242424242"
SPOKEN_CARD = "4242 4242 4242 4242"
SAID = f"canary-7f3a {CARD} {SPOKEN_CARD} ann@canary.example sk_live_canary https://canary.example/p/session/x"
"""What somebody writes where a sentence belongs."""
ANSWERED = f"No mail to ann@canary.example; card {CARD}; key sk_live_canary; https://pay.example/p/session/canary"
"""What an outsider answers in an error: the customer's own words, and ours."""
NEVER = ("canary", CARD, SPOKEN_CARD, STRIPE_KEY, seeds.WEBHOOK_SECRET)


@pytest.fixture
def lines():
    """What is logged meanwhile, as it is written."""
    with logged(str) as written:
        yield written


class Story:
    """An account whose people, operators and back end write what they should not; and a neighbour who hears nothing."""

    def __init__(self):
        self.table = MemoryTable()
        self.life = Life(self.table)
        self.ids = furnished(self.life, "acme", "walrus", "+14155550111")
        self.life.account("neighbour")
        self.life.subscribe("neighbour")
        self.links = [STRIPE_KEY, seeds.WEBHOOK_SECRET]
        self.refusals = []
        self.headers = {
            "User-Agent": SAID, "Referer": SAID, "X-Forwarded-For": SAID, "Cookie": SAID, "Origin": SAID,
            "Accept-Language": SAID,
        }  # fmt: skip

    def ask(self, who, method, path, body=None):
        token = self.life.token(
            "acme" if who == "customer" else None,
            *(("super_admin", "billing_admin") if who == "customer" else (who,)),
            sub="ann", email="ann@canary.example", name=SAID,
        )  # fmt: skip
        self.links.append(token.rsplit(".", 1)[-1])
        reply = self.life.api(method, path, body, token=token, headers=self.headers)
        if reply.status >= 400:
            self.refusals.append(json.dumps(reply.body, ensure_ascii=False))
        if isinstance(reply.body, dict) and "url" in reply.body:
            self.links.append(reply.body["url"].rsplit("/", 1)[-1])
        return reply

    def stripe_metadata(self):
        (customer,) = self.life.stripe("GET", "/v1/customers?email=acme%40example.com")["data"]
        said = SAID.replace(" ", "+").replace("@", "%40").replace(":", "%3A").replace("/", "%2F")
        for path in (f"/v1/customers/{customer['id']}", f"/v1/subscriptions/{self.plan}"):
            self.life.stripe("POST", path, f"description={said}&metadata[name]={said}")

    @property
    def plan(self):
        return self.ids["subscriptions"][0]

    def write_everywhere(self):
        case = self.ids["cases"][0]
        url = "https://app.example.com/back?canary=1"
        self.stripe_metadata()
        for who, method, path, body in (
            ("operator", "PUT", "/v1/admin/accounts/acme", {"email": "ann@canary.example", "reason": SAID}),
            ("customer", "POST", "/v1/appeals", {"payment": SAID, "description": SAID, "date": "canary"}),
            ("customer", "POST", f"/v1/cases/{case}/replies", {"text": SAID}),
            ("operator", "POST", f"/v1/cases/{case}/replies", {"text": SAID}),
            ("operator", "POST", f"/v1/cases/{case}/decision", {"approve": False, "reason": SAID}),
            ("customer", "POST", "/v1/refund-requests", {"subscription_id": self.plan, "comment": SAID}),
            ("customer", "POST", "/v1/portal-sessions", {"return_url": url}),
            ("customer", "POST", "/v1/portal-sessions", {"return_url": f"https://canary.example/{CARD}"}),
            ("customer", "POST", "/v1/checkout-sessions",
             {"purpose": "plan", "price": "smarter-contact:calling:month", "success_url": url, "cancel_url": url}),
            ("service", "POST", "/v1/activity",
             {"account_id": "acme", "id": "a1", "kind": "login", "at": "2026-01-31T12:00:00Z", "body": SAID}),
            ("operator", "PUT", "/v1/admin/accounts/acme", {"policy": SAID[:190]}),
            ("operator", "PUT", "/v1/admin/accounts/acme", {"time_zone": SAID[:190]}),
            ("operator", "PUT", "/v1/admin/accounts/acme", {"stripe_customer_id": SAID[:190] + "\n"}),
            ("customer", "POST", "/v1/refund-requests", {"subscription_id": SAID}),
            ("customer", "POST", "/v1/checkout-sessions",
             {"purpose": "plan", "price": SAID[:190], "success_url": url, "cancel_url": url}),
            ("customer", "POST", f"/v1/subscriptions/{self.plan}/cancellation",
             {"preview_id": self.ids["preview_id"][0], "reason": {"code": SAID[:99]}, "consents": []}),
            ("service", "PUT", "/v1/numbers/+14155550111",
             {"account_id": "acme", "provider": SAID[:190], "provider_id": SAID[:190], "bought_at": "2026-01-31T12:00:00Z",
              "monthly_fee": {"amount": 1, "currency": "usd"}}),
            ("service", "PUT", "/v1/registrations/R-111",
             {"account_id": "acme", "kind": SAID, "state": SAID}),
            ("operator", "POST", "/v1/admin/accounts/acme/legal-hold", {"reason": SAID}),
            ("operator", "DELETE", "/v1/admin/accounts/acme/legal-hold", {"reason": SAID}),
            ("operator", "POST", "/v1/admin/parked-events/evt_nobodys/replay", {"reason": SAID}),
            ("operator", "POST", f"/v1/admin/steps/{self.ids['steps'][0]}/hold", {"reason": SAID}),
            ("operator", "POST", f"/v1/admin/steps/{self.ids['steps'][0]}/retry", {"reason": SAID}),
            ("operator", "POST", "/v1/admin/kill-switch", {"reason": SAID}),
            ("operator", "DELETE", "/v1/admin/kill-switch", {"reason": SAID}),
            ("support_agent", "POST", f"/v1/subscriptions/{self.plan}/assisted-cancellation-previews",
             {"account_id": "acme", "billing_admin_email": "ann@canary.example", "card_last4": "4242",
              "billing_address": SAID}),
        ):  # fmt: skip
            reply = self.ask(who, method, path, body)
            assert reply.status < 500, (path, reply.body)

    def write_where_it_does_not_fit(self):
        """In every body, path and query: as a text, as a key, as all of it; and as what is no JSON at all."""
        for route in ROUTES:
            path = route.path.replace("{e164}", "+14155550111").replace("{id}", "canary")
            path = path.replace("{key}", "canary").replace("{user}", "canary")
            names = getattr(route.body, "__struct_fields__", ())
            for body in ({name: SAID for name in names}, {name: [SAID] for name in names}, {SAID: 1}, SAID,
                         f'{{"a": "{SAID}"'.encode(), {name: {"amount": SAID} for name in names}):  # fmt: skip
                query = "?account_id=canary&limit=canary&cursor=canary&query=canary&kind=canary"
                for who in ("customer", "service", "operator"):
                    self.ask(who, route.method, path + query, body)

    def cancel(self):
        shown = self.life.preview("acme", self.plan).body
        said = consenting(shown)
        said["reason"]["comment"] = SAID
        done = self.ask("customer", "POST", f"/v1/subscriptions/{self.plan}/cancellation", said)
        assert done.status == 200, done.body

    def must_be_silent(self, lines):
        written = "\n".join(lines)
        parked = [row for row in rows_of(self.table) if row["sk"].startswith(keys.PARKED)]
        everywhere = {
            "the log": written,
            "a parked event": json.dumps(parked),
            "what was published": json.dumps(self.life.events()),
            "mail to others": json.dumps(
                [one for one in self.life.mail() if one["account_id"] != "acme"]
            ),
            "an export of others": str(self.life.exported("neighbour")),
        }
        assert len(lines) > 20
        for refusal in self.refusals:
            assert not [word for word in (CARD, SPOKEN_CARD, "sk_live") if word in refusal], refusal
        for place, text in everywhere.items():
            for word in {*NEVER, *self.links}:
                assert word not in text, (place, word, text[max(0, text.index(word) - 200) :][:400])


def test_nobody_repeats_what_was_written_where_a_word_belongs(lines):
    story = Story()
    story.write_everywhere()
    story.cancel()
    story.life.move(story.life.now + timedelta(days=60))

    story.must_be_silent(lines)


def test_nobody_repeats_what_was_written_where_it_does_not_fit(lines):
    story = Story()
    story.write_where_it_does_not_fit()

    story.must_be_silent(lines)
    assert len(story.refusals) > 300
    for refusal in story.refusals:
        assert not [word for word in (CARD, SPOKEN_CARD, "sk_live_canary") if word in refusal], (
            refusal
        )


BREAKS = {
    "the table": Unavailable,
    "Stripe": lambda text: StripeRefused("x", text),
    "something nobody foresaw": ValueError,
}


@pytest.mark.parametrize("name", BREAKS)
def test_nobody_repeats_what_stands_in_an_outsiders_error(lines, monkeypatch, name):
    """Whoever answers with the customer's own words: Stripe, SES and DynamoDB all do."""
    story = Story()

    def broken(*_, **__):
        raise BREAKS[name](ANSWERED)

    with monkeypatch.context() as patch:
        target = story.life.world.stripe.inner if name == "Stripe" else story.life.watch
        for method in (
            "subscriptions_of",
            "subscription",
            "turn_renewal_off",
            "portal_session",
            "transact",
            "write",
        ):
            if hasattr(target, method):
                patch.setattr(target, method, broken)
        for method, path, body in (
            ("POST", "/v1/portal-sessions", {"return_url": "https://app.example.com/"}),
            ("POST", f"/v1/subscriptions/{story.plan}/cancellation-previews", None),
            ("POST", "/v1/appeals", {"payment": "x"}),
            ("PUT", f"/v1/subscriptions/{story.plan}/seats/u9", None),
        ):
            story.ask("customer", method, path, body)
        story.life.run_jobs()
    with monkeypatch.context() as patch:
        patch.setattr(story.life.outbox, "send", broken)
        story.cancel()
        story.life.run_jobs()

    assert [line for line in lines if '"cause"' in line]
    story.must_be_silent(lines)
