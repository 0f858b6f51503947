"""What the functions do is held against what their roles allow, while whole stories are told in one process.

DynamoDB's conditions on keys are judged here as AWS judges them: no local AWS does.
"""

import io
import json
import re
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from chalicelib import catching_up, exporting, maintaining, sweeping, visiting, wiring
from chalicelib.domain import steps
from chalicelib.gateways.carriers import aws
from chalicelib.gateways.events import EventRefused, Gone
from chalicelib.handlers import from_eventbridge
from chalicelib.handlers.jobs import JOBS, SCHEDULE
from chalicelib.store import findings, walks
from chalicelib.store.findings import Finding
from chalicelib.store.table import Unavailable
from infra.aws.functions import FUNCTIONS
from infra.local.files import LocalFiles
from infra.local.messages import Answer
from infra.packaging import template
from tests.infra.packaging.recording import AT_AWS_MESSAGING, Use, Uses, listen
from tests.operators.desk import ACME, DAY, END, NUMBER, PURGE, RELEASE, WHY, Desk
from tests.publishing.outside import Wanting
from tests.support import cases, goto
from tests.support.life import Life
from tests.support.maintenance import CHANNEL, Works
from tests.support.stripe_shapes import envelope

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TOLD = {"reason": WHY}
ONCE = {"Idempotency-Key": "once"}


# -- what a role allows


def allows(rights, use):
    return any(
        use.action in one["Action"] and _reaches(json.dumps(one["Resource"]), one, use)
        for one in rights
    )


def _reaches(resource, statement, use):
    service = use.action.partition(":")[0]
    if service == "secretsmanager":
        return f"/{use.of}-?" in resource
    if service == "sqs":
        # Each has its own; what failed has another.
        return f'{use.of}"' in resource
    if service != "dynamodb":
        return True
    if use.of.startswith("index/"):
        return use.of in resource
    only = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
    keys = only.get("dynamodb:LeadingKeys", ["*"])
    return "/index/" not in resource and any(fnmatchcase(use.of, key) for key in keys)


def denied(uses, functions=FUNCTIONS):
    rights = {name: template.rights(name, row) for name, row in functions.items()}
    return sorted(use for use in uses if not allows(rights[use.function], use))


# -- stories


def everything_runs(life):
    """Every job once, as the schedule calls it."""
    for job in SCHEDULE:
        job.run(life.world)
    life.stream.flow()


def ok(reply):
    assert reply.status < 300, reply.body
    return reply.body


def a_customer_leaves_for_good():
    """Seats, numbers, registrations, messages; renewal off and on; the end, the release, the purge after a year."""
    desk = Desk()
    life, plan = desk.life, desk.subscription
    ok(life.registration(ACME, "R1"))
    ok(life.registration(ACME, "R2"))
    ok(life.number(ACME, "+14155550101"))
    ok(life.schedule(ACME, ("m1", "sms", END + DAY, 7), ("m2", "sms", life.now + DAY, 7)))
    ok(life.service("POST", f"/v1/scheduled-messages/m2/sent?account_id={ACME}"))
    for user in ("ann", "bob"):
        ok(life.customer(ACME, "PUT", f"/v1/subscriptions/{plan}/seats/{user}"))
    ok(life.customer(ACME, "DELETE", f"/v1/subscriptions/{plan}/seats/bob"))
    ok(life.customer(ACME, "DELETE", "/v1/numbers/+14155550101"))
    ok(life.service("DELETE", f"/v1/registrations/R2?account_id={ACME}"))
    ok(life.customer(ACME, "POST", "/v1/portal-sessions",
                     {"return_url": "https://app.example.com/", "flow": "payment_method_update"}, headers=ONCE))  # fmt: skip
    refused = life.customer(
        ACME, "POST", "/v1/checkout-sessions",
        {"purpose": "plan", "price": "nothing", "success_url": "https://app.example.com/ok",
         "cancel_url": "https://app.example.com/no"}, headers=ONCE,
    )  # fmt: skip
    assert refused.status >= 400
    given = {"account_id": ACME, "kind": "x", "at": "2026-01-31T12:00:00Z", "id": "a1"}
    ok(life.service("POST", "/v1/activity", given, headers=ONCE))
    ok(life.operator("PUT", f"/v1/admin/accounts/{ACME}", {"email": "new@example.com"}))
    ok(life.cancel(ACME, plan))
    ok(life.resume(ACME, plan))
    ok(life.cancel(ACME, plan))
    everything_runs(life)
    life.saas.put({"account_id": ACME, "data": {"contacts": 3}})
    life.files.write(f"{exporting.documents_of(ACME)}contract.pdf", io.BytesIO(b"%PDF"))
    asked = ok(life.customer(ACME, "POST", "/v1/exports", headers=ONCE))
    life.run_jobs()
    shown = ok(life.customer(ACME, "GET", f"/v1/exports/{asked['id']}"))
    assert shown["url"]
    for path in ("cases", f"accounts?q={ACME}", "deadlines", "jobs", "jobs/release_numbers",
                 f"accounts/{ACME}/timeline", "parked-events"):  # fmt: skip
        ok(life.operator("GET", f"/v1/admin/{path}"))
    life.move(RELEASE + DAY)
    everything_runs(life)
    life.subscribe(ACME)
    ok(life.operator("POST", f"/v1/admin/numbers/{NUMBER}/recovery",
                     {"account_id": ACME, "reason": WHY}))  # fmt: skip
    life.move(life.now + HOUR)
    ok(life.customer(ACME, "DELETE", f"/v1/numbers/{NUMBER}"))
    life.move(PURGE + DAY)


