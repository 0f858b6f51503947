"""A scheduled message. It is sent, or deleted, or credited: one of them, once (SC-12)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.money import Money

CHANNELS = ("sms", "rvm")

REGISTERED_UNTIL = timedelta(days=30)
"""So long after its `send_at` a message may still be registered."""
KEPT = timedelta(days=35)
"""So long a message is kept after its outcome and its `send_at`: longer than it may be registered, so that the repeat
of a registration always meets the first one, and never debits twice."""


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
    known_since: datetime | None = None
    """When it was registered: a purge that was under way then leaves it alone."""

    def same_as(self, other: "ScheduledMessage") -> bool:
        """The same content, whatever became of it."""
        return (self.channel, self.send_at, self.price, self.subscription_id) == (
            other.channel,
            other.send_at,
            other.price,
            other.subscription_id,
        )


def is_long_past(message: ScheduledMessage, now: datetime) -> bool:
    return message.send_at + REGISTERED_UNTIL <= now


def kept_until(message: ScheduledMessage, ended_at: datetime) -> datetime:
    return max(message.send_at, ended_at) + KEPT
