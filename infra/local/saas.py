"""The SaaS itself, as far as purges are concerned: what it keeps of each account, and what it was asked to delete.

It behaves as the endpoint it stands for: the same purge again gets the same answer, and a call may fail, or be carried
out and its answer lost, when `/_faults` says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from threading import RLock
from typing import Any

from chalicelib.clock import Clock
from chalicelib.domain.erasure import Erasure, Progress
from chalicelib.domain.moments import rfc3339
from chalicelib.gateways.purgers import Planned, PurgerUnavailable
from infra.local.faults import Faults
from infra.local.notebook import Notebook

KEPT, PURGES = "saas data", "saas purges"
MOST_KINDS = 20


class LocalSaas:
    name = "saas"
    policies: tuple[str, ...] = ()

    def __init__(self, notebook: Notebook, clock: Clock, faults: Faults) -> None:
        self._notebook, self._clock, self._faults = notebook, clock, faults
        self._lock = RLock()

    # -- what the app asks (gateways.purgers.Purger)

    def erase(self, wanted: Erasure, progress: Progress) -> Iterator[Progress]:
        deleted = self._faults.around("saas", lambda: self._delete(wanted), PurgerUnavailable)
        yield replace(progress, deleted=deleted, clean=True)

    def plan(self, wanted: Erasure, most: int) -> Planned:
        return Planned(counts=self._notebook.get(KEPT, wanted.account_id) or {})

    def _delete(self, wanted: Erasure) -> dict[str, int]:
        with self._lock:
            known = self._notebook.get(PURGES, wanted.id)
            if known is None:
                known = {
                    "at": rfc3339(self._clock.now()),
                    "account_id": wanted.account_id,
                    "purge_id": wanted.id,
                    "before": rfc3339(wanted.before),
                    "deleted": self._notebook.get(KEPT, wanted.account_id) or {},
                    "calls": 0,
                }
                self._notebook.put(KEPT, wanted.account_id, {})
            self._notebook.put(PURGES, wanted.id, {**known, "calls": known["calls"] + 1})
            deleted: dict[str, int] = known["deleted"]
            return deleted

    # -- what happens at the SaaS itself

    def put(self, wanted: Mapping[str, Any]) -> None:
        """Something it keeps of an account from now on. Raises ValueError with a sentence."""
        account, data = wanted.get("account_id"), wanted.get("data")
        if not isinstance(account, str) or not account:
            raise ValueError("account_id must be a text.")
        if not isinstance(data, dict) or len(data) > MOST_KINDS or not _are_counts(data):
            raise ValueError('data must be counts by kind, such as {"contacts": 3}.')
        with self._lock:
            self._notebook.put(KEPT, account, data)

    def view(self) -> dict[str, Any]:
        """What `/_saas` shows."""
        return {
            "data": {account: data for account, data in self._notebook.read(KEPT) if data},
            "purges": [purge for _, purge in self._notebook.read(PURGES)],
        }


def _are_counts(data: Mapping[str, Any]) -> bool:
    return all(type(count) is int and 0 <= count < 10**9 for count in data.values())
