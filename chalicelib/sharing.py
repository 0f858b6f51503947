"""More is due than one run does in its time: what a shard of the index holds is shared out among runs of the same function.

A share only says where to look. Whoever takes one reads the index anew, and every step is claimed, or saved on a
condition, as ever; a walk's part has its own place-mark. So a share that is lost, doubled or late costs nothing but
time: what is not done stays due, and the next run of the schedule shares it out again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib import log
from chalicelib.domain.moments import from_rfc3339, rfc3339
from chalicelib.store import keys
from chalicelib.store.table import Due

PARTS = 4
"""Of one shard: with sixteen shards, up to 64 runs may do one kind together."""
TURN = timedelta(minutes=5)
"""How often the schedule comes by. Within one turn the same share is given only once."""


class NotShared(Exception):
    """The queue did not take it: whoever asked does the work alone."""


class Unreadable(Exception):
    """This is no share of ours."""


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a shard's due steps that one run is to do: the accounts that fall to it, all steps of each. Or the
    shard of all accounts that one run is to walk over."""

    kind: str
    shard: int
    part: int = 0
    parts: int = 1
    run: str = ""
    """Of which walk, where it is one's."""

    def holds(self, due: Due) -> bool:
        return keys.part(due.key, self.parts) == self.part

    @property
    def name(self) -> str:
        name = f"{self.kind}:{self.shard}:{self.part}of{self.parts}"
        return f"{name}:{self.run}" if self.run else name

    def text(self) -> str:
        return json.dumps({name: said for name, said in asdict(self).items() if said != ""})


def read(text: str) -> Share:
    """Raises Unreadable."""
    try:
        said = json.loads(text)
        shard, part, parts = (int(said[name]) for name in ("shard", "part", "parts"))
        share = Share(str(said["kind"]), shard, part, parts, str(said.get("run", "")))
    except (ValueError, TypeError, KeyError) as error:
        raise Unreadable("no share") from error
    if not (share.shard >= 0 and 0 <= share.part < share.parts):
        raise Unreadable("no share")
    return share


class Shares(Protocol):
    """Where shares wait for whoever takes them."""

    def put(self, shares: Sequence[Share], turn: str) -> None:
        """Of two equal ones within a turn, one is enough. Raises NotShared when not all of them were taken."""
        ...


class Reach:
    """How far one run goes: through everything that is due, giving away shards that hold too much if it has somebody to
    give to; or through the one share that it was given."""

    def __init__(self, shares: Shares | None = None, share: Share | None = None) -> None:
        self._shares = shares
        self.share = share
        self._given_away: set[tuple[str, int]] = set()

    def shards(self, kind: str, count: int) -> Iterator[int]:
        for shard in range(count) if self.share is None else (self.share.shard,):
            if (kind, shard) not in self._given_away:
                yield shard

    def read_at_once(self, page: int) -> int:
        """As many keys as make a page of what is ours."""
        return page if self.share is None else page * self.share.parts

    def ours(self, due: Sequence[Due]) -> list[Due]:
        share = self.share
        return [one for one in due if share is None or share.holds(one)]

    @property
    def may_give(self) -> bool:
        """Whether there is somebody to give to."""
        return self._shares is not None

    def gives(self, shares: Sequence[Share], now: datetime) -> bool:
        """Whether others do this."""
        if self._shares is None:
            return False
        try:
            self._shares.put(shares, turn=rfc3339(_turn(now)))
        except NotShared as error:
            log.problem("not_shared_out", error, kind=shares[0].kind, shard=shares[0].shard)
            return False
        return True

    def gives_away(self, kind: str, shard: int, oldest: str, now: datetime) -> bool:
        """Whether others do this shard, of which the oldest step has been due since then."""
        if not self.gives([Share(kind, shard, part, PARTS) for part in range(PARTS)], now):
            return False
        self._given_away.add((kind, shard))
        overdue = int((now - from_rfc3339(oldest)).total_seconds())
        log.event("shared_out", kind=kind, shard=shard, overdue_seconds=overdue)
        return True


def _turn(now: datetime) -> datetime:
    return now - (now - now.replace(hour=0, minute=0, second=0, microsecond=0)) % TURN
