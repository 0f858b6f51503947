"""Carriers: who the phone numbers are rented from, and where 10DLC registrations are kept.

A call may be made twice under the same key. What the carrier does not know any more counts as done: a number that
is gone was released. Each carrier has a module of its own beside this one; which of them are set up is for `wiring`.
"""

from datetime import timedelta
from typing import Protocol


class CarrierError(Exception):
    """The carrier did not do it. `retryable`: trying later may help; otherwise a person has to look first.

    `code` is a short word for operators, without anything secret in it: docs/how-to/add-a-carrier.md lists them.
    """

    def __init__(self, code: str, *, retryable: bool = True) -> None:
        super().__init__(code)
        self.code = code
        self.retryable = retryable


class NotRecoverable(CarrierError):
    """The carrier does not give this number back: it never does, or its time is over, or somebody else has it."""

    def __init__(self) -> None:
        super().__init__("not_recoverable", retryable=False)


class Carrier(Protocol):
    @property
    def recoverable_for(self) -> timedelta | None:
        """For how long after its release a number can be had back; None where it never can."""
        ...

    def release_number(self, e164: str, provider_id: str, *, key: str) -> None:
        """Gives the number back. Done already counts as done. Raises CarrierError."""
        ...

    def holds_number(self, e164: str, provider_id: str) -> bool:
        """Whether the number is still rented. Raises CarrierError."""
        ...

    def recover_number(self, e164: str, provider_id: str, *, key: str) -> str:
        """Rents a released number again, and answers the id it has now. Rented already counts as done.

        Raises NotRecoverable and CarrierError."""
        ...

    def lapse_registration(self, registration_id: str, provider_id: str, *, key: str) -> None:
        """Ends the registration. Done already counts as done. Raises CarrierError."""
        ...

    def holds_registration(self, registration_id: str, provider_id: str) -> bool: ...
