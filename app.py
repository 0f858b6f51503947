"""Registers the routes and declares the scheduled functions; nothing else.

Scheduled functions are declared here and not in a blueprint: Lambda imports the module a handler is named after, and
a handler in `chalicelib` would never load this file.
"""

from collections.abc import Callable
from typing import Any

from chalice.app import Chalice, CloudWatchEvent

from chalicelib.handlers import jobs
from chalicelib.handlers.jobs import SCHEDULE, Job
from chalicelib.handlers.routes import api

app = Chalice(app_name="lapse")
app.register_blueprint(api)


def _scheduled(job: Job) -> Callable[[Any, Any], Any]:
    def run(event: CloudWatchEvent) -> str:
        context: Any = event.context
        return jobs.run(job.name, context.get_remaining_time_in_millis)

    # Lambda finds a function by this name in this module.
    run.__name__ = job.name
    declare: Any = app.schedule(job.rate, name=job.name.replace("_", "-"))
    return declare(run)  # type: ignore[no-any-return]


globals().update({job.name: _scheduled(job) for job in SCHEDULE})
