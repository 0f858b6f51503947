"""`lapse doctor`: what it says of a deployment that is well, of keys and secrets, and how it is called. It changes nothing."""

import json
from dataclasses import replace

import pytest

from chalicelib.clock import SystemClock
from chalicelib.gateways.secrets import Vault
from chalicelib.gateways.stripe import KeyRefused
from chalicelib.settings import BandwidthSettings, TwilioSettings
from infra.cli import doctor, patient
from infra.cli.main import main
from tests.operators.patients import answers_of_webhook, examined, healthy, only
from tests.support.life import Life


@pytest.fixture
def life():
    return Life()


@pytest.fixture(autouse=True)
def webhook(monkeypatch):
    return answers_of_webhook(monkeypatch)


def test_where_all_is_well_every_check_says_so_and_nothing_is_changed(life, capsys):
    one = healthy(life)
    before = life.emulator.truth()

    code, unwell, findings = examined(capsys, one)

    assert (code, unwell) == (0, [])
    assert {each["check"] for each in findings} == {c.name for c in doctor.CHECKS if not c.at_aws}
    after = life.emulator.truth()
    for kind in ("customers", "subscriptions", "invoices", "prices", "webhook_endpoints"):
        assert after[kind] == before[kind], kind


def test_it_is_read_by_people_as_well(life, capsys):
    doctor.examine(healthy(life, portal_configuration=None), skip=[], without_aws=True)

    lines = capsys.readouterr().out.splitlines()

    assert "ok    stripe: Stripe answers our key" in lines
    at = lines.index(
        "warn  portal: portal links use Stripe's default configuration, which others may change"
    )
    assert (
        lines[at + 1]
        == "      → run `lapse setup stripe --apply`, and set LAPSE_PORTAL_CONFIGURATION"
    )


# -- keys and secrets


@pytest.mark.parametrize(
    ("settings", "level", "says"),
    [
        ({"livemode": True}, "fail", "is for test mode, LAPSE_LIVEMODE says live"),
        ({"stripe_api_key": "sk_live_1"}, "fail", "is for live mode, LAPSE_LIVEMODE says test"),
        ({"stripe_refund_key": "rk_live_1"}, "fail", "the refund key is for live mode"),
        ({"stripe_api_key": "pk_test_1"}, "fail", "is no key of Stripe's for a server"),
    ],
)
def test_a_key_of_another_mode_is_told(life, capsys, settings, level, says):
    one = healthy(life)
    one = replace(one, settings=replace(one.settings, **settings))

    _, unwell, _ = examined(capsys, one, skip=["secrets", "permissions"])

    assert [(each["level"], each["check"]) for each in unwell] == [(level, "mode")]
    assert says in unwell[0]["says"]


def test_an_unrestricted_live_key_is_doubted(life, capsys):
    one = healthy(life)
    one = replace(one, settings=replace(one.settings, livemode=True, stripe_api_key="sk_live_1"))

    only(capsys, one, "warn", "mode", "may do everything", skip=["secrets"])


def test_a_secret_that_cannot_be_read_says_where_it_should_be(life, capsys):
    one = healthy(life)
    settings = replace(one.settings, webhook_secrets=("ssm:/gone", "whsec_local"))
    vault = Vault(SystemClock(), services={"ssm": {}.__getitem__, "secretsmanager": {}.__getitem__})

    only(capsys, replace(one, settings=settings, secrets=vault), "fail", "secrets", "ssm:/gone")


def test_a_webhook_secret_that_is_another_kind_of_secret_is_doubted(life, capsys):
    one = healthy(life)
    one = replace(one, settings=replace(one.settings, webhook_secrets=("sk_test_oops",)))

    only(capsys, one, "warn", "secrets", "whsec_")


def test_a_live_secret_in_the_setting_itself_is_doubted_and_never_shown(life, capsys):
    one = healthy(life)
    one = replace(one, settings=replace(one.settings, livemode=True))

    _, unwell, findings = examined(capsys, one, skip=["mode"])

    assert {each["check"] for each in unwell} == {"secrets"}
    assert "whsec_local" not in json.dumps(findings)
    assert one.settings.stripe_api_key not in json.dumps(findings)


