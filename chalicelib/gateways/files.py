"""Where files lie: what exports are made of and written to. A name is a path of our own; nobody outside chooses it.

In production a private bucket of S3. A link to a file is signed, and works for as long as it says and no longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import IO, Any, Protocol

from chalicelib.gateways import aws
from chalicelib.gateways.bucket_versions import Versions

READ_SECONDS = 60
ATTEMPTS = 3
PIECE = 256 * 1024


class FilesUnavailable(Exception):
    """It did not answer, or refused. What was wanted may be tried again."""


class Files(Protocol):
    """Every method raises FilesUnavailable."""

    at_hand: bool
    """Whether they lie on this machine, so that a request may wait for one being written."""

    def write(self, name: str, source: IO[bytes]) -> None:
        """All of the source, a piece at a time; again under the same name, it replaces what was there."""
        ...

    def names(self, prefix: str) -> Iterator[str]: ...

    def read(self, name: str) -> Iterator[bytes]: ...

    def link(self, name: str, *, now: datetime, lasts: timedelta) -> str: ...

    def delete_prefix(self, prefix: str) -> int:
        """How many there were."""
        ...


def _kind_of(name: str) -> str:
    return "application/json" if name.endswith(".json") else "application/zip"


class Bucket:
    """A private bucket of S3."""

    at_hand = False

    def __init__(self, bucket: str, *, region: str, endpoint: str | None = None) -> None:
        self._bucket = bucket
        self._region = region
        self._endpoint = endpoint

    @cached_property
    def _client(self) -> Any:
        return aws.client(
            "s3",
            self._region,
            self._endpoint,
            seconds=READ_SECONDS,
            attempts=ATTEMPTS,
            signature_version="s3v4",
        )

    def write(self, name: str, source: IO[bytes]) -> None:
        # A file as the body is sent as it is read, never held in memory.
        self._asked("put_object", Key=name, Body=source, ContentType=_kind_of(name))

    def names(self, prefix: str) -> Iterator[str]:
        more: dict[str, Any] = {}
        while True:
            page = self._asked("list_objects_v2", Prefix=prefix, **more)
            yield from (one["Key"] for one in page.get("Contents", ()))
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def read(self, name: str) -> Iterator[bytes]:
        from botocore.exceptions import BotoCoreError

        body = self._asked("get_object", Key=name)["Body"]
        try:
            yield from body.iter_chunks(PIECE)
        except BotoCoreError as error:
            raise FilesUnavailable(type(error).__name__) from error

    def link(self, name: str, *, now: datetime, lasts: timedelta) -> str:
        """Signed for the moment of asking; S3 itself lets it expire."""
        url: str = self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": name,
                "ResponseContentDisposition": 'attachment; filename="export.zip"',
            },
            ExpiresIn=int(lasts.total_seconds()),
        )
        return url

    def delete_prefix(self, prefix: str) -> int:
        """Every version of each."""
        versions = Versions(self._asked, FilesUnavailable)
        found = list(versions.under(prefix))
        versions.delete(found)
        return len({one["Key"] for one in found})

    def _asked(self, what: str, **params: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(self._client, what)(Bucket=self._bucket, **params)
        except (BotoCoreError, ClientError) as error:
            raise FilesUnavailable(type(error).__name__) from error
