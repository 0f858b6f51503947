"""The list of planted bugs is one that can be planted: each place is there, once. Whether they are found is measured by
`python -m tests.simulation.planted`, which takes minutes; two of them are hunted here."""

import re
import subprocess
import sys

import pytest

from tests.simulation import planted


@pytest.mark.parametrize("bug", planted.BUGS, ids=lambda bug: bug.name)
def test_every_bug_has_its_place(bug):
    text = (planted.ROOT / "chalicelib" / bug.file).read_text()

    assert text.count(bug.right) == 1, f"{bug.file}: {bug.right!r}"
    assert bug.right != bug.wrong


@pytest.mark.parametrize("name", ["early-release", "contract-cut"])
def test_a_planted_bug_is_found(name):
    (bug,) = (bug for bug in planted.BUGS if bug.name == name)

    assert planted.hunt(bug, 60).seeds is not None


def test_the_page_that_proves_it_lists_exactly_these_bugs():
    """Whoever adds a bug or changes one measures again: `python -m tests.simulation.planted --write docs/proof.md`."""
    page = (planted.ROOT / "docs/proof.md").read_text()
    rows = [row.split(" | ") for row in page.splitlines() if row.startswith("| ")][1:]

    listed = {(row[0].removeprefix("| "), row[1], row[2]) for row in rows}
    assert listed == {(bug.name, bug.what, f"`{bug.file}`") for bug in planted.BUGS}
    assert not [row[0] for row in rows if not row[3].isdecimal()], "not found, or not measured"


def test_what_a_world_said_is_a_sentence_in_the_table():
    said = "AssertionError: 5: acct0 was purged | " + "and purged again " * 40 + "(checks.py:205)"

    told = planted.sentence(said)

    assert told.startswith("5: acct0 was purged / and purged")
    assert told.endswith(("again …", "and …", "purged …"))
    assert len(told) <= planted.LONGEST


def test_measuring_one_bug_anew_leaves_the_other_rows_as_they_were(tmp_path, monkeypatch):
    file, (first, second) = tmp_path / "proof.md", planted.BUGS[:2]
    before = {bug.name: planted.Verdict(bug, 7, "It was told.") for bug in (first, second)}
    file.write_text(planted.page(before, 300))
    monkeypatch.setattr(planted, "hunt", lambda bug, seeds: planted.Verdict(bug, 3, "Sooner."))

    assert planted.main(["--write", str(file), "--only", first.name]) == 0

    found = {name: verdict.seeds for name, verdict in planted.found_before(file).items()}
    assert found == {first.name: 3, second.name: 7}


def test_a_violation_is_told_with_its_seed_its_shortest_history_and_how_to_replay_it(tmp_path):
    """As `make simulate` tells it, of a copy in which one comparison is flipped; and the command it names finds it."""
    (bug,) = (bug for bug in planted.BUGS if bug.name == "access-at-the-end")
    planted.copy_to(tmp_path)
    planted.plant(tmp_path, bug)

    said = lapse_sim(tmp_path, "--seeds", "4", "--jobs", "1", expect=1)

    assert re.search(r"^Seed \d does not hold\. Looking", said, re.MULTILINE)
    assert "The shortest history in which it does not:" in said
    replay, *_ = re.findall(r"^Replay it: lapse-sim (.*)$", said, re.MULTILINE)
    _, kept = re.fullmatch(r"--seed (\d) --keep ([\d,]+)", replay).groups()
    assert len(kept.split(",")) <= 3
    assert "has access at its end" in lapse_sim(tmp_path, *replay.split(), expect=1)


def lapse_sim(folder, *arguments, expect):
    ran = subprocess.run(
        [sys.executable, "-m", "tests.simulation.main", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == expect, ran.stdout + ran.stderr
    return ran.stdout


def test_there_are_at_least_twenty_five():
    assert len({bug.name for bug in planted.BUGS}) >= 25
