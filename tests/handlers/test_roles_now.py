"""A role that was taken away counts no more, even while the token that names it is still valid."""

import json
from dataclasses import replace

import pytest

from chalicelib import wiring
from chalicelib.gateways import http
from chalicelib.gateways.roles import Roles, RolesUnavailable
from chalicelib.gateways.secrets import Plain
from tests.support.life import Life


@pytest.fixture
def life():
    life = Life()
    life.account()
    life.subscription_id = life.subscribe("acme")
    return life


def asks(life, answer):
    """The SaaS answers this whenever it is asked; what was asked is kept."""
    asked = []

    def fetch(url, headers):
        asked.append((url, dict(headers)))
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    endpoint = Roles("https://saas.example.com/roles", Plain("secret"), fetch)
    life.world = replace(life.world, roles=endpoint)
    wiring.use(life.world)
    return asked


def preview(life):
    return life.customer(
        "acme", "POST", f"/v1/subscriptions/{life.subscription_id}/cancellation-previews"
    )


def test_a_role_that_was_taken_away_counts_no_more(life):
    asks(life, {"roles": ["member"]})

    refused = preview(life)

    assert (refused.status, refused.code) == (403, "role_required")


def test_a_role_that_is_still_held_counts(life):
    asked = asks(life, {"roles": ["super_admin"]})

    assert preview(life).status == 201
    ((url, headers),) = asked
    assert url == "https://saas.example.com/roles?account_id=acme&sub=ann%40example.com"
    assert headers == {"Authorization": "Bearer secret"}


def test_a_role_the_token_does_not_name_is_not_gained(life):
    asks(life, {"roles": ["super_admin"]})

    refused = life.api(
        "POST",
        f"/v1/subscriptions/{life.subscription_id}/cancellation-previews",
        token=life.token("acme", "member"),
    )

    assert refused.status == 403


def test_cancelling_itself_is_judged_by_the_roles_of_now(life):
    shown = preview(life).body
    asks(life, {"roles": []})

    refused = life.customer(
        "acme",
        "POST",
        f"/v1/subscriptions/{life.subscription_id}/cancellation",
        {"preview_id": shown["preview_id"]},
    )

    assert (refused.status, refused.code) == (403, "role_required")
    assert life.status("acme", life.subscription_id) == "active"


@pytest.mark.parametrize(
    "answer", [OSError("down"), b"not json", b"[]", {"roles": "super_admin"}, {"roles": [1]}, {}]
)
def test_an_endpoint_that_gives_no_usable_answer_lets_nobody_act(life, answer):
    asks(life, answer)

    refused = preview(life)

    assert refused.status == 503
    assert "retry-after" in refused.headers


def test_looking_asks_nobody(life):
    asked = asks(life, OSError("down"))

    life.membership("acme")
    life.features("acme")

    assert asked == []


def test_a_back_end_is_not_asked_about(life):
    asked = asks(life, OSError("down"))

    assert life.number("acme", "+14155550100").status == 200
    assert asked == []


def test_roles_are_never_asked_for_in_the_clear():
    with pytest.raises(RolesUnavailable):
        Roles("http://saas.example.com/roles", Plain("secret")).of("acme", "ann")


@pytest.mark.parametrize(("status", "asked"), [(401, 2), (403, 1), (500, 1)])
def test_a_secret_that_was_rotated_is_read_again_and_the_question_asked_once_more(status, asked):
    texts, sent = ["old"], []

    class Rotated:
        def __call__(self):
            return texts[-1]

        def refresh(self):
            texts.append("new")
            return True

    def fetch(url, headers):
        sent.append(headers["Authorization"])
        if len(sent) == 1:
            raise http.Refused(http.Answer(status=status), "saas.example.com")
        return b'{"roles": ["super_admin"]}'

    endpoint = Roles("https://saas.example.com/roles", Rotated(), fetch)

    if asked == 2:
        assert endpoint.of("acme", "ann") == {"super_admin"}
    else:
        with pytest.raises(RolesUnavailable):
            endpoint.of("acme", "ann")

    assert sent == ["Bearer old", "Bearer new"][:asked]
