"""docs/reference/local-controls.md: the routes and actions that exist on the local stack only."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.docs.tables import code, codes, made_from, table
from infra.local.controls import Controls
from infra.local.faults import KINDS, TARGETS
from infra.local.stripe_emulator.controls import ACTIONS
from infra.local.tokens import ROLES

ROUTES: Mapping[str, str] = {
    "GET /_clock": '`{"now"}`: the one time that everything here goes by.',
    "POST /_clock": '`{"to": instant}`, `{"by": "P14D"}` or `{"to_next": true}` moves it; never back. Everything due on the '
    'way is done in order, Stripe\'s renewals and webhooks too, and told: `{"now", "ran": [{"at", "job", "did"}]}`. '
    'What looks at everything once a day runs after a move of a day or more, unless `"walks": false`.',
    "POST /_tokens": '`{"account_id" or null, "roles", "email", "sub", "ttl_seconds"?}` → `{"token"}`, a signed JWT. '
    f"Roles: {codes(ROLES)}.",
    "GET /_carrier": "Every number and registration as the carrier sees it, with the calls it received.",
    "GET /_outbox": "The mails and domain events that were sent, newest last.",
    "GET /_saas": "What the SaaS keeps of each account, and which purges it was asked for.",
    "POST /_saas": "Says what the SaaS keeps of an account, so that a purge has something to delete there.",
    "GET /_faults": "Which calls are still to fail.",
    "POST /_faults": '`{"target", "kind", "count"}` makes the next calls fail; a count of 0 takes it back. '
    f"Targets: {codes(TARGETS)}. Kinds: {codes(KINDS)}.",
}
AT_THE_DOOR: Mapping[str, str] = {
    "GET /_example": "The seeded accounts.",
    "POST /_example": '`{"account_id"}` fills one of them with plans, numbers, messages, seats and a wallet.',
    "/_stripe/…": "Stripe's API as its unmodified SDK calls it, its hosted Checkout and Portal, and its customer login.",
    "POST /_stripe/_control": 'What a person, a bank or a bad day does at Stripe: `{"action", …}`, below.',
}
SAID: Mapping[str, str] = {
    "fail_payment": "`customer`: every charge of it fails from now on.",
    "allow_payment": "`customer`: they succeed again.",
    "open_dispute": "`charge`, `subscription` or `customer`: the bank is asked for the money back. Answers `dispute`.",
    "close_dispute": "`dispute`, `status` = `won` or `lost`.",
    "cancel_now": "`subscription`: it ends at once, as somebody at Stripe's dashboard can do.",
    "refund_fails": "`customer` or `refund`: refunds fail, afterwards too.",
    "set_delay": "`ms`: how long every answer of Stripe takes.",
    "old_api_version": "`version`: events come in an older shape.",
    "pay_checkout": "`session`, `outcome` = `paid`, `async_pending`, `async_succeeded`, `async_failed` or `expired`.",
    "portal_cancel": "`subscription` or `customer`: what a customer does on the hosted page, with `feedback` and `comment`.",
    "portal_resume": "`subscription` or `customer`: and takes back there.",
    "drop_webhooks": "Events are not delivered; `count` or `until` ends it by itself.",
    "duplicate_webhooks": "Each is delivered twice.",
    "reorder_webhooks": "They are held, and delivered in another order.",
    "delay_webhooks": "They are held.",
    "resume_webhooks": "Ends every such mode; what is held is delivered.",
}


def page() -> str:
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield f"# Controls of the local stack\n\n{made_from('infra/local/controls.py', 'infra/local/stripe_emulator/controls.py')}\n"
    yield "They exist under `make run` only, on the same port, and are deployed nowhere. They need no token.\n"
    yield table(
        ("route", "what it does"), [(code(one), {**ROUTES, **AT_THE_DOOR}[one]) for one in routes()]
    )
    yield "## `POST /_stripe/_control`\n"
    yield table(
        ("action", "with, and what happens"), [(code(name), SAID[name]) for name in ACTIONS]
    )


def routes() -> list[str]:
    """As they are: one without its words here is missed when the page is made."""
    nobody: Any = None
    known = Controls(
        clock=nobody, travel=nobody, traffic=nobody, tokens=nobody, carrier=nobody, outbox=nobody, saas=nobody,
        faults=nobody, new_id=nobody,
    ).routes  # fmt: skip
    return [f"{method} {path}" for path, methods in known.items() for method in methods] + list(
        AT_THE_DOOR
    )
