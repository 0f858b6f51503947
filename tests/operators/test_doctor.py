"""`lapse doctor`: what it says of a deployment that is well, and of each thing that is not. It changes nothing."""

import json
from dataclasses import replace
from datetime import timedelta

import boto3
import pytest
from moto import mock_aws

from chalicelib.clock import SystemClock
from chalicelib.gateways.secrets import Vault
from chalicelib.gateways.stripe import API_VERSION, KeyMayNot, KeyRefused, StripeUnavailable
from chalicelib.handlers.jobs import SCHEDULE
from chalicelib.hearing import HEARD
from chalicelib.settings import BandwidthSettings, TwilioSettings
from infra.cli import doctor, patient, portal_rules
from infra.cli.main import main
from tests.support.life import PORT, Life

URL = f"http://127.0.0.1:{PORT}/webhooks/stripe"


@pytest.fixture(scope="module")
def aws():
    with mock_aws():
        yield


@pytest.fixture
def life():
    return Life()


@pytest.fixture(autouse=True)
def webhook(monkeypatch):
    """How the deployed webhook answers what nobody signed."""
    answers = [(400, "malformed_request")]
    monkeypatch.setattr(doctor, "unsigned", lambda url: answers[-1])
    return answers


def healthy(life, **settings):
    """A deployment where everything is as `lapse setup` and the template make it, but AWS."""
    stripe = life.world.stripe
    for one in stripe.endpoints():
        stripe.delete_endpoint(one["id"])
    stripe.create_endpoint(URL, events=list(HEARD), api_version=API_VERSION)
    made = stripe.create_portal_configuration(
        {"name": "Lapse", "features": portal_rules.FEATURES, "metadata": portal_rules.MARK}
    )
    given = replace(
        life.world.settings, table_name="lapse-test", **({"portal_configuration": made} | settings)
    )
    return replace(patient.of_settings(given, stripe), now=life.now, webhook_url=URL)


def examined(capsys, one, *, without_aws=True, skip=()):
    code = doctor.examine(one, skip=list(skip), without_aws=without_aws, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] == (code == 0)
    assert all(bool(each["do"]) == (each["level"] != "ok") for each in said["findings"])
    return code, [each for each in said["findings"] if each["level"] != "ok"], said["findings"]


def only(capsys, one, level, check, says, **more):
    """It finds this, and nothing else."""
    code, unwell, _ = examined(capsys, one, **more)
    assert [(each["level"], each["check"]) for each in unwell] == [(level, check)], unwell
    assert says in unwell[0]["says"]
    assert code == (1 if level == "fail" else 0)


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


def lacking(one, monkeypatch, *names, pays_back=None):
    """The key lacks these permissions. `pays_back`: only this one of the two keys."""
    real = one.stripe.try_out
    calls = {**doctor.stripe_setup.READS, **{f"write {k}": v for k, v in doctor.stripe_setup.WRITES.items()},
             **{f"pay back {k}": v for k, v in doctor.stripe_setup.PAYS_BACK.items()}}  # fmt: skip
    forbidden = [calls[name] for name in names]

    def tried(self, ask, *, pays_back=False):
        if ask in forbidden and only_key in (None, pays_back):
            raise KeyMayNot("no")
        return real(ask, pays_back=pays_back)

    only_key = pays_back
    monkeypatch.setattr(type(one.stripe.inner), "try_out", tried)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("disputes", "Stripe's key may not read disputes"),
        ("write subscriptions", "Stripe's key may not write subscriptions"),
        ("pay back refunds", "Stripe's key may not write refunds"),
    ],
)
def test_a_permission_that_is_missing_is_named(life, capsys, monkeypatch, name, says):
    one = healthy(life)
    lacking(one, monkeypatch, name)

    only(capsys, one, "fail", "permissions", says)


def test_with_a_refund_key_of_its_own_the_general_key_must_not_pay_back(life, capsys, monkeypatch):
    one = healthy(life)
    one = replace(one, settings=replace(one.settings, stripe_refund_key="rk_test_1"))
    only(capsys, one, "warn", "permissions", "may pay back as well")

    lacking(one, monkeypatch, "pay back refunds", pays_back=False)
    assert examined(capsys, one)[1] == []


def test_asking_for_permission_makes_no_refund_and_changes_no_subscription(life, capsys):
    life.account("acme")
    life.subscribe("acme")
    one = healthy(life)
    before = life.emulator.truth()

    examined(capsys, one)

    after = life.emulator.truth()
    for kind in ("refunds", "subscriptions", "invoices", "charges", "checkout.sessions"):
        assert after.get(kind) == before.get(kind)


