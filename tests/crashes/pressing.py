"""What a customer presses, told through a world whose every call may go wrong once, in every way there is."""

from collections.abc import Callable

from chalicelib import wiring
from chalicelib.wiring import World
from tests.crashes.again import broken_anywhere
from tests.crashes.lives import through, with_files_of_its_own
from tests.support.faults import Plan
from tests.support.goto import ACME
from tests.support.life import Life, consenting

Prepare = Callable[[], tuple[Life, str]]
Story = Callable[[Life, str, World], None]
Then = Callable[[Life, str, str], None]


def each_fault(prepare: Prepare, story: Story, then: Then) -> None:
    """`then` looks at the life after each interrupted telling, with its webhooks delivered; it says where that was."""
    life, webinar = prepare()

    def told(plan: Plan) -> None:
        with_files_of_its_own(life)
        story(life, webinar, through(life, plan))

    def looked_at(where: str) -> None:
        wiring.use(life.world)
        life.deliver()
        then(life, webinar, where)

    broken_anywhere(told, looked_at)


def pressing(life: Life, webinar: str, world: World) -> None:
    shown = life.preview(ACME, webinar).body
    wiring.use(world)
    path = f"/v1/subscriptions/{webinar}/cancellation"
    life.customer(ACME, "POST", path, consenting(shown))


def resuming(life: Life, webinar: str, world: World) -> None:
    wiring.use(world)
    life.resume(ACME, webinar)
