"""OS-6: "a confirmation email or an in-platform notification": what the mails said, for whoever reads it in the product.

From the notices that are kept for mailing: nothing is written for it, and an account without an address has them too.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chalicelib.domain.moments import rfc3339
from chalicelib.handlers.call import Call
from chalicelib.mailing import in_words
from chalicelib.store import outbox
from chalicelib.store.outbox import Unsent

MOST = 10
SHOWN_FOR = timedelta(days=60)


def notices(call: Call[None]) -> list[dict[str, Any]]:
    """Newest first."""
    kept = outbox.recent(call.world.table, call.account.id, MOST)
    return [_shown(call, one) for one in kept if one.said_at + SHOWN_FOR > call.now]


def _shown(call: Call[None], one: Unsent) -> dict[str, Any]:
    words = in_words(call.world, call.account, one.notice)
    return {
        "id": one.key,
        "at": rfc3339(one.said_at),
        "kind": one.notice.kind,
        "title": words.subject,
        "text": words.body,
    }
