"""The list of planted bugs is one that can be planted: each place is there, once. Whether they are found is measured by
`python -m tests.simulation.planted`, which takes minutes; two of them are hunted here."""

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


def test_there_are_at_least_twenty_five():
    assert len({bug.name for bug in planted.BUGS}) >= 25
