"""Deletes an account's data wherever it is kept: our own rows, files and parked events, and what the SaaS keeps (SC-10).

Each purger goes on by itself from where it was, and none waits for another. How far each is, is a row of its own, saved
before every deletion. The purge is done when every one of them has passed everything and found nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib import exporting, log
from chalicelib.domain.account import Account
from chalicelib.domain.erasure import Erasure, Progress
from chalicelib.effects.effect import MoreToDo, OutOfTime
from chalicelib.gateways.files import Files, FilesUnavailable
from chalicelib.gateways.purgers import (
    EVENTS,
    FILES,
    ROWS,
    GoesByPage,
    Page,
    PageByPage,
    Planned,
    Purger,
    PurgerUnavailable,
)
from chalicelib.store import own_rows, parked, purges
from chalicelib.store.table import Key, Row, Table
from chalicelib.wiring import World


def purgers_of(world: World, account: Account) -> tuple[Purger, ...]:
    """Everybody who keeps something of this account."""
    ours: list[Purger] = [OurRows(world.table)]
    if account.stripe_customer_id is not None:
        ours.append(OurParkedEvents(world.table, account.stripe_customer_id))
    if world.files is not None:
        ours.append(OurFiles(world.files))
    theirs = [one for one in world.purgers if not one.policies or account.policy in one.policies]
    return (*ours, *theirs)


MOST_PLANNED = 10_000


@dataclass(frozen=True, slots=True)
class Erased:
    deleted: dict[str, dict[str, int]]
    newer: dict[str, int]
    last_at: datetime | None
    """When the last of them was done."""
    failed: dict[str, str]
    """Purger → why it is not done."""


def erase(
    world: World, wanted: Erasure, purgers: Sequence[Purger], out_of_time: OutOfTime
) -> Erased:
    """Raises MoreToDo when the time is up, and the table's errors."""
    found = Erased({}, {}, None, {})
    for purger in purgers:
        kept = purges.progress(world.table, wanted.account_id, purger.name, wanted.id)
        try:
            done = _erased_by(world, purger, wanted, kept, out_of_time)
        except PurgerUnavailable as error:
            # One that is down keeps nobody else from deleting.
            found.failed[purger.name] = str(error)
            continue
        found.deleted[purger.name] = dict(done.deleted)
        if done.newer:
            found.newer[purger.name] = done.newer
        if done.done_at is not None and (found.last_at is None or done.done_at > found.last_at):
            found = replace(found, last_at=done.done_at)
    return found


def _erased_by(
    world: World, purger: Purger, wanted: Erasure, kept: purges.Kept, out_of_time: OutOfTime
) -> Progress:
    if kept.progress.done_at is not None:
        return kept.progress
    try:
        for progress in purger.erase(wanted, kept.progress):
            # Before it goes on and deletes what it has counted.
            kept = purges.keep(world.table, wanted.account_id, purger.name, kept, progress)
            if out_of_time():
                raise MoreToDo
    except PurgerUnavailable as error:
        log.problem("purger_failed", error, purger=purger.name, account=wanted.account_id)
        purges.keep_failure(world.table, wanted.account_id, purger.name, kept, str(error))
        raise
    done = replace(kept.progress, done_at=world.clock.now())
    purges.keep(world.table, wanted.account_id, purger.name, kept, done)
    return done


# -- what we keep ourselves


@dataclass(frozen=True, slots=True)
class OurRows(GoesByPage):
    table: Table
    name: str = ROWS
    policies: tuple[str, ...] = ()

    def by_page(self, wanted: Erasure) -> PageByPage:
        def pages(after: str | None, through: str | None) -> Iterator[Page]:
            for rows, place in own_rows.pages(self.table, wanted, after, through):
                yield Page(rows, own_rows.counts(rows), place)

        def delete(rows: Sequence[Row]) -> None:
            own_rows.delete(self.table, wanted.account_id, rows)

        return PageByPage(pages, delete)


@dataclass(frozen=True, slots=True)
class OurParkedEvents(GoesByPage):
    """Events that could not be applied yet lie under their Stripe customer."""

    table: Table
    customer_id: str
    name: str = EVENTS
    policies: tuple[str, ...] = ()

    def by_page(self, wanted: Erasure) -> PageByPage:
        def pages(after: str | None, through: str | None) -> Iterator[Page]:
            for key, event in parked.of_customer(self.table, self.customer_id):
                if event.created <= wanted.before and (through is None or key.sk <= through):
                    yield Page([key], {"events": 1}, key.sk)

        def delete(keys: Sequence[Key]) -> None:
            for key in keys:
                parked.remove(self.table, key)

        return PageByPage(pages, delete)


@dataclass(frozen=True, slots=True)
class OurFiles:
    """Exports, and the documents that were in them."""

    files: Files
    name: str = FILES
    policies: tuple[str, ...] = ()

    def erase(self, wanted: Erasure, progress: Progress) -> Iterator[Progress]:
        try:
            if wanted.spares:
                # Nobody can tell how old a file is, and the customer is back: theirs are left alone.
                count = sum(1 for _ in self.files.names(exporting.home(wanted.account_id)))
                yield replace(progress, newer=count)
                return
            yield from self.by_page(wanted).erase(progress)
            # What no listing shows any more, such as old versions of what was replaced.
            self.files.delete_prefix(exporting.home(wanted.account_id))
        except FilesUnavailable as error:
            raise PurgerUnavailable("files_unavailable") from error

    def plan(self, wanted: Erasure, most: int) -> Planned:
        try:
            return self.by_page(wanted).plan(most)
        except FilesUnavailable as error:
            raise PurgerUnavailable("files_unavailable") from error

    def by_page(self, wanted: Erasure) -> PageByPage:
        """All at once: S3 deletes a thousand with one request."""
        home = exporting.home(wanted.account_id)

        def pages(after: str | None, through: str | None) -> Iterator[Page]:
            if count := sum(1 for _ in self.files.names(home)):
                yield Page([home], {"files": count}, home)

        def delete(homes: Sequence[str]) -> None:
            for one in homes:
                self.files.delete_prefix(one)

        return PageByPage(pages, delete)
