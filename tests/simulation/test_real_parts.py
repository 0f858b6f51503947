"""Some worlds again on real parts: the same acts, the same faults, and in the end the same rows as in memory."""

import json

import pytest

from infra.local.ministack import Ministack
from tests.simulation import main
from tests.simulation.parts import (
    differences,
    on_a,
    on_memory,
    on_moto,
    whole_life,
    without_what_it_cannot,
)
from tests.simulation.plan import plan
from tests.simulation.play import play
from tests.support.stores import ministack_python

LIFE = pytest.param(whole_life(5), id="a whole life")
FOR_GOOD = {
    *("data.purge_begun", "number.released", "registration.lapsed", "case.decided"),
    *("step.messages_credited", "step.number_fee"),
}
"""What cannot be undone, by the history that it leaves."""


def seeds(*chosen):
    """Such as do much between them: a backup, purges, plans that change, holds, disputes, cases that are decided."""
    return [pytest.param(plan(seed), id=f"seed {seed}") for seed in chosen]


@pytest.fixture(scope="module")
def ministack():
    with Ministack(ministack_python()) as running:
        yield running


def as_in_memory(world, table):
    played = play(world, table)

    assert played.violation is None
    assert differences(world, played, table) == []


@pytest.mark.parametrize("world", [LIFE, *seeds(149, 172, 176)])
def test_a_world_on_ministack_is_the_one_in_memory(world, ministack):
    with on_a(ministack) as table:
        as_in_memory(world, table)


def test_a_world_on_moto_is_the_one_in_memory():
    """One: moto copies its whole table around each transaction, and takes thirty times as long as memory."""
    world, _ = without_what_it_cannot(*LIFE.values, "moto")

    with on_moto() as table:
        as_in_memory(world, table)


def test_a_whole_life_sees_what_cannot_be_undone_and_a_backup_that_comes_back():
    (world,) = LIFE.values
    with on_memory() as table:
        trail = play(world, table).trail
        rows = [row for rows in table.snapshot().values() for row in rows.values()]

    history = {json.loads(r["doc"])["what"] for r in rows if r["sk"].startswith("history#")}
    assert history >= FOR_GOOD
    assert "    (the backup comes back)" in trail


def test_what_comes_out_otherwise_is_named():
    """The comparison itself: a row that is lost, one that is another, and an act that was answered otherwise."""
    world = plan(3).only({0})
    with on_memory() as table:
        played = play(world, table)
        assert differences(world, played, table) == []

        lost, changed = sorted(table.rows("A#acct0"))[:2]
        then = table.snapshot()
        then["A#acct0"].pop(lost)
        then["A#acct0"][changed] = {**then["A#acct0"][changed], "version": 99}
        table.go_back(then)
        found = differences(plan(3).only({0, 1}), played, table)

    assert "in memory" in found[0]
    assert any(one.startswith(f"A#acct0 {lost}: in memory {{") for one in found)
    assert any("'version': 99" in one for one in found)


def test_one_world_is_played_on_the_store_that_is_named_and_what_it_cannot_is_said(capsys):
    assert main.main(["--seed", "4", "--keep", "0", "--store", "moto"]) == 0

    said = capsys.readouterr().out
    assert "Seed 4 on moto: everything held, row by row as in memory" in said
    assert ("without short_pages: moto 5.2" in said) == ("short_pages" in plan(4).faults)


def test_a_store_is_for_one_world(capsys):
    with pytest.raises(SystemExit):
        main.main(["--seeds", "3", "--store", "moto"])

    assert "say which with --seed" in capsys.readouterr().err
