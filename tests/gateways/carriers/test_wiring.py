"""Which carriers are there: those whose credentials are set, each made when it is first asked for."""

import subprocess
import sys

import pytest

from chalicelib import settings
from chalicelib.gateways.carriers.aws import AwsMessaging
from chalicelib.gateways.carriers.bandwidth import Bandwidth
from chalicelib.gateways.carriers.telnyx import Telnyx
from chalicelib.gateways.carriers.twilio import Twilio
from chalicelib.gateways.secrets import Vault
from chalicelib.settings import SettingsError
from chalicelib.wiring import _carriers

NEEDED = {
    "LAPSE_TABLE": "t",
    "LAPSE_STRIPE_API_KEY": "rk",
    "LAPSE_WEBHOOK_SECRETS": "whsec",
    "LAPSE_TOKEN_ISSUER": "i",
    "LAPSE_TOKEN_AUDIENCE": "a",
    "LAPSE_SERVICE_AUDIENCE": "s",
}
ALL = {
    "LAPSE_TWILIO_ACCOUNT": "AC1",
    "LAPSE_TWILIO_SECRET": "ssm:twilio",
    "LAPSE_TELNYX_SECRET": "secretsmanager:carriers#telnyx",
    "LAPSE_BANDWIDTH_ACCOUNT": "9900012",
    "LAPSE_BANDWIDTH_USER": "api",
    "LAPSE_BANDWIDTH_SECRET": "word",
    "LAPSE_AWS_MESSAGING_REGION": "us-east-1",
}


@pytest.fixture
def given(monkeypatch):
    for name in ALL:
        monkeypatch.delenv(name, raising=False)

    def carriers(**variables):
        for name, value in (NEEDED | variables).items():
            monkeypatch.setenv(name, value)
        return _carriers(settings.from_environment(), Vault())

    return carriers


def test_without_credentials_no_carrier_is_there(given):
    carriers = given()

    assert dict(carriers) == {}
    assert "twilio" not in carriers
    assert carriers.get("twilio") is None


def test_each_is_there_under_the_name_that_numbers_give_it(given):
    carriers = given(**ALL)

    assert {name: type(carrier) for name, carrier in carriers.items()} == {
        "twilio": Twilio,
        "telnyx": Telnyx,
        "bandwidth": Bandwidth,
        "aws": AwsMessaging,
    }
    assert carriers["twilio"] is carriers["twilio"]


@pytest.mark.parametrize(
    ("half", "missing"),
    [
        ("LAPSE_TWILIO_ACCOUNT", "LAPSE_TWILIO_SECRET"),
        ("LAPSE_BANDWIDTH_ACCOUNT", "LAPSE_BANDWIDTH_USER"),
    ],
)
def test_half_a_set_of_credentials_is_refused_by_name(given, half, missing):
    with pytest.raises(SettingsError, match=missing):
        given(**{half: "x"})


def test_looking_for_a_carrier_loads_none_of_their_modules():
    script = (
        "import os, sys\n"
        f"os.environ.update({NEEDED | ALL!r})\n"
        "from chalicelib import settings\n"
        "from chalicelib.gateways.secrets import Vault\n"
        "from chalicelib.wiring import _carriers\n"
        "carriers = _carriers(settings.from_environment(), Vault())\n"
        "assert 'twilio' in carriers and len(carriers) == 4\n"
        "print([m for m in sys.modules if m.startswith('chalicelib.gateways.carriers.')])"
    )

    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert ran.stdout.strip() == "[]", ran.stderr


def test_no_secret_shows_in_the_settings(given, monkeypatch):
    given(**ALL | {"LAPSE_TWILIO_SECRET": "very-secret", "LAPSE_TELNYX_SECRET": "very-secret"})

    assert "very-secret" not in repr(settings.from_environment())
    assert "word" not in repr(settings.from_environment())
