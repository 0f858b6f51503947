"""One story for each kind of sweep: how its step came to be due, and the sweep that is then interrupted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.domain import steps
from chalicelib.gateways.carriers import CarrierError
from chalicelib.store import parked
from chalicelib.sweeping import retry_all_parked, sweep
from chalicelib.wiring import World
from tests.support.stage import END, Stage

ONE, TWO, THREE = "+14155550101", "+14155550102", "+14155550103"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Story:
    kind: str
    prepare: Callable[[Stage], None]

    def sweep(self, world: World) -> None:
        if self.kind == parked.KIND:
            retry_all_parked(world)
        else:
            sweep(world, self.kind)


def _leaving(stage: Stage) -> None:
    """Numbers, a registration and messages, and renewal is off."""
    stage.account()
    stage.subscribe()
    for e164 in (ONE, TWO, THREE):
        stage.number(e164)
    stage.registration("brand-1")
    stage.registration("brand-2")
    stage.messages("m1", "m2", "m3")
    stage.cancel()


def _at_the_end(stage: Stage) -> None:
    _leaving(stage)
    stage.move(END)


def _later(days: int) -> Callable[[Stage], None]:
    def prepare(stage: Stage) -> None:
        _at_the_end(stage)
        # The day before, whoever is to be reminded is.
        for passed in sorted({0, 14, 30, days - 1}):
            if passed < days:
                stage.move(END + passed * DAY)
                stage.run_schedule()
        stage.move(END + days * DAY)

    return prepare


def _a_year_later(stage: Stage) -> None:
    _later(30)(stage)
    stage.run_schedule()
    stage.move(END.replace(year=END.year + 1) - DAY)
    stage.run_schedule()
    stage.move(stage.now + DAY)


def fees(stage: Stage, paid_days: int = 120) -> None:
    """Two months of three numbers at once: the job slept."""
    stage.account()
    stage.subscribe(days=paid_days)
    for days, e164 in enumerate((ONE, TWO, THREE)):
        stage.move(stage.now + days * DAY)
        stage.number(e164)
    stage.move(stage.now + 65 * DAY)


def _removed(stage: Stage) -> None:
    _leaving(stage)
    stage.ask_removal(ONE)
    stage.ask_removal(TWO)


def _withdrawn(stage: Stage) -> None:
    _leaving(stage)
    stage.ask_withdrawal("brand-1")


def _recovering(stage: Stage) -> None:
    """All numbers are released; the customer is back, and an operator wants one of them again."""
    _later(14)(stage)
    stage.run_schedule()
    stage.move(END + 15 * DAY)
    stage.subscribe("sub_2")
    stage.ask_recovery(ONE)
    stage.move(stage.now + timedelta(seconds=1))


class _CutShort:
    """Releases ONE and loses the answer; never hears of the others."""

    def __init__(self, carrier) -> None:
        self.carrier = carrier

    def release_number(self, e164: str, provider_id: str, *, key: str) -> None:
        if e164 == ONE:
            self.carrier.release_number(e164, provider_id, key=key)
        raise CarrierError("timeout")


class Down:
    """A carrier that answers nobody, and does nothing."""

    def __init__(self, carrier):
        self.carrier = carrier

    def release_number(self, e164, provider_id, *, key):
        raise CarrierError("timeout")

    def lapse_registration(self, registration_id, provider_id, *, key):
        raise CarrierError("timeout")


def _in_flight(stage: Stage) -> None:
    """The customer returned while three numbers were at the carrier, nobody knows with what result."""
    _at_the_end(stage)
    stage.run_schedule()
    stage.move(END + 14 * DAY)
    sweep(stage.process(carriers={"local": _CutShort(stage.carrier)}), steps.NUMBERS_RELEASED)
    stage.move(stage.now + timedelta(seconds=1))
    stage.subscribe("sub_2")
    stage.move(stage.now + timedelta(minutes=15))


def _parked(stage: Stage) -> None:
    """Stripe spoke before the account was there: of a subscription, its payment, its cancellation."""
    for event in (stage.subscribe(hear=False), stage.cancel(hear=False)):
        stage.deliver(event)
    stage.deliver(stage.truth.event("invoice.paid", stage.truth.thing("in_sub_1")))
    stage.account()
    stage.move(stage.now + timedelta(minutes=5))


STORIES = {
    story.kind: story
    for story in (
        Story(steps.ACCESS_ENDS, _at_the_end),
        Story(steps.MESSAGES_CREDITED, _at_the_end),
        Story(steps.NUMBER_FEE, fees),
        Story(steps.NUMBER_REMOVED, _removed),
        Story(steps.NUMBER_RECOVERED, _recovering),
        Story(steps.REGISTRATION_WITHDRAWN, _withdrawn),
        Story(steps.NUMBERS_RELEASED, _later(14)),
        Story(steps.REGISTRATIONS_LAPSE, _later(30)),
        Story(steps.DATA_PURGED, _a_year_later),
        Story(steps.CALL_SETTLED, _in_flight),
        Story(parked.KIND, _parked),
    )
}
