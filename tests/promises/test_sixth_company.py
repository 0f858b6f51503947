"""One code path, five policies: a sixth company writes a policy file, not code."""

import ast
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib import wiring
from chalicelib.domain.moments import rfc3339
from chalicelib.policies import SHIPPED, Policies
from infra.cli.main import main
from infra.local import seeds
from infra.local.notebook import Notebook
from tests.support.goto import ACME, SECOND, cancel_as, noon
from tests.support.life import Life, Reply, consenting

ROOT = Path(__file__).parents[2]
END = noon("2026-02-28")

FOLIO = """\
# Ours: an invented company, for a test.
name = "folio"
title = "Folio"
version = "3"
currency = "usd"
locale = "fr"

[plans.reader]
title = "Reader"
features = ["read", "annotate"]
price_minor = { month = 700, year = 7000 }
message_channels = ["sms"]
needs_numbers = true
needs_registrations = true

[plans.press]
title = "Press"
features = ["print"]
price_minor = { month = 9000 }
cancelable_online = false
cancel_roles = ["product_admin"]

[access]
grace_hours = 5

[numbers]
release_after_hours = 3

[registrations]
lapse_after_hours = 7

[data]
purge_after_years = 2

[messages]
credit_unsent = true

[cancellation]
reason_required = true
preview_minutes = 5
blocks_on_balance = true
roles = ["billing_contact", "super_admin"]

[[cancellation.reasons]]
code = "finished"
label = { en = "I have read it all", fr = "J'ai tout lu" }
stripe_feedback = "unused"

[[cancellation.reasons]]
code = "other"
label = { en = "Another reason", fr = "Une autre raison" }

[[cancellation.disclosures]]
id = "closing"
version = "3"
text = { en = "The book is closed.", fr = "Le livre est fermé." }

[support]
email = "help@folio.example"

[texts]
access_ends = { en = "The book closes", fr = "Le livre se ferme" }
"""


@pytest.fixture
def folio(tmp_path) -> Life:
    """A life in which the sixth file is among the policies, as LAPSE_POLICY and `Settings.policy_files` add it."""
    file = tmp_path / "folio.toml"
    file.write_text(FOLIO, encoding="utf-8")
    life = Life()
    settings = replace(life.world.settings, policy_files=(file,))
    policies = Policies(settings.policy_files)
    life.world = replace(life.world, settings=settings, policies=policies)
    wiring.use(life.world)
    seed(life)
    life.account(ACME, "folio")
    return life


def seed(life: Life) -> None:
    """Stripe sells the new plans, as the local stack has it seeded."""
    for plan, known in life.world.policies.get("folio").plans.items():
        for interval, amount in known.price_minor.items():
            life.emulator.seed_price(
                lookup_key=f"folio:{plan}:{interval}",
                unit_amount=amount,
                currency="usd",
                interval=interval,
                product_name=f"Folio: {known.title}",
            )


def test_its_file_is_fine(tmp_path, capsys):
    file = tmp_path / "folio.toml"
    file.write_text(FOLIO, encoding="utf-8")

    assert main(["policy", "check", str(file)]) == 0
    assert capsys.readouterr().out.startswith("folio.toml: fine")


def test_its_whole_life_follows_its_own_numbers(folio):
    """Subscribed, cancelled, ended, released, lapsed, purged: each on the day its own file says."""
    life = folio
    reader = life.subscribe(ACME, "folio:reader:month")
    life.number(ACME, "+14155550100", fee=40)
    life.registration(ACME, "R1")
    life.schedule(ACME, ("m1", "sms", noon("2026-03-05"), 9))
    assert life.features(ACME) == {"log_in": True, "read": True, "annotate": True, "print": False}
    life.operator("PUT", f"/v1/admin/accounts/{ACME}", {"locale": "en"})
    settle_the_balance(life)

    done = press_as(life, reader)

    assert (done.status, done.body["access_ends_at"]) == (200, rfc3339(END))
    life.move(END - SECOND)
    assert life.features(ACME)["read"] is True
    life.move(END)
    assert life.features(ACME)["read"] is False
    life.move(END + timedelta(hours=3) - SECOND)
    assert life.at_carrier() == {"+14155550100": "active", "R1": "active"}
    life.move(END + timedelta(hours=3))
    assert life.at_carrier() == {"+14155550100": "released", "R1": "active"}
    life.move(END + timedelta(hours=7))
    assert life.at_carrier()["R1"] == "lapsed"
    assert [e["amount"]["amount"] for e in life.entries(ACME, "messages_credited")] == [9]
    life.move(noon("2028-02-28") - SECOND)
    assert len(life.membership(ACME)["subscriptions"]) == 1
    life.move(noon("2028-02-28"))
    assert life.membership(ACME)["subscriptions"] == []
    assert life.features(ACME)["log_in"] is True


