"""`lapse account`, `deadlines`, `jobs`, `events`: what they print, their exit codes, and that looking changes nothing."""

import json

import pytest

from chalicelib import wiring
from chalicelib.gateways.files import FilesUnavailable
from chalicelib.gateways.stripe import Stripe, StripeRefused
from chalicelib.gateways.stripe_reader import Unreadable
from infra.cli.main import main
from tests.operators.desk import ACME, DAY, NUMBER, RELEASE, WHY, Desk
from tests.support.life import Life


@pytest.fixture
def desk():
    return Desk().leave()


def said(capsys, *arguments):
    code = main(list(arguments))
    shown = capsys.readouterr()
    return code, shown.out, shown.err


COMMANDS = [
    ("account", "show", ACME), ("account", "timeline", ACME), ("deadlines",), ("jobs", "list"),
    ("jobs", "run", "release_numbers"), ("events", "parked"), ("events", "replay", "evt_1"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_a_deployment_it_says_what_to_set(capsys, monkeypatch, command):
    monkeypatch.setattr(wiring, "_world", None)
    monkeypatch.delenv("LAPSE_TABLE", raising=False)

    code, out, err = said(capsys, *command)

    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "lapse: set LAPSE_TABLE: it is needed for the DynamoDB table",
        "lapse: all of a deployed stage's settings are taken with `lapse --stage NAME …`",
    ]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (StripeRefused("resource_missing", "No such\x1b customer"), "Stripe refused: No such"),
        (Unreadable("no id"), "Stripe's answer cannot be read: no id"),
        (FilesUnavailable("ClientError"), "the files could not be read: ClientError"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_others_refuse_is_a_sentence(desk, capsys, monkeypatch, error, sentence):
    def refuses(*_given, **_named):
        raise error

    monkeypatch.setattr(Stripe, "newest_events", refuses)

    code, out, err = said(capsys, "events", "tail")

    assert (code, out) == (2, "")
    assert err.startswith(f"lapse: {sentence}")
    assert "\x1b" not in err


def test_an_account(desk, capsys):
    code, out, _ = said(capsys, "account", "show", ACME)
    assert code == 0
    assert "policy: smarter-contact" in out
    assert "pending_cancellation" in out

    code, out, _ = said(capsys, "account", "show", ACME, "--json")
    assert json.loads(out)["subscriptions"][0]["id"] == desk.subscription


def test_a_timeline(desk, capsys):
    desk.act("hold", "data_purged")

    code, out, _ = said(capsys, "account", "timeline", ACME)

    assert code == 0
    past, failed, held, future = (
        out.index(word) for word in ("past\n", "failed\n", "held\n", "future\n")
    )
    assert past < failed < held < future
    assert WHY in out[held:future]
    assert "Phone numbers are released" in out[future:]
    assert "SC-8" in out[future:]
    assert json.loads(said(capsys, "account", "timeline", ACME, "--json")[1])["held"]


def test_the_deadlines(desk, capsys):
    code, out, _ = said(capsys, "deadlines", "--kind", "numbers_released")
    assert code == 0
    assert out.splitlines()[1].split()[:3] == ["2026-03-14T12:00:00Z", ACME, "numbers_released"]

    found = json.loads(said(capsys, "deadlines", "--json", "--limit", "1")[1])
    assert (len(found["data"]), found["has_more"]) == (1, True)
    early = ("deadlines", "--until", "2026-01-01T00:00:00Z")
    assert said(capsys, *early)[1] == "nothing\n"


def test_a_dry_run_says_what_would_be_done_and_does_nothing(desk, capsys):
    desk.life.sleep(RELEASE)

    code, out, _ = said(capsys, "jobs", "run", "release_numbers")

    assert code == 0
    assert "numbers_released" in out
    assert "nothing was done" in out
    assert desk.life.releases(NUMBER) == []


def test_applied_it_is_done_once(desk, capsys):
    desk.life.sleep(RELEASE)

    for _ in range(2):
        code, out, _ = said(capsys, "jobs", "run", "release_numbers", "--apply")
        assert code == 0

    assert out == "nothing was due\n"
    assert desk.life.releases(NUMBER) == [RELEASE]


def test_the_jobs(desk, capsys):
    desk.life.sleep(RELEASE + DAY)

    _, out, _ = said(capsys, "jobs", "list")

    (line,) = [line for line in out.splitlines() if line.startswith("release_numbers")]
    assert "rate(5 minutes)" in line
    assert "2026-03-14T12:00:00Z" in line


def test_an_event_that_waits_is_listed_and_replayed(capsys):
    life = Life()
    life.account("known")
    customer = life.stripe("POST", "/v1/customers", "email=x%40example.com")["id"]
    method = life.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", f"customer={customer}")
    prices = life.stripe("GET", "/v1/prices?lookup_keys[]=smarter-contact:messaging:month")["data"]
    life.stripe(
        "POST",
        "/v1/subscriptions",
        f"customer={customer}&items[0][price]={prices[0]['id']}"
        f"&default_payment_method={method['id']}",
    )
    waits = json.loads(said(capsys, "events", "parked", "--json")[1])["data"]
    assert {one["reason"] for one in waits} == {"unknown_customer"}
    assert "unknown_customer" in said(capsys, "events", "parked")[1]

    code, out, _ = said(capsys, "events", "replay", waits[0]["id"])

    assert (code, out) == (1, "it still cannot be applied, and stays parked\n")


@pytest.mark.parametrize(
    "command",
    [("account", "show", "nobody"), ("account", "timeline", ""), ("account", "show", "a" * 5000),
     ("jobs", "run", "nothing"), ("events", "replay", "evt_none")],
    ids=lambda command: " ".join(command)[:30],
)  # fmt: skip
def test_what_nobody_knows_is_said_in_a_sentence(desk, capsys, command):
    code, out, err = said(capsys, *command)

    assert (code, out) == (2, "")
    assert err.startswith("lapse: ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "wrong", [("--until", "tomorrow"), ("--kind", "x"), ("--limit", "0"), ("--limit", "1001")]
)
def test_what_cannot_be_asked(desk, wrong):
    with pytest.raises(SystemExit) as error:
        main(["deadlines", *wrong])

    assert error.value.code == 2


def test_nothing_in_a_table_reaches_the_terminal_as_a_command(desk, capsys):
    desk.act("hold", "data_purged", "\x1b[2J\u202e<script>")

    out = said(capsys, "account", "timeline", ACME)[1]

    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "?[2J?<script>" in out
