"""Who else keeps data of an account, and deletes it when its purge is due: one port for all of them (SC-10).

Each is told once what is to go, and tells before every deletion how far it will then have come. That is saved before
it goes on, so a run may die anywhere: nothing is left out, and nothing is counted twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from chalicelib.domain.erasure import Erasure, Progress

PLACE = "{account_id}"
ROWS, EVENTS, FILES = "lapse", "parked_events", "files"
OURS = (ROWS, EVENTS, FILES, "settings")
"""What we keep ourselves. Those of the settings have other names."""
_HARMLESS = re.compile(r"[A-Za-z0-9_@+=-](?:[A-Za-z0-9_.@+=-]*[A-Za-z0-9_@+=-])?")


class PurgerUnavailable(Exception):
    """It did not do it, or nobody knows whether it did: to be tried again. The message is a code."""


class Unnamable(PurgerUnavailable):
    """The account's id could reach another's data there. Nothing is deleted; a person has to look at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a purger would delete now."""

    counts: Mapping[str, int] | None
    """None: it can only be asked to do it."""
    newer: int = 0
    more: bool = False
    """There is more than was looked at."""


class Purger(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def policies(self) -> tuple[str, ...]:
        """Whose accounts it keeps something of. Empty: everybody's."""
        ...

    def erase(self, wanted: Erasure, progress: Progress) -> Iterator[Progress]:
        """Goes on from this progress. What it yields is saved before it goes on; the last one is the end of it, and
        has `clean` set. Raises PurgerUnavailable."""
        ...

    def plan(self, wanted: Erasure, most: int) -> Planned:
        """What it would delete, looking at so many things at most. Deletes nothing. Raises PurgerUnavailable."""
        ...


def named(template: str, account_id: str) -> str:
    """The place of an account's data. Raises Unnamable for an id that could mean another's: with `#`, `/` or `..` in
    it, or anything else that somewhere stands between the parts of a name."""
    if not _HARMLESS.fullmatch(account_id) or ".." in account_id:
        raise Unnamable("account_id_is_no_safe_name")
    return template.replace(PLACE, account_id)


@dataclass(frozen=True, slots=True)
class NobodyKnows:
    """Stands where the settings cannot be read: no purge is ever done while nobody knows who has to delete."""

    why: str
    name: str = "settings"
    policies: tuple[str, ...] = ()

    def erase(self, wanted: Erasure, progress: Progress) -> Iterator[Progress]:
        raise PurgerUnavailable(self.why)

    def plan(self, wanted: Erasure, most: int) -> Planned:
        raise PurgerUnavailable(self.why)


# -- for those who delete page by page


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what is there, in order. Whatever is still there at or before `through` was on this page or before."""

    going: Sequence[Any]
    counts: Mapping[str, int]
    through: str
    newer: int = 0


Pages = Callable[[str | None, str | None], Iterator[Page]]
"""(after, through) → what lies behind `after`, up to and with `through`."""


@dataclass(frozen=True, slots=True)
class PageByPage:
    pages: Pages
    delete: Callable[[Sequence[Any]], None]

    def erase(self, progress: Progress) -> Iterator[Progress]:
        if progress.counted != progress.erased:
            # A run died here: this much is counted, and perhaps not deleted.
            for page in self.pages(progress.erased, progress.counted):
                self.delete(page.going)
            progress = progress.erased_all_counted()
        while True:
            for page in self.pages(progress.erased, None):
                progress = progress.counting(page.counts, page.newer, page.through)
                yield progress
                if page.going:
                    self.delete(page.going)
                progress = progress.erased_all_counted()
            if progress.clean:
                yield progress
                return
            # Done is only who has looked again, from the beginning, and found nothing: something may have been
            # written behind our back.
            progress = progress.from_the_beginning()

    def plan(self, most: int) -> Planned:
        seen, found = 0, Progress(erasure_id="")
        for page in self.pages(None, None):
            if seen >= most:
                return replace(_planned(found), more=True)
            found = found.counting(page.counts, page.newer, page.through)
            seen += sum(page.counts.values()) + page.newer
        return _planned(found)


class GoesByPage:
    """A purger that says what its pages are, and leaves going through them to `PageByPage`."""

    __slots__ = ()

    def by_page(self, wanted: Erasure) -> PageByPage:
        raise NotImplementedError

    def erase(self, wanted: Erasure, progress: Progress) -> Iterator[Progress]:
        return self.by_page(wanted).erase(progress)

    def plan(self, wanted: Erasure, most: int) -> Planned:
        return self.by_page(wanted).plan(most)


def _planned(found: Progress) -> Planned:
    return Planned(counts=found.deleted, newer=found.newer)
