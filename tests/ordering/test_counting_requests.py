"""What an entitlements answer and a link to Stripe's portal ask of the table and of Stripe: the calls whose CPU
benchmarks/request_cpu.py measures."""

import pytest

from chalicelib import gates
from chalicelib.store.memory import MemoryTable
from tests.support.life import Life

RETURN = {"return_url": "https://app.example.com/back"}


class Counted:
    """A table that says what it was asked."""

    def __init__(self, asked):
        self._inner, self._asked = MemoryTable(), asked

    def __getattr__(self, name):
        method = getattr(self._inner, name)

        def counted(*args, **named):
            self._asked.append(name)
            return method(*args, **named)

        return counted


@pytest.fixture
def asked():
    return []


@pytest.fixture
def life(asked, monkeypatch):
    """An account that has paid, in a process that is warm; its look at the kill switch stays new on a slow machine."""
    monkeypatch.setattr(gates, "READ_AGAIN", 3600.0)
    life = Life(Counted(asked))
    life.account()
    life.subscribe("acme")
    life.customer("acme", "POST", "/v1/portal-sessions", RETURN)
    handle = life.emulator.handle

    def counted(method, path, *rest):
        asked.append(f"{method} {path}")
        return handle(method, path, *rest)

    monkeypatch.setattr(life.emulator, "handle", counted)
    asked.clear()
    return life


def test_an_entitlements_answer_costs_one_read(life, asked):
    assert life.customer("acme", "GET", "/v1/entitlements").status == 200
    assert asked == ["get"]


def test_so_does_one_that_the_back_end_asks_for(life, asked):
    assert life.service("GET", "/v1/entitlements?account_id=acme").status == 200
    assert asked == ["get"]


def test_a_portal_link_costs_one_read_and_one_call_to_stripe(life, asked):
    assert life.customer("acme", "POST", "/v1/portal-sessions", RETURN).status == 201
    assert asked == ["get", "POST /v1/billing_portal/sessions"]


def test_and_a_read_of_the_kill_switch_when_that_is_five_seconds_old(life, asked):
    life.world.gate._read_at = None

    assert life.customer("acme", "POST", "/v1/portal-sessions", RETURN).status == 201
    assert asked == ["get", "get", "POST /v1/billing_portal/sessions"]


@pytest.mark.parametrize(("token", "status"), [("", 401), ("nonsense", 401)])
def test_who_cannot_be_told_from_anybody_costs_nothing(life, asked, token, status):
    assert life.api("GET", "/v1/entitlements", token=token).status == status
    assert asked == []