# -- Stripe


@pytest.mark.parametrize(
    ("seconds", "level"), [(5, None), (6, "warn"), (-60, "warn"), (61, "fail"), (-86_400, "fail")]
)
def test_clocks_that_are_apart_are_told(life, capsys, seconds, level):
    one = replace(healthy(life), now=life.now + timedelta(seconds=seconds))

    if level is None:
        assert examined(capsys, one)[1] == []
    else:
        only(capsys, one, level, "stripe", f"{abs(seconds)} s apart")


def test_stripe_away_is_told(life, capsys, monkeypatch):
    one = healthy(life)

    def away(_self):
        raise StripeUnavailable("APIConnectionError")

    monkeypatch.setattr(type(one.stripe.inner), "spoken_at", away)

    only(capsys, one, "fail", "stripe", "cannot be reached: APIConnectionError")


def endpoint(life, one, **values):
    (found,) = one.stripe.endpoints()
    life.emulator._world.change(life.emulator._world.get("webhook_endpoint", found["id"]), **values)


@pytest.mark.parametrize(
    ("values", "level", "says"),
    [
        (
            {"url": "https://elsewhere.example.com/webhooks/stripe"},
            "fail",
            "no endpoint at Stripe sends to",
        ),
        ({"status": "disabled"}, "fail", "is disabled"),
        (
            {"enabled_events": [t for t in HEARD if t != "refund.failed"]},
            "fail",
            "nobody sends us refund.failed",
        ),
        (
            {"enabled_events": [*HEARD, "customer.created"]},
            "warn",
            "sent for nothing: customer.created",
        ),
        ({"enabled_events": ["*"]}, "warn", f"we act on {len(HEARD)}"),
        ({"api_version": "2020-08-27"}, "warn", "it speaks 2020-08-27"),
        ({"api_version": None}, "warn", "it speaks the account's version"),
    ],
)
def test_an_endpoint_that_is_not_ours_is_told(life, capsys, values, level, says):
    one = healthy(life)
    endpoint(life, one, **values)

    only(capsys, one, level, "endpoint", says)


def test_without_our_own_name_any_endpoint_of_that_path_is_taken_for_ours(life, capsys):
    assert examined(capsys, replace(healthy(life), webhook_url=None))[1] == []


@pytest.mark.parametrize(
    ("features", "level", "says"),
    [
        ({"subscription_cancel": {"mode": "immediately"}}, "fail", "ends access at once"),
        (
            {"subscription_cancel": {"proration_behavior": "create_prorations"}},
            "fail",
            "makes a proration",
        ),
        ({"subscription_pause": {"enabled": True}}, "fail", "may pause"),
        ({"subscription_update": {"enabled": True}}, "warn", "may change plans"),
        ({"subscription_cancel": {"enabled": False}}, "warn", "cannot cancel"),
        ({"payment_method_update": {"enabled": False}}, "warn", "cannot change their card"),
    ],
)
def test_a_portal_that_breaks_a_promise_is_told(life, capsys, features, level, says):
    one = healthy(life)
    one.stripe.update_portal_configuration(
        one.settings.portal_configuration, {"features": features}
    )

    only(capsys, one, level, "portal", says)


def test_a_portal_configuration_that_is_not_there_is_told(life, capsys):
    one = healthy(life, portal_configuration="bpc_gone")

    only(capsys, one, "fail", "portal", "bpc_gone is not there")


# -- policies and prices


def test_a_plan_without_a_price_is_told(life, capsys):
    one = healthy(life)
    (price,) = one.stripe.prices_of(["goto:connect:year"])
    life.stripe("POST", f"/v1/prices/{price['id']}", "active=false")

    only(capsys, one, "fail", "policies", "goto: plan connect has no price by the year")


def test_a_price_of_another_amount_is_doubted(life, capsys):
    one = healthy(life)
    (price,) = one.stripe.prices_of(["goto:connect:year"])
    life.emulator._world.change(life.emulator._world.get("price", price["id"]), unit_amount=1)

    only(capsys, one, "warn", "policies", "costs 1 usd at Stripe, and 27000 usd in the policy")


