"""The carrier of the local stack: rents numbers, keeps 10DLC registrations, and remembers every call.

It behaves as the outsider it stands for: the same key does nothing twice, what is gone counts as done, a released
number can be had back for ten days, and a call may fail, or be carried out and its answer lost, when `/_faults` says
so.
"""

from collections.abc import Callable
from datetime import timedelta
from threading import RLock
from typing import Any

from chalicelib.clock import Clock
from chalicelib.domain.moments import from_rfc3339, rfc3339
from chalicelib.gateways.carriers import CarrierError, NotRecoverable
from infra.local.faults import Faults
from infra.local.notebook import Notebook

NUMBERS, REGISTRATIONS = "carrier numbers", "carrier registrations"
GONE = {NUMBERS: "released", REGISTRATIONS: "lapsed"}

CODES = {
    "error": "internal_error",
    "throttle": "throttled",
    "timeout": "timeout",
    "answer_lost": "answer_lost",
}


class LocalCarrier:
    recoverable_for = timedelta(days=10)

    def __init__(self, notebook: Notebook, clock: Clock, faults: Faults) -> None:
        self._notebook = notebook
        self._clock = clock
        self._faults = faults
        # A record is read, changed and written back; two sweeps at once must not lose a call.
        self._lock = RLock()

    # -- what the app asks (gateways.carriers.Carrier)

    def release_number(self, e164: str, provider_id: str, *, key: str) -> None:
        self._ask_for(NUMBERS, e164, key, "release", self._end)

    def recover_number(self, e164: str, provider_id: str, *, key: str) -> str:
        self._ask_for(NUMBERS, e164, key, "recover", self._recover)
        return provider_id

    def lapse_registration(self, registration_id: str, provider_id: str, *, key: str) -> None:
        self._ask_for(REGISTRATIONS, registration_id, key, "lapse", self._end)

    def holds_number(self, e164: str, provider_id: str) -> bool:
        return self._holds(NUMBERS, e164)

    def holds_registration(self, registration_id: str, provider_id: str) -> bool:
        return self._holds(REGISTRATIONS, registration_id)

    # -- what happens at the carrier itself

    def rent_number(self, e164: str, provider_id: str) -> None:
        self._begin(NUMBERS, e164, provider_id)

    def register(self, registration_id: str, provider_id: str) -> None:
        self._begin(REGISTRATIONS, registration_id, provider_id)

    def view(self) -> dict[str, Any]:
        """What `/_carrier` shows."""
        return {
            "numbers": dict(self._notebook.read(NUMBERS)),
            "registrations": dict(self._notebook.read(REGISTRATIONS)),
        }

    def _begin(self, book: str, name: str, provider_id: str) -> None:
        with self._lock:
            record = self._notebook.get(book, name) or {"calls": []}
            record.pop("recoverable_until", None)
            self._notebook.put(
                book, name, {**record, "status": "active", "provider_id": provider_id}
            )

    def _ask_for(
        self, book: str, name: str, key: str, call: str, act: Callable[[str, str, str, str], None]
    ) -> None:
        def failure(kind: str) -> CarrierError:
            # A call whose answer is lost was carried out, and is written down as that already.
            if kind != "answer_lost":
                self._write_down(book, name, key, call, kind)
            return CarrierError(CODES[kind])

        self._faults.around("carrier", lambda: act(book, name, key, call), failure)

    def _end(self, book: str, name: str, key: str, call: str) -> None:
        with self._lock:
            record = self._record(book, name)
            if _was_done(record, call, key):
                self._write_down(book, name, key, call, "repeated")
            elif record["status"] != "active":
                self._write_down(book, name, key, call, "gone already")
            else:
                ended = {"status": GONE[book]}
                if book == NUMBERS:
                    until = self._clock.now() + self.recoverable_for
                    ended["recoverable_until"] = rfc3339(until)
                self._write_down(book, name, key, call, "done", **ended)

    def _recover(self, book: str, name: str, key: str, call: str) -> None:
        with self._lock:
            record = self._record(book, name)
            until = record.get("recoverable_until")
            if _was_done(record, call, key):
                self._write_down(book, name, key, call, "repeated")
            elif record["status"] == "active":
                self._write_down(book, name, key, call, "held already")
            elif until is None or self._clock.now() >= from_rfc3339(until):
                self._write_down(book, name, key, call, "not recoverable")
                raise NotRecoverable
            else:
                self._write_down(
                    book, name, key, call, "done", status="active", recoverable_until=None
                )

    def _record(self, book: str, name: str) -> dict[str, Any]:
        return self._notebook.get(book, name) or {"calls": [], "status": "unknown"}

    def _write_down(
        self, book: str, name: str, key: str, call: str, outcome: str, **changes: str | None
    ) -> None:
        with self._lock:
            # What was never rented here has no page to write on, and a call for it changes nothing.
            if record := self._notebook.get(book, name):
                at = rfc3339(self._clock.now())
                line = {"at": at, "call": call, "key": key, "outcome": outcome}
                after = {**record, **changes, "calls": [*record["calls"], line]}
                kept = {name: value for name, value in after.items() if value is not None}
                self._notebook.put(book, name, kept)

    def _holds(self, book: str, name: str) -> bool:
        def ask() -> bool:
            record = self._notebook.get(book, name)
            return record is not None and record["status"] == "active"

        return self._faults.around("carrier", ask, lambda kind: CarrierError(CODES[kind]))


def _was_done(record: dict[str, Any], call: str, key: str) -> bool:
    return any(
        (one["call"], one["key"], one["outcome"]) == (call, key, "done") for one in record["calls"]
    )
