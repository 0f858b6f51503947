"""A seed is one world, on every machine and on every store: what the app takes from chance or from the machine's clock
is taken from the seed.

A request's id is made of chance, and some rows are named by it. Only the app's own: botocore makes ids as well, and a
world must be the same whether it is there or not. How often the kill switch is read goes by the machine's clock; on a
slow one a world had more calls, so other ones failed. Nobody turns it in a world: it is read once by each process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from types import SimpleNamespace
from unittest.mock import patch
from uuid import UUID

from chalicelib import gates
from chalicelib.handlers import door


@contextmanager
def only_the_seed(seed: int) -> Iterator[None]:
    random = Random(f"ids of {seed}")
    ids = SimpleNamespace(uuid4=lambda: UUID(int=random.getrandbits(128), version=4))
    still = SimpleNamespace(monotonic=lambda: 0.0)
    with patch.object(door, "uuid", ids), patch.object(gates, "time", still):
        yield
