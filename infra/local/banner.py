"""What a person sees when the stack is ready: where everything is, and what to try first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.domain.moments import rfc3339
from infra.local.options import Options
from infra.local.seeds import ACCOUNTS

if TYPE_CHECKING:
    from infra.local.stack import Stack


def banner(stack: Stack, options: Options) -> str:
    url = stack.url
    places = (
        ("Membership page", f"{url}/membership"),
        ("Operator console", f"{url}/console"),
        ("API", f"{url}/v1/openapi.json"),
        ("Stripe (emulated)", f"{url}/_stripe"),
        ("Carrier (fake)", f"{url}/_carrier"),
        ("Mail and events", f"{url}/_outbox"),
        ("Clock", f"{url}/_clock"),
    )
    return f"""
  Lapse keeps its promises at {url}

{lines(places)}

  It is {rfc3339(stack.clock.now())}, and stays so until you move the clock.
  {kept(options)} The app's log: {stack.log_file}
  Accounts: {", ".join(ACCOUNTS)}

  Try this:

    TOKEN=$(curl -s {url}/_tokens -d '{{"account_id": "smarter", "roles": ["billing_admin"], "email": "ann@example.com", "sub": "ann"}}' | cut -d'"' -f4)
    curl -s {url}/v1/membership -H "Authorization: Bearer $TOKEN"
    curl -s {url}/_clock -d '{{"by": "P14D"}}'

  Ready. Ctrl-C stops everything.
"""


def lines(places: tuple[tuple[str, str], ...]) -> str:
    return "\n".join(f"    {name:<20}{where}" for name, where in places)


def kept(options: Options) -> str:
    if options.state is None:
        return "Nothing is kept when it stops (LAPSE_STATE=a-folder keeps everything)."
    return f"Everything is kept in {options.state}."
