"""`lapse setup stripe`: made once however often it is run, dry unless told otherwise, and the secret is not shown about."""

import json
from contextlib import contextmanager

import boto3
import pytest
from moto import mock_aws

from chalicelib.gateways.stripe import API_VERSION, StripeUnavailable
from chalicelib.hearing import HEARD
from infra.cli import portal_rules, secret_places, stages, stripe_of_the_operator
from infra.cli.main import main
from infra.local.stripe_emulator import Emulator
from tests.support.life import Life

URL = "https://billing.example.com/webhooks/stripe"


@pytest.fixture
def life(monkeypatch):
    life = Life()
    monkeypatch.setattr(stripe_of_the_operator, "stripe", lambda: (life.world.stripe, "us-east-1"))
    return life


@pytest.fixture
def lapse(capsys):
    def run(*arguments, url=URL):
        code = main(["setup", "stripe", "--url", url, *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def endpoints(life):
    return [one for one in life.world.stripe.endpoints() if one["url"] == URL]


def portals(life):
    found = life.world.stripe.portal_configurations()
    return [one for one in found if one["metadata"] == portal_rules.MARK]


def test_without_apply_it_says_what_and_does_nothing(life, lapse):
    code, out, _ = lapse()

    assert code == 0
    assert f"a new endpoint for {URL}, in {API_VERSION}, for {len(HEARD)} types" in out
    assert "a new portal configuration" in out
    assert out.endswith("Nothing was done. Say --apply to do it.\n")
    assert (endpoints(life), portals(life)) == ([], [])


def test_applied_it_makes_both_and_again_it_makes_nothing(life, lapse):
    code, out, _ = lapse("--apply")

    (endpoint,), (portal,) = endpoints(life), portals(life)
    assert code == 0
    assert (endpoint["api_version"], endpoint["status"]) == (API_VERSION, "enabled")
    assert set(endpoint["enabled_events"]) == set(HEARD)
    assert list(portal_rules.breaches(portal)) == list(portal_rules.doubts(portal)) == []
    assert f"LAPSE_PORTAL_CONFIGURATION={portal['id']}" in out
    assert out.count("whsec_") == 1

    there = f"everything is there already: {endpoint['id']}, {portal['id']}\n"
    assert lapse("--apply") == (0, there, "")
    assert lapse() == (0, there, "")
    assert (endpoints(life), portals(life)) == ([endpoint], [portal])


def test_what_somebody_changed_is_put_right(life, lapse):
    lapse("--apply")
    (endpoint,), (portal,) = endpoints(life), portals(life)
    life.stripe(
        "POST",
        f"/v1/webhook_endpoints/{endpoint['id']}",
        "enabled_events[0]=invoice.paid&disabled=true",
    )
    pause = {"subscription_pause": {"enabled": True}}
    life.world.stripe.update_portal_configuration(portal["id"], {"features": pause})

    dry = lapse()[1]
    assert f"endpoint {endpoint['id']}: enabled" in dry
    assert "subscription_pause as ours" in dry
    lapse("--apply")

    ((endpoint_now,), (portal_now,)) = endpoints(life), portals(life)
    assert set(endpoint_now["enabled_events"]) == set(HEARD)
    assert endpoint_now["status"] == "enabled"
    assert list(portal_rules.breaches(portal_now)) == []


def test_an_endpoint_of_another_version_is_let_be_and_one_made_beside_it(life, lapse):
    old, _ = life.world.stripe.create_endpoint(
        URL, events=["invoice.paid"], api_version="2020-08-27"
    )

    code, out, _ = lapse("--apply")

    assert code == 0
    assert {one["api_version"] for one in endpoints(life)} == {"2020-08-27", API_VERSION}
    assert f"endpoint {old} speaks 2020-08-27: let both run" in out


def test_the_answer_in_json_says_the_same(life, lapse):
    _, out, _ = lapse("--json")

    said = json.loads(out)
    assert said["applied"] is False
    assert [sorted(one) for one in said["changes"]] == [["gives", "says"]] * 2


@pytest.mark.parametrize(
    "url", ["http://billing.example.com/webhooks/stripe", "https://billing.example.com/", "ftp://x"]
)
def test_an_address_that_stripe_cannot_use_is_refused(life, lapse, url):
    code, out, err = lapse("--apply", url=url)

    assert (code, out) == (2, "")
    assert "--url is https and ends with /webhooks/stripe" in err
    assert endpoints(life) == []


# -- where the secret goes


@mock_aws
@pytest.mark.parametrize(
    "place", ["secretsmanager:lapse#webhook", "secretsmanager:plain", "ssm:/lapse/webhook"]
)
def test_the_secret_goes_to_its_place_and_is_not_shown(life, lapse, place):
    from chalicelib.gateways.secrets import Vault

    code, out, err = lapse("--apply", "--secret-to", place)

    assert code == 0
    assert f"LAPSE_WEBHOOK_SECRETS={place}" in out
    assert "whsec_" not in out + err
    kept = Vault(region="us-east-1").secret(place)()
    truth = life.emulator._world.get("webhook_endpoint", endpoints(life)[0]["id"])
    assert kept == truth["_secret"]


@mock_aws
def test_beside_an_old_secret_it_is_added_and_what_else_lies_there_stays(life, lapse):
    manager = boto3.client("secretsmanager", region_name="us-east-1")
    manager.create_secret(Name="lapse", SecretString='{"webhook": "whsec_old", "stripe": "rk_1"}')

    lapse("--apply", "--secret-to", "secretsmanager:lapse#webhook")

    kept = json.loads(manager.get_secret_value(SecretId="lapse")["SecretString"])
    assert kept["stripe"] == "rk_1"
    old, new = kept["webhook"].split(",")
    assert old == "whsec_old"
    assert new.startswith("whsec_")


@mock_aws
def test_where_the_secret_cannot_be_put_no_endpoint_stays(life, lapse):
    manager = boto3.client("secretsmanager", region_name="us-east-1")
    manager.create_secret(Name="lapse", SecretString="no json")

    code, out, err = lapse("--apply", "--secret-to", "secretsmanager:lapse#webhook")

    assert (code, out) == (2, "")
    assert "could not be put at secretsmanager:lapse#webhook" in err
    assert "whsec_" not in err
    assert endpoints(life) == []
    assert manager.get_secret_value(SecretId="lapse")["SecretString"] == "no json"


@pytest.mark.parametrize("place", ["", "lapse", "ssm:", "s3:bucket", "ssm:#x", "secretsmanager:x#"])
def test_a_place_that_is_none_is_refused_before_anything_is_made(life, lapse, place):
    if not place:
        with pytest.raises(secret_places.NoPlace):
            secret_places.parse(place)
        return
    code, _, err = lapse("--apply", "--secret-to", place)

    assert code == 2
    assert "a secret's place reads" in err
    assert endpoints(life) == []


def test_stripe_away_is_said_and_nothing_claimed(life, lapse):
    life.faults.order({"target": "stripe", "kind": "error", "count": 20})

    code, out, err = lapse("--apply")

    assert (code, out) == (1, "")
    assert err.startswith("lapse: Stripe: ")


def test_a_secret_told_once_is_shown_even_when_the_portal_cannot_be_made(life, lapse, monkeypatch):
    def away(*_):
        raise StripeUnavailable("away")

    monkeypatch.setattr(type(life.world.stripe.inner), "create_portal_configuration", away)

    code, out, err = lapse("--apply")

    assert code == 1
    assert "whsec_" in out
    assert err == "lapse: Stripe: away\n"


def test_without_an_address_it_asks_for_one_or_for_the_stage(life, capsys):
    assert main(["setup", "stripe"]) == 2
    assert "say --url, or name the stage" in capsys.readouterr().err


@mock_aws
def test_with_a_stage_address_and_place_are_its_own(life, capsys, monkeypatch):
    places = "secretsmanager:lapse/prod/webhook, secretsmanager:lapse/prod/old"
    stage = stages.Stage("prod", {"LAPSE_WEBHOOK_SECRETS": places}, URL)
    monkeypatch.setattr(stages, "use", lambda name, own: stage)

    assert main(["--stage", "prod", "setup", "stripe", "--apply"]) == 0

    out = capsys.readouterr().out
    assert len(endpoints(life)) == 1
    assert "LAPSE_WEBHOOK_SECRETS=secretsmanager:lapse/prod/webhook\n" in out
    assert "whsec_" not in out


# -- prices


@pytest.fixture
def prices(capsys, life):
    def run(*arguments):
        code = main(["setup", "prices", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_price_is_made_for_each_plan_that_has_none_and_none_is_made_twice(life, prices):
    emulator = Emulator(now=life.clock.now, base_url="http://127.0.0.1:1")
    with monkeypatched_emulator(life, emulator):
        dry = prices("smarter-contact")
        assert dry[0] == 0
        assert "to be made: smarter-contact:messaging:month, 9900 usd" in dry[1]
        assert emulator.truth()["prices"] == {}

        code, out, _ = prices("smarter-contact", "--apply")

        made = {p["lookup_key"]: p for p in emulator.truth()["prices"].values()}
        assert code == 0
        assert out.count("made: ") == len(made) == 4
        month = made["smarter-contact:messaging:month"]
        assert (month["unit_amount"], month["currency"]) == (9900, "usd")
        assert month["recurring"]["interval"] == "month"
        assert prices("smarter-contact", "--apply") == (0, "every plan has its price already\n", "")
        assert len(emulator.truth()["prices"]) == 4


@contextmanager
def monkeypatched_emulator(life, emulator):
    before, life.side._emulator = life.side._emulator, emulator
    yield
    life.side._emulator = before


def test_a_policy_nobody_wrote_is_said(prices):
    code, out, err = prices("nobody", "--apply")

    assert (code, out) == (2, "")
    assert "there is no policy 'nobody': there are " in err