def test_a_policy_of_another_company_is_no_mistake(life, capsys):
    one = healthy(life)
    for name in ("webinar", "connect"):
        for interval in ("month", "year"):
            (price,) = one.stripe.prices_of([f"goto:{name}:{interval}"])
            life.stripe("POST", f"/v1/prices/{price['id']}", "active=false")

    _, unwell, findings = examined(capsys, one)

    assert unwell == []
    assert "goto: no plan of it is sold here" in [each["says"] for each in findings]


# -- AWS


def build_table(**changes):
    client = boto3.client("dynamodb", region_name="us-east-1")
    index = [("due", "due_kind", "due_at"), ("directory", "dir_kind", "dir_key")]
    keys = ["pk", "sk", *(name for _, *names in index for name in names)]
    given = {
        "TableName": "lapse-test",
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in keys],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        "GlobalSecondaryIndexes": [
            {"IndexName": name, "Projection": {"ProjectionType": "KEYS_ONLY"},
             "KeySchema": [{"AttributeName": of, "KeyType": "HASH"}, {"AttributeName": at, "KeyType": "RANGE"}]}
            for name, of, at in index
        ],
    }  # fmt: skip
    given |= changes
    client.create_table(**{name: value for name, value in given.items() if value is not None})
    return client


def protect(client):
    client.update_continuous_backups(
        TableName="lapse-test",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    client.update_time_to_live(
        TableName="lapse-test",
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
    )


def schedule(*, without=(), **rule):
    client = boto3.client("events", region_name="us-east-1")
    for job in SCHEDULE:
        if job.name not in without:
            given = {"ScheduleExpression": job.rate, "State": "ENABLED"} | rule
            client.put_rule(Name=f"rule-{job.name}", **given)
            function = "".join(part.title() for part in job.name.split("_"))
            arn = f"arn:aws:lambda:us-east-1:123456789012:function:lapse-prod-{function}-1A2B3C"
            client.put_targets(Rule=f"rule-{job.name}", Targets=[{"Id": "1", "Arn": arn}])


AT_AWS = ["secrets", "mode", "stripe", "permissions", "endpoint", "portal", "policies"]


@mock_aws
def test_a_table_and_schedules_that_are_well(life, capsys):
    protect(build_table())
    schedule()

    code, unwell, findings = examined(capsys, healthy(life), without_aws=False)

    assert (code, unwell) == (0, [])
    assert {each["check"] for each in findings} == {c.name for c in doctor.CHECKS}


@pytest.mark.parametrize(
    ("changes", "level", "says"),
    [
        ({"StreamSpecification": None}, "fail", "its stream is off"),
        ({"DeletionProtectionEnabled": False}, "warn", "may be deleted by mistake"),
    ],
)
@mock_aws
def test_a_table_that_lacks_something_is_told(life, capsys, changes, level, says):
    protect(build_table(**changes))

    only(
        capsys, healthy(life), level, "table", says, without_aws=False, skip=[*AT_AWS, "schedules"]
    )


@mock_aws
def test_a_table_without_an_index_or_a_way_back_is_told(life, capsys):
    client = build_table()
    client.update_table(
        TableName="lapse-test", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "due"}}]
    )

    _, unwell, _ = examined(capsys, healthy(life), without_aws=False, skip=[*AT_AWS, "schedules"])

    assert [(each["level"], each["says"].split(":")[0]) for each in unwell] == [
        ("fail", "table lapse-test has no index 'due'"),
        ("fail", "it cannot be restored to a point in time"),
        ("warn", "what has expired is never tidied up"),
    ]


@mock_aws
def test_a_table_that_is_not_there_is_told_and_hides_nothing(life, capsys):
    schedule()
    one = healthy(life)

    _, unwell, findings = examined(capsys, one, without_aws=False)

    assert [(each["level"], each["check"]) for each in unwell] == [("fail", "table")]
    assert "ResourceNotFoundException" in unwell[0]["says"]
    assert {each["check"] for each in findings} == {c.name for c in doctor.CHECKS}


@pytest.mark.parametrize(
    ("rules", "level", "says"),
    [
        ({"without": ("purge_data",)}, "fail", "nothing runs purge_data"),
        ({"State": "DISABLED"}, "fail", "is off"),
        ({"ScheduleExpression": "rate(1 day)"}, "warn", "runs at rate(1 day), not rate"),
    ],
)
@mock_aws
def test_schedules_that_do_not_run_are_told(life, capsys, rules, level, says):
    schedule(**rules)

    _, unwell, _ = examined(capsys, healthy(life), without_aws=False, skip=[*AT_AWS, "table"])

    assert {each["level"] for each in unwell} == {level}
    assert says in unwell[0]["says"]


