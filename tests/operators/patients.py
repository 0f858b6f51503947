"""Deployments for `lapse doctor` to look at: one where everything is well, and what it found."""

import json
from dataclasses import replace

from chalicelib.gateways.stripe import API_VERSION
from chalicelib.hearing import HEARD
from infra.cli import doctor, patient, portal_rules
from tests.support.life import PORT

URL = f"http://127.0.0.1:{PORT}/webhooks/stripe"


def answers_of_webhook(monkeypatch):
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
    found = patient.of_settings(given, stripe)
    return replace(found, now=life.now, webhook_url=URL, world=lambda: life.world)


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
