"""What a customer presses, told through a world whose every call may go wrong once, in every way there is."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from chalicelib import wiring
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.store.table import StoreError
from chalicelib.wiring import World
from tests.support.faults import Crash, FaultyTable, Plan, every_fault, faulty
from tests.support.goto import ACME
from tests.support.life import Life, consenting

ASKED = ("subscription", "subscriptions_of", "open_invoices", "payment_method", "invoices_of")
TOLD = ("turn_renewal_on", "turn_renewal_off", "note")


def through(life: Life, plan: Plan) -> World:
    """The same world, and every call to it may go wrong as planned."""
    return replace(
        life.world,
        table=FaultyTable(life.world.table, plan),
        stripe=faulty(
            life.world.stripe,
            plan,
            names=(*ASKED, *TOLD),
            reads=ASKED,
            unavailable=lambda: StripeUnavailable("as planned"),
        ),
    )


Prepare = Callable[[], tuple[Life, str]]
Story = Callable[[Life, str, World], None]


def each_fault(prepare: Prepare, story: Story):
    """The life after each interrupted telling, with its webhooks delivered; told once cleanly, to count the calls."""

    def clean(plan: Plan) -> None:
        life, webinar = prepare()
        story(life, webinar, through(life, plan))

    for plan in every_fault(clean):
        life, webinar = prepare()
        with suppress(Crash, StoreError):
            story(life, webinar, through(life, plan))
        assert plan.struck, plan
        wiring.use(life.world)
        life.deliver()
        yield life, webinar, f"{plan} at {plan.calls[min(plan.faults)].name}"


def pressing(life: Life, webinar: str, world: World) -> None:
    shown = life.preview(ACME, webinar).body
    wiring.use(world)
    path = f"/v1/subscriptions/{webinar}/cancellation"
    life.customer(ACME, "POST", path, consenting(shown))


def resuming(life: Life, webinar: str, world: World) -> None:
    wiring.use(world)
    life.resume(ACME, webinar)
