"""What a person sees when the stack is ready: where everything is, and what to try first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.domain.moments import rfc3339
from infra.local.options import Options
from infra.local.seeds import ACCOUNTS

if TYPE_CHECKING:
    from infra.local.stack import Stack


PAGES = (
    ("Membership page", "/membership"),
    ("Operator console", "/console"),
    ("The API, described", "/v1/openapi.json"),
    ("Is it well?", "/healthz"),
)
"""Shown as far as the app has them."""

CONTROLS = (
    ("The clock", "/_clock"),
    ("The carrier", "/_carrier"),
    ("Mail and events", "/_outbox"),
)


def banner(stack: Stack, options: Options) -> str:
    url = stack.url
    places = [*((name, path) for name, path in PAGES if stack.serves(path)), *CONTROLS]
    return f"""
  Lapse keeps its promises at {url}

{lines(url, places)}

  Stripe's SDK finds its Stripe at {url}/_stripe, with any sk_test_… key.
  It is {rfc3339(stack.clock.now())}, and stays so until you move the clock.
  {kept(options)}
  Accounts: {", ".join(ACCOUNTS)}
  The app's log: {stack.log_file}

  Try this in a browser: open {url}/membership, press "Fill with an example", then "Unsubscribe". The strip above the
  page changes who you are and moves the clock: "Next consequence" shows each promise being kept.

  Or this in another terminal:

    # Who am I? A token for one of the accounts, and what its owner sees.
    TOKEN=$(curl -s {url}/_tokens -d '{{"account_id": "smarter", "roles": ["billing_admin"]}}' | cut -d'"' -f4)
    curl -s {url}/v1/membership -H "Authorization: Bearer $TOKEN"

    # Two weeks pass. What ran on the way?
    curl -s {url}/_clock -d '{{"by": "P14D"}}'

  Ready. Ctrl-C stops everything.
"""


def lines(url: str, places: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"    {name:<20}{url}{path}" for name, path in places)


def kept(options: Options) -> str:
    if options.state is None:
        return "Nothing is kept when it stops (LAPSE_STATE=a-folder keeps everything)."
    kept_in = f"Everything is kept in {options.state}."
    if options.start is not None:
        kept_in += " LAPSE_START counts only for a new folder."
    return kept_in
