"""`lapse doctor`: whether everything outside our code is as it must be, and what to do where it is not.

It changes nothing. Each check stands alone: one that fails, or breaks, hides no other. The exit code is 1 when one
failed, 0 otherwise; a warning is for a person to weigh.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import Any

from chalicelib.gateways import stripe_setup
from chalicelib.gateways.jwks import IssuerKeys, KeysUnavailable
from chalicelib.gateways.secrets import SecretUnavailable
from chalicelib.gateways.stripe import (
    API_VERSION,
    KeyMayNot,
    KeyRefused,
    StripeRefused,
    StripeUnavailable,
)
from chalicelib.handlers.jobs import SCHEDULE
from chalicelib.hearing import HEARD
from chalicelib.settings import Settings, SettingsError
from infra.cli import doctor_deliveries, doctor_endpoints, doctor_prices, portal_rules
from infra.cli.desk import Groups, say_json, say_wrong_settings
from infra.cli.findings import Check, Finding, fail, ok, run, warn
from infra.cli.patient import Patient, deployed, local, unsigned

Ask = Callable[[Any], Any]

CLOSE_SECONDS, FAR_SECONDS = 5, 60
SET_UP = "run `lapse setup stripe --apply`"


def add(groups: Groups) -> None:
    parser: argparse.ArgumentParser = groups.add_parser(
        "doctor", help="whether keys, endpoint, portal, table, schedules and policies are right"
    )
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    parser.add_argument("--local", metavar="URL", help="look at the stack `make run` started there")
    parser.add_argument(
        "--skip",
        action="append",
        default=[],
        metavar="CHECK",
        choices=[check.name for check in CHECKS],
        help=f"leave this out, as often as you like: {', '.join(check.name for check in CHECKS)}",
    )
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    try:
        patient = local(given.local) if given.local else deployed(given.deployed)
    except SettingsError as error:
        say_wrong_settings(error, given)
        return 2
    except (LookupError, ValueError) as error:
        print(f"lapse: {error.args[0]}", file=sys.stderr)
        return 2
    return examine(patient, skip=given.skip, without_aws=bool(given.local), as_json=given.json)


def examine(
    patient: Patient, *, skip: list[str], without_aws: bool = False, as_json: bool = False
) -> int:
    checks = [c for c in CHECKS if c.name not in skip and not (without_aws and c.at_aws)]
    found = [(check.name, finding) for check in checks for finding in run(check, patient)]
    failed = any(finding.level == "fail" for _, finding in found)
    if as_json:
        findings = [
            {"check": name, "level": one.level, "says": one.says, "do": one.do}
            for name, one in found
        ]
        say_json({"ok": not failed, "findings": findings})
    else:
        for name, one in found:
            print(f"{one.level:<5} {name}: {one.says}" + (f"\n      → {one.do}" if one.do else ""))
    return 1 if failed else 0


# -- secrets and keys


def _secrets(patient: Patient) -> Iterator[Finding]:
    for what, setting in _named(patient.settings):
        if setting:
            yield _secret(patient, what, setting)


def _named(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every secret that is used. What stands in a setting that nobody uses need not be there."""
    yield "Stripe's key", settings.stripe_api_key
    yield "the refund key", settings.stripe_refund_key
    for one in settings.webhook_secrets:
        yield "a webhook secret", one
    if settings.roles_url:
        yield "the roles secret", settings.roles_secret
    if settings.twilio:
        yield "Twilio's secret", settings.twilio.secret
    if settings.bandwidth:
        yield "Bandwidth's secret", settings.bandwidth.secret
    yield "Telnyx's secret", settings.telnyx_secret
    for endpoint in settings.event_endpoints:
        for one in endpoint.get("secrets", ()):
            yield f"the secret of the event endpoint {endpoint.get('name')}", str(one)


