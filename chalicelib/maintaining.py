"""M1-13: work on the systems is announced, moved, withdrawn; and every account that it concerns is told.

The announcement and what each policy's accounts are told of it are saved in one transaction. From then on whoever loads
an account tells it first (`lifecycle.load`); a walk over all accounts tells the rest, and a second one, after the work,
those that came while it was announced. Each account is told once, under the window's own id and revision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any

from chalicelib import lifecycle, log, walking
from chalicelib.domain.appeals import own_days_off
from chalicelib.domain.business_days import local_day
from chalicelib.domain.maintenance import (
    EARLIEST,
    LONGEST,
    Window,
    business_days_of,
    extends_access,
    said_to,
)
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.policy import Policy
from chalicelib.domain.worked_days import days_between
from chalicelib.effects.effect import OutOfTime
from chalicelib.gateways.calendars import NoCalendar, public_holidays
from chalicelib.sharing import Reach
from chalicelib.store import accounts, maintenance, walks
from chalicelib.store.maintenance import Overtaken
from chalicelib.store.table import Action, Contended, StoreError, Unavailable
from chalicelib.store.walks import Walk
from chalicelib.sweeping import Report
from chalicelib.visiting import Walked
from chalicelib.wiring import World

JOB = "tell_of_maintenance"
DUE = walks.due_kind(JOB)
AT_ONCE = 50
"""So many accounts are told before the announcement is answered; the job tells the rest."""
NEWCOMERS_AFTER = timedelta(hours=1)
"""So long after the work, those that came meanwhile have found their way into the directory."""
ATTEMPTS = 8
NEVER_GIVEN_UP = 1_000_000
"""A promise is not given up: an account that cannot be told is tried again, and its walk is not complete."""


class UnknownWindow(Exception):
    """There is no such window."""


class NotAWindow(Exception):
    """It cannot be announced as it is: `field` is what is wrong with it, in a sentence."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an operator says of a window. None leaves it as it is, or as it is by default."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    kind: str | None = None
    reason: str | None = None
    policies: tuple[str, ...] | None = None
    withdrawn: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """What an operator should know of it, although it is done as they say."""

    code: str
    policy: str | None
    detail: str


# -- what an operator asks for


def announced(world: World, asked: Asked, by: str) -> Window:
    """The window as it would be announced. Raises NotAWindow."""
    now, given = world.clock.now(), {"policies": promising(world), **_given(asked)}
    for field in ("starts_at", "ends_at", "kind", "reason"):
        if field not in given:
            raise NotAWindow(field, f"A window needs {field}.")
    window = Window(
        **given,
        # Short, because accounts remember it, and the newest sorts last.
        id=f"mw{int(now.timestamp()):08x}{world.new_id()[:8]}",
        announced_at=now,
        announced_by=by,
        changed_at=now,
        changed_by=by,
    )
    return _judged(world, window)


def changed(world: World, known: Window, asked: Asked, by: str) -> Window:
    """The window as it would be; the same as it was when nothing is different. Raises NotAWindow."""
    given = _given(asked)
    if replace(known, **given) == known:
        return known
    now = world.clock.now()
    window = replace(known, **given, revision=known.revision + 1, changed_at=now, changed_by=by)
    if known.ends_at + EARLIEST <= now:
        raise NotAWindow("ends_at", "This window ended more than a year ago: it stays as it is.")
    return _judged(world, window)


def _given(asked: Asked) -> dict[str, Any]:
    named = {field.name: getattr(asked, field.name) for field in fields(asked)}
    return {name: value for name, value in named.items() if value is not None}


def promising(world: World) -> tuple[str, ...]:
    """The policies that promise an extension for work on the systems."""
    policies = world.policies
    return tuple(name for name in policies.names() if extends_access(policies.get(name)))


def _judged(world: World, window: Window) -> Window:
    if window.ends_at <= window.starts_at:
        raise NotAWindow("ends_at", "It must end after it starts.")
    if window.ends_at - window.starts_at > LONGEST:
        raise NotAWindow("ends_at", f"It may last {LONGEST.days} days: record several instead.")
    if window.ends_at + EARLIEST <= world.clock.now():
        raise NotAWindow("ends_at", "It ended more than a year ago: nothing follows from it.")
    if window.starts_at > world.clock.now() + EARLIEST:
        raise NotAWindow("starts_at", "It starts more than a year from now.")
    unknown = [name for name in window.policies if name not in world.policies.names()]
    if unknown or not window.policies:
        known = ", ".join(world.policies.names())
        raise NotAWindow("policies", f"Name policies that there are: {known}.")
    return replace(window, policies=tuple(dict.fromkeys(window.policies)))