def a_year_after_the_end():
    desk = Desk()
    ok(desk.life.registration(ACME, "R1"))
    appeal = ok(cases.appealed(desk.life))["id"]
    ok(cases.decide(desk.life, appeal, approve=False))
    desk.leave().life.move(RELEASE + 30 * DAY)
    ok(desk.legal_hold("POST"))
    ok(desk.legal_hold("DELETE"))
    ok(desk.act("hold", steps.DATA_PURGED))
    ok(desk.act("retry", steps.DATA_PURGED))
    desk.life.move(PURGE + DAY)


def money_goes_back():
    life, channel = cases.onemsg()
    # As it is deployed.
    life.world = replace(life.world, settings=replace(life.world.settings, pays_at_once=False))
    wiring.use(life.world)
    case = cases.asked(life, channel)
    cases.reply(life, case, text="We look into it.")
    ok(cases.decide(life, case))
    life.move(life.now + DAY)
    assert cases.refunds(life)
    charged = cases.newest_charge(life)
    cases.disputed(life, charge=charged)
    appeal = ok(cases.appealed(life))["id"]
    life.move(life.now + 30 * DAY)
    ok(cases.decide(life, appeal, amount=100))
    life.move(life.now + 500 * DAY)


def a_contract_ends():
    life, plan = goto.under_contract(3)
    ok(life.cancel(goto.ACME, plan))
    life.move(life.now + 120 * DAY)


def somebody_does_not_pay():
    life = Life()
    customer = life.account(ACME)
    life.subscribe(ACME)
    life.number(ACME, NUMBER)
    life.control("fail_payment", customer=customer)
    life.move(life.now + 70 * DAY)


def work_on_the_systems():
    works = Works()
    window = works.announce("02-10 02:00", "02-10 04:00")
    works.change(window, withdrawn=True)
    ok(works.life.operator("GET", "/v1/maintenance-windows"))
    works.life.move(works.life.now + 12 * DAY)
    everything_runs(works.life)


def stripe_is_not_heard():
    life = Life()
    life.world = replace(life.world, settings=replace(life.world.settings, silence_hours=24))
    wiring.use(life.world)
    life.account(ACME)
    plan = life.subscribe(ACME)
    everything_runs(life)
    life.faults.order({"target": "stripe", "kind": "error", "count": 50})
    life.control("portal_cancel", subscription=plan)
    life.faults.order({"target": "stripe", "kind": "error", "count": 0})
    assert ok(life.operator("GET", "/v1/admin/parked-events"))["data"]
    life.move(life.now + DAY)
    assert not ok(life.operator("GET", "/v1/admin/parked-events"))["data"]
    life.control("portal_resume", subscription=plan)
    life.control("drop_webhooks")
    life.control("portal_cancel", subscription=plan)
    life.sleep(life.now + catching_up.SETTLED + MINUTE)
    everything_runs(life)
    life.sleep(life.now + 3 * DAY)
    # What was found before and holds again is no finding any more.
    for job in ("reconcile", "check_invariants"):
        was = Finding(kind="x", subject="y", says="z", found_at=life.now, account_id=ACME)
        findings.add(life.world.table, job, was)
    everything_runs(life)
    for job in ("reconcile", "check_invariants"):
        assert not list(findings.all_of(life.world.table, job))


