"""Whatever an operator sees on a timeline says why it is there."""

from pathlib import Path

import pytest

from chalicelib.domain import steps
from chalicelib.domain.news import CATALOGUE, KEPT_TO_OURSELVES
from chalicelib.domain.origins import HAPPENED, ORIGINS, promises_of

PROMISES = (Path(__file__).parents[2] / "docs/promises.md").read_text()
SAID = set(CATALOGUE) | KEPT_TO_OURSELVES
STEPS = {f"step.{kind}" for kind in ORIGINS}


def test_every_kind_of_step_has_an_origin():
    assert set(ORIGINS) == set(steps.KINDS)


def test_everything_the_history_can_say_has_one_and_nothing_else_does():
    assert set(HAPPENED) == SAID - STEPS


@pytest.mark.parametrize("what", sorted({*HAPPENED, *STEPS}))
def test_every_promise_that_is_named_is_one(what):
    assert [one for one in promises_of(what) if f"| {one} |" not in PROMISES] == []


def test_what_an_older_release_said_is_no_mistake():
    assert promises_of("step.forgotten") == promises_of("forgotten") == ()