def _secret(patient: Patient, what: str, setting: str) -> Finding:
    secret = patient.secrets.secret(setting)
    try:
        text = secret()
    except SecretUnavailable as error:
        return fail(f"{what}: {error}", "create it there, and let this role read it")
    if what == "a webhook secret" and not all(
        one.startswith("whsec_") for one in text.replace(",", " ").split()
    ):
        return warn(f"{what} does not begin with whsec_", "copy the endpoint's signing secret")
    if secret() == setting.strip() and patient.settings.livemode:
        return warn(
            f"{what} stands in the setting itself", "keep it at AWS: docs/how-to/rotate-secrets.md"
        )
    return ok(f"{what} can be read")


def _mode(patient: Patient) -> Iterator[Finding]:
    for what, setting in (
        ("Stripe's key", patient.settings.stripe_api_key),
        ("the refund key", patient.settings.stripe_refund_key),
    ):
        if setting:
            yield from _mode_of(patient, what, patient.secrets.secret(setting)())


def _mode_of(patient: Patient, what: str, key: str) -> Iterator[Finding]:
    kind, _, rest = key.partition("_")
    mode = {"live": True, "test": False}.get(rest.partition("_")[0])
    if kind not in ("sk", "rk") or mode is None:
        yield fail(f"{what} is no key of Stripe's for a server", "use one that begins with rk_")
        return
    wanted = "live" if patient.settings.livemode else "test"
    if mode is not patient.settings.livemode:
        said = "live" if mode else "test"
        yield fail(
            f"{what} is for {said} mode, LAPSE_LIVEMODE says {wanted}", "change one of the two"
        )
    elif kind == "sk" and mode:
        yield warn(
            f"{what} may do everything", "use a restricted one: docs/how-to/rotate-secrets.md"
        )
    else:
        yield ok(f"{what} is for {wanted} mode, as LAPSE_LIVEMODE says")


def _permissions(patient: Patient) -> Iterator[Finding]:
    yield from _tried(patient, "read", stripe_setup.READS)
    yield from _tried(patient, "write", stripe_setup.WRITES)
    yield from _tried(patient, "write", stripe_setup.PAYS_BACK, pays_back=True)
    if patient.settings.stripe_refund_key:
        may = _may(patient, stripe_setup.PAYS_BACK["refunds"])
        if may is True:
            yield warn(
                "Stripe's key may pay back as well",
                "take the permission away: the refund key has it",
            )


def _tried(
    patient: Patient, how: str, calls: dict[str, Ask], *, pays_back: bool = False
) -> Iterator[Finding]:
    which = "the refund key" if pays_back and patient.settings.stripe_refund_key else "Stripe's key"
    lacking = [name for name, ask in calls.items() if not _may(patient, ask, pays_back=pays_back)]
    if lacking:
        yield fail(
            f"{which} may not {how} {', '.join(lacking)}",
            "give it the permission: docs/how-to/rotate-secrets.md",
        )
    else:
        yield ok(f"{which} may {how} {', '.join(calls)}")


def _may(patient: Patient, ask: Ask, *, pays_back: bool = False) -> bool:
    """Whether the key has the permission. Refused for another reason (there is no such thing), it has it."""
    try:
        patient.stripe.try_out(ask, pays_back=pays_back)
    except KeyMayNot:
        return False
    except StripeRefused:
        return True
    return True


# -- Stripe's side of it


def _valid(patient: Patient) -> Iterator[Finding]:
    try:
        spoken = patient.stripe.spoken_at()
    except KeyRefused:
        yield fail(
            "Stripe does not know our key", "put the key of this account where the setting says"
        )
        return
    except KeyMayNot:
        yield warn("Stripe knows our key, but it may read no prices", "see permissions")
        return
    except StripeUnavailable as error:
        yield fail(
            f"Stripe cannot be reached: {error}", "see whether this network lets us out to Stripe"
        )
        return
    yield ok("Stripe answers our key")
    apart = abs((spoken - patient.present).total_seconds())
    says = f"our clock and Stripe's are {apart:.0f} s apart"
    if apart > FAR_SECONDS:
        yield fail(says, "set this machine's clock: signatures older than 300 s are refused")
    elif apart > CLOSE_SECONDS:
        yield warn(says, "set this machine's clock by NTP")
    else:
        yield ok(says)


