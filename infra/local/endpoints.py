"""Nothing of a local stack may reach the world: every address it is told of must be on this machine."""

import os
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit


class CannotStart(Exception):
    """The stack cannot start. The message is a sentence for a person, with what to do."""


def check_loopback(url: str, what: str) -> None:
    """Raises CannotStart for an address that is not on this machine."""
    host = urlsplit(url).hostname or ""
    if not is_loopback(host):
        raise CannotStart(
            f"{what} points at {host or repr(url)}, which is not this machine. A local stack talks to nobody else: "
            "unset it or point it at 127.0.0.1."
        )


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def keep_aws_at_home(environment: Mapping[str, str], url: str) -> dict[str, str | None]:
    """What to change in the environment so that no AWS client leaves this machine (None: remove).

    A service without an address of its own would go to AWS, so the one address is given to all of them, and a
    profile or a config file of the user's is left out of it.
    """
    changes: dict[str, str | None] = {}
    for name, value in environment.items():
        if name.startswith("AWS_ENDPOINT_URL"):
            check_loopback(value, name)
            changes[name] = None
    removed = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN")
    return {
        **changes,
        **dict.fromkeys(removed),
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        # Not twelve digits: those would choose another account in ministack.
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def change_environment(changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
