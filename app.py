"""Registers the routes and declares the scheduled functions and the stream's; nothing else.

Scheduled functions are declared here and not in a blueprint: Lambda imports the module a handler is named after, and
a handler in `chalicelib` would never load this file.
"""

from collections.abc import Callable
from typing import Any

from chalice.app import Chalice, CloudWatchEvent, DynamoDBEvent

from chalicelib import wiring
from chalicelib.handlers import failing, from_eventbridge, jobs, stream
from chalicelib.handlers.doors import api
from chalicelib.handlers.jobs import SCHEDULE, Job

app = Chalice(app_name="lapse")
app.register_blueprint(api)


def _scheduled(job: Job) -> Callable[[Any, Any], Any]:
    def run(event: CloudWatchEvent) -> str:
        context: Any = event.context
        with failing.plainly(job.name):
            return jobs.run(job.name, context.get_remaining_time_in_millis)

    # Lambda finds a function by this name in this module.
    run.__name__ = job.name
    declare: Any = app.schedule(job.rate, name=job.name.replace("_", "-"))
    by_schedule: Callable[[Any, Any], Any] = declare(run)

    def entry(event: Any, context: Any) -> Any:
        # The same function, with the same rights, takes shares of its work out of its queue (see the template).
        if "Records" not in event:
            return by_schedule(event, context)
        return jobs.take_shares(job.name, event["Records"], context.get_remaining_time_in_millis)

    return entry if job.shares_out else by_schedule


def _of_stream(
    name: str, act: Callable[..., dict[str, list[dict[str, str]]]]
) -> Callable[..., Any]:
    def run(event: DynamoDBEvent) -> dict[str, list[dict[str, str]]]:
        context: Any = event.context
        records: list[dict[str, Any]] = event.to_dict()["Records"]
        with failing.plainly(name):
            return act(
                wiring.world(),
                records,
                lambda: context.get_remaining_time_in_millis() < jobs.SPARE_MILLISECONDS,
            )

    # Lambda finds a function by this name in this module.
    run.__name__ = name
    # Which stream it is, and that only new history entries come through it, stands in the deployed template.
    declare: Any = app.on_dynamodb_record(
        stream_arn="arn:aws:dynamodb:us-east-1:000000000000:table/lapse/stream/of-the-template",
        name=name.replace("_", "-"),
        starting_position="TRIM_HORIZON",
    )
    return declare(run)  # type: ignore[no-any-return]


# Two readers of one stream: an HTTP endpoint that keeps us waiting holds up neither the bus nor the mail.
publish_history = _of_stream("publish_history", stream.receive)
send_history = _of_stream("send_history", stream.send)


# Which event bus the rule lies on stands in the deployed template; without one nothing ever comes here.
@app.on_cw_event(
    {"source": [{"prefix": f"{from_eventbridge.PARTNER}/"}]}, name="hear-stripe-eventbridge"
)
def hear_stripe_eventbridge(event: CloudWatchEvent) -> dict[str, str]:
    with failing.plainly("hear_stripe_eventbridge"):
        return {"outcome": from_eventbridge.receive(wiring.world(), event.to_dict())}


globals().update({job.name: _scheduled(job) for job in SCHEDULE})