def _endpoint(patient: Patient) -> Iterator[Finding]:
    ours = doctor_deliveries.ours(patient, patient.stripe.endpoints())
    where = patient.webhook_url or "…/webhooks/stripe"
    if not ours:
        yield fail(f"no endpoint at Stripe sends to {where}", SET_UP)
        return
    running = [one for one in ours if one["status"] == "enabled"]
    if not running:
        yield fail(f"the endpoint for {where} is disabled", f"{SET_UP}; then see what it missed")
        return
    heard = {type for one in running for type in one["enabled_events"]}
    missing = [type for type in HEARD if "*" not in heard and type not in heard]
    if missing:
        yield fail(f"nobody sends us {', '.join(missing)}", SET_UP)
    else:
        yield ok(f"every type that we act on is sent to {where}")
    unheard = sorted(heard - set(HEARD))
    if "*" in heard:
        yield warn(f"every type there is is sent, and we act on {len(HEARD)}", SET_UP)
    elif unheard:
        yield warn(f"sent for nothing: {', '.join(unheard)}", SET_UP)
    versions = sorted({str(one.get("api_version") or "the account's version") for one in running})
    if API_VERSION in versions:
        yield ok(f"it speaks {API_VERSION}, as we do")
    else:
        yield warn(
            f"it speaks {', '.join(versions)}, and we {API_VERSION}",
            f"{SET_UP}, let both run, and retire the old one",
        )


def _answers(patient: Patient) -> Iterator[Finding]:
    """Asked with a signature that nobody made: it is ours, and can read its secret, when it refuses exactly that."""
    url = patient.webhook_url
    if url is None:
        yield warn(
            "nobody said where Stripe reaches us",
            "lapse --stage NAME doctor reads it off the stage",
        )
        return
    status, code = unsigned(url)
    if (status, code) == (400, "malformed_request"):
        yield ok(f"{url} answers, and refuses what Stripe did not sign")
    elif status == 503:
        yield fail(
            f"{url} cannot read its secret or its table", "see secrets, then the function's log"
        )
    elif status == 0:
        yield fail(f"{url} does not answer", "see whether it is the stage's address, and deployed")
    else:
        yield fail(
            f"{url} answers {status}, which is not ours", "give Stripe the stage's own address"
        )


def _portal(patient: Patient) -> Iterator[Finding]:
    wanted = patient.settings.portal_configuration
    active = patient.stripe.portal_configurations()
    if wanted:
        ours = next((dict(one) for one in active if one["id"] == wanted), None)
        if ours is None:
            yield fail(f"the portal's configuration {wanted} is not there or not active", SET_UP)
            return
    else:
        ours = next((dict(one) for one in active if one.get("is_default")), None)
        yield warn(
            "portal links use Stripe's default configuration, which others may change",
            f"{SET_UP}, and set LAPSE_PORTAL_CONFIGURATION",
        )
        if ours is None:
            yield fail("and there is no default configuration of the portal", SET_UP)
            return
    breaches = list(portal_rules.breaches(ours))
    for says in breaches:
        yield fail(f"{ours['id']}: {says}", SET_UP)
    for says in portal_rules.doubts(ours):
        yield warn(f"{ours['id']}: {says}", "see whether that is meant")
    if not breaches:
        yield ok(
            f"{ours['id']}: cancelling there is at the period's end, without proration or pause"
        )


# -- our side of it


