"""What operators see and say of purges: the certificates of those that are over (SC-10)."""

from __future__ import annotations

from chalicelib.handlers import shapes
from chalicelib.handlers.call import Answer, Call
from chalicelib.store import purges


def certificates(call: Call[None]) -> Answer:
    """Oldest first: an account that came back and left again has several."""
    return Answer(200, shapes.page(purges.certificates(call.world.table, call.account.id), None))
