"""Reads from the settings who else keeps data of an account. A slip of the pen here could delete a neighbour's data, so
whatever is not exactly understood is refused with a sentence, before anything is deleted.

    [{"kind": "bucket", "name": "media", "bucket": "app-media", "prefix": "tenants/{account_id}/"},
     {"kind": "partition", "name": "messages", "table": "app", "partition": "TENANT#{account_id}",
      "partition_key": "pk", "sort_key": "sk", "written_at": "updated_at"},
     {"kind": "endpoint", "name": "app", "url": "https://app.example.com/lapse/purge", "secret": "ssm:/app/purge",
      "policies": ["smarter-contact"]}]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.clock import Clock
from chalicelib.gateways.purge_bucket import BucketPurger
from chalicelib.gateways.purge_endpoint import EndpointPurger
from chalicelib.gateways.purge_partition import PartitionPurger
from chalicelib.gateways.purgers import OURS, Purger
from chalicelib.gateways.secrets import Secret

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
COMMON = frozenset({"kind", "name"})
NEEDED: Mapping[str, frozenset[str]] = {
    "bucket": frozenset({"bucket", "prefix"}),
    "partition": frozenset({"table", "partition"}),
    "endpoint": frozenset({"url", "secret"}),
}
POSSIBLE: Mapping[str, frozenset[str]] = {
    "bucket": frozenset(),
    "partition": frozenset({"partition_key", "sort_key", "written_at"}),
    "endpoint": frozenset(),
}


class PurgersWrong(ValueError):
    """The setting cannot be used. The message says which purger, and why."""


def purgers(
    said: Sequence[Mapping[str, Any]],
    *,
    region: str,
    clock: Clock,
    secret: Callable[[str], Secret],
    ours: Sequence[str | None],
) -> tuple[Purger, ...]:
    """`ours` are the table and buckets in which our own data lies: no setting reaches into those. Raises PurgersWrong."""
    found: list[Purger] = []
    taken = set(OURS)
    for one in said:
        name = _checked(one, taken, ours)
        taken.add(name)
        try:
            found.append(_purger(name, one, region, clock, secret))
        except ValueError as error:
            raise PurgersWrong(f"purger {name}: {error}") from error
    return tuple(found)


def _checked(one: Mapping[str, Any], taken: set[str], ours: Sequence[str | None]) -> str:
    if not isinstance(one, Mapping):
        raise PurgersWrong("each purger is an object with kind and name")
    name, kind = one.get("name"), one.get("kind")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PurgersWrong("a purger's name is a short word of small letters, digits and _")
    if name in taken:
        raise PurgersWrong(f"there are two purgers called {name}, or it is one of our own")
    if not isinstance(kind, str) or kind not in NEEDED:
        raise PurgersWrong(f"purger {name}: kind is one of {', '.join(NEEDED)}")
    allowed = COMMON | NEEDED[kind] | POSSIBLE[kind] | {"policies"}
    if unknown := sorted(set(one) - allowed):
        raise PurgersWrong(f"purger {name}: unknown: {', '.join(unknown)}")
    for key in sorted(NEEDED[kind] | (POSSIBLE[kind] & set(one))):
        if not isinstance(one.get(key), str) or not one[key]:
            raise PurgersWrong(f"purger {name}: {key} must be a text")
    policies = one.get("policies", [])
    if not isinstance(policies, list) or not all(isinstance(p, str) for p in policies):
        raise PurgersWrong(f"purger {name}: policies is a list of policies' names")
    if {one.get("bucket"), one.get("table")} & ({*ours} - {None}):
        raise PurgersWrong(f"purger {name}: Lapse's own data is deleted by Lapse itself")
    return name


def _purger(
    name: str,
    one: Mapping[str, Any],
    region: str,
    clock: Clock,
    secret: Callable[[str], Secret],
) -> Purger:
    policies = tuple(one.get("policies", ()))
    match one["kind"]:
        case "bucket":
            return BucketPurger(
                name, bucket=one["bucket"], prefix=one["prefix"], region=region, policies=policies
            )
        case "partition":
            more = {key: one[key] for key in POSSIBLE["partition"] if key in one}
            return PartitionPurger(
                name,
                table=one["table"],
                partition=one["partition"],
                region=region,
                policies=policies,
                **more,
            )
        case _:
            return EndpointPurger(
                name,
                url=one["url"],
                secret=secret(one["secret"]),
                clock=clock,
                policies=policies,
            )
