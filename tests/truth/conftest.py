import pytest

from chalicelib import log


@pytest.fixture
def logged(monkeypatch):
    """The names of the events that were logged, and their keys."""
    written = []
    real = log._write

    def write(level, name, keys):
        written.append((name, dict(keys)))
        real(level, name, keys)

    monkeypatch.setattr(log, "_write", write)
    return written