def settle_the_balance(life: Life) -> None:
    """The message cost something, and its own rule lets nobody go who owes."""
    made = life.customer(
        ACME,
        "POST",
        "/v1/checkout-sessions",
        {"purpose": "balance_due", "success_url": "https://app.example.com/ok",
         "cancel_url": "https://app.example.com/no"},
    )  # fmt: skip
    life.control("pay_checkout", session=made.body["checkout_session_id"], outcome="paid")


def press_as(life: Life, subscription: str, role: str = "billing_contact") -> Reply:
    path = f"/v1/subscriptions/{subscription}"
    token = life.token(ACME, role)
    shown = life.api("POST", f"{path}/cancellation-previews", token=token)
    assert shown.status == 201, shown.body
    return life.api("POST", f"{path}/cancellation", consenting(shown.body, "finished"), token=token)


def test_its_own_words_roles_and_times_hold(folio):
    life = folio
    reader = life.subscribe(ACME, "folio:reader:month")

    shown = life.preview(ACME, reader).body

    assert shown["expires_at"] == rfc3339(life.now + timedelta(minutes=5))
    assert shown["disclosures"] == [
        {"id": "closing", "version": "3", "text": "Le livre est fermé."}
    ]
    assert [r["label"] for r in shown["reasons"]] == ["J'ai tout lu", "Une autre raison"]
    assert "Le livre se ferme" in [c["title"] for c in shown["consequences"]]
    assert cancel_as(life, reader, "billing_admin").body["required_roles"] == [
        "billing_contact", "super_admin",
    ]  # fmt: skip


def test_its_own_blockers_and_grace_hold(folio):
    life = folio
    printing = life.subscribe(ACME, "folio:press:month")

    refused = cancel_as(life, printing, "super_admin")

    assert refused.body["required_roles"] == ["product_admin"]
    assert [b["code"] for b in refused.body["blockers"]] == ["not_cancelable_online"]
    assert refused.body["support"]["email"] == "help@folio.example"
    customer = life.operator("PUT", f"/v1/admin/accounts/{ACME}", {}).body["stripe_customer_id"]
    life.control("fail_payment", customer=customer)
    life.move(END + timedelta(hours=6) - SECOND)
    assert life.features(ACME)["print"] is True
    life.move(END + timedelta(hours=6) + timedelta(minutes=5))
    assert life.features(ACME)["print"] is False


def test_a_price_id_of_its_own_means_its_plan(folio, tmp_path):
    """In production the policy file maps price ids or lookup keys to plans."""
    life = folio
    product = life.stripe("POST", "/v1/products", "name=Old")["id"]
    price = life.stripe(
        "POST",
        "/v1/prices",
        f"product={product}&currency=usd&unit_amount=500&recurring[interval]=month",
    )["id"]
    file = tmp_path / "folio.toml"
    file.write_text(
        FOLIO.replace('title = "Reader"', f'title = "Reader"\nstripe_prices = ["{price}"]')
    )
    life.world = replace(life.world, policies=Policies((file,)))
    wiring.use(life.world)

    life.subscribe(ACME, price)

    assert life.membership(ACME)["subscriptions"][0]["plan"] == "reader"
    assert life.features(ACME)["read"] is True


def test_the_local_stack_seeds_what_it_sells(folio):
    """`LAPSE_POLICY=folio.toml make run`."""
    life = Life()
    seeds.seed_stripe(
        life.emulator, Notebook(Path(":memory:")), folio.world.policies, "http://127.0.0.1:1/hook"
    )

    found = life.stripe("GET", "/v1/prices?lookup_keys[]=folio:reader:year")["data"]
    assert [one["unit_amount"] for one in found] == [7000]


NAMES = re.compile(r"smarter.?contact|\bgoto\b|1msg|1smtg|1solution|nexor", re.IGNORECASE)


def code() -> list[Path]:
    return [
        path
        for path in [*sorted((ROOT / "chalicelib").rglob("*")), ROOT / "app.py"]
        if path.suffix in (".py", ".html", ".js", ".css", ".json") and SHIPPED not in path.parents
    ]


def test_no_company_s_name_is_in_the_code():
    """No product name appears in the rules. Sentences quoted from the documents, in docstrings, are no rules."""
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in code()
        for word in NAMES.findall(without_docstrings(path))
    ]

    assert len(code()) > 50
    assert found == []


def without_docstrings(path: Path) -> str:
    """What runs. Comments and docstrings may quote a document, which names its company."""
    if path.suffix != ".py":
        return path.read_text("utf-8")
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [one for one in body if not is_docstring(one)] or [ast.Pass()]
    return ast.unparse(tree)


def is_docstring(node: object) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def test_a_planted_name_would_be_found(tmp_path):
    planted = tmp_path / "rule.py"
    planted.write_text('"""About GoTo."""\ndef rule(policy):\n    return policy.name == "goto"\n')

    assert NAMES.findall(without_docstrings(planted)) == ["goto"]