def cautions(world: World, window: Window) -> list[Caution]:
    """What is told to the operator, and on record: it is done all the same, and extends access all the same."""
    found = []
    for name in window.policies:
        policy = world.policies.get(name)
        rules = policy.maintenance
        if rules is None or not rules.extends_access:
            detail = f"{name} promises no extension: its customers are told, and nothing moves."
            found.append(Caution(code="extends_nothing", policy=name, detail=detail))
        if rules is None:
            continue
        days = days_between(window.starts_at, window.ends_at, policy.time_zone)
        takes = business_days_of(days, _days_off(policy, window))
        if takes > rules.longest_business_days:
            detail = (
                f"It takes {takes} business days; {name} promises"
                f" no more than {rules.longest_business_days}."
            )
            found.append(Caution(code="longer_than_promised", policy=name, detail=detail))
    return found


def days_of(world: World, window: Window, policy: str) -> tuple[date, ...]:
    """The calendar days it touches in the policy's zone."""
    zone = world.policies.get(policy).time_zone
    days = days_between(window.starts_at, window.ends_at, zone)
    return tuple(date.fromordinal(worked.day) for worked in days)


def _days_off(policy: Policy, window: Window) -> frozenset[date]:
    rules = policy.appeals
    if rules is None:
        return frozenset()
    off = own_days_off(rules)
    if rules.holiday_country is None:
        return off
    years = {local_day(at, policy.time_zone).year for at in (window.starts_at, window.ends_at)}
    try:
        for year in years:
            off |= public_holidays(rules.holiday_country, rules.holiday_subdivision, year)
    except NoCalendar as error:
        log.problem("no_calendar", error, policy=policy.name)
    return off


# -- saving it


def save(world: World, window: Window) -> Walk:
    """Saves the window as it is now, and begins to tell. Raises Overtaken when somebody else changed it since."""
    for _ in range(ATTEMPTS):
        try:
            return _save(world, window)
        except Overtaken:
            saved = maintenance.window(world.table, window.id)
            if saved == window:
                # The answer to our own write was lost.
                return walk_of(window)
            if (saved.revision if saved else 0) != window.revision - 1:
                raise
        except Contended:
            continue
        except Unavailable:
            if maintenance.window(world.table, window.id) != window:
                raise
            return walk_of(window)
    raise Unavailable(f"other windows changed {ATTEMPTS} times while {window.id} was being saved")


def _save(world: World, window: Window) -> Walk:
    table, shards, walk = world.table, world.settings.due_shards, walk_of(window)
    before = maintenance.window(table, window.id)
    concerned = dict.fromkeys([*window.policies, *(before.policies if before else ())])
    told = [
        (maintenance.work_of(table, name), said_to(world.policies.get(name), window))
        for name in concerned
    ]
    also: list[Action] = [walks.beginning(walk, window.changed_at, shards)]
    if window.ends_at > window.changed_at and not window.withdrawn:
        again = replace(walk, run=f"{walk.run}~after")
        also.append(walks.beginning(again, window.ends_at + NEWCOMERS_AFTER, shards))
    maintenance.save(table, window, told, window.changed_at, also)
    for one in cautions(world, window):
        log.event("maintenance_caution", window=window.id, code=one.code, policy=one.policy)
    return walk


def walk_of(window: Window) -> Walk:
    """The walk that tells of it as it stands now."""
    return Walk(
        job=JOB,
        run=f"{rfc3339(window.changed_at)}~{window.id}.{window.revision}",
        began_at=window.changed_at,
        note={"window": window.id, "revision": str(window.revision)},
    )


def begin_to_tell(world: World, walk: Walk) -> Walk:
    """Tells the first accounts at once. Whatever goes wrong here, the job goes on with it."""
    left = iter(range(AT_ONCE))
    try:
        return walking.go_on(
            world,
            walk,
            lambda account_id: tell(world, account_id),
            lambda: next(left, None) is None,
            most_tries=NEVER_GIVEN_UP,
        ).walk
    except StoreError as error:
        log.problem("telling_interrupted", error, run=walk.run)
        return walk


# -- what the schedule calls


def tell_all(
    world: World, out_of_time: OutOfTime = lambda: False, reach: Reach | None = None
) -> Report | Walked | None:
    """Goes on with every walk that has accounts left to tell."""
    return walking.go_on_with_due(
        world,
        JOB,
        lambda account_id: tell(world, account_id),
        out_of_time,
        reach,
        most_tries=NEVER_GIVEN_UP,
    )


def tell(world: World, account_id: str) -> str:
    """Tells one account of every window it has not heard of, also where its policy promises no extension."""

    def once() -> str:
        loaded = accounts.load(world.table, account_id)
        if loaded is None:
            return "gone"
        after = lifecycle.tell_of_work(world, loaded)
        return "told" if after.last != loaded.last else "nothing new"

    return lifecycle.again_while_stale(once)


def windows_shown(
    world: World, *, limit: int, after: str | None
) -> tuple[Sequence[Window], str | None]:
    return maintenance.windows(world.table, limit=limit, after=after)


def must_know(world: World, window_id: str) -> Window:
    """Raises UnknownWindow."""
    found = maintenance.window(world.table, window_id)
    if found is None:
        raise UnknownWindow(window_id)
    return found
