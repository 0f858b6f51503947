"""A Stripe account for the local stack and for tests: the API, its hosted pages, its webhooks.

Standard library only. It is written from public facts about Stripe's API and holds no more of it
than this project uses; nothing here is deployed.
"""

from .api import Response
from .emulator import Emulator
from .errors import ControlError

__all__ = ["ControlError", "Emulator", "Response"]
