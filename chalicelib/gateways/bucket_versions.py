"""Every version of what lies in a bucket of S3, listed and deleted.

In a bucket that keeps old versions a plain deletion only hides what was there, behind a mark that says "deleted".
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

MOST_AT_ONCE = 1000
"""What S3 deletes with one request."""

Version = dict[str, Any]
"""As S3 says it, and `is_object`: whether it is a thing, and not a mark."""


@dataclass(frozen=True, slots=True)
class Versions:
    asked: Callable[..., Any]
    """Asks S3 about this one bucket."""
    unavailable: type[Exception]
    """Raised with S3's own code when not all could be deleted."""

    def under(self, prefix: str) -> Iterator[Version]:
        """Every version and every mark under the prefix, in the order of their keys."""
        more: dict[str, Any] = {}
        while True:
            page = self.asked("list_object_versions", Prefix=prefix, **more)
            objects = ({**one, "is_object": True} for one in page.get("Versions", ()))
            marks = ({**one, "is_object": False} for one in page.get("DeleteMarkers", ()))
            yield from heapq.merge(objects, marks, key=lambda one: str(one["Key"]))
            if not page.get("IsTruncated"):
                return
            more = {"KeyMarker": page["NextKeyMarker"]}
            if page.get("NextVersionIdMarker"):
                more["VersionIdMarker"] = page["NextVersionIdMarker"]

    def delete(self, going: Sequence[Version]) -> None:
        for start in range(0, len(going), MOST_AT_ONCE):
            some = [
                {"Key": one["Key"], "VersionId": one["VersionId"]}
                for one in going[start : start + MOST_AT_ONCE]
            ]
            said = self.asked("delete_objects", Delete={"Objects": some, "Quiet": True})
            if said.get("Errors"):
                # Locked, or not ours to delete. What was deleted is not found again.
                raise self.unavailable(str(said["Errors"][0].get("Code", "not_all_deleted")))
