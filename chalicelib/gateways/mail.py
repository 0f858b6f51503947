"""Mail to customers: what every mailer must do."""

from datetime import datetime
from typing import Protocol


class MailRefused(Exception):
    """It will never be taken, however often it is tried: the address is none, or the content is not allowed.

    Anything else a mailer raises means: not now, or nobody knows. The reason is a code.
    """


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
