"""Deletes what lies under an account's prefix in a bucket of S3, every version of it.

A prefix ends with `/` behind the account's id, so that `acme` never means `acme2`. S3 says of each version when it was
written: what is newer than the purge stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from itertools import groupby
from typing import Any

from chalicelib.domain.erasure import Erasure
from chalicelib.gateways.bucket_versions import MOST_AT_ONCE, Version, Versions
from chalicelib.gateways.purge_at_aws import asked, client
from chalicelib.gateways.purgers import (
    PLACE,
    GoesByPage,
    Page,
    PageByPage,
    PurgerUnavailable,
    named,
)

OBJECTS, OLD_VERSIONS = "objects", "old_versions"


class BucketPurger(GoesByPage):
    def __init__(
        self,
        name: str,
        *,
        bucket: str,
        prefix: str,
        region: str,
        endpoint: str | None = None,
        policies: tuple[str, ...] = (),
    ) -> None:
        """Raises ValueError for a prefix that one account could share with another."""
        if prefix.count(PLACE) != 1 or not prefix.endswith("/") or f"{PLACE}/" not in prefix:
            raise ValueError(f"the prefix of {name} must hold {PLACE}/ once, and end with /")
        self.name, self.policies = name, policies
        self._bucket, self._prefix = bucket, prefix
        self._region, self._endpoint = region, endpoint
        self._versions = Versions(self._asked, PurgerUnavailable)

    def by_page(self, wanted: Erasure) -> PageByPage:
        prefix = named(self._prefix, wanted.account_id)
        return PageByPage(
            lambda after, through: self._pages(prefix, wanted.before, after, through),
            self._versions.delete,
        )

    def _pages(
        self, prefix: str, before: datetime, after: str | None, through: str | None
    ) -> Iterator[Page]:
        """Whole keys at a time, so that a place in the listing says all: every version of it, or none."""
        going: list[Version] = []
        counts: dict[str, int] = {}
        newer, last = 0, None
        for key, versions in groupby(self._versions.under(prefix), key=lambda one: str(one["Key"])):
            if after is not None and key <= after:
                continue
            if through is not None and key > through:
                break
            mine = list(versions)
            stays = any(one["is_object"] and one["LastModified"] > before for one in mine)
            # A mark that says "deleted" is not worth keeping for itself: its name says what was there.
            goes = [one for one in mine if one["LastModified"] <= before or not stays]
            for one in goes:
                kind = OBJECTS if one["IsLatest"] and one["is_object"] else OLD_VERSIONS
                counts[kind] = counts.get(kind, 0) + 1
            going += goes
            newer, last = newer + len(mine) - len(goes), key
            if len(going) >= MOST_AT_ONCE:
                yield Page(going, counts, last, newer)
                going, counts, newer, last = [], {}, 0, None
        if last is not None:
            yield Page(going, counts, last, newer)

    @cached_property
    def _client(self) -> Any:
        return client("s3", self._region, self._endpoint)

    def _asked(self, what: str, **params: Any) -> Any:
        return asked(self._client, what, Bucket=self._bucket, **params)
