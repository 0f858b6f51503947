"""Every way out has a gate: each method of each port is shown to stand behind one, and what nobody thought of too."""

from dataclasses import fields
from typing import Any

import pytest

from chalicelib.domain import capabilities, notices, steps
from chalicelib.domain.capabilities import (
    CAPABILITIES,
    OFF,
    ON,
    SHADOW,
    BadModes,
    SwitchedOff,
    read_modes,
)
from chalicelib.effects.would import WOULD
from chalicelib.gates import ASKED, PORTS, Gate, Gated, Ungated, behind
from chalicelib.gateways.carriers import Carrier
from chalicelib.gateways.events import Endpoint, Events
from chalicelib.gateways.files import Files
from chalicelib.gateways.mail import Mail
from chalicelib.gateways.roles import Roles
from chalicelib.gateways.stripe import Stripe
from chalicelib.store import switches
from chalicelib.store.memory import MemoryTable
from chalicelib.store.switches import Turned
from chalicelib.store.table import Unavailable
from chalicelib.sweeping import HOW
from chalicelib.wiring import World
from tests.support.truth import START

SHAPES: dict[str, type] = {
    "stripe": Stripe,
    "carriers": Carrier,
    "mail": Mail,
    "events": Events,
    "endpoints": Endpoint,
    "files": Files,
    "roles": Roles,
}
try:
    from chalicelib.gateways.purgers import Purger

    SHAPES["purgers"] = Purger
except ImportError:
    pass

NO_PORTS = {
    *("settings", "clock", "table", "policies", "new_id", "customers", "gate", "marks", "secrets"),
    *("rests", "shares"),
}
"""What a world is made of besides ways out. Our own table is where the truth is; secrets are only read; our own queue
brings our own work back to us."""
NO_METHODS = {"pace", "url", "secret", "fetch"}
"""Attributes that are no methods."""


def methods(shape: type) -> set[str]:
    own = {name for name in dir(shape) if not name.startswith("_")}
    return (own | set(getattr(shape, "__annotations__", {}))) - NO_METHODS


def gated() -> list[tuple[str, str, str]]:
    return [
        (port, method, capability)
        for port, known in PORTS.items()
        for method, capability in known.gated.items()
    ]


def a_gate(table=None, **modes: Any) -> Gate:
    return Gate(modes, table or MemoryTable())


def turned(on: bool, reason: str = "wrong numbers") -> Turned:
    return Turned(on=on, at=START, by="op", reason=reason)


@pytest.mark.parametrize("port", SHAPES)
def test_each_method_of_each_port_is_said_to_act_or_to_look(port):
    known = PORTS[port]

    assert methods(SHAPES[port]) == set(known.gated) | known.looks, (
        f"say in chalicelib/gates.py, PORTS, what this method of {port} does to the outside"
    )
    assert not set(known.gated) & known.looks


def test_each_part_of_a_world_is_a_port_with_a_gate_or_no_way_out():
    parts = {one.name for one in fields(World)}

    assert parts - NO_PORTS <= set(PORTS), (
        "a new way out needs a line in chalicelib/gates.py, PORTS"
    )
    assert set(SHAPES) >= parts & set(PORTS)


def test_a_method_that_nobody_placed_does_not_work():
    class Wild:
        def sell_everything(self):
            raise AssertionError("it went through")

    with pytest.raises(Ungated):
        Gated("stripe", Wild(), a_gate()).sell_everything()


class Outsider:
    def __init__(self):
        self.called = []

    def __getattr__(self, name):
        return lambda *_: self.called.append(name) or name


@pytest.mark.parametrize(("port", "method", "capability"), gated())
@pytest.mark.parametrize("mode", [OFF, SHADOW])
def test_nothing_goes_through_a_gate_that_is_not_open(port, method, capability, mode):
    outsider = Outsider()
    gate = a_gate(**{capability: mode})

    with pytest.raises(SwitchedOff):
        getattr(behind(port, outsider, gate), method)("x")

    assert outsider.called == []


@pytest.mark.parametrize(("port", "method", "capability"), gated())
def test_the_kill_switch_shuts_every_gate_and_opens_it_again(port, method, capability):
    table, outsider = MemoryTable(), Outsider()
    switches.turn(table, turned(True))
    shut = behind(port, outsider, a_gate(table))

    with pytest.raises(SwitchedOff) as refused:
        getattr(shut, method)("x")
    assert outsider.called == []
    assert refused.value.killed

    switches.turn(table, turned(False))
    assert getattr(behind(port, outsider, a_gate(table)), method)("x") == method