@pytest.mark.parametrize("keys", [None, {}, {"keys": []}, {"keys": [{"kty": "junk"}]}])
def test_an_issuer_without_keys_is_told(life, capsys, keys):
    one = healthy(life)
    one = replace(one, settings=replace(one.settings, jwks=keys))

    only(
        capsys,
        one,
        "fail",
        "issuer",
        "nobody can sign in",
        without_aws=False,
        skip=["table", "schedules"],
    )


# -- as it is typed


def test_without_settings_it_says_what_to_set(capsys, monkeypatch):
    monkeypatch.delenv("LAPSE_TABLE", raising=False)

    assert main(["doctor"]) == 2
    assert (
        capsys.readouterr().err == "lapse: set LAPSE_TABLE: it is needed for the DynamoDB table\n"
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


# -- whether events arrive


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


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((0, ""), "does not answer"),
        ((503, "internal_error"), "cannot read its secret or its table"),
        ((403, ""), "answers 403, which is not ours"),
        ((200, ""), "answers 200, which is not ours"),
        ((400, "something_else"), "answers 400, which is not ours"),
    ],
)
def test_a_webhook_that_does_not_refuse_what_nobody_signed_is_told(
    life, capsys, webhook, aws, answer, says
):
    webhook.append(answer)
    skip = ["issuer", "table", "schedules"]

    only(capsys, healthy(life), "fail", "webhook", says, without_aws=False, skip=skip)
    webhook.append((400, "malformed_request"))
    assert examined(capsys, healthy(life), without_aws=False, skip=skip)[1] == []


def test_where_nobody_said_how_we_are_reached_it_is_asked_for(life, capsys, aws):
    one = replace(healthy(life), webhook_url=None)

    skip = ["issuer", "table", "schedules", "endpoint"]
    only(capsys, one, "warn", "webhook", "where Stripe reaches us", without_aws=False, skip=skip)


def told(life, at, waiting, type="invoice.paid"):
    return {
        "id": f"evt_{at}",
        "type": type,
        "created": int((life.now + timedelta(seconds=at)).timestamp()),
        "pending_webhooks": waiting,
    }


@pytest.mark.parametrize(
    ("events", "level", "says"),
    [
        ([], None, "nothing to tell us"),
        ([(-60, 0), (-90, 0)], None, "the last 2 events"),
        ([(-60, 1), (-90, 1), (-99, 0)], "fail", "(evt_-60) was not taken, and 1 before it"),
        ([(-60, 0), (-90, 1)], "warn", "1 of the last 2 events"),
        # It may be on its way yet.
        ([(-9, 1), (-90, 0)], None, "the last 1 events"),
        ([(-11, 1)], "fail", "(evt_-11) was not taken"),
        # Nobody sends us these.
        ([(-60, 1, "customer.created")], None, "nothing to tell us"),
    ],
)
def test_events_that_do_not_arrive_are_told(life, capsys, monkeypatch, events, level, says):
    one = healthy(life)
    lately = [told(life, *each) for each in events]
    monkeypatch.setattr(type(one.stripe.inner), "events_lately", lambda _: lately)

    if level is None:
        _, unwell, findings = examined(capsys, one)
        assert unwell == []
        assert [f["says"] for f in findings if says in f["says"]] != []
    else:
        only(capsys, one, level, "deliveries", says)


def test_a_secret_that_does_not_fit_shows_by_what_is_not_taken(life, capsys):
    """From end to end, at the emulator: our own webhook refuses, and Stripe's list of events says so."""
    one = healthy(life)
    endpoint = next(e for e in one.stripe.endpoints() if e["url"] == URL)
    customer = life.stripe("POST", "/v1/customers", "email=a@example.com")["id"]
    life.stripe("POST", f"/v1/customers/{customer}", "email=b@example.com")
    assert examined(capsys, one)[1] == []

    price = life.stripe("GET", "/v1/prices", "lookup_keys[0]=smarter-contact:messaging:month")
    life.stripe(
        "POST", "/v1/subscriptions",
        f"customer={customer}&items[0][price]={price['data'][0]['id']}&payment_behavior=default_incomplete",
    )  # fmt: skip
    life.deliver()
    later = replace(one, now=life.now + timedelta(seconds=30))

    assert endpoint["status"] == "enabled"
    _, unwell, _ = examined(capsys, later, skip=["stripe"])
    assert [(each["level"], each["check"]) for each in unwell] == [("fail", "deliveries")]