def test_a_key_that_stripe_does_not_know_is_told_and_hides_nothing_else(life, capsys, monkeypatch):
    def refused(*_, **__):
        raise KeyRefused("Stripe does not accept our key")

    one = healthy(life)
    monkeypatch.setattr(type(one.stripe.inner), "_call", refused)

    code, unwell, findings = examined(capsys, one)

    assert code == 1
    assert {each["check"] for each in unwell} == {
        "stripe",
        "permissions",
        "endpoint",
        "deliveries",
        "portal",
        "policies",
    }
    assert {each["check"] for each in findings} == {c.name for c in doctor.CHECKS if not c.at_aws}


def test_secrets_that_nobody_uses_need_not_be_there(life, capsys):
    one = healthy(life)
    gone = {"roles_secret": "ssm:/gone"}
    vault = Vault(SystemClock(), services={"ssm": {}.__getitem__, "secretsmanager": {}.__getitem__})
    one = replace(one, settings=replace(one.settings, **gone), secrets=vault)

    assert examined(capsys, one)[1] == []
    used = replace(one, settings=replace(one.settings, roles_url="https://app.example.com/roles"))
    only(capsys, used, "fail", "secrets", "the roles secret: ssm:/gone")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"twilio": TwilioSettings(account_sid="AC1", secret="ssm:/gone")},
            "Twilio's secret: ssm:/gone",
        ),
        (
            {"bandwidth": BandwidthSettings(account_id="1", user="u", secret="ssm:/gone")},
            "Bandwidth's secret: ssm:/gone",
        ),
        ({"telnyx_secret": "ssm:/gone"}, "Telnyx's secret: ssm:/gone"),
        (
            {"event_endpoints": ({"name": "app", "secrets": ["ssm:/gone"]},)},
            "the secret of the event endpoint app: ssm:/gone",
        ),
    ],
)
def test_a_secret_of_a_carrier_or_an_event_endpoint_is_read_as_well(life, capsys, settings, says):
    vault = Vault(SystemClock(), services={"ssm": {}.__getitem__, "secretsmanager": {}.__getitem__})

    one = healthy(life, **settings)

    only(capsys, replace(one, secrets=vault), "fail", "secrets", says)


# -- as it is typed


def test_without_settings_it_says_what_to_set(capsys, monkeypatch):
    monkeypatch.delenv("LAPSE_TABLE", raising=False)

    assert main(["doctor"]) == 2
    assert (
        "lapse: set LAPSE_TABLE: it is needed for the DynamoDB table\n" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (
            "http://127.0.0.1:1",
            "no local stack answers at http://127.0.0.1:1/_clock: start one with make run",
        ),
        ("https://stripe.example.com", "is not on this machine"),
    ],
)
def test_the_local_stack_must_be_there_and_here(capsys, url, says):
    assert main(["doctor", "--local", url]) == 2
    assert says in capsys.readouterr().err


def test_it_describes_the_deployment_as_the_environment_does(monkeypatch):
    for name, value in {
        "LAPSE_TABLE": "t", "LAPSE_STRIPE_API_KEY": "sk_test_1", "LAPSE_WEBHOOK_SECRETS": "whsec_1",
        "LAPSE_TOKEN_ISSUER": "i", "LAPSE_TOKEN_AUDIENCE": "a", "LAPSE_SERVICE_AUDIENCE": "s",
        "LAPSE_PUBLIC_URL": "https://billing.example.com/", "LAPSE_PORTAL_CONFIGURATION": "bpc_1",
        "LAPSE_STRIPE_BASE_URL": "http://127.0.0.1:9/_stripe",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)

    one = patient.deployed()

    assert one.webhook_url == "https://billing.example.com/webhooks/stripe"
    assert one.settings.portal_configuration == "bpc_1"
    assert one.stripe._base_url == "http://127.0.0.1:9/_stripe"


def test_stripes_key_is_sent_nowhere_in_the_clear(monkeypatch, capsys):
    monkeypatch.setenv("LAPSE_STRIPE_API_KEY", "sk_test_1")
    monkeypatch.setenv("LAPSE_STRIPE_BASE_URL", "http://stripe.example.com")

    assert main(["setup", "stripe", "--url", "https://a.example.com/webhooks/stripe"]) == 2
    assert "LAPSE_STRIPE_BASE_URL" in capsys.readouterr().err
