"""The SaaS is asked to delete what it keeps: signed as Standard Webhooks have it, and believed only when it says how much."""

import json
from datetime import UTC, datetime

import pytest

from chalicelib.domain.erasure import Erasure, Progress
from chalicelib.gateways.purge_endpoint import EndpointPurger
from chalicelib.gateways.purgers import PurgerUnavailable
from chalicelib.gateways.secrets import Plain
from tests.purging.saas import DELETED, SECRET, Saas

AT = datetime(2027, 2, 28, 12, 0, tzinfo=UTC)
WANTED = Erasure(id="purge_1", account_id="acme", before=AT)


class Clock:
    def __init__(self):
        self.at = datetime.now(UTC).replace(microsecond=0)

    def now(self):
        return self.at


class Rotated:
    """A secret that was changed: what we still have is refused."""

    def __init__(self):
        self.text, self.asked = "whsec_b2xk", 0

    def __call__(self):
        return self.text

    def refresh(self):
        self.text, self.asked = SECRET, self.asked + 1
        return True


def purger(saas, secret=None):
    return EndpointPurger("app", url=saas.url, secret=secret or Plain(SECRET), clock=Clock())


def erased(saas, **more):
    return list(purger(saas, **more).erase(WANTED, Progress(erasure_id=WANTED.id)))


def test_its_answer_is_what_was_deleted():
    with Saas() as saas:
        (end,) = erased(saas)

    assert (end.deleted, end.clean) == (DELETED, True)
    (asked,) = saas.heard
    assert asked["id"] == "purge_1"
    assert asked["type"] == "account.purge_requested"
    assert asked["data"] == {
        "account_id": "acme",
        "purge_id": "purge_1",
        "before": "2027-02-28T12:00:00Z",
    }


def test_asked_again_it_is_asked_under_the_same_id_and_its_last_word_counts():
    with Saas((500, b""), (200, None)) as saas:
        with pytest.raises(PurgerUnavailable, match="status_500"):
            erased(saas)
        half = Progress(erasure_id=WANTED.id, deleted={"messages": 3})
        (end,) = purger(saas).erase(WANTED, half)

    assert [one["id"] for one in saas.heard] == ["purge_1", "purge_1"]
    assert end.deleted == DELETED


ANSWERS = {
    "nothing": (200, b""),
    "no JSON": (200, b"deleted"),
    "an array": (200, []),
    "another purge": (200, {"purge_id": "purge_2", "deleted": {"a": 1}}),
    "no purge": (200, {"deleted": {"a": 1}}),
    "no counts": (200, {"purge_id": "purge_1"}),
    "a number": (200, {"purge_id": "purge_1", "deleted": 3}),
    "a negative count": (200, {"purge_id": "purge_1", "deleted": {"a": -1}}),
    "a text for a count": (200, {"purge_id": "purge_1", "deleted": {"a": "1"}}),
    "half a count": (200, {"purge_id": "purge_1", "deleted": {"a": 1.5}}),
    "true": (200, {"purge_id": "purge_1", "deleted": {"a": True}}),
    "content for a kind": (200, {"purge_id": "purge_1", "deleted": {"ann@example.com": 1}}),
    "a long kind": (200, {"purge_id": "purge_1", "deleted": {"a" * 65: 1}}),
    "many kinds": (200, {"purge_id": "purge_1", "deleted": {f"k{n}": 1 for n in range(101)}}),
    "too deep": (200, b"[" * 100_000),
    "not yet": (202, None),
    "no content": (204, b""),
    "a redirect": (302, None),
    "an error with the right words": (500, None),
    "forbidden": (403, None),
    "too many": (429, None),
}  # fmt: skip


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_whatever_else_it_answers_is_not_done(answer):
    with Saas(answer) as saas, pytest.raises(PurgerUnavailable):
        erased(saas)


def test_nothing_to_delete_is_an_answer():
    with Saas((200, {"purge_id": "purge_1", "deleted": {}})) as saas:
        (end,) = erased(saas)

    assert end.deleted == {}


def test_nobody_at_home_is_not_done():
    with Saas() as saas:
        pass

    with pytest.raises(PurgerUnavailable, match="no_connection"):
        erased(saas)


def test_a_secret_that_was_rotated_is_read_again_for_the_next_try():
    secret = Rotated()
    with Saas() as saas:
        with pytest.raises(PurgerUnavailable, match="status_401"):
            erased(saas, secret=secret)
        (end,) = erased(saas, secret=secret)

    assert (end.deleted, secret.asked) == (DELETED, 1)


@pytest.mark.parametrize("secret", ["", "whsec_", "not base64!"])
def test_without_a_usable_secret_nobody_is_asked(secret):
    with Saas() as saas, pytest.raises(PurgerUnavailable, match="secret_unusable"):
        erased(saas, secret=Plain(secret))

    assert (saas.heard, saas.refused) == ([], [])


def test_another_secret_is_refused_by_the_independent_library():
    with Saas() as saas, pytest.raises(PurgerUnavailable, match="status_401"):
        erased(saas, secret=Plain("whsec_b3RoZXI="))

    assert saas.heard == []


def test_a_plan_asks_nothing():
    """Whoever reads a request carelessly would carry it out."""
    with Saas() as saas:
        plan = purger(saas).plan(WANTED, 100)

    assert plan.counts is None
    assert json.dumps(saas.heard) == "[]"
