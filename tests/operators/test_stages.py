"""`lapse --stage NAME`: a command acts with the settings of the stage's own functions, and with nothing of its own."""

import io
import os

import pytest
from botocore.exceptions import ClientError, NoRegionError

from infra.cli import doctor, stages
from infra.cli.main import main
from infra.packaging import stand_in

URL = "https://abc.execute-api.eu-central-1.amazonaws.com/api/webhooks/stripe"


class Aws:
    """One stage, `prod`, as CloudFormation and Lambda tell of it."""

    def __init__(self):
        self.variables = {
            "Webhook": {
                "LAPSE_TABLE": "lapse-prod",
                "LAPSE_WEBHOOK_SECRETS": "secretsmanager:lapse/prod/webhook",
                "LAPSE_STRIPE_API_KEY": "secretsmanager:lapse/prod/stripe",
                "POWERTOOLS_LOG_LEVEL": "INFO",
            },
            "PayDecidedCases": {
                "LAPSE_TABLE": "lapse-prod",
                "LAPSE_STRIPE_REFUND_KEY": "secretsmanager:lapse/prod/stripe-refunds",
                "LAPSE_SHARE_QUEUE": "https://sqs/pay",
            },
        }
        self.refuses = None

    def describe_stacks(self, **asked):
        if self.refuses:
            raise self.refuses
        if asked["StackName"] != "lapse-prod":
            raise _refused(f"Stack with id {asked['StackName']} does not exist")
        return {"Stacks": [{"Outputs": [{"OutputKey": "WebhookURL", "OutputValue": URL}]}]}

    def describe_stack_resource(self, **asked):
        id = f"fn-{asked['LogicalResourceId']}"
        return {"StackResourceDetail": {"PhysicalResourceId": id}}

    def get_function_configuration(self, **asked):
        name = asked["FunctionName"].removeprefix("fn-")
        return {"Environment": {"Variables": self.variables[name]}}


def _refused(says):
    return ClientError({"Error": {"Code": "ValidationError", "Message": says}}, "DescribeStacks")


