"""Mail through Amazon SES, version 2. It sends what it is given; the words are made elsewhere.

SES takes no key, so it cannot tell a repeat: whoever calls keeps note of what was sent. The key travels along as a tag,
by which bounces and complaints are traced.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cached_property
from typing import Any

from chalicelib.gateways import aws
from chalicelib.gateways.mail import MailRefused

READ_SECONDS = 10
_ADDRESS = re.compile(r"[^\s@,;:<>()\[\]\\\"\x00-\x1f\x7f]+@[^\s@,;:<>()\[\]\\\"\x00-\x1f\x7f]+")
"""One plain address: two of them in one field would both get somebody's mail."""
_REFUSALS = frozenset({"MessageRejected", "BadRequestException"})
_TAG_CHARACTER = re.compile(r"[^A-Za-z0-9_.@-]")


class Ses:
    def __init__(self, sender: str, *, region: str, endpoint: str | None = None) -> None:
        self._sender = sender
        self._region = region
        self._endpoint = endpoint

    @cached_property
    def _client(self) -> Any:
        # A second attempt after a lost answer would be a second mail.
        return aws.client("sesv2", self._region, self._endpoint, seconds=READ_SECONDS, attempts=1)

    def send(
        self,
        *,
        key: str,
        to: str,
        subject: str,
        text: str,
        html: str | None = None,
        account_id: str,
        at: datetime,
    ) -> None:
        if not _ADDRESS.fullmatch(to):
            raise MailRefused("not_an_address")
        from botocore.exceptions import ClientError

        body = {"Text": _content(text)} | ({"Html": _content(html)} if html is not None else {})
        try:
            self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [to]},
                Content={"Simple": {"Subject": _content(subject), "Body": body}},
                EmailTags=[{"Name": "lapse-key", "Value": _TAG_CHARACTER.sub("_", key)[:256]}],
            )
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _REFUSALS:
                raise MailRefused(code) from error
            raise


def _content(data: str) -> dict[str, str]:
    return {"Data": data, "Charset": "UTF-8"}
