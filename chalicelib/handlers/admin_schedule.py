"""What is due next of everybody's, and how far each scheduled job is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chalicelib import overseeing
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.steps import KINDS
from chalicelib.handlers import cursors, shapes
from chalicelib.handlers.asking import instant, limit
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.jobs import JOBS, SCHEDULE, Job
from chalicelib.handlers.problems import invalid, not_found

FIRST = 20
"""So many of what a job is about to take up are named."""


def check_deadlines(call: Call[None]) -> None:
    kind = call.query.get("kind")
    if kind not in (None, *overseeing.OF_CASES, *KINDS):
        raise invalid("/kind", f"One of {', '.join((*overseeing.OF_CASES, *KINDS))}.")
    _until(call)
    _after(call)


def deadlines(call: Call[None]) -> Answer:
    """Soonest first. A page may be short, even empty, while more follows."""
    found, more = overseeing.deadlines_shown(
        call.world,
        until=_until(call),
        kind=call.query.get("kind"),
        limit=limit(call),
        after=_after(call),
    )
    return Answer(200, shapes.page(found, more and cursors.written(more)))


def _until(call: Call[None]) -> datetime | None:
    text = call.query.get("until")
    return None if text is None else instant(text[:40], "/until")


def _after(call: Call[None]) -> str | None:
    after = cursors.given_place(call)
    if after and (cursors.place(after) or "") > rfc3339(overseeing.last_try(_until(call))):
        raise cursors.wrong()
    return after


def jobs(call: Call[None]) -> Answer:
    return Answer(200, shapes.page([_job(call, job) for job in SCHEDULE], None))


def find_job(call: Call[Any]) -> None:
    if call.params["id"] not in JOBS:
        raise not_found("job")


def job(call: Call[None]) -> Answer:
    found = JOBS[call.params["id"]]
    first = overseeing.waiting(call.world, found.due_kinds, limit=FIRST)
    walks = overseeing.walks_shown(call.world, found.name, limit=FIRST)
    told = {name: tell(call.world) for name, tell in found.tells.items()}
    left = overseeing.findings_shown(call.world, found.name, limit=FIRST)
    return Answer(
        200, {**_job(call, found), "next": first, "walks": walks, "findings": left, **told}
    )


def _job(call: Call[None], job: Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "rate": job.rate,
        "says": job.says,
        "sweeps": list(job.due_kinds),
        "switched": overseeing.switched(call.world, job.due_kinds),
        "backlog": overseeing.backlog(call.world, job.due_kinds),
    }
