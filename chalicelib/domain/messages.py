"""A scheduled message. It is sent, or deleted, or credited: one of them, once (SC-12)."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.money import Money

CHANNELS = ("sms", "rvm")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledMessage:
    id: str
    channel: str
    send_at: datetime
    price: Money
    """Debited from the wallet when it was registered."""
    subscription_id: str | None = None
    state: str = "scheduled"
    """`scheduled`, `sent`, `deleted` or `credited`."""
