"""How the purgers speak with AWS: a client with bounds, and one name for whatever goes wrong."""

from __future__ import annotations

from typing import Any

from chalicelib.gateways import aws
from chalicelib.gateways.purgers import PurgerUnavailable

READ_SECONDS = 15
ATTEMPTS = 3


def client(service: str, region: str, endpoint: str | None) -> Any:
    return aws.client(service, region, endpoint, seconds=READ_SECONDS, attempts=ATTEMPTS)


def asked(client: Any, what: str, **params: Any) -> Any:
    """Raises PurgerUnavailable with AWS's own code: the rest of its words may name what was to be deleted."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return getattr(client, what)(**params)
    except ClientError as error:
        raise PurgerUnavailable(str(error.response["Error"]["Code"])) from error
    except BotoCoreError as error:
        raise PurgerUnavailable(type(error).__name__) from error
