"""How the purgers speak with AWS: a client with bounds, and one name for whatever goes wrong."""

from __future__ import annotations

from typing import Any

from chalicelib.gateways.purgers import PurgerUnavailable

CONNECT_SECONDS = 3
READ_SECONDS = 15
ATTEMPTS = 3


def client(service: str, region: str, endpoint: str | None) -> Any:
    from botocore.config import Config
    from botocore.session import get_session

    return get_session().create_client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": ATTEMPTS},
        ),
    )


def asked(client: Any, what: str, **params: Any) -> Any:
    """Raises PurgerUnavailable with AWS's own code: the rest of its words may name what was to be deleted."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return getattr(client, what)(**params)
    except ClientError as error:
        raise PurgerUnavailable(str(error.response["Error"]["Code"])) from error
    except BotoCoreError as error:
        raise PurgerUnavailable(type(error).__name__) from error
