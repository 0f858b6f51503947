"""Shares of a sweep's work, through a queue of Amazon SQS that hands each part to one run at a time (FIFO)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from chalicelib.gateways import aws
from chalicelib.sharing import NotShared, Share

READ_SECONDS = 10
ATTEMPTS = 3


class ShareQueue:
    def __init__(self, url: str, *, region: str, endpoint: str | None = None) -> None:
        self._url = url
        self._region = region
        self._endpoint = endpoint

    @cached_property
    def _client(self) -> Any:
        return aws.client(
            "sqs", self._region, self._endpoint, seconds=READ_SECONDS, attempts=ATTEMPTS
        )

    def put(self, shares: Sequence[Share], turn: str) -> None:
        for share in shares:
            self._send(share, turn)

    def _send(self, share: Share, turn: str) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=share.text(),
                # One run at a time does a part, and a schedule that ran twice asks for it once.
                MessageGroupId=share.name,
                MessageDeduplicationId=f"{share.name}:{turn}",
            )
        except ClientError as error:
            raise NotShared(error.response["Error"]["Code"]) from error
        except BotoCoreError as error:
            raise NotShared(type(error).__name__) from error
