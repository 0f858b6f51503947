"""The companies' policies: one TOML file each, read strictly. A sixth company adds a file, not code."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from chalicelib.domain.policy import Policy
from chalicelib.policies.reading import PolicyError, read_file

__all__ = ["SHIPPED", "Policies", "PolicyError"]

SHIPPED = Path(__file__).parent


class Policies:
    """Every policy by its name. A shipped file is read when its policy is first asked for, and only then; one that was
    added is read at once, since only it can say what it is called."""

    def __init__(self, extra: Iterable[Path] = ()) -> None:
        self._files = {path.stem: path for path in sorted(SHIPPED.glob("*.toml"))}
        self._read: dict[str, Policy] = {}
        for path in extra:
            self._add(path)

    def names(self) -> tuple[str, ...]:
        return tuple(self._files)

    def get(self, name: str) -> Policy:
        """Raises KeyError for a name nobody wrote a file for, PolicyError for a file with a mistake."""
        if name not in self._read:
            policy, _ = read_file(self._files[name])
            if policy.name != name:
                raise PolicyError(f"{name}.toml: name: must be {name!r}, as the file is called")
            self._read[name] = policy
        return self._read[name]

    def _add(self, path: Path) -> None:
        policy, _ = read_file(path)
        if policy.name in self._files:
            raise PolicyError(
                f"{path.name}: name: there is a policy called {policy.name!r} already"
                f" ({self._files[policy.name].name})"
            )
        self._files[policy.name] = path
        self._read[policy.name] = policy
