"""A seed is one world, on every machine and on every store: what the app takes from chance or from the machine's clock
is taken from the seed. Nor does anybody wait for real: the clock of a world stands still meanwhile.

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

from chalicelib import gates, lifecycle
from chalicelib.handlers import door
from chalicelib.store import wallet


@contextmanager
def only_the_seed(seed: int) -> Iterator[None]:
    random = Random(f"ids of {seed}")
    ids = SimpleNamespace(uuid4=lambda: UUID(int=random.getrandbits(128), version=4))
    still = SimpleNamespace(monotonic=lambda: 0.0)
    at_once = SimpleNamespace(sleep=lambda _seconds: None)
    with (
        patch.object(door, "uuid", ids),
        patch.object(gates, "time", still),
        patch.object(lifecycle, "time", at_once),
        patch.object(wallet, "time", at_once),
    ):
        yield
