"""M1-10: a deadline of a case is near, or has passed: said once each, by an event that operators are alarmed with."""

from __future__ import annotations

from chalicelib import log
from chalicelib.domain.case_facts import CaseClockRan
from chalicelib.domain.open_cases import due_alarms
from chalicelib.effects.effect import Done, Task
from chalicelib.lifecycle import settle
from chalicelib.store import cases


def case_clock(task: Task) -> Done:
    world, case_id = task.world, task.step.subject or ""
    case = cases.load(world.table, task.account_id, case_id)
    if case is None:
        return Done()
    policy, now = world.policies.get(task.loaded.account.policy), world.clock.now()
    # Named after the version: a case that is extended twice has its clock speak again at the same instant.
    id = f"{task.step.id}:{task.loaded.version}"
    telling = settle(world, task.loaded, CaseClockRan(case=case), id=id, by="sweep")
    for alarm in due_alarms(case, policy, now):
        log.event(f"case_{alarm.what}", account=task.account_id, case=case.id, about=alarm.about)
    return Done(loaded=telling.loaded)
