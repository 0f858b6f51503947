"""Tombstones: what keeps erased people from coming back with a backup (SC-10).

Each purge leaves one outside of the table, before it is called done: whose it was, when, and the hash of its
certificate; nothing else. After a restore they are applied again, to our own data and to everybody else's, and only to
what is older than they are: what a customer did who came back after the purge stays theirs.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chalicelib import erasing, exporting
from chalicelib.domain.account import Account
from chalicelib.domain.erasure import FORMAT, Erasure, erasure_id
from chalicelib.domain.facts import PurgeReapplied, StripeSaysAll
from chalicelib.domain.moments import from_rfc3339, rfc3339
from chalicelib.effects.effect import OutOfTime
from chalicelib.gateways.files import Files
from chalicelib.gateways.purgers import Planned, Purger, PurgerUnavailable
from chalicelib.gateways.stripe import StripeRefused, StripeUnavailable
from chalicelib.gateways.stripe_reader import Unreadable
from chalicelib.lifecycle import again_while_stale, must_load, settle
from chalicelib.store import accounts, own_rows
from chalicelib.store.accounts import Loaded
from chalicelib.wiring import World

HOME = "tombstones/"
LARGEST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    account_id: str
    at: datetime
    """What was there at this moment was deleted."""
    certificate_sha256: str


class Illegible(Exception):
    """Nobody can read these tombstones."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = tuple(names)


def keep(files: Files, tombstone: Tombstone, purge_id: str) -> None:
    """Again under the same name, it replaces what was there. Raises FilesUnavailable."""
    said = {
        "format": FORMAT,
        "account_id": tombstone.account_id,
        "at": rfc3339(tombstone.at),
        "certificate_sha256": tombstone.certificate_sha256,
    }
    body = json.dumps(said, sort_keys=True).encode()
    files.write(f"{_home(tombstone.account_id)}{purge_id}.json", io.BytesIO(body))


def _home(account_id: str) -> str:
    return HOME + exporting.home(account_id).removeprefix("accounts/")


def sha256_of(files: Files, account_id: str, purge_id: str) -> str | None:
    """The hash that the tombstone of this purge names, if there is one that can be read. Raises FilesUnavailable."""
    name = f"{_home(account_id)}{purge_id}.json"
    try:
        return _read(files, name).certificate_sha256 if name in files.names(name) else None
    except ValueError:
        return None


def newest(files: Files, account_id: str | None = None) -> Iterator[Tombstone]:
    """Each account's newest: it covers what the earlier ones do. Raises FilesUnavailable; and Illegible, but only when
    all the others are told: one that nobody can read lets nobody else come back."""
    last: Tombstone | None = None
    illegible: list[str] = []
    # In the order of their names, so an account's lie beside each other.
    for name in files.names(HOME if account_id is None else _home(account_id)):
        try:
            found = _read(files, name)
        except ValueError:
            illegible.append(name)
            continue
        if last is not None and found.account_id != last.account_id:
            yield last
            last = None
        if last is None or found.at > last.at:
            last = found
    if last is not None:
        yield last
    if illegible:
        raise Illegible(illegible)


def _read(files: Files, name: str) -> Tombstone:
    """Raises FilesUnavailable, and ValueError for one that says nothing that could be applied."""
    said = json.loads(b"".join(files.read(name))[:LARGEST])
    try:
        account_id, at, sha256 = (said[one] for one in ("account_id", "at", "certificate_sha256"))
        if not (isinstance(account_id, str) and account_id and isinstance(sha256, str)):
            raise ValueError(name)
        return Tombstone(account_id=account_id, at=from_rfc3339(at), certificate_sha256=sha256)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(name) from error


# -- after a restore


@dataclass(frozen=True, slots=True, kw_only=True)
class Reapplied:
    account_id: str
    at: datetime
    deleted: Mapping[str, Mapping[str, int]]
    newer: Mapping[str, int]
    """What stays: it is newer, or nobody can tell and the customer has come back."""
    failed: Mapping[str, str]

    def shown(self) -> dict[str, Any]:
        return {
            "account_id": self.account_id,
            "at": rfc3339(self.at),
            "deleted": {name: dict(counts) for name, counts in self.deleted.items() if counts},
            "newer": dict(self.newer),
            "failed": dict(self.failed),
        }


