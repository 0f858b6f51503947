"""A client for a service of AWS that answers in time or not at all: botocore alone would wait for a minute, and again."""

from __future__ import annotations

from typing import Any

CONNECT_SECONDS = 3


def client(
    service: str,
    region: str,
    endpoint: str | None = None,
    *,
    seconds: float,
    attempts: int,
    connecting: float = CONNECT_SECONDS,
    **more: Any,
) -> Any:
    """`seconds` is how long one answer may take, `attempts` how often it is asked for, the first time included."""
    # Imported where it is needed: most of what starts asks none of these services.
    from botocore.config import Config
    from botocore.session import get_session

    return get_session().create_client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        config=Config(
            connect_timeout=connecting,
            read_timeout=seconds,
            retries={"total_max_attempts": attempts, "mode": "standard"},
            **more,
        ),
    )