@pytest.fixture
def aws(monkeypatch):
    for name in [one for one in os.environ if one.startswith("LAPSE_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    # What a command sets in the environment is gone when the test is over.
    monkeypatch.setattr(os, "environ", os.environ.copy())
    found = Aws()
    monkeypatch.setattr(stages, "_client", lambda _service: found)
    return found


def ours():
    return {name: text for name, text in os.environ.items() if name.startswith("LAPSE_")}


def test_the_settings_are_those_of_the_functions_and_nothing_of_ones_own_stays(aws):
    os.environ |= {"LAPSE_TABLE": "lapse-mine", "LAPSE_ROLES_URL": "https://mine.example.com"}

    stage = stages.use("prod")

    assert ours() == {
        "LAPSE_TABLE": "lapse-prod",
        "LAPSE_WEBHOOK_SECRETS": "secretsmanager:lapse/prod/webhook",
        "LAPSE_STRIPE_API_KEY": "secretsmanager:lapse/prod/stripe",
        "LAPSE_STRIPE_REFUND_KEY": "secretsmanager:lapse/prod/stripe-refunds",
    }
    assert "POWERTOOLS_LOG_LEVEL" not in os.environ
    assert stage.webhook_url == URL


def test_what_a_command_wants_of_whoever_types_is_never_taken_from_the_stage(aws):
    stages.use("prod", own=("LAPSE_STRIPE_API_KEY",))
    assert "LAPSE_STRIPE_API_KEY" not in ours()

    os.environ["LAPSE_STRIPE_API_KEY"] = "rk_test_mine"
    stages.use("prod", own=("LAPSE_STRIPE_API_KEY",))
    assert ours()["LAPSE_STRIPE_API_KEY"] == "rk_test_mine"


def test_a_name_of_its_own_is_where_stripe_reaches_it(aws):
    aws.variables["Webhook"]["LAPSE_PUBLIC_URL"] = "https://billing.example.com/"

    assert stages.use("prod").webhook_url == "https://billing.example.com/webhooks/stripe"


@pytest.mark.parametrize(
    ("name", "refuses", "says"),
    [
        ("nope", None, "there is no stack lapse-nope in this account and region: make deploy STAGE=nope"),
        ("prod", _refused("not authorized"), "AWS refuses to tell of the stage prod"),
        ("prod", NoRegionError(), "set AWS_PROFILE and AWS_REGION"),
    ],
)  # fmt: skip
def test_a_stage_that_cannot_be_read_is_said_and_nothing_is_changed(
    aws, capsys, name, refuses, says
):
    aws.refuses = refuses
    os.environ["LAPSE_TABLE"] = "lapse-mine"

    assert main(["--stage", name, "doctor"]) == 2

    assert says in capsys.readouterr().err
    assert ours() == {"LAPSE_TABLE": "lapse-mine"}


def test_the_doctor_looks_at_the_stage_and_not_at_the_environment(aws, monkeypatch):
    looked_at = []
    monkeypatch.setattr(doctor, "examine", lambda patient, **_: looked_at.append(patient) or 0)
    aws.variables["Webhook"] |= {
        "LAPSE_TOKEN_ISSUER": "i", "LAPSE_TOKEN_AUDIENCE": "a", "LAPSE_SERVICE_AUDIENCE": "s",
    }  # fmt: skip

    assert main(["--stage", "prod", "doctor"]) == 0

    (patient,) = looked_at
    assert patient.webhook_url == URL
    assert patient.settings.table_name == "lapse-prod"
    assert patient.settings.stripe_refund_key == "secretsmanager:lapse/prod/stripe-refunds"


def test_setting_up_stripe_asks_for_a_key_of_ones_own_also_with_a_stage(aws, capsys):
    assert main(["--stage", "prod", "setup", "stripe"]) == 2
    assert "set LAPSE_STRIPE_API_KEY" in capsys.readouterr().err


def test_at_a_stand_in_an_api_is_reached_by_its_id(aws, monkeypatch):
    assert stand_in.reachable(URL) == URL
    for url in ("https://aws.example.com", "http://10.0.0.1:4566", ""):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        assert stand_in.reachable(URL) == URL

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566/")
    assert stages.use("prod").webhook_url == (
        "http://127.0.0.1:4566/restapis/abc/api/_user_request_/webhooks/stripe"
    )
    assert stand_in.reachable("lapse-prod") == "lapse-prod"


# -- secrets that are put where a setting says


@pytest.fixture
def typed(monkeypatch):
    def of(text):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return of


@pytest.fixture
def at_aws():
    from moto import mock_aws

    with mock_aws():
        yield


def kept(place):
    from chalicelib.gateways.secrets import Vault

    return Vault(region="us-east-1").secret(place)()


@pytest.mark.parametrize("place", ["secretsmanager:lapse/x", "secretsmanager:lapse#x", "ssm:/x"])
def test_a_secret_is_put_is_replaced_and_is_had_back(at_aws, typed, capsys, place):
    for text in ("rk_first\n", "rk_second"):
        typed(text)
        assert main(["setup", "secret", place]) == 0
        assert kept(place) == text.strip()

    assert main(["setup", "secret", place, "--previous"]) == 0

    assert kept(place) == "rk_first"
    said = capsys.readouterr()
    assert "rk_" not in said.out + said.err
    assert f"{place} holds what it held before now" in said.out


def test_other_keys_of_a_json_secret_stay(at_aws, typed):
    for key in ("twilio", "telnyx"):
        typed(f"secret of {key}")
        main(["setup", "secret", f"secretsmanager:carriers#{key}"])

    assert kept("secretsmanager:carriers#twilio") == "secret of twilio"
    assert kept("secretsmanager:carriers#telnyx") == "secret of telnyx"


@pytest.mark.parametrize(
    ("arguments", "text", "says"),
    [
        (["nowhere"], "x", "a secret's place reads"),
        (["secretsmanager:lapse/x"], "  \n", "no secret was given"),
        (["secretsmanager:lapse/x", "--previous"], "", "held nothing before"),
        (["ssm:/x", "--previous"], "", "held nothing before"),
    ],
)
def test_what_cannot_be_put_is_said_and_nothing_is_changed(
    at_aws, typed, capsys, arguments, text, says
):
    typed(text)

    assert main(["setup", "secret", *arguments]) == 2

    assert says in capsys.readouterr().err


def test_a_text_where_a_json_secret_is_meant_is_left_alone_and_not_shown(at_aws, typed, capsys):
    typed("whsec_plain")
    main(["setup", "secret", "secretsmanager:lapse/x"])
    typed("other")

    assert main(["setup", "secret", "secretsmanager:lapse/x#key"]) == 2

    said = capsys.readouterr()
    assert "no JSON object" in said.err
    assert "whsec_plain" not in said.out + said.err
    assert kept("secretsmanager:lapse/x") == "whsec_plain"
