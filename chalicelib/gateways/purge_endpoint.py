"""Asks the SaaS itself to delete what it keeps of an account: one signed request, and its own word that it is done.

The request is signed as Standard Webhooks have it, under an id that stays the same at every try. Only an answer that
names this purge and says how much was deleted, by kind, is one: whatever else comes back, it is not done.

    POST {"type": "account.purge_requested", "timestamp": "…",
          "data": {"account_id": "acme", "purge_id": "purge_…", "before": "2027-02-28T12:00:00Z"}}
    200  {"purge_id": "purge_…", "deleted": {"messages": 120, "contacts": 7}}
    202  the same, while it is still at it: it is asked again later
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.clock import Clock
from chalicelib.domain.erasure import Erasure, Progress
from chalicelib.domain.moments import rfc3339
from chalicelib.gateways import http
from chalicelib.gateways.purgers import Planned, PurgerUnavailable
from chalicelib.gateways.secrets import Secret, SecretUnavailable
from chalicelib.gateways.standard_webhooks import SecretUnusable, signed

SECONDS = 20.0
TYPE = "account.purge_requested"
MOST_KINDS = 100
LONGEST_KIND = 64
STILL_AT_IT = 202
SIGNATURE_REFUSED = (401, 403)


class EndpointPurger:
    def __init__(
        self,
        name: str,
        *,
        url: str,
        secret: Secret,
        clock: Clock,
        policies: tuple[str, ...] = (),
    ) -> None:
        self.name, self.policies = name, policies
        self._url, self._secret, self._clock = url, secret, clock

    def erase(self, wanted: Erasure, progress: Progress) -> Iterator[Progress]:
        body = _body(wanted, self._clock.now())
        try:
            answer = http.send(
                "POST",
                self._url,
                headers={
                    "Content-Type": "application/json",
                    **signed([self._secret()], wanted.id, self._clock.now(), body),
                },
                body=body,
                seconds=SECONDS,
            )
        except http.HttpError as error:
            if isinstance(error, http.Refused) and error.status in SIGNATURE_REFUSED:
                self._secret.refresh()
            raise PurgerUnavailable(error.code) from error
        except SecretUnavailable as error:
            raise PurgerUnavailable("secret_unavailable") from error
        except SecretUnusable as error:
            raise PurgerUnavailable("secret_unusable") from error
        if answer.status == STILL_AT_IT:
            raise PurgerUnavailable("still_at_it")
        deleted = acknowledged(answer.body, wanted)
        # Its own count, of all tries: it replaces what an earlier answer said.
        yield replace(progress, deleted=deleted, clean=True)

    def plan(self, wanted: Erasure, most: int) -> Planned:
        """It is never asked what it would do: whoever reads that request carelessly would do it."""
        return Planned(counts=None)


def acknowledged(body: bytes, wanted: Erasure) -> dict[str, int]:
    """How much was deleted, by kind. Raises PurgerUnavailable for everything that does not say so."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise PurgerUnavailable("answer_unreadable") from None
    if not isinstance(said, dict) or said.get("purge_id") != wanted.id:
        raise PurgerUnavailable("not_acknowledged")
    deleted = said.get("deleted")
    if not isinstance(deleted, dict) or len(deleted) > MOST_KINDS or not _are_counts(deleted):
        raise PurgerUnavailable("answer_without_counts")
    return dict(sorted(deleted.items()))


def _are_counts(deleted: Mapping[str, Any]) -> bool:
    """Kinds are short words: a certificate holds no content, whatever is answered."""
    return all(
        0 < len(kind) <= LONGEST_KIND
        and kind.replace("_", "").isalnum()
        and kind.isascii()
        and type(count) is int
        and 0 <= count < 10**15
        for kind, count in deleted.items()
    )


def _body(wanted: Erasure, now: datetime) -> bytes:
    data = {
        "account_id": wanted.account_id,
        "purge_id": wanted.id,
        "before": rfc3339(wanted.before),
    }
    said = {"type": TYPE, "timestamp": rfc3339(now), "data": data}
    return json.dumps(said, separators=(",", ":")).encode()