def _table(patient: Patient) -> Iterator[Finding]:
    name, client = patient.settings.table_name, patient.aws("dynamodb")
    about = client.describe_table(TableName=name)["Table"]
    indexes = {one["IndexName"]: one for one in about.get("GlobalSecondaryIndexes", [])}
    redeploy = "deploy the template again"
    if about["TableStatus"] not in ("ACTIVE", "UPDATING"):
        yield fail(f"table {name} is {about['TableStatus']}", "wait for it")
    for index in ("due", "directory"):
        if index not in indexes:
            yield fail(f"table {name} has no index {index!r}: nothing due is ever found", redeploy)
        elif indexes[index].get("IndexStatus", "ACTIVE") != "ACTIVE":
            yield fail(f"index {index!r} is {indexes[index]['IndexStatus']}", "wait for it")
        else:
            yield ok(f"table {name} has the index {index!r}")
    if (about.get("StreamSpecification") or {}).get("StreamEnabled"):
        yield ok("its stream is on")
    else:
        yield fail("its stream is off: events and mail leave only every six hours", redeploy)
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription") or {}
    if recovery.get("PointInTimeRecoveryStatus") == "ENABLED":
        yield ok("it can be restored to any second of the last days")
    else:
        yield fail("it cannot be restored to a point in time", redeploy)
    tidied = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if tidied.get("TimeToLiveStatus") == "ENABLED" and tidied.get("AttributeName") == "expires_at":
        yield ok("what has expired is tidied up")
    else:
        yield warn("what has expired is never tidied up", redeploy)
    if not about.get("DeletionProtectionEnabled"):
        yield warn("it may be deleted by mistake", redeploy)


def _schedules(patient: Patient) -> Iterator[Finding]:
    rules = list(_rules(patient))
    missing = []
    for job in SCHEDULE:
        mine = [rule for rule, targets in rules if _plain(job.name) in targets]
        if not mine:
            missing.append(job.name)
            continue
        for rule in mine:
            if rule.get("State") != "ENABLED":
                yield fail(f"the schedule of {job.name} is off", "enable the rule, or deploy again")
            elif rule.get("ScheduleExpression") != job.rate:
                says = f"{job.name} runs at {rule.get('ScheduleExpression')}, not {job.rate}"
                yield warn(says, "deploy the template again")
    if missing:
        yield fail(f"nothing runs {', '.join(missing)}", "deploy the template again")
    else:
        yield ok(f"{len(SCHEDULE)} jobs have their schedules")


def _rules(patient: Patient) -> Iterator[tuple[dict[str, str], str]]:
    """Every scheduled rule, and the functions it runs in one text."""
    events = patient.aws("events")
    for page in events.get_paginator("list_rules").paginate():
        for rule in page["Rules"]:
            if rule.get("ScheduleExpression"):
                found = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
                yield rule, " ".join(_plain(one["Arn"].rpartition(":")[2]) for one in found)


def _plain(name: str) -> str:
    """A function's name as templates write it, in any of their spellings."""
    return name.replace("_", "").replace("-", "").lower()


def _keys(patient: Patient) -> Iterator[Finding]:
    settings = patient.settings
    try:
        IssuerKeys(settings.jwks, settings.jwks_url).named("doctor", patient.now)
    except KeysUnavailable:
        where = settings.jwks_url or "LAPSE_JWKS"
        yield fail(
            f"{where} gives no usable keys: nobody can sign in",
            "see whether it is reachable by https, and a JWK set with signing keys",
        )
    else:
        yield ok("the issuer's keys can be read")


def _policies(patient: Patient) -> Iterator[Finding]:
    for name in patient.policies.names():
        patient.policies.get(name)
    yield ok(f"{len(patient.policies.names())} policies are right")
    yield from doctor_prices.known(patient)


CHECKS: tuple[Check[Patient], ...] = (
    Check("secrets", _secrets),
    Check("mode", _mode),
    Check("stripe", _valid),
    Check("permissions", _permissions),
    Check("endpoint", _endpoint),
    Check("webhook", _answers, at_aws=True),
    Check("deliveries", doctor_deliveries.taken),
    Check("heard", doctor_deliveries.heard, at_aws=True),
    Check("portal", _portal),
    Check("policies", _policies),
    Check("issuer", _keys, at_aws=True),
    Check("table", _table, at_aws=True),
    Check("schedules", _schedules, at_aws=True),
    Check("events", doctor_endpoints.reached, at_aws=True),
)
