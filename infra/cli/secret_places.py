"""Puts a secret where a setting will say that it lies. Nothing here prints one."""

from __future__ import annotations

import json
from typing import Any, Final

from chalicelib.gateways.secrets import SERVICES

NOT_THERE: Final = ("ResourceNotFoundException", "ParameterNotFound", "ParameterVersionNotFound")


class NoPlace(Exception):
    """The text given is no place for a secret."""


def parse(place: str) -> tuple[str, str, str | None]:
    """Service, name, key. Raises NoPlace."""
    service, colon, rest = place.partition(":")
    name, hash, key = rest.partition("#")
    if not colon or service not in SERVICES or not name or (hash and not key):
        raise NoPlace(f"{place!r}: a secret's place reads secretsmanager:NAME#KEY or ssm:NAME")
    return service, name, key or None


def add(place: str, secret: str, *, region: str) -> None:
    """Beside what lies there already, so that events signed with the old one are still heard. Raises what AWS raises."""
    service, name, key = parse(place)
    client = _client(service, region)
    before = _read(client, service, name)
    _write(client, service, name, with_added(before, key, secret), is_new=before is None)


def put(place: str, secret: str, *, region: str) -> None:
    """In the place of what lies there; beside it stays what a JSON object holds under other keys. Raises what AWS raises."""
    service, name, key = parse(place)
    client = _client(service, region)
    before = _read(client, service, name)
    text = secret if key is None else json.dumps({**_object(before), key: secret})
    _write(client, service, name, text, is_new=before is None)


def put_back(place: str, *, region: str) -> None:
    """What lay there before the last change, all keys of it. Raises what AWS raises, ValueError where nothing did."""
    service, name, _ = parse(place)
    client = _client(service, region)
    try:
        if service == "ssm":
            at = client.get_parameter(Name=name)["Parameter"]["Version"] - 1
            found = client.get_parameter(Name=f"{name}:{at}", WithDecryption=True)
            text = found["Parameter"]["Value"]
        else:
            found = client.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")
            text = found["SecretString"]
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in NOT_THERE:
            raise ValueError(f"{service}:{name} held nothing before") from None
        raise
    _write(client, service, name, text, is_new=False)


def with_added(before: str | None, key: str | None, secret: str) -> str:
    """Raises ValueError when a JSON object is meant and something else lies there."""
    if key is None:
        return _both(before or "", secret)
    whole = _object(before)
    return json.dumps({**whole, key: _both(str(whole.get(key) or ""), secret)})


def _object(before: str | None) -> dict[str, Any]:
    try:
        whole = json.loads(before) if before else {}
    except ValueError:
        # What json complains about would quote the secret.
        whole = None
    if not isinstance(whole, dict):
        raise ValueError("what lies there is no JSON object")
    return whole


def _both(before: str, secret: str) -> str:
    kept = [one for one in before.replace(",", " ").split() if one != secret]
    return ",".join([*kept, secret])


def _client(service: str, region: str) -> Any:
    from botocore.session import get_session

    return get_session().create_client(service, region_name=region)


def _read(client: Any, service: str, name: str) -> str | None:
    try:
        if service == "ssm":
            found = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        else:
            found = client.get_secret_value(SecretId=name)["SecretString"]
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in NOT_THERE:
            return None
        raise
    return str(found)


def _write(client: Any, service: str, name: str, text: str, *, is_new: bool) -> None:
    if service == "ssm":
        client.put_parameter(Name=name, Value=text, Type="SecureString", Overwrite=True)
    elif is_new:
        client.create_secret(Name=name, SecretString=text)
    else:
        client.put_secret_value(SecretId=name, SecretString=text)
