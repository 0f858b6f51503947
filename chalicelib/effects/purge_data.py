"""SC-10: after a year everything is deleted, for good.

The beginning is saved first; from then on the purge finishes, even if the customer returns in that second. It is done
when everybody who keeps something of the account has deleted it and said so: our own rows and files, and whoever the
settings name. The account itself stays, empty (SC-11), with the certificate of what was deleted.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib import erasing, tombstones
from chalicelib.domain import approving, purging
from chalicelib.domain.erasure import Certificate, Erasure, Json, erasure_id
from chalicelib.domain.facts import PurgeBegan
from chalicelib.domain.moments import rfc3339
from chalicelib.effects.effect import Done, NotYet, Task
from chalicelib.gateways.files import FilesUnavailable
from chalicelib.lifecycle import settle
from chalicelib.store.accounts import Loaded
from chalicelib.tombstones import Tombstone


def purge_data(task: Task) -> Done:
    loaded = _begin(task)
    account = loaded.account
    began = account.purges_before or task.world.clock.now()
    wanted = Erasure(id=erasure_id(account.id, task.step.due), account_id=account.id, before=began)
    erased = erasing.erase(
        task.world, wanted, erasing.purgers_of(task.world, account), task.out_of_time
    )
    if erased.failed:
        raise NotYet("; ".join(f"{name}: {why}" for name, why in sorted(erased.failed.items())))
    certificate = Certificate(
        id=wanted.id,
        account_id=account.id,
        policy=account.policy,
        due_at=task.step.due,
        began_at=began,
        finished_at=erased.last_at or began,
        deleted=erased.deleted,
        newer=erased.newer,
        approvals=2 if approving.given(account, task.step.due) is not None else 0,
    ).sealed()
    _bury(task, began, certificate)
    rows = sum(sum(counts.values()) for counts in erased.deleted.values())
    return Done({"rows": rows, "certificate": wanted.id}, loaded, certificate=certificate)


def _bury(task: Task, began: datetime, certificate: Json) -> None:
    """Before it is called done: a backup could bring everything back."""
    if task.world.files is None:
        return
    sha256 = certificate["sha256"]
    stone = Tombstone(account_id=task.account_id, at=began, certificate_sha256=sha256)
    try:
        tombstones.keep(task.world.files, stone, certificate["id"])
    except FilesUnavailable as error:
        raise NotYet("tombstone_not_written") from error


def waits_for(task: Task) -> str | None:
    """Why it may not begin yet, as far as is known here: nobody need be asked anything before that is over."""
    account = task.loaded.account
    policy = task.world.policies.get(account.policy)
    if account.purge_began_at is not None:
        return None
    if approving.is_missing(account, policy, task.step.due):
        return "waits_for_approval"
    if purging.is_at_carrier(account):
        # Deleting the row of a number that is still rented would leave it rented for ever.
        return "numbers_not_released"
    if purging.is_still_registered(account, policy):
        return "registrations_not_lapsed"
    return None


def _begin(task: Task) -> Loaded:
    if task.loaded.account.purge_began_at is not None:
        return task.loaded
    if why := waits_for(task):
        raise NotYet(why)
    return settle(
        task.world,
        task.loaded,
        PurgeBegan(step=task.step),
        id=f"purge:{rfc3339(task.step.due)}",
        by=f"step:{task.step.id}",
    ).loaded
