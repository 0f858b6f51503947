"""Which origins are ours to send customers back to, and whose pages may read our answers."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from chalicelib.settings import Settings


def allowed_origins(settings: Settings) -> frozenset[str]:
    """A configured entry that is no origin allows nothing."""
    origins = (origin_of(one) for one in settings.return_origins)
    return frozenset(origin for origin in origins if origin is not None)


def origin_of(url: str) -> str | None:
    """The origin as a browser writes it, or None for whatever a browser might read differently than we do."""
    if not url.isprintable() or not url.isascii() or "\\" in url or " " in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    default = _PORTS.get(parts.scheme)
    # Nothing but name and port may stand between `//` and the path: no user, no brackets, no escapes.
    if default is None or not _PLACE.fullmatch(parts.netloc) or not parts.hostname:
        return None
    return f"{parts.scheme}://{parts.hostname}" + (
        f":{port}" if port not in (None, default) else ""
    )


_PORTS = {"http": 80, "https": 443}
_PLACE = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")