def test_looking_is_never_stopped_and_never_asks_the_switch():
    """The webhook asks Stripe all day: it must not pay for the switch, nor depend on it."""

    class Down:
        def get(self, _key):
            raise AssertionError("the switch was read")

    for port, known in PORTS.items():
        gate = Gate(dict.fromkeys(CAPABILITIES, OFF), Down())
        for method in known.looks:
            assert getattr(behind(port, Outsider(), gate), method)("x") == method


def test_a_switch_that_cannot_be_read_counts_as_on():
    class Down:
        def get(self, _key):
            raise Unavailable("as planned")

    assert Gate({}, Down()).is_killed()
    assert Gate({}, Down()).mode(("release",)) == OFF


def test_the_switch_is_read_once_and_again_after_a_while(monkeypatch):
    read = []

    class Counting(MemoryTable):
        def get(self, key):
            read.append(key)
            return super().get(key)

    now = [0.0]
    monkeypatch.setattr("chalicelib.gates.time.monotonic", lambda: now[0])
    table = Counting()
    gate = a_gate(table)

    assert not gate.is_killed()
    now[0] = 4.9
    assert not gate.is_killed()
    assert len(read) == 1
    switches.turn(table, turned(True))
    now[0] = 5.0
    assert gate.is_killed()


def test_a_world_that_is_changed_has_one_gate_not_two():
    outsider = Outsider()
    shut, opened = a_gate(cancel=OFF), a_gate()

    port = behind("stripe", behind("stripe", outsider, shut), opened)

    assert port.turn_renewal_off("sub_1") == "turn_renewal_off"
    assert port.inner is outsider


def test_carriers_are_still_made_only_when_asked_for():
    made = []

    class Lazy(dict):
        def __getitem__(self, name):
            made.append(name)
            return Outsider()

        def __contains__(self, name):
            return name == "twilio"

    carriers = behind("carriers", Lazy(), a_gate(release=OFF))

    assert "twilio" in carriers
    assert made == []
    with pytest.raises(SwitchedOff):
        carriers["twilio"].release_number("+1", "PN1")


# -- the tables are whole


def test_each_kind_of_step_and_notice_belongs_to_a_capability_or_is_said_not_to():
    assert set(capabilities._OF_STEPS) == set(steps.KINDS)
    assert set(capabilities._OF_NOTICES) == set(notices.KINDS)
    known = {*capabilities._OF_STEPS.values(), *capabilities._OF_NOTICES.values()} - {None}
    assert known <= set(CAPABILITIES)
    assert {c for _, _, c in gated()} <= set(CAPABILITIES) | {ASKED}


def test_what_can_be_in_shadow_says_what_it_would_do():
    assert set(HOW) == set(steps.KINDS)
    assert set(WOULD) == {kind for kind in steps.KINDS if capabilities.of_kind(kind)}


def test_a_reminder_needs_mail_and_what_it_reminds_of():
    assert capabilities.of_step("reminder:numbers_released-3d") == ("mail", "release")
    assert capabilities.of_step("reminder:access_ends-7d:sub_1") == ("mail", "expire")
    assert capabilities.of_step("numbers_released") == ("release",)
    assert capabilities.of_step("case_clock:ca_1") == ()


# -- the setting


@pytest.mark.parametrize(
    ("text", "modes"),
    [
        ("", {}),
        ("shadow", dict.fromkeys(CAPABILITIES, SHADOW)),
        ("all=shadow, release=on", {**dict.fromkeys(CAPABILITIES, SHADOW), "release": ON}),
        ("purge=off,refund = shadow", {"purge": OFF, "refund": SHADOW}),
    ],
)
def test_the_setting_names_what_is_not_on(text, modes):
    assert read_modes(text) == {**dict.fromkeys(CAPABILITIES, ON), **modes}


@pytest.mark.parametrize("text", ["maybe", "release=perhaps", "relase=off", "=off", "release="])
def test_a_setting_with_a_mistake_is_refused(text):
    with pytest.raises(BadModes):
        read_modes(text)
