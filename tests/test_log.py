"""The log: one line for each event, its metrics in the same line, and never what must not be written down."""

import json
import logging
import re
from pathlib import Path

import pytest

from chalicelib import log, measures
from chalicelib.store.table import Unavailable
from infra.docs import metrics as metrics_page
from infra.local import seeds
from tests.support import stripe_shapes
from tests.support.life import ADMIN, STRIPE_KEY, Life, consenting
from tests.support.stage import Stage

ROOT = Path(__file__).resolve().parents[1]


def test_a_measured_event_is_its_metric_in_the_same_line(lines, monkeypatch):
    monkeypatch.setenv("LAPSE_STAGE", "prod")

    log.event("steps_left", kind="data_purged", left=3, overdue_seconds=7200)

    (line,) = lines
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Lapse"
    assert directive["Dimensions"] == [["service"]]
    assert line["service"] == "lapse-prod"
    assert {one["Name"]: line[one["Name"]] for one in directive["Metrics"]} == {
        "StepsLeft": 3,
        "OverdueSeconds": 7200,
    }
    assert line["_aws"]["Timestamp"] > 1_700_000_000_000


def test_an_event_that_does_not_know_its_value_is_not_measured_as_nought(lines, monkeypatch):
    monkeypatch.setenv("LAPSE_STAGE", "prod")

    log.problem("step_failed", ValueError("x"), overdue_seconds=None)

    assert "OverdueSeconds" not in lines[0]
    assert lines[0]["StepsFailed"] == 1


def test_nothing_is_measured_where_no_stage_is_named(lines, monkeypatch):
    monkeypatch.delenv("LAPSE_STAGE", raising=False)

    log.event("step_done", kind="access_ends")

    assert lines == [{"event": "step_done", "kind": "access_ends"}]


def test_a_line_that_no_level_lets_through_is_not_even_made(lines):
    class Thing:
        def __str__(self) -> str:
            raise AssertionError("nobody reads it")

    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        log.event("step_done", kind=Thing())
    finally:
        logging.disable(before)

    assert lines == []
    with pytest.raises(AssertionError):
        log.event("step_done", kind=Thing())


def test_one_event_never_counts_for_another(lines, monkeypatch):
    monkeypatch.setenv("LAPSE_STAGE", "prod")

    log.event("step_done", kind="access_ends", account="acme")
    log.event("notice_done", kind="x", account="other", state="sent")

    assert "_aws" not in lines[1]
    assert "acme" not in json.dumps(lines[1])


def test_what_is_measured_is_logged_somewhere():
    code = "".join(path.read_text() for path in (ROOT / "chalicelib").rglob("*.py"))
    logged = set(re.findall(r"log\.(?:event|problem)\(\s*\"(\w+)\"", code))
    # One name is put together: case_reminder, case_overdue.
    expected = set(measures.MEASURES) - {"case_overdue"}

    assert expected <= logged


def test_the_page_of_metrics_is_made_of_the_table():
    page = (ROOT / "docs/reference/metrics.md").read_text()

    assert page == metrics_page.page()


# -- what must never be written down


CANARY = "canary-7f3a"
SECRETS = ("sk_test_stage", stripe_shapes.SECRET)


def test_a_webhooks_content_is_never_logged_whatever_becomes_of_it(lines, monkeypatch):
    monkeypatch.setenv("LAPSE_STAGE", "prod")
    stage = Stage()
    stage.account()
    start, end = stage.unix, stage.unix + 86_400
    full = {
        "description": CANARY, "default_payment_method": f"pm_{CANARY}", "latest_invoice": None,
        "metadata": {"name": CANARY, "email": f"{CANARY}@example.com"},
    }  # fmt: skip
    for customer, price in (
        ("cus_1", stripe_shapes.MESSAGING), ("cus_stranger", stripe_shapes.MESSAGING), ("cus_1", f"price_{CANARY}"),
    ):  # fmt: skip
        thing = stripe_shapes.subscription(
            f"sub_{customer}", customer, start=start, end=end, price=price
        )
        event = stage.truth.event("customer.subscription.updated", {**thing, **full})
        assert stage.deliver(event)[0] == 200
    for bad in (
        {"id": CANARY, "card": {"number": CANARY}},
        {"id": CANARY, "object": CANARY, "type": CANARY},
        {"id": "evt_bad", "object": "event", "type": "charge.refunded", "created": stage.unix,
         "data": {"object": {"id": CANARY, "object": CANARY, "card": {"number": CANARY}}}},
    ):  # fmt: skip
        assert stage.deliver(bad)[0] in (200, 400)
    stage.tick(3)

    written = json.dumps(lines)
    assert len(lines) > 3
    assert CANARY not in written
    for secret in SECRETS:
        assert secret not in written


