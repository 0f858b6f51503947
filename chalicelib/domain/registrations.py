"""A registration: a 10DLC application at a carrier, or a sign-up that is waiting to be accepted (NX-2)."""

from dataclasses import dataclass
from datetime import datetime

KINDS = ("10dlc", "sign_up")
OPEN_STATES = ("pending", "active")
STATES = ("pending", "active", "declined", "withdrawn", "lapsed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    id: str
    kind: str
    state: str
    known_since: datetime
    provider: str | None = None
    provider_id: str | None = None
    ended_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def lapses(self) -> bool:
        """Only what is registered at a carrier lapses; a sign-up request just waits."""
        return self.kind == "10dlc" and self.is_open
