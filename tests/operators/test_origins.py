"""Every kind of step says which promises it keeps and which keys of the policy set its date."""

import re
from dataclasses import fields, is_dataclass
from typing import get_type_hints

import pytest

from chalicelib.domain import policy as policy_module
from chalicelib.domain.origins import ORIGINS, keys_and_values, title_for_operators
from chalicelib.domain.policy import Policy
from chalicelib.domain.step_keys import key_of, named_by
from chalicelib.domain.steps import KINDS
from chalicelib.policies import Policies

POLICIES = Policies()


def test_every_kind_of_step_has_its_origin_and_nothing_else_has():
    assert set(ORIGINS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_each_names_promises_and_keys_that_exist(kind):
    origin = ORIGINS[kind]

    assert origin.promises
    assert all(re.fullmatch(r"(SC|GT|M1|OS|NX)-[0-9]{1,2}", id) for id in origin.promises)
    for section, names in origin.policy.items():
        assert section in {field.name for field in fields(Policy)}
        for name in names:
            assert name in _keys_of(section), f"{section}.{name}"


def _keys_of(section):
    hint = get_type_hints(Policy, vars(policy_module))[section]
    kinds = [one for one in (hint, *getattr(hint, "__args__", ())) if is_dataclass(one)]
    return {field.name for kind in kinds for field in fields(kind)}


@pytest.mark.parametrize("name", POLICIES.names())
@pytest.mark.parametrize("kind", KINDS)
def test_every_policy_can_say_them(name, kind):
    policy = POLICIES.get(name)

    assert title_for_operators(kind, policy)
    assert all(
        isinstance(value, str | int | bool | None)
        for value in keys_and_values(kind, policy).values()
    )


@pytest.mark.parametrize("account_id", ["acme", "é" * 200, "a#b", "step#x", "𝕒"])
@pytest.mark.parametrize("step_id", ["data_purged", "number_removed:+14155550100", "reminder:é"])
def test_a_steps_key_names_it_and_needs_no_escaping(account_id, step_id):
    key = key_of(account_id, step_id)

    assert named_by(key) == (account_id, step_id)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", key)
    assert len(key) <= 2000


@pytest.mark.parametrize(
    "key", ["", "é", "a", "AAAA", "====", "YQ", "YQpi=", "YQ pi", "Cg", "YQo", "CmE"]
)
def test_what_is_no_steps_key(key):
    with pytest.raises(ValueError):
        named_by(key)
