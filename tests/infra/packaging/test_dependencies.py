"""What a lock names is fetched once, also when two build at the same time on a machine that has nothing yet."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.packaging import compiling, dependencies, pruning


@pytest.fixture
def fetched(monkeypatch):
    """Each folder that something was fetched into. It takes a moment, and leaves two files."""
    into: list[Path] = []

    def install(_lock, target):
        into.append(target)
        target.mkdir(parents=True)
        (target / "first").touch()
        time.sleep(0.1)
        (target / "last").touch()

    monkeypatch.setattr(dependencies, "_install", install)
    monkeypatch.setattr(pruning, "prune", lambda _folder: None)
    monkeypatch.setattr(compiling, "compile_without_sources", lambda _folder: None)
    return into


def held(folder):
    return sorted(one.name for one in folder.iterdir())


def test_two_that_build_at_the_same_time_fetch_once_and_both_get_everything(fetched, tmp_path):
    with ThreadPoolExecutor(2) as both:
        one, other = (both.submit(dependencies.installed, tools=tmp_path) for _ in range(2))

    assert one.result() == other.result()
    assert held(one.result()) == ["first", "last"]
    assert len(fetched) == 1


def test_what_was_interrupted_is_fetched_again(fetched, tmp_path, monkeypatch):
    with monkeypatch.context() as interrupted:
        interrupted.setattr(pruning, "prune", lambda _folder: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            dependencies.installed(tools=tmp_path)

    assert held(dependencies.installed(tools=tmp_path)) == ["first", "last"]
    assert len(fetched) == 2
