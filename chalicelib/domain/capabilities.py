"""What Lapse does by itself, each with a switch of its own: `off`, `shadow` or `on`.

In `shadow` everything is worked out and recorded, and nothing leaves; in `off` it only stays due. What was due
meanwhile is done once it is on, with the same result as if it had merely been late. A switch changes no promise and no
date: access is judged by the clock whatever stands here, and Stripe is heard as ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from chalicelib.domain import notices, reminders, steps

Mode = Literal["off", "shadow", "on"]
OFF: Mode = "off"
SHADOW: Mode = "shadow"
ON: Mode = "on"
MODES: tuple[Mode, ...] = (OFF, SHADOW, ON)
"""The weakest first."""

CANCEL, EXPIRE, CREDIT, FEES = "cancel", "expire", "credit", "fees"
RELEASE, LAPSE, PURGE, REFUND = "release", "lapse", "purge", "refund"
MAIL, EVENTS = "mail", "events"

CAPABILITIES: Mapping[str, str] = {
    CANCEL: "turns renewal off and on at Stripe, and stops collecting what is not owed",
    EXPIRE: "records ends and empties their seats",
    CREDIT: "credits messages that can no longer be sent",
    FEES: "debits numbers' monthly fees from the wallet",
    RELEASE: "gives numbers back to their carriers, and gets them back",
    LAPSE: "lets registrations lapse, and withdraws them",
    PURGE: "deletes data and files for good",
    REFUND: "pays back and credits what was decided, and ends what it had paid for",
    MAIL: "sends mail to customers",
    EVENTS: "publishes domain events",
}
"""Everything that can be switched, and what it does."""


class SwitchedOff(Exception):
    """Nothing was done, because a switch says so: a capability that is not on, or the kill switch."""

    def __init__(self, capability: str, mode: Mode, *, killed: bool = False) -> None:
        super().__init__("kill_switch" if killed else f"{capability}_{mode}")
        self.capability = capability
        self.mode = mode
        self.killed = killed


class BadModes(ValueError):
    """The setting cannot be read. The message says what may stand there."""


_OF_STEPS: Mapping[str, str | None] = {
    steps.REFUND_PAID: REFUND,
    steps.APPEAL_CREDITED: REFUND,
    steps.PLAN_ENDED: REFUND,
    steps.RENEWAL_RESTORED: CANCEL,
    steps.RENEWAL_OFF: CANCEL,
    steps.COLLECTION_STOPPED: CANCEL,
    steps.COLLECTION_RESUMED: CANCEL,
    steps.ACCESS_ENDS: EXPIRE,
    steps.SEATS_UNASSIGNED: EXPIRE,
    steps.MESSAGES_CREDITED: CREDIT,
    steps.NUMBER_FEE: FEES,
    steps.NUMBER_REMOVED: RELEASE,
    steps.NUMBERS_RELEASED: RELEASE,
    steps.NUMBER_RECOVERED: RELEASE,
    steps.REGISTRATION_WITHDRAWN: LAPSE,
    steps.REGISTRATIONS_LAPSE: LAPSE,
    steps.EXPORT_EXPIRES: PURGE,
    steps.DATA_PURGED: PURGE,
    # Said by mail, and only while what it reminds of is going to happen.
    steps.REMINDER: MAIL,
    # These send nothing out and take nothing away: a clock that speaks to operators, a question to a carrier, a file
    # of the customer's own that somebody waits for.
    steps.CASE_CLOCK: None,
    steps.CALL_SETTLED: None,
    steps.EXPORT_MADE: None,
}

_OF_NOTICES: Mapping[str, str | None] = {
    notices.CANCELLATION_CONFIRMED: CANCEL,
    notices.RESUMED: CANCEL,
    notices.ENDED: EXPIRE,
    notices.CAME_BACK: EXPIRE,
    notices.NUMBERS_RELEASED: RELEASE,
    notices.REGISTRATIONS_LAPSED: LAPSE,
    notices.NUMBER_LOST: RELEASE,
    notices.NUMBER_RECOVERED: RELEASE,
    notices.REGISTRATION_LOST: LAPSE,
    notices.DATA_PURGED: PURGE,
    notices.PAYMENT_FAILED: None,
    notices.MAINTENANCE: None,
    notices.MAINTENANCE_RECORDED: None,
    notices.MAINTENANCE_MOVED: None,
    notices.MAINTENANCE_WITHDRAWN: None,
    notices.REMINDER: None,
}
"""Whoever keeps a capability in shadow beside an older system does not want its customers told twice."""


def of_kind(kind: str) -> str | None:
    """What a kind of step belongs to; None for what is never switched off. Raises KeyError for an unknown kind."""
    return _OF_STEPS[kind]


def of_step(step_id: str) -> tuple[str, ...]:
    """Everything that has to be on for this step."""
    kind, _, subject = step_id.partition(":")
    needed = [of_kind(kind)]
    if kind == steps.REMINDER:
        needed.append(of_kind(reminders.kind_reminded_of(subject)))
    return tuple(one for one in needed if one is not None)


def of_notice(kind: str, before: str | None) -> tuple[str, ...]:
    """Everything that has to be on for this mail. `before` is what a reminder reminds of."""
    owner = of_kind(before) if kind == notices.REMINDER and before else _OF_NOTICES.get(kind)
    return (MAIL,) if owner is None else (MAIL, owner)


def weakest(modes: Iterable[Mode]) -> Mode:
    return min(modes, key=MODES.index, default=ON)


def read_modes(text: str) -> dict[str, Mode]:
    """`shadow`, or `all=shadow, release=on`: later parts win; what is not named is on. Raises BadModes."""
    found: dict[str, Mode] = dict.fromkeys(CAPABILITIES, ON)
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, is_named, mode = (one.strip() for one in part.rpartition("="))
        if mode not in MODES:
            raise BadModes(f"{part!r}: a mode is one of {', '.join(MODES)}")
        if name == "all" or not is_named:
            found |= dict.fromkeys(CAPABILITIES, mode)
        elif name in CAPABILITIES:
            found[name] = mode
        else:
            raise BadModes(f"{part!r}: there is all, and {', '.join(CAPABILITIES)}")
    return found
