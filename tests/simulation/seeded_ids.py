"""A request's id is made of chance, and some rows are named by it. In a world it is made of the seed, like everything."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from unittest.mock import patch
from uuid import UUID


@contextmanager
def seeded_ids(seed: int) -> Iterator[None]:
    random = Random(f"ids of {seed}")
    with patch("uuid.uuid4", lambda: UUID(int=random.getrandbits(128), version=4)):
        yield
