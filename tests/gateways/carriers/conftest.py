import pytest

from tests.support.carrier_sites import SECRET


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    """Whoever runs this may have AWS credentials of their own: they are not used."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
