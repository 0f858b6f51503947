"""Mail to customers: what every mailer must do."""

from datetime import datetime
from typing import Protocol


class Mail(Protocol):
    def send(
        self,
        *,
        key: str,
        to: str,
        subject: str,
        text: str,
        html: str | None = None,
        account_id: str,
        at: datetime,
    ) -> None:
        """Sends once per key."""
        ...
