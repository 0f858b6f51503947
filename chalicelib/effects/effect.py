"""What every effect is given and gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.steps import Step
from chalicelib.store.accounts import Loaded
from chalicelib.wiring import World

OutOfTime = Callable[[], bool]


class NotYet(Exception):
    """It cannot be carried out now; it is tried again later. The reason is a code.

    `needs_person`: time alone will not help, so somebody is told at the first failure."""

    def __init__(self, reason: str, *, needs_person: bool = False) -> None:
        super().__init__(reason)
        self.needs_person = needs_person


@dataclass(frozen=True, slots=True)
class Task:
    """One step to carry out. `loaded` is the account for which it was found due; an effect has it as it is after Stripe
    was asked."""

    world: World
    loaded: Loaded
    step: Step
    out_of_time: OutOfTime = lambda: False

    @property
    def account_id(self) -> str:
        return self.loaded.account.id


@dataclass(frozen=True, slots=True)
class Done:
    """It is carried out. `result` goes into the history: counts and amounts, no content.

    `loaded` is the account as the effect left it, if it saved anything.
    """

    result: Mapping[str, object] = field(default_factory=dict)
    loaded: Loaded | None = None
    next_fee_at: datetime | None = None
    certificate: Mapping[str, object] | None = None


class Moot(Exception):
    """Nobody wants it any more, and by now it has gone from the timeline. Nothing is done or noted."""


class MoreToDo(Exception):
    """A page of it is done; the rest stays due and is done by the next run."""


Effect = Callable[[Task], Done]
