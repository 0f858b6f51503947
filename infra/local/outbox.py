"""Where mail and domain events end up in the local stack: written down, never sent.

Two ports in one: mail and events. Both may be told the same thing twice, as the real ones may after a crash, and
keep it once.
"""

from datetime import datetime
from typing import Any

from chalicelib.domain.cloud_events import cloud_event
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.news import DomainEvent
from infra.local.faults import Faults
from infra.local.notebook import Notebook


class MailFailed(Exception):
    """The mailer did not take it, or nobody knows whether it did."""


class Outbox:
    def __init__(self, notebook: Notebook, faults: Faults) -> None:
        self._notebook = notebook
        self._faults = faults

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
        mail = {"at": rfc3339(at), "to": to, "subject": subject, "text": text}
        if html is not None:
            mail["html"] = html
        mail["account_id"] = account_id
        self._faults.around("mail", lambda: self._notebook.add("mail", key, mail), MailFailed)

    def publish(self, event: DomainEvent) -> None:
        self._notebook.add("events", event.id, cloud_event(event))

    def view(self) -> dict[str, Any]:
        """What `/_outbox` shows, newest last."""
        return {
            "mail": [mail for _, mail in self._notebook.read("mail")],
            "events": [event for _, event in self._notebook.read("events")],
        }
