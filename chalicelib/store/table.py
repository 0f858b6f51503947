"""The table: what every store must do, and the shape of every item in it.

One DynamoDB table holds everything. A row is a flat mapping; `doc` is a JSON document with the record
itself, and the few attributes beside it are those that a condition or an index reads.

    pk                      sk                        what
    A#<account>             account                   the account record: `version`, directory index,
                                                      `op` = its newest history entry; `doc` as `compact`
                                                      says it
    A#<account>             history#<fact id>         what happened; its key is the de-duplication,
                                                      and it names the entry before it
    A#<account>             published[#<way>]         how far its history has left along a way out (version);
                                                      due index while its next event waits
    A#<account>             notice#<version>#<n>      what a customer is told; due index until it is mailed (TTL)
    A#<account>             confirmation#<fact id>    proof that a cancellation was confirmed by mail
    A#<account>             aside#<way>#<fact id>     an entry that cannot leave that way; directory index
    A#<account>             receipt                   where a purge's receipt goes, until it is sent
    A#<account>             purger#<name>             how far a purger has come (version); counts, no content
    A#<account>             certificate#<id>          proof of a purge, with its hash; outlives it
    A#<account>             step#<kind>[:<subject>]   one dated step; due index while it is pending
    A#<account>             number#<e164>             a phone number (state)
    A#<account>             registration#<id>         a 10DLC or sign-up registration (state)
    A#<account>             seat#<subscription>#<u>   a seat assigned to a user
    A#<account>             message#<id>              a scheduled message (state; TTL once it ended)
    A#<account>             wallet                    balances (version)
    A#<account>             entry#<seq>               a ledger entry, hash-chained
    A#<account>             cause#<cause>             proof that a business cause was booked once
    A#<account>             case#<id>                 a request, appeal or dispute; directory index by its
                                                      deadline while it is open, by its end once it is closed
    A#<account>             reply#<case>#<n>          a reply on it; never changed
    A#<account>             used#<day>                first and last use on a day (version)
    A#<account>             activity#<id>             proof that an activity was reported (TTL)
    A#<account>             preview#<id>              what a customer was shown (TTL tidies it up)
    A#<account>             page#<hash>               a one-time code for our page, or the session it began (TTL)
    A#<account>             evidence#<id>             who agreed to what; outlives the purge, without
                                                      what they wrote in their own words
    A#<account>             answer#<user>#<route>#<k> an Idempotency-Key's stored answer (TTL)
    A#<account>             shadow#<step>#<due>       what would have been done; directory index
    O#switches              kill_switch               whether anything may leave (version)
    O#switches              turned#<n>                who turned it, when and why
    C#<stripe customer>     customer                  which account it belongs to; never re-bound
    N#<e164>                number                    which account holds the live number
    E#<hash of an e-mail>   <account>                 which accounts it is the address of
    S#<subscription>        subscription              which account it belongs to
    K#<case>                case                      which account the case is of
    T#<what>#<who>          <day>                     how often somebody tried something that day (TTL)
    P#<customer or ->       parked#<event id>         an event we could not apply yet; due index
    M#windows               window#<id>               a maintenance window; its newest first (version)
    M#work                  <policy>                  what the accounts of a policy are told of all windows
                                                      that may still concern them (version)
    W#<job>                 walk#<run>                how far a walk over all accounts is (version); due index
                                                      until it ends (TTL)
    W#<job>                 part#<run>#<shard>        how far the part of a divided walk is (version) (TTL)
    W#<job>                 failed#<run>#<account>    an account it tries again (given_up#…: tries no more) (TTL);
                                                      of a part: failed#<run>/<shard>#<account>
    J#<job>                 <what>                    what a job remembers between its runs (version)

Index `due` (KEYS_ONLY): `due_kind` (= "<kind>#<shard>"), `due_at`. Sparse: calling a step off removes both.
Index `directory` (KEYS_ONLY): `dir_kind` (= "accounts#<shard>"), `dir_key`. Lists what an operator looks for.

Both indexes are eventually consistent and hold keys only: whoever reads one loads the row and decides by
the row. Nothing here scans.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Row = dict[str, Any]
"""Attributes of one item: pk, sk, doc (a JSON object), and any of ATTRIBUTES."""

TEXT_ATTRIBUTES = ("state", "due_kind", "due_at", "dir_kind", "dir_key", "claimed_until", "op")
NUMBER_ATTRIBUTES = ("version", "attempts", "expires_at")

MAX_ACTIONS = 100
MAX_TRANSACTION_BYTES = 4 * 1024 * 1024
MAX_ITEM_BYTES = 400 * 1024


@dataclass(frozen=True, slots=True)
class Key:
    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class If:
    """A condition on one row; all parts given must hold. The empty condition always holds.

    absent: the row must not exist. present: it must exist. equals: attribute = value (a missing
    attribute equals nothing; the value None means the attribute must be missing). before: the attribute is
    missing or less than the value.
    """

    absent: bool = False
    present: bool = False
    equals: Mapping[str, str | int | None] = field(default_factory=dict)
    before: Mapping[str, str | int] = field(default_factory=dict)


ALWAYS = If()


@dataclass(frozen=True, slots=True)
class Put:
    """Writes the whole row (attributes that are None are left out)."""

    row: Row
    condition: If = ALWAYS


@dataclass(frozen=True, slots=True)
class Update:
    """Sets and removes attributes, leaving those it does not name as they are.

    Creates the row when it is not there, as DynamoDB does, unless the condition forbids it. A `set` value of
    None removes the attribute. `doc` may be set as a whole.
    """

    key: Key
    set: Mapping[str, Any] = field(default_factory=dict)
    condition: If = ALWAYS


@dataclass(frozen=True, slots=True)
class Delete:
    key: Key
    condition: If = ALWAYS


@dataclass(frozen=True, slots=True)
class Check:
    """Only asserts the condition, inside a transaction."""

    key: Key
    condition: If


Action = Put | Update | Delete | Check


@dataclass(frozen=True, slots=True)
class Page:
    """A page of rows and where to go on: `after` is None when nothing is left.

    A page may be empty and still continue, and a full page continues even when nothing follows: DynamoDB
    stops at the limit without looking further.
    """

    rows: Sequence[Row]
    after: str | None


@dataclass(frozen=True, slots=True)
class Due:
    key: Key
    due_at: str


@dataclass(frozen=True, slots=True)
class DuePage:
    due: Sequence[Due]
    after: str | None


class StoreError(Exception):
    """Something went wrong at the table.

    What no table takes at all (an unknown attribute, a float, an empty key part, a row named twice, no
    actions) is a mistake of the caller's, and raises ValueError before anything is sent.
    """


class Refused(StoreError):
    """A condition did not hold. Nothing was written.

    `failed` holds, for each action in the order given, whether its condition failed.
    """

    def __init__(self, failed: Sequence[bool]) -> None:
        super().__init__(f"conditions failed at {[i for i, bad in enumerate(failed) if bad]}")
        self.failed = tuple(failed)


class Contended(StoreError):
    """Another transaction was in the way. Nothing was written: load again and decide again."""


class Unavailable(StoreError):
    """The table did not answer, or answered too late: what was written is unknown until it is read again."""


class TooLarge(StoreError):
    """The row or the transaction breaks a limit. Nothing was written."""


class Table(Protocol):
    """All reads by key and all queries of a partition are strongly consistent; the two indexes are not."""

    def get(self, key: Key) -> Row | None: ...

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Row]:
        """Any number of keys (asked for in pages); missing ones are left out."""
        ...

    def query(
        self,
        pk: str,
        prefix: str = "",
        *,
        limit: int = 100,
        after: str | None = None,
        newest_first: bool = False,
    ) -> Page:
        """Rows of one partition whose sk starts with prefix, in sk order. `after` is a page's `after`."""
        ...

    def due(
        self, due_kind: str, until: str, *, limit: int = 100, after: str | None = None
    ) -> DuePage:
        """Keys of rows with this due_kind and due_at <= until, earliest first."""
        ...

    def directory(
        self, dir_kind: str, prefix: str = "", *, limit: int = 100, after: str | None = None
    ) -> DuePage:
        """Keys of rows with this dir_kind whose dir_key starts with prefix, in dir_key order (given as
        due_at)."""
        ...

    def write(self, action: Action) -> None:
        """One action, outside a transaction (one write unit instead of two).

        For writes that may be done twice: after a lost answer the client's own retry reports Refused for a
        write that did happen.
        """
        ...

    def transact(self, actions: Sequence[Action]) -> None:
        """All or nothing, at most MAX_ACTIONS, each on another row.

        Raises Refused, Contended, TooLarge (nothing written) or Unavailable (unknown).
        """
        ...
