"""Carriers: who the phone numbers are rented from, and where 10DLC registrations are kept.

A call may be made twice under the same key. What the carrier does not know any more counts as done: a number that
is gone was released.
"""

from typing import Protocol


class CarrierError(Exception):
    """The carrier did not do it. `retryable`: trying later may help."""

    def __init__(self, code: str, *, retryable: bool = True) -> None:
        super().__init__(code)
        self.code = code
        self.retryable = retryable


class Carrier(Protocol):
    def release_number(self, e164: str, provider_id: str, *, key: str) -> None:
        """Gives the number back. Done already counts as done. Raises CarrierError."""
        ...

    def holds_number(self, e164: str, provider_id: str) -> bool:
        """Whether the number is still rented. Raises CarrierError."""
        ...

    def lapse_registration(self, registration_id: str, provider_id: str, *, key: str) -> None:
        """Ends the registration. Done already counts as done. Raises CarrierError."""
        ...

    def holds_registration(self, registration_id: str, provider_id: str) -> bool: ...