def test_what_people_write_and_what_lets_them_in_is_never_logged_either(lines, monkeypatch):
    monkeypatch.setenv("LAPSE_STAGE", "prod")
    life = Life()
    life.account("acme")
    plan = life.subscribe("acme")
    token = life.token("acme", *ADMIN, email=f"{CANARY}@example.com", name=CANARY)

    def ask(method, path, body=None):
        return life.api(method, path, body, token=token)

    link = ask("POST", "/v1/portal-sessions", {"return_url": "https://app.example.com/"})
    assert link.status == 201
    assert ask("POST", "/v1/appeals", {"payment": "pi_1", "description": CANARY}).status < 500
    shown = ask("POST", f"/v1/subscriptions/{plan}/cancellation-previews").body
    said = consenting(shown)
    said["reason"]["comment"] = CANARY
    assert ask("POST", f"/v1/subscriptions/{plan}/cancellation", said).status == 200
    put = {"email": f"{CANARY}@example.com"}
    assert life.operator("PUT", "/v1/admin/accounts/acme", put).status == 200
    for unusable in (f'{{"card": "{CANARY}"'.encode(), {"card": {"number": CANARY}}, [CANARY]):
        for path in ("/v1/refund-requests", "/v1/checkout-sessions"):
            assert 400 <= ask("POST", path, unusable).status < 500
    assert life.api("GET", "/v1/membership", token=f"{token}x").status == 401

    # The table is gone in the middle of it, and then something breaks that nobody foresaw.
    for error in (Unavailable("no answer"), ZeroDivisionError()):

        def broken(*_, error=error, **__):
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(life.watch, "transact", broken)
            failed = ask("POST", "/v1/appeals", {"payment": "pi_2", "description": CANARY})
        assert failed.status >= 500

    life.run_jobs()
    written = json.dumps(lines)
    assert {"storage_unavailable", "unexpected"} <= {line["event"] for line in lines}
    secret_parts = [link.body["url"].rsplit("/", 1)[-1], token, token.rsplit(".", 1)[-1]]
    for text in (CANARY, *secret_parts, STRIPE_KEY, seeds.WEBHOOK_SECRET):
        assert text not in written


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("no mail to ann@example.com: bounced", "no mail to …: bounced"),
        ("<ann.o'hara+x@mail.example.co>", "<…>"),
        ("card 4242424242424242 declined", "card … declined"),
        ("card 4242 4242 4242 4242, or 4242-4242-4242-4242", "card …, or …"),
        ("Invalid API Key provided: sk_live_51abc", "Invalid API Key provided: …"),
        ("GET https://billing.example/p/session/abc?x=1 failed", "GET https://billing.example/… failed"),
        ("no customer cus_123 (request req_1) in 2026", "no customer cus_123 (request req_1) in 2026"),
        ("the number +14155550100 is held", "the number +14155550100 is held"),
    ],
)  # fmt: skip
def test_what_an_outsider_says_is_kept_without_what_must_not_be(said, kept):
    assert log.fit_to_keep(said) == kept


def test_an_endless_sentence_is_cut_before_it_is_looked_at():
    assert len(log.fit_to_keep("x" * 10**6)) <= log.LONGEST_CAUSE
