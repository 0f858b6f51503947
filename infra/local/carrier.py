"""The carrier of the local stack: rents numbers, keeps 10DLC registrations, and remembers every call.

It behaves as the outsider it stands for: the same key does nothing twice, what is gone counts as done, and
a call may fail, or be carried out and its answer lost, when `/_faults` says so.
"""

from threading import RLock
from typing import Any

from chalicelib.clock import Clock
from chalicelib.domain.moments import rfc3339
from chalicelib.gateways.carriers import CarrierError
from infra.local.faults import Faults
from infra.local.notebook import Notebook

NUMBERS, REGISTRATIONS = "carrier numbers", "carrier registrations"
GONE = {NUMBERS: "released", REGISTRATIONS: "lapsed"}
CALL = {NUMBERS: "release", REGISTRATIONS: "lapse"}

CODES = {
    "error": "internal_error",
    "throttle": "throttled",
    "timeout": "timeout",
    "answer_lost": "answer_lost",
}


class LocalCarrier:
    def __init__(self, notebook: Notebook, clock: Clock, faults: Faults) -> None:
        self._notebook = notebook
        self._clock = clock
        self._faults = faults
        # A record is read, changed and written back; two sweeps at once must not lose a call.
        self._lock = RLock()

    # -- what the app asks (gateways.carriers.Carrier)

    def release_number(self, e164: str, provider_id: str, *, key: str) -> None:
        self._give_back(NUMBERS, e164, key)

    def lapse_registration(self, registration_id: str, provider_id: str, *, key: str) -> None:
        self._give_back(REGISTRATIONS, registration_id, key)

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
            self._notebook.put(
                book, name, {**record, "status": "active", "provider_id": provider_id}
            )

    def _give_back(self, book: str, name: str, key: str) -> None:
        def failure(kind: str) -> CarrierError:
            # A call whose answer is lost was carried out, and is written down as that already.
            if kind != "answer_lost":
                self._write_down(book, name, key, kind)
            return CarrierError(CODES[kind])

        self._faults.around("carrier", lambda: self._end(book, name, key), failure)

    def _end(self, book: str, name: str, key: str) -> None:
        with self._lock:
            record = self._notebook.get(book, name) or {"calls": [], "status": "unknown"}
            if any(call["key"] == key and call["outcome"] == "done" for call in record["calls"]):
                self._write_down(book, name, key, "repeated")
            elif record["status"] != "active":
                self._write_down(book, name, key, "gone already")
            else:
                self._write_down(book, name, key, "done", status=GONE[book])

    def _write_down(self, book: str, name: str, key: str, outcome: str, **changes: str) -> None:
        with self._lock:
            # What was never rented here has no page to write on, and a call for it changes nothing.
            if record := self._notebook.get(book, name):
                at = rfc3339(self._clock.now())
                line = {"at": at, "call": CALL[book], "key": key, "outcome": outcome}
                calls = [*record["calls"], line]
                self._notebook.put(book, name, {**record, **changes, "calls": calls})

    def _holds(self, book: str, name: str) -> bool:
        def ask() -> bool:
            record = self._notebook.get(book, name)
            return record is not None and record["status"] == "active"

        return self._faults.around("carrier", ask, lambda kind: CarrierError(CODES[kind]))
