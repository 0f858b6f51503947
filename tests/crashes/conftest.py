"""What every story that is broken shares: it is told thousands of times."""

from collections.abc import Iterator

import pytest

from tests.simulation.plain_answers import plain_answers
from tests.support.logged import unlogged


@pytest.fixture(autouse=True)
def _cheaply() -> Iterator[None]:
    with plain_answers(), unlogged():
        yield