def reapply(
    world: World, tombstone: Tombstone, out_of_time: OutOfTime = lambda: False, *, dry: bool = False
) -> Reapplied:
    """Deletes again what this tombstone covers. Done twice, it finds nothing more. Raises the table's errors."""
    loaded = accounts.load(world.table, tombstone.account_id)
    nothing = Reapplied(
        account_id=tombstone.account_id, at=tombstone.at, deleted={}, newer={}, failed={}
    )
    if (
        loaded is not None
        and loaded.account.purge_began_at is not None
        and _is_real(loaded, tombstone)
    ):
        # A later purge is under way, and deletes all of this by itself.
        return replace(nothing, failed={"lapse": "a_purge_is_under_way"})
    said, failed = _asked(world, loaded)
    wanted = Erasure(
        id=f"{erasure_id(tombstone.account_id, tombstone.at)}_{world.new_id()[:12]}",
        account_id=tombstone.account_id,
        before=tombstone.at,
        spares=bool(failed) or _is_back(loaded, said, tombstone.at),
        restored=True,
    )
    purgers = _purgers(world, loaded)
    if dry:
        return _planned(nothing, wanted, purgers)
    erased = erasing.erase(world, wanted, purgers, out_of_time)
    if loaded is not None:
        _forget(world, wanted, said)
    return replace(
        nothing,
        deleted=erased.deleted,
        newer=erased.newer,
        failed={**failed, **erased.failed},
    )


def _is_real(loaded: Loaded, tombstone: Tombstone) -> bool:
    """Not one of a backup that was taken in the middle of this very purge."""
    began = loaded.account.purges_before
    return began is not None and began > tombstone.at


def _asked(world: World, loaded: Loaded | None) -> tuple[StripeSaysAll | None, dict[str, str]]:
    customer = loaded.account.stripe_customer_id if loaded is not None else None
    if customer is None:
        return None, {}
    try:
        return world.stripe.subscriptions_of(customer), {}
    except StripeUnavailable:
        return None, {"stripe": "stripe_unavailable"}
    except StripeRefused as refused:
        # Such as a customer whom Stripe does not know, or not under this key. Then nobody can say who came back.
        return None, {"stripe": f"stripe_refused:{refused.code}"}
    except Unreadable:
        return None, {"stripe": "stripe_unreadable"}


def _is_back(loaded: Loaded | None, said: StripeSaysAll | None, at: datetime) -> bool:
    ours = loaded.account.subscriptions.values() if loaded is not None else ()
    theirs = said.subscriptions if said is not None else ()
    return any(one.started_at >= at for one in (*ours, *theirs))


def _purgers(world: World, loaded: Loaded | None) -> tuple[Purger, ...]:
    if loaded is not None:
        return erasing.purgers_of(world, loaded.account)
    # Nobody knows under which policy it was: everybody is asked.
    files = [erasing.OurFiles(world.files)] if world.files is not None else []
    return (erasing.OurRows(world.table), *files, *world.purgers)


def _planned(nothing: Reapplied, wanted: Erasure, purgers: tuple[Purger, ...]) -> Reapplied:
    found: dict[str, Planned] = {}
    failed: dict[str, str] = {}
    for purger in purgers:
        try:
            found[purger.name] = purger.plan(wanted, erasing.MOST_PLANNED)
        except PurgerUnavailable as error:
            failed[purger.name] = str(error)
    return replace(
        nothing,
        deleted={name: plan.counts or {} for name, plan in found.items()},
        newer={name: plan.newer for name, plan in found.items() if plan.newer},
        failed=failed,
    )


def _forget(world: World, wanted: Erasure, said: StripeSaysAll | None) -> None:
    """The account's own record: what it knew before the purge goes, what Stripe says by now comes back."""

    def once() -> Account:
        loaded = must_load(world, wanted.account_id)
        left = own_rows.left(world.table, wanted.account_id)
        fact = PurgeReapplied(before=wanted.before, left=left)
        return settle(
            world, loaded, fact, id=f"{wanted.id}:{loaded.version}", by="lapse purge --reapply"
        ).account

    def hears() -> Account:
        assert said is not None
        loaded = must_load(world, wanted.account_id)
        return settle(
            world, loaded, said, id=f"{wanted.id}:stripe:{loaded.version}", by="stripe"
        ).account

    again_while_stale(once)
    if said is not None:
        again_while_stale(hears)
    own_rows.forget_steps(world.table, wanted.account_id)
