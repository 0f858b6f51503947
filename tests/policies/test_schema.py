"""The JSON Schema for editors is current, and says what the reader says."""

import json
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from chalicelib.domain import policy as records
from chalicelib.policies import SHIPPED
from infra.cli.policy_schema import docstrings, schema

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "docs" / "reference" / "policy.schema.json"
PLAIN_NAMES = {"Text.en", "Text.fr", "Disclosure.id", "Disclosure.text", "Reason.code", "Reason.label"}  # fmt: skip


def test_the_committed_schema_is_current():
    renew = "lapse policy schema > docs/reference/policy.schema.json"

    assert json.loads(COMMITTED.read_text("utf-8")) == schema(), renew


def test_it_is_printed_as_it_is_committed():
    printed = subprocess.run(
        [sys.executable, "-c", "from infra.cli.main import main; main(['policy', 'schema'])"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert printed.stdout == COMMITTED.read_text("utf-8")


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.toml")), ids=lambda file: file.stem)
def test_every_shipped_file_points_to_it(file):
    first = file.read_text("utf-8").splitlines()[0]

    pointed = (file.parent / first.removeprefix("#:schema ")).resolve()
    assert pointed == COMMITTED


def test_every_key_says_what_it_is():
    known = docstrings()
    kinds = [one for one in vars(records).values() if isinstance(one, type) and is_dataclass(one)]
    keys = {f"{kind.__name__}.{field.name}" for kind in kinds for field in fields(kind)}

    # A section's record says it itself; a name or a text needs no more than its own key.
    sections = {key for key in keys if key.startswith("Policy.") and key not in known}
    assert keys - set(known) - sections <= PLAIN_NAMES
    assert sections <= {
        f"Policy.{name}"
        for name in (
            "access", "cancellation", "numbers", "registrations", "data", "messages", "reminders",
            "wallet", "refunds", "appeals", "maintenance", "disputes", "support",
        )
    }  # fmt: skip


def test_it_knows_the_units_the_words_and_what_is_missing():
    known = schema()["properties"]

    assert known["numbers"]["required"] == ["release_after_hours"]
    assert known["numbers"]["properties"]["release_after_hours"]["minimum"] == 0
    assert known["numbers"]["properties"]["fee_cycle"]["enum"] == ["number", "billing"]
    plan = known["plans"]["additionalProperties"]["properties"]
    assert plan["message_channels"]["items"] == {"enum": ["sms", "rvm"]}
    assert set(plan["price_minor"]["properties"]) == {"month", "year"}
    assert schema()["required"] == ["name", "title", "version", "currency", "plans"]
    assert schema()["additionalProperties"] is False
