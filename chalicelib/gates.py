"""Every way out has a gate: a capability that is not on, or the kill switch, lets nothing through.

A world's ports are wrapped the moment it exists, so that no code path goes round a gate. The table below names every
method of every port: those that change something outside, with the capability they belong to, and those that only
look. A method that is in neither list does not work at all, and a test says so before anybody is surprised.

The kill switch is read when something is about to leave, at most once in READ_AGAIN seconds: never for what only
hears and looks, as the webhook does. If it cannot be read, it counts as on.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib import log
from chalicelib.domain.capabilities import (
    CANCEL,
    EVENTS,
    LAPSE,
    MAIL,
    OFF,
    ON,
    PURGE,
    REFUND,
    RELEASE,
    Mode,
    SwitchedOff,
    weakest,
)
from chalicelib.store import switches
from chalicelib.store.table import StoreError, Table

READ_AGAIN = 5.0
"""Seconds: so long after it was turned, a process that is running may still act."""

ASKED = "asked"
"""What somebody does at Stripe by themselves: a customer on its pages, an operator who sets it up. It is none of our
capabilities; only the kill switch stops it."""


@dataclass(frozen=True, slots=True)
class Port:
    gated: Mapping[str, str]
    """Method → the capability it belongs to."""
    looks: frozenset[str]
    """What changes nothing outside."""


PORTS: Mapping[str, Port] = {
    "stripe": Port(
        {
            "turn_renewal_off": CANCEL,
            "turn_renewal_on": CANCEL,
            "note": CANCEL,
            "set_collection": CANCEL,
            "end_now": REFUND,
            "pay_back": REFUND,
            "portal_session": ASKED,
            "checkout_session": ASKED,
            "create_endpoint": ASKED,
            "update_endpoint": ASKED,
            "delete_endpoint": ASKED,
            "create_price": ASKED,
            "create_portal_configuration": ASKED,
            "update_portal_configuration": ASKED,
        },
        frozenset({
            *("subscription", "subscriptions_of", "invoice", "invoice_status", "invoices_of"),
            *("every_invoice_of", "open_invoices", "payment_method", "checkout", "price"),
            *("charge", "charge_of_intent", "newest_period", "paid_by", "refund", "refunds_of"),
            *("dispute", "disputes_of", "open_disputes_of", "untaken_events_after", "first_untaken_events"),
            *("subscriptions_page", "customers_page", "paid_checkouts_page", "everything_of"),
            *("refunds_page", "disputes_page"),
            *("newest_paid_invoice", "price_named", "prices_of", "endpoints", "spoken_at"),
            # The doctor's table of calls that name nothing which exists: whether the key may, never that it does.
            *("portal_configurations", "try_out", "newest_events", "events_lately", "event"),
        }),
    ),
    "carriers": Port(
        {"release_number": RELEASE, "lapse_registration": LAPSE, "recover_number": RELEASE},
        frozenset({"holds_number", "holds_registration", "recoverable_for"}),
    ),
    "mail": Port({"send": MAIL}, frozenset()),
    "events": Port({"publish": EVENTS}, frozenset()),
    "endpoints": Port({"send": EVENTS}, frozenset({"host", "address", "since"})),
    # Exports are written where the account's own files lie; a link to one is for who asked for it.
    "files": Port(
        {"delete_prefix": PURGE}, frozenset({"write", "names", "read", "link", "at_hand"})
    ),
    "purgers": Port({"erase": PURGE}, frozenset({"name", "policies", "plan"})),
    "roles": Port({}, frozenset({"of"})),
}  # fmt: skip
"""World's field → its methods. Of `carriers` and `endpoints`, mappings, and `purgers`, each one is such a port."""


class Ungated(AttributeError):
    """Nobody has said yet what this method does to the outside: it has to be in PORTS first."""


class Gate:
    """How every capability stands at this moment."""

    def __init__(self, modes: Mapping[str, Mode], table: Table) -> None:
        self._modes = modes
        self._table = table
        self._killed = False
        self._read_at: float | None = None

    def mode(self, capabilities: Iterable[str]) -> Mode:
        """The weakest of them; all of them are off while the kill switch is on. None needed is always on."""
        needed = tuple(capabilities)
        if not needed:
            return ON
        said = weakest(self.said(one) for one in needed)
        return OFF if said != OFF and self.is_killed() else said

    def is_on(self, capability: str) -> bool:
        return self.mode((capability,)) == ON

    def said(self, capability: str) -> Mode:
        """What the settings say, whatever the kill switch does."""
        return self._modes.get(capability, ON)

    def must_be_open(self, capability: str) -> None:
        """Raises SwitchedOff."""
        if self.said(capability) != ON:
            raise SwitchedOff(capability, self.said(capability))
        if self.is_killed():
            raise SwitchedOff(capability, OFF, killed=True)

    def is_killed(self) -> bool:
        now = time.monotonic()
        if self._read_at is None or now - self._read_at >= READ_AGAIN:
            self._killed = self._read()
            self._read_at = now
        return self._killed

    def forget(self) -> None:
        """It was turned here: what this process knows of it is old."""
        self._read_at = None

    def _read(self) -> bool:
        try:
            standing = switches.kill_switch(self._table)
        except StoreError as error:
            # Fail shut: nothing leaves while nobody can say whether it may. It is all done later.
            log.problem("kill_switch_unread", error)
            return True
        return standing is not None and standing.on


class Gated:
    """A port behind its gate."""

    __slots__ = ("_gate", "_name", "inner")

    def __init__(self, name: str, inner: Any, gate: Gate) -> None:
        self._name = name
        self.inner = inner
        self._gate = gate

    def __getattr__(self, method: str) -> Any:
        port = PORTS[self._name]
        if method in port.looks:
            return getattr(self.inner, method)
        capability = port.gated.get(method)
        if capability is None:
            raise Ungated(f"{method} of {self._name} has no gate: say in gates.PORTS what it does")
        act, gate = getattr(self.inner, method), self._gate

        def through(*args: Any, **named: Any) -> Any:
            gate.must_be_open(capability)
            done = act(*args, **named)
            return _while_open(done, gate, capability) if isinstance(done, Iterator) else done

        return through


def _while_open(acting: Iterator[Any], gate: Gate, capability: str) -> Iterator[Any]:
    """What acts piece by piece (a purge, page by page) is judged again before each piece."""
    for piece in acting:
        yield piece
        gate.must_be_open(capability)


class _AllGated(Mapping[str, Any]):
    """Ports by name, each still made only when it is first asked for."""

    def __init__(self, name: str, ports: Mapping[str, Any], gate: Gate) -> None:
        self._name = name
        self.inner = ports
        self._gate = gate

    def __getitem__(self, key: str) -> Any:
        return behind(self._name, self.inner[key], self._gate)

    def __contains__(self, key: object) -> bool:
        return key in self.inner

    def __iter__(self) -> Iterator[str]:
        return iter(self.inner)

    def __len__(self) -> int:
        return len(self.inner)


def behind(name: str, port: Any, gate: Gate) -> Any:
    """The port, or each of several, behind this gate and behind no other."""
    match port:
        case None:
            return None
        case Gated() | _AllGated():
            return behind(name, port.inner, gate)
        case tuple():
            return tuple(behind(name, one, gate) for one in port)
        case Mapping():
            return _AllGated(name, port, gate)
        case _:
            return Gated(name, port, gate)
