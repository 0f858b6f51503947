"""A setting that cannot be read is refused with its own name, so that whoever set it knows which."""

import pytest

from chalicelib.settings import SettingsError, from_environment


@pytest.fixture
def given(monkeypatch):
    def given(**more):
        required = ("TABLE", "STRIPE_API_KEY", "WEBHOOK_SECRETS")
        for name in (*required, "TOKEN_ISSUER", "TOKEN_AUDIENCE", "SERVICE_AUDIENCE"):
            monkeypatch.setenv(f"LAPSE_{name}", "x")
        for name, value in more.items():
            monkeypatch.setenv(name, value)
        return from_environment()

    return given


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("LAPSE_JWKS", "{", "is no JSON"),
        ("LAPSE_JWKS", "[]", "must be a JSON object"),
        ("LAPSE_CLAIMS", "roles", "is no JSON"),
        ("LAPSE_CLAIMS", '"roles"', "must be a JSON object"),
        ("LAPSE_EVENT_ENDPOINTS", "[", "is no JSON"),
        ("LAPSE_EVENT_ENDPOINTS", "{}", "is a JSON list of objects"),
        ("LAPSE_PURGERS", "1", "is a JSON list of objects"),
        ("LAPSE_DUE_SHARDS", "many", "must be a whole number"),
        ("LAPSE_SILENCE_HOURS", "-1", "must be a whole number"),
    ],
)
def test_what_cannot_be_read_is_named(given, name, value, why):
    with pytest.raises(SettingsError, match=f"^{name} {why}"):
        given(**{name: value})


def test_what_is_left_empty_is_as_if_it_were_not_set(given):
    named = ("JWKS", "CLAIMS", "EVENT_ENDPOINTS", "PURGERS", "DUE_SHARDS")
    empty = given(**{f"LAPSE_{name}": " " for name in named})

    assert (empty.jwks, empty.claims, empty.event_endpoints) == (None, {}, ())
    assert (empty.purgers, empty.due_shards) == ((), 16)