def a_stranger_pays():
    life = Life()
    customer = life.stripe("POST", "/v1/customers", "email=x%40example.com")["id"]
    method = life.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", f"customer={customer}")
    price = life.stripe("GET", "/v1/prices?lookup_keys[]=smarter-contact:messaging:month")["data"]
    life.stripe(
        "POST",
        "/v1/subscriptions",
        f"customer={customer}&items[0][price]={price[0]['id']}&default_payment_method={method['id']}",
    )
    waiting = ok(life.operator("GET", "/v1/admin/parked-events"))["data"]
    assert waiting
    replay = f"/v1/admin/parked-events/{waiting[0]['id']}/replay"
    # Refused: its claim is forgotten, so that it may be asked anew under the same key.
    assert life.operator("POST", replay, TOLD, headers=ONCE).status == 409
    life.sleep(life.now + DAY)
    JOBS["retry_parked_events"].run(life.world)
    ok(life.operator("PUT", f"/v1/admin/accounts/{ACME}",
                     {"stripe_customer_id": customer, "policy": "smarter-contact", "currency": "usd"}))  # fmt: skip
    assert not ok(life.operator("GET", "/v1/admin/parked-events"))["data"]


def nothing_can_leave():
    life = Life()
    life.account(ACME)
    plan = life.subscribe(ACME)
    life.faults.order({"target": "mail", "kind": "error", "count": 3})
    publish, tries = life.outbox.publish, iter(range(3))

    def down(event):
        if next(tries, None) is not None:
            raise TimeoutError
        publish(event)

    life.outbox.publish = down
    ok(life.cancel(ACME, plan))
    life.move(life.now + DAY)
    everything_runs(life)


def everybody_is_walked_over_in_parts():
    """One run has no time for all; one account fails in the first run and in a part, and is visited in the end."""
    life = Life()
    for n in range(9):
        life.account(f"acme-{n}", "1msg")
    Works(life).announce("02-10 02:00", "02-10 04:00")
    publish = life.outbox.publish

    def down(event):
        raise TimeoutError

    life.outbox.publish = down
    for n in range(9):
        life.cancel(f"acme-{n}", life.subscribe(f"acme-{n}", CHANNEL))
    life.outbox.publish = publish
    life.wait(life.now + DAY)
    whole, shut = life.world, replace(life.world, table=Shut(life.world.table))
    for life.world in (shut, whole, whole, whole):
        for job in SHARE_A_WALK:
            moved = iter([False] * 9)
            JOBS[job].run(life.world, lambda moved=moved: next(moved, True))
            list(life.shares.flow())
        life.wait(life.now + DAY)
    for job in SHARE_A_WALK:
        assert not any(one.failing for one in walks.latest(life.world.table, job, 9)), job


