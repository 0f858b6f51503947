"""What every story that is broken shares: it is told thousands of times."""

from collections.abc import Iterator

import pytest

from tests.simulation.plain_answers import plain_answers


@pytest.fixture(autouse=True)
def _answers_as_they_came() -> Iterator[None]:
    with plain_answers():
        yield
