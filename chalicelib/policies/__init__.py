"""The companies' policies: one TOML file each, read strictly. A sixth company adds a file, not code."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from chalicelib.domain.policy import Policy
from chalicelib.policies.reading import PolicyError, read_policy

__all__ = ["Policies", "PolicyError"]

SHIPPED = Path(__file__).parent


class Policies:
    """Every policy by its name. A file is read when its policy is first asked for, and only then."""

    def __init__(self, extra: Iterable[Path] = ()) -> None:
        self._files = {path.stem: path for path in (*sorted(SHIPPED.glob("*.toml")), *extra)}
        self._read: dict[str, Policy] = {}

    def names(self) -> tuple[str, ...]:
        return tuple(self._files)

    def get(self, name: str) -> Policy:
        """Raises KeyError for a name nobody wrote a file for, PolicyError for a file with a mistake."""
        if name not in self._read:
            path = self._files[name]
            self._read[name] = read_policy(path.read_text("utf-8"), path.name)
        return self._read[name]