class Shut:
    """Nothing is read of some accounts."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def get(self, key):
        if key.pk in ("A#acme-1", "A#acme-5"):
            raise Unavailable("as planned")
        return self.inner.get(key)


SHARE_A_WALK = [job.name for job in SCHEDULE if walks.due_kind(job.name) in job.shared]


def by_way_of_eventbridge():
    life = Life()

    def heard(request):
        from_eventbridge.receive(life.world, envelope(json.loads(request.body)))
        return Answer(200, (), b"")

    life.side._app = heard
    life.account(ACME)
    plan = life.subscribe(ACME)
    ok(life.customer(ACME, "PUT", f"/v1/subscriptions/{plan}/seats/ann"))
    ok(life.number(ACME, NUMBER))
    ok(life.cancel(ACME, plan))
    life.control("cancel_now", subscription=plan)
    life.move(life.now + 20 * DAY)


def somebody_wants_events():
    life = Life()
    wanting = Wanting()
    life.world = replace(life.world, endpoints={"app": wanting})
    wiring.use(life.world)
    life.account(ACME)
    wanting.fails = lambda _: EventRefused("too_large")
    plan = life.subscribe(ACME)
    wanting.fails = lambda _: OSError("down")
    ok(life.cancel(ACME, plan))
    wanting.fails = lambda _: None
    life.move(life.now + DAY)
    everything_runs(life)
    wanting.fails = lambda _: Gone("status_410")
    ok(life.resume(ACME, plan))
    everything_runs(life)


STORIES = (
    a_customer_leaves_for_good,
    a_year_after_the_end,
    money_goes_back,
    a_contract_ends,
    somebody_does_not_pay,
    work_on_the_systems,
    stripe_is_not_heard,
    a_stranger_pays,
    nothing_can_leave,
    somebody_wants_events,
    everybody_is_walked_over_in_parts,
    by_way_of_eventbridge,
)


@pytest.fixture(scope="module")
def told():
    """What all stories used, each told once."""
    with pytest.MonkeyPatch.context() as patch:
        # In a bucket, so that an export is made by its job and not while somebody waits.
        patch.setattr(LocalFiles, "at_hand", False)
        # Whatever is due is more than one run likes to do, so everything that can be shared out is.
        patch.setattr(sweeping, "PAGE", 1)
        patch.setattr(visiting, "AT_ONCE", 1)
        patch.setattr(maintaining, "AT_ONCE", 1)
        uses = Uses()
        listen(uses, patch)
        for story in STORIES:
            story()
    return uses


def test_no_function_does_what_its_role_does_not_allow(told):
    assert denied(told) == []


def test_every_function_was_seen_at_work(told):
    assert {use.function for use in told} == set(FUNCTIONS)


def test_the_stories_use_every_right_to_read_a_secret_or_to_touch_files(told):
    """Otherwise a right that nobody needs would stay for ever. What only trouble needs is named here."""
    only_the_saas_can_be_asked = {("api_handler", "roles")}
    used = {(one.function, one.of) for one in told if one.action.startswith("secretsmanager:")}
    given = {(name, secret) for name, row in FUNCTIONS.items() for secret in row.secrets}

    assert given - used == only_the_saas_can_be_asked
    touching = {one.function for one in told if one.action.startswith("s3:")}
    assert touching == {name for name, row in FUNCTIONS.items() if row.files}
    sharing = {one.function for one in told if one.action == "sqs:SendMessage"}
    assert sharing == {name for name, row in FUNCTIONS.items() if row.takers}
    listing = {one.function for one in told if one.of == "index/directory"}
    assert listing == {name for name, row in FUNCTIONS.items() if row.directory}


@pytest.mark.parametrize(
    ("name", "less"),
    [
        ("api_handler", {"deletes": ("A#*",)}),
        ("api_handler", {"files": frozenset()}),
        ("api_handler", {"directory": False}),
        ("webhook", {"writes": False}),
        ("webhook", {"secrets": frozenset({"stripe"})}),
        ("release_numbers", {"secrets": frozenset({"stripe"})}),
        ("pay_decided_cases", {"secrets": frozenset({"stripe"})}),
        ("purge_data", {"deletes": ("A#*",)}),
        ("purge_data", {"files": frozenset({"write"})}),
        ("reconcile", {"deletes": ("W#*",)}),
        ("reconcile", {"deletes": ("J#*",)}),
        ("reconcile", {"takers": 0}),
        ("check_invariants", {"deletes": ("J#*",)}),
        ("catch_up_publishing", {"deletes": ("A#*",)}),
        ("tell_of_maintenance", {"deletes": ()}),
        ("tell_of_maintenance", {"takers": 0}),
        ("publish_history", {"tells": False}),
        ("release_numbers", {"takers": 0}),
        ("send_history", {"secrets": frozenset()}),
        ("send_again", {"secrets": frozenset()}),
    ],
)
def test_a_right_that_is_missing_is_noticed(told, name, less):
    row = replace(FUNCTIONS[name], **less)

    found = denied(told, {**FUNCTIONS, name: row})

    assert found
    assert {one.function for one in found} == {name}


def test_a_row_at_the_beginning_of_another_kind_is_not_allowed():
    rights = template.rights("webhook", replace(FUNCTIONS["webhook"], deletes=("A#*",)))

    assert allows(rights, Use("webhook", "dynamodb:DeleteItem", "A#"))
    assert not allows(rights, Use("webhook", "dynamodb:DeleteItem", "C#"))
    assert not allows(rights, Use("webhook", "dynamodb:Query", "index/directory"))
    assert not allows(rights, Use("webhook", "secretsmanager:GetSecretValue", "stripe-refunds"))


def test_what_is_asked_of_aws_messaging_is_what_is_listened_for():
    code = Path(aws.__file__).read_text()
    asked = {
        "".join(word.title() for word in operation.split("_"))
        for operation in re.findall(r'_ask\("(\w+)"', code)
    }

    assert asked == {one for row in AT_AWS_MESSAGING.values() for one in row}
