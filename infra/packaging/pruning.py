"""Leaves out of the locked packages what no function of ours can load, and makes what botocore reads at a start small.

Nothing is left out by the name of a module that some call might yet want: whole folders that only annotations,
shells, compilers or translations name. Tests load every module that is left, out of the zip and nothing else.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

SERVICES: Final = frozenset(
    {
        *("dynamodb", "events", "pinpoint-sms-voice-v2", "s3", "secretsmanager", "sesv2", "sqs"),
        "ssm",
    }
)
"""Every service that `chalicelib` makes a client of; a test compares."""
NO_PART_OF_THE_ZIP: Final = frozenset({"pycparser"})
"""Locked because another package's metadata names them, and loaded by nothing that runs."""
_LEFT_OUT: Final[Mapping[str, tuple[str, ...]]] = {
    "commands of a shell": ("bin",),
    "for compilers and readers of types": ("**/*.pyi", "**/py.typed", "**/*.h"),
    "how pip installed it, which differs from machine to machine": tuple(
        f"*.dist-info/{name}"
        for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "WHEEL", "zip-safe")
    ),
    # cryptography loads cffi's native part alone.
    "compiles C": ("cffi", "pycparser", "pycparser-*.dist-info"),
    "named by annotations only": ("stripe/params",),
    "thin events, a second kind that we are not sent": ("stripe/events",),
    "names of holidays in other languages: we ask for their dates": ("holidays/locale",),
    "holidays of stock exchanges: a policy names a country": ("holidays/financial",),
    # dateutil looks into its own archive for a zone it finds nowhere else; botocore asks it for UTC.
    "zones of another package than tzdata": ("dateutil/zoneinfo/*.tar.gz",),
    "what zones are made from, and lists of them": (
        *("tzdata/zoneinfo/*.tab", "tzdata/zoneinfo/*.zi", "tzdata/zoneinfo/leapseconds"),
    ),
    "certifi's is used": ("botocore/cacert.pem",),
    "examples, which only documentation shows": ("botocore/data/*/*/examples-1.json",),
}
"""Why, and what."""


def prune(tree: Path) -> None:
    for patterns in _LEFT_OUT.values():
        for pattern in patterns:
            for path in sorted(tree.glob(pattern)):
                _delete(path)
    _prune_botocore(tree / "botocore/data")


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _prune_botocore(data: Path) -> None:
    """Every client that is made parses its service's description and the regions of all services."""
    prefixes = set()
    for service in sorted(data.iterdir()):
        if not service.is_dir():
            continue
        if service.name not in SERVICES:
            shutil.rmtree(service)
            continue
        for packed in sorted(service.glob("*/*.json.gz")):
            described = json.loads(gzip.decompress(packed.read_bytes()))
            if "metadata" in described:
                prefixes.add(described["metadata"]["endpointPrefix"])
            # Unpacked: Lambda unpacks the zip before anybody waits for it.
            _write(packed.with_suffix(""), _undocumented(described))
            packed.unlink()
    regions = data / "endpoints.json"
    _write(regions, _of_services(json.loads(regions.read_bytes()), prefixes))


def _undocumented(described: Any) -> Any:
    """Without the sentences; a member that is itself called documentation is described by a table, and stays."""
    if isinstance(described, dict):
        return {
            name: _undocumented(value)
            for name, value in described.items()
            if not (name == "documentation" and isinstance(value, str))
        }
    if isinstance(described, list):
        return [_undocumented(value) for value in described]
    return described


def _of_services(endpoints: dict[str, Any], prefixes: set[str]) -> dict[str, Any]:
    """Where these services are; for all others a partition's own rule still holds."""
    return {
        **endpoints,
        "partitions": [
            {
                **partition,
                "services": {
                    name: where for name, where in partition["services"].items() if name in prefixes
                },
            }
            for partition in endpoints["partitions"]
        ],
    }


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")))
