"""Secrets that lie at AWS: read when needed, kept for a while, read again when they are no longer accepted."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from chalicelib.gateways.http import Answer, Refused
from chalicelib.gateways.roles import Roles, RolesUnavailable
from chalicelib.gateways.secrets import APART, KEPT, Plain, SecretUnavailable, Vault
from chalicelib.gateways.stripe import KeyRefused, Stripe, StripeUnavailable
from tests.support.stage import Stage
from tests.support.stripe_shapes import event, raw, signature, subscription

REGION = "us-east-1"
START = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)


class Hands:
    def __init__(self):
        self.at = START

    def now(self):
        return self.at


class Shelf:
    """A service that keeps texts, counts how often it is asked, and may be out of reach."""

    def __init__(self, **texts):
        self.texts = dict(texts)
        self.asked = 0
        self.is_down = False

    def __call__(self, name):
        self.asked += 1
        if self.is_down:
            raise OSError("out of reach")
        return self.texts[name]


@pytest.fixture
def clock():
    return Hands()


def vault_on(shelf, clock):
    return Vault(clock, services={"secretsmanager": shelf, "ssm": shelf})


# -- the two services


@pytest.fixture
def aws():
    with mock_aws():
        yield


def test_a_secret_lies_in_secrets_manager(aws, clock):
    manager = boto3.client("secretsmanager", region_name=REGION)
    manager.create_secret(Name="lapse/prod/stripe", SecretString="rk_live_1\n")

    secret = Vault(clock, region=REGION).secret("secretsmanager:lapse/prod/stripe")

    assert secret() == "rk_live_1"
    manager.put_secret_value(SecretId="lapse/prod/stripe", SecretString="rk_live_2")
    assert secret() == "rk_live_1"
    clock.at += APART
    assert secret.refresh()
    assert secret() == "rk_live_2"


def test_a_secret_is_named_by_its_arn_as_well(aws, clock):
    manager = boto3.client("secretsmanager", region_name=REGION)
    arn = manager.create_secret(Name="lapse", SecretString='{"stripe": "rk_1", "roles": "r"}')[
        "ARN"
    ]

    assert Vault(clock, region=REGION).secret(f"secretsmanager:{arn}#stripe")() == "rk_1"


def test_a_secret_lies_in_the_parameter_store(aws, clock):
    store = boto3.client("ssm", region_name=REGION)
    store.put_parameter(Name="/lapse/stripe", Value="rk_live_1", Type="SecureString")

    assert Vault(clock, region=REGION).secret("ssm:/lapse/stripe")() == "rk_live_1"


@pytest.mark.parametrize("setting", ["secretsmanager:nowhere", "ssm:/nowhere"])
def test_a_secret_that_is_not_there_is_unavailable_and_says_where_it_should_be(aws, clock, setting):
    with pytest.raises(SecretUnavailable, match=setting):
        Vault(clock, region=REGION).secret(setting)()


def test_a_binary_secret_is_none(aws, clock):
    manager = boto3.client("secretsmanager", region_name=REGION)
    manager.create_secret(Name="bytes", SecretBinary=b"rk_live_1")

    with pytest.raises(SecretUnavailable):
        Vault(clock, region=REGION).secret("secretsmanager:bytes")()


# -- what a setting says


@pytest.mark.parametrize("text", ["sk_test_1", "whsec_a:b", "https://x", ""])
def test_a_setting_that_names_no_service_is_the_text_itself(clock, text):
    shelf = Shelf()

    secret = vault_on(shelf, clock).secret(text)

    assert secret() == text
    assert not secret.refresh()
    assert shelf.asked == 0


@pytest.mark.parametrize("setting", ["secretsmanager:", "ssm:", "ssm:#key", "secretsmanager:name#"])
def test_a_place_that_names_nothing_is_refused_at_once(clock, setting):
    with pytest.raises(ValueError, match="NAME"):
        vault_on(Shelf(), clock).secret(setting)


@pytest.mark.parametrize(
    "text", ["rk_plain", '{"other": "x"}', '{"key": 5}', '{"key": ""}', '["key"]', "{"]
)
def test_a_text_without_the_value_that_is_meant_is_unavailable_and_not_quoted(clock, text):
    secret = vault_on(Shelf(name=text), clock).secret("ssm:name#key")

    with pytest.raises(SecretUnavailable) as raised:
        secret()

    assert str(raised.value) == "ssm:name has no text under key"
    assert raised.value.__cause__ is None


def test_two_values_of_one_object_are_one_call(clock):
    shelf = Shelf(both=json.dumps({"a": "1", "b": "2"}))
    vault = vault_on(shelf, clock)

    assert (vault.secret("ssm:both#a")(), vault.secret("ssm:both#b")()) == ("1", "2")
    assert shelf.asked == 1


def test_nothing_shows_a_secret_by_printing_it(clock):
    vault = vault_on(Shelf(name="rk_live_1"), clock)
    secret = vault.secret("ssm:name")
    secret()
    settings = replace(Stage().world.settings, stripe_api_key="rk_live_1", roles_secret="rk_live_1")

    for shown in (secret, Plain("rk_live_1"), vault, settings, Stripe("rk_live_1")):
        assert "rk_live_1" not in repr(shown)


# -- how long it is kept


def test_it_is_read_when_first_needed_and_again_after_a_quarter_of_an_hour(clock):
    shelf = Shelf(name="one")
    secret = vault_on(shelf, clock).secret("ssm:name")
    assert shelf.asked == 0

    secret()
    shelf.texts["name"] = "two"
    clock.at = START + KEPT - timedelta(seconds=1)
    assert (secret(), shelf.asked) == ("one", 1)
    clock.at = START + KEPT
    assert (secret(), shelf.asked) == ("two", 2)


def test_a_clock_that_was_set_back_does_not_keep_it_for_ever(clock):
    shelf = Shelf(name="one")
    secret = vault_on(shelf, clock).secret("ssm:name")
    secret()

    clock.at -= timedelta(days=1)
    secret()

    assert shelf.asked == 2


def test_what_we_have_stays_in_use_while_the_service_is_out_of_reach(clock):
    shelf = Shelf(name="one")
    secret = vault_on(shelf, clock).secret("ssm:name")
    secret()
    shelf.is_down = True

    clock.at += KEPT
    assert [secret() for _ in range(5)] == ["one"] * 5
    assert shelf.asked == 2
    clock.at += APART
    shelf.is_down, shelf.texts["name"] = False, "two"
    assert secret() == "two"


def test_a_service_out_of_reach_is_not_asked_for_every_request(clock):
    shelf = Shelf(name="one")
    shelf.is_down = True
    secret = vault_on(shelf, clock).secret("ssm:name")

    for _ in range(5):
        with pytest.raises(SecretUnavailable):
            secret()
    assert shelf.asked == 1

    shelf.is_down = False
    clock.at += timedelta(seconds=5)
    assert secret() == "one"


def test_it_is_read_again_at_most_once_a_minute(clock):
    shelf = Shelf(name="one")
    secret = vault_on(shelf, clock).secret("ssm:name")
    secret()
    shelf.texts["name"] = "two"

    clock.at += APART - timedelta(seconds=1)
    assert not secret.refresh()
    clock.at += timedelta(seconds=1)
    assert secret.refresh()
    assert not secret.refresh()
    assert (secret(), shelf.asked) == ("two", 2)


def test_read_again_and_the_same_it_is_no_news(clock):
    secret = vault_on(Shelf(name="one"), clock).secret("ssm:name")
    secret()
    clock.at += APART

    assert not secret.refresh()


# -- a webhook secret that is rotated


def delivered(stage, world, signed_with):
    start = stage.unix
    body = raw(
        event(
            f"evt_{signed_with}",
            "customer.subscription.created",
            start,
            subscription(start=start, end=start + 28 * 86_400),
        )
    )
    from chalicelib.handlers import webhook

    header = signature(body, stage.unix, secret=signed_with)
    return webhook.receive(world, body, header, "request").status


@pytest.fixture
def stage():
    stage = Stage()
    stage.account()
    return stage


def hearing(stage, shelf, *settings):
    world = stage.process(secrets=vault_on(shelf, stage.clock))
    return replace(world, settings=replace(world.settings, webhook_secrets=settings))


def test_an_event_signed_with_a_new_secret_is_heard_before_the_old_one_aged(stage):
    shelf = Shelf(name="whsec_old")
    world = hearing(stage, shelf, "ssm:name")
    assert delivered(stage, world, "whsec_old") == 200

    shelf.texts["name"] = "whsec_new"
    stage.move(stage.now + APART)

    assert delivered(stage, world, "whsec_new") == 200


def test_bad_signatures_make_us_read_the_secret_once_a_minute_and_no_more(stage):
    shelf = Shelf(name="whsec_old", other="whsec_other")
    world = hearing(stage, shelf, "ssm:name", "ssm:other")
    assert delivered(stage, world, "whsec_old") == 200
    stage.move(stage.now + APART)
    before = shelf.asked

    assert [delivered(stage, world, f"whsec_bad{n}") for n in range(20)] == [400] * 20

    assert shelf.asked == before + 2


def test_one_value_may_hold_both_secrets_while_they_are_changed(stage):
    world = hearing(stage, Shelf(name="whsec_old, whsec_new"), "ssm:name")

    assert delivered(stage, world, "whsec_old") == 200
    assert delivered(stage, world, "whsec_new") == 200
    assert delivered(stage, world, "whsec_old, whsec_new") == 400


def test_while_no_secret_can_be_read_stripe_is_told_to_come_back(stage):
    shelf = Shelf(name="whsec_old")
    shelf.is_down = True
    world = hearing(stage, shelf, "ssm:name")

    assert delivered(stage, world, "whsec_old") == 503


def test_one_secret_that_cannot_be_read_does_not_stand_in_the_way_of_another(stage):
    world = hearing(stage, Shelf(), "ssm:gone", "whsec_plain")

    assert delivered(stage, world, "whsec_plain") == 200
    # Perhaps it was the one that we cannot read.
    assert delivered(stage, world, "whsec_unknown") == 503


@pytest.mark.parametrize("text", ["", " ", ","])
def test_an_empty_secret_verifies_nothing(stage, text):
    world = hearing(stage, Shelf(name=text), "ssm:name")

    assert delivered(stage, world, "") != 200
    assert delivered(stage, world, text) != 200


# -- a Stripe key that is rotated


class AtStripe:
    """Accepts some keys, and remembers which it was asked with."""

    def __init__(self, *accepted):
        self.accepted = accepted
        self.asked = []

    def client(self):
        import stripe

        outer = self

        class Client(stripe.HTTPClient):
            name = "test"

            def request(self, _method, url, headers, *_):
                key = headers["Authorization"].removeprefix("Bearer ")
                outer.asked.append(key)
                if key not in outer.accepted:
                    said = {"type": "invalid_request_error", "message": f"Invalid API Key: {key}"}
                    return json.dumps({"error": said}), 401, {}
                refund = {"id": "re_1", "object": "refund", "charge": "ch_1", "amount": 5,
                          "currency": "usd", "status": "succeeded"}  # fmt: skip
                thing = refund if "refunds" in url else {"id": "in_1", "status": "paid"}
                return json.dumps({"object": "invoice"} | thing), 200, {}

            def close(self):
                pass

        return Client()


def test_a_stripe_key_that_is_refused_is_read_again_and_the_call_made_once_more(clock):
    shelf, there = Shelf(name="rk_old"), AtStripe("rk_old")
    ours = Stripe(vault_on(shelf, clock).secret("ssm:name"), http_client=there.client)
    assert ours.invoice_status("in_1") == "paid"

    there.accepted, shelf.texts["name"] = ("rk_new",), "rk_new"
    clock.at += APART

    assert ours.invoice_status("in_1") == "paid"
    assert there.asked == ["rk_old", "rk_old", "rk_new"]
    assert ours.invoice_status("in_1") == "paid"
    assert there.asked[3:] == ["rk_new"]


def test_a_stripe_key_that_stays_refused_is_not_asked_with_for_ever(clock):
    shelf, there = Shelf(name="rk_old"), AtStripe()
    ours = Stripe(vault_on(shelf, clock).secret("ssm:name"), http_client=there.client)

    for _ in range(3):
        with pytest.raises(KeyRefused):
            ours.invoice_status("in_1")
    assert there.asked == ["rk_old"] * 3
    assert shelf.asked == 1


def test_without_a_key_stripe_is_unavailable(clock):
    ours = Stripe(vault_on(Shelf(), clock).secret("ssm:name"))

    with pytest.raises(StripeUnavailable, match="ssm:name could not be read"):
        ours.invoice_status("in_1")


def test_money_is_paid_back_with_the_key_for_that_and_everything_else_is_not(clock):
    from chalicelib.domain.money import Money

    there = AtStripe("rk_all", "rk_refunds")
    ours = Stripe("rk_all", refund_key=Plain("rk_refunds"), http_client=there.client)

    ours.pay_back("ch_1", Money(5, "usd"), case_id="case", attempt=1, key="k")
    ours.refund("re_1")
    ours.invoice_status("in_1")

    assert there.asked == ["rk_refunds", "rk_all", "rk_all"]


# -- the secret for the SaaS's roles


def test_a_secret_that_the_saas_refuses_is_read_again_and_asked_with_once_more(clock):
    shelf = Shelf(name="new")
    secret = vault_on(shelf, clock).secret("ssm:name")
    shelf.texts["name"] = "old"
    secret()
    shelf.texts["name"] = "new"
    clock.at += APART
    asked = []

    def fetch(_url, headers):
        asked.append(headers["Authorization"])
        if headers["Authorization"] != "Bearer new":
            raise Refused(Answer(status=401), "saas.example.com")
        return b'{"roles": ["member"]}'

    assert Roles("https://saas.example.com/roles", secret, fetch).of("acme", "ann") == {"member"}
    assert asked == ["Bearer old", "Bearer new"]


def test_without_a_secret_nobody_has_a_role(clock):
    secret = vault_on(Shelf(), clock).secret("ssm:name")

    with pytest.raises(RolesUnavailable, match="ssm:name"):
        Roles("https://saas.example.com/roles", secret, lambda *_: b"").of("acme", "ann")


# -- the deployed world


def test_the_deployed_world_reads_its_secrets_where_the_settings_say(monkeypatch):
    from chalicelib import wiring

    for name, value in {
        "LAPSE_TABLE": "t",
        "LAPSE_STRIPE_API_KEY": "secretsmanager:lapse#stripe",
        "LAPSE_STRIPE_REFUND_KEY": "secretsmanager:lapse#refunds",
        "LAPSE_WEBHOOK_SECRETS": "secretsmanager:lapse#webhook, whsec_plain",
        "LAPSE_TOKEN_ISSUER": "i",
        "LAPSE_TOKEN_AUDIENCE": "a",
        "LAPSE_SERVICE_AUDIENCE": "s",
        "LAPSE_ROLES_URL": "https://saas.example.com/roles",
        "LAPSE_ROLES_SECRET": "ssm:/lapse/roles",
    }.items():
        monkeypatch.setenv(name, value)

    world = wiring._deployed()

    assert world.settings.webhook_secrets == ("secretsmanager:lapse#webhook", "whsec_plain")
    assert "secretsmanager', name='lapse'" in repr(world.stripe.inner._key)
    assert "key='refunds'" in repr(world.stripe.inner._refund_key)
    assert "name='/lapse/roles'" in repr(world.roles.inner.secret)
