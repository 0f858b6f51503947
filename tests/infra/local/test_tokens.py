"""`/_tokens`: what it signs verifies against the published key, and says what it was asked to say."""

from datetime import UTC, datetime

import jwt
import pytest

from infra.local.notebook import Notebook
from infra.local.tokens import AUDIENCE, ISSUER, SERVICE_AUDIENCE, Tokens

NOW = datetime(2027, 1, 1, tzinfo=UTC)
ANN = {
    "account_id": "smarter",
    "roles": ["billing_admin"],
    "email": "ann@example.com",
    "sub": "ann",
}


def read(tokens, token, audience=AUDIENCE):
    key = jwt.PyJWKSet.from_dict(tokens.jwks()).keys[0].key
    # The one clock stands elsewhere: only signature, issuer and audience are looked at here.
    options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    return jwt.decode(
        token, key, algorithms=["RS256"], audience=audience, issuer=ISSUER, options=options
    )


@pytest.fixture
def tokens(notebook):
    return Tokens(notebook)


def test_a_token_says_who_for_which_account_and_in_which_roles(tokens):
    claims = read(tokens, tokens.sign(ANN, NOW))

    assert claims["sub"] == "ann"
    assert claims["email"] == "ann@example.com"
    assert claims["account_id"] == "smarter"
    assert claims["roles"] == ["billing_admin"]
    assert "exp" not in claims


def test_without_an_account_it_is_for_the_service_audience(tokens):
    token = tokens.sign({**ANN, "account_id": None, "roles": ["service"]}, NOW)

    assert "account_id" not in read(tokens, token, SERVICE_AUDIENCE)


def test_a_service_may_be_held_to_some_accounts(tokens):
    wanted = {**ANN, "account_id": None, "roles": ["service"], "account_ids": ["smarter"]}

    assert read(tokens, tokens.sign(wanted, NOW), SERVICE_AUDIENCE)["account_ids"] == ["smarter"]


def test_it_expires_by_the_one_clock(tokens):
    token = tokens.sign({**ANN, "ttl_seconds": 60}, NOW)

    assert read(tokens, token)["exp"] == int(NOW.timestamp()) + 60


def test_a_mix_the_app_refuses_can_still_be_had(tokens):
    token = tokens.sign({**ANN, "roles": ["operator", "super_admin"]}, NOW)

    assert read(tokens, token)["roles"] == ["operator", "super_admin"]


def test_the_key_outlives_a_restart(tmp_path):
    first = Notebook(tmp_path / "n.sqlite")
    token = Tokens(first).sign(ANN, NOW)
    first.close()

    again = Notebook(tmp_path / "n.sqlite")
    assert read(Tokens(again), token)["sub"] == "ann"
    again.close()


def test_two_stacks_do_not_trust_each_others_tokens(tokens, tmp_path):
    other = Notebook(tmp_path / "other.sqlite")

    with pytest.raises(jwt.InvalidSignatureError):
        read(tokens, Tokens(other).sign(ANN, NOW))
    other.close()


@pytest.mark.parametrize(
    "change",
    [
        {"roles": None},
        {"roles": "operator"},
        {"roles": ["king"]},
        {"roles": [1]},
        {"account_id": ""},
        {"account_id": 7},
        {"email": 1},
        {"email": ""},
        {"sub": []},
        {"ttl_seconds": 0},
        {"ttl_seconds": -5},
        {"ttl_seconds": 1.5},
        {"ttl_seconds": "60"},
        {"ttl_seconds": True},
        {"ttl_seconds": 10**30},
        {"account_ids": "smarter"},
        {"account_ids": [1]},
    ],
)
def test_what_cannot_be_signed_is_refused_with_a_sentence(tokens, change):
    with pytest.raises(ValueError, match=r"\.$"):
        tokens.sign({**ANN, **change}, NOW)
