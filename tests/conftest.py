"""What every test shares, and nothing more: helpers live in tests/support."""

import gc
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

# A test that forgets its fake must fail on this machine, never reach an account of somebody's.
os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_SESSION_TOKEN="testing",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    NO_PROXY="127.0.0.1,localhost",
)

from hypothesis import HealthCheck, settings

from chalicelib import log
from tests.support import event_schemas
from tests.support.logged import logged

# From here on most of what is made is imported, and stays.
gc.set_threshold(20_000, 20, 20)
event_schemas.watch()
# The log goes where the first line went. Were that in a test which reads what is printed, it would be closed after it.
log.event("tests_begin")
# A machine that is busy is slow, and nothing is wrong with the code.
settings.register_profile("lapse", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lapse")


def pytest_collection_finish() -> None:
    """What is imported by now is nobody's garbage: it need not be looked through again and again."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _every_event_fits_its_schema() -> Iterator[None]:
    """Whatever a test is about: an event that is not as the documentation says fails it."""
    yield
    found = list(event_schemas.MISFITS)
    event_schemas.MISFITS.clear()
    assert not found


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """What is logged meanwhile."""
    with logged(json.loads) as written:
        yield written
