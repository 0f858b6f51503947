"""Who is calling: every way in which a token can be right or wrong, and how the issuer's keys are come by."""

import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from chalicelib.gateways.jwks import APART, APART_WITHOUT_KEYS, KEPT, IssuerKeys, KeysUnavailable
from chalicelib.gateways.tokens import LONGEST_TOKEN, MOST_REMEMBERED, TokenError, Tokens
from chalicelib.settings import Settings

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ISSUER, PEOPLE, BACK_END = "https://issuer.example", "lapse", "lapse-service"
ACCOUNT = {"account_id": "acme", "roles": ["super_admin"], "aud": PEOPLE}
SERVICE = {"roles": ["service"], "aud": BACK_END}

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


def public(key, key_id, **more):
    kind = jwt.algorithms.RSAAlgorithm if key is not EC else jwt.algorithms.ECAlgorithm
    return {**json.loads(kind.to_jwk(key.public_key())), "kid": key_id, **more}


JWKS = {"keys": [public(RSA, "one"), public(EC, "elliptic")]}
SETTINGS = Settings(
    table_name="t",
    stripe_api_key="sk",
    webhook_secrets=("s",),
    token_issuer=ISSUER,
    token_audience=PEOPLE,
    service_audience=BACK_END,
    jwks=JWKS,
)


def signed(claims=None, *, key=RSA, algorithm="RS256", headers=None, **more):
    said = {"iss": ISSUER, "sub": "ann", "email": "ann@example.com", **(claims or ACCOUNT), **more}
    said = {name: value for name, value in said.items() if value is not ...}
    return jwt.encode(said, key, algorithm=algorithm, headers={"kid": "one", **(headers or {})})


def caller(token, *, now=NOW, settings=SETTINGS, scheme="Bearer"):
    return Tokens(settings).caller(f"{scheme} {token}", now)


def refusal(token, **how):
    with pytest.raises(TokenError) as raised:
        caller(token, **how)
    return raised.value.code


# -- what a good token says


def test_a_token_says_who_is_calling_for_which_account_in_which_roles():
    said = caller(signed(roles=["super_admin", "something-of-theirs"]))

    assert (said.sub, said.email, said.account_id) == ("ann", "ann@example.com", "acme")
    assert "super_admin" in said.roles
    assert said.may_see("acme")
    assert not said.may_see("other")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_scheme_may_be_written_in_any_case(scheme):
    assert caller(signed(), scheme=scheme).sub == "ann"


def test_elliptic_keys_are_fine_as_well():
    token = signed(key=EC, algorithm="ES256", headers={"kid": "elliptic"})

    assert caller(token).sub == "ann"


@pytest.mark.parametrize("audience", [PEOPLE, [PEOPLE], ["somebody else", PEOPLE]])
def test_the_audience_may_be_one_of_several(audience):
    assert caller(signed(aud=audience)).account_id == "acme"


def test_a_token_without_roles_is_somebody_who_may_do_nothing():
    assert caller(signed(roles=...)).roles == frozenset()


def test_a_token_without_expiry_does_not_expire():
    assert caller(signed(), now=NOW.replace(year=2100)).sub == "ann"


def test_claim_names_are_the_issuers():
    names = {
        "account_id": "https://x.example/tenant",
        "roles": "groups",
        "email": "upn",
        "sub": "oid",
        "account_ids": "tenants",
    }
    claims = {
        "https://x.example/tenant": "acme", "groups": ["member"], "upn": "a@x.example",
        "oid": "007", "sub": 12, "aud": PEOPLE,
    }  # fmt: skip
    limited = {"groups": ["service"], "oid": "007", "tenants": ["acme"], "aud": BACK_END}
    settings = replace(SETTINGS, claims=names)

    ann = caller(signed(claims, email=...), settings=settings)
    back_end = caller(signed(limited, sub=...), settings=settings)

    assert (ann.sub, ann.email, ann.account_id, ann.roles) == (
        *("007", "a@x.example", "acme"),
        frozenset({"member"}),
    )
    assert back_end.account_ids == {"acme"}


# -- who says nothing, or nothing to believe


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "abc", "Bearer\tx"]
)
def test_no_token_is_missing(header):
    with pytest.raises(TokenError) as raised:
        Tokens(SETTINGS).caller(header, NOW)

    assert raised.value.code == "token_missing"


def unsigned(claims):
    parts = ({"alg": "none", "kid": "one"}, {"iss": ISSUER, "sub": "ann", **claims})
    return ".".join(urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts)


PEM = RSA.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def with_shared_secret():
    """HS256, signed with the public key that everybody has: believed by whoever trusts the header's word."""
    import hashlib
    import hmac

    def part(plain):
        return urlsafe_b64encode(json.dumps(plain).encode()).rstrip(b"=")

    said = part({"alg": "HS256", "kid": "one", "typ": "JWT"}) + b"."
    said += part({"iss": ISSUER, "sub": "ann", **ACCOUNT})
    mac = urlsafe_b64encode(hmac.digest(PEM, said, hashlib.sha256)).rstrip(b"=")
    return (said + b"." + mac).decode()


FORGED = {
    "no JWT at all": "x",
    "three empty parts": "..",
    "two tokens": f"{signed()} {signed()}",
    "unsigned": unsigned(ACCOUNT) + ".",
    "unsigned, with somebody's signature": unsigned(ACCOUNT) + "." + signed().rsplit(".")[-1],
    "shared secret": with_shared_secret(),
    "signed by somebody else": signed(key=OTHER),
    "signature cut off": signed().rsplit(".", 1)[0] + ".",
    "RS512": signed(algorithm="RS512"),
    "RSA by the name of the elliptic key": signed(headers={"kid": "elliptic"}),
    "a key nobody knows": signed(headers={"kid": "two"}),
    "a key without a name": jwt.encode({"iss": ISSUER, "sub": "ann", **ACCOUNT}, RSA, "RS256"),
    "critical extensions": signed(headers={"crit": ["exp"]}),
    "not ASCII": "é.é.é",
    "a lone surrogate": "\ud800.x.y",
    "line breaks": "a\nb.c.d",
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED)
def test_what_cannot_be_verified_is_invalid(token):
    assert refusal(token) == "token_invalid"


WRONG = {
    "wrong issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": ...},
    "wrong audience": {"aud": "somebody else"},
    "no audience": {"aud": ...},
    "an audience that is a number": {"aud": 7},
    "an empty list of audiences": {"aud": []},
    "the back end's audience": {"aud": BACK_END},
    "no sub": {"sub": ...},
    "an empty sub": {"sub": ""},
    "a sub that is a number": {"sub": 7},
    "an endless sub": {"sub": "x" * 256},
    "an unprintable sub": {"sub": "ann\x00"},
    "roles as one text": {"roles": "super_admin"},
    "roles that are numbers": {"roles": [1]},
    "an empty account": {"account_id": ""},
    "an account that is a list": {"account_id": ["acme"]},
    "an expiry that is a text": {"exp": "tomorrow"},
    "an expiry that is true": {"exp": True},
    "an expiry that is no number": {"exp": float("nan")},
    "an endless expiry": {"exp": float("inf")},
    "not yet valid": {"nbf": NOW.timestamp() + 1},
    "a start that is a text": {"nbf": "now"},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_claims_that_are_not_as_agreed_are_invalid(wrong):
    assert refusal(signed(**wrong)) == "token_invalid"


def test_a_token_may_be_long_but_not_a_book():
    long = signed(padding="x" * 10_000)
    book = signed(padding="x" * 30_000)

    assert len(long) < LONGEST_TOKEN < 40_000 <= len(book)
    assert caller(long).sub == "ann"
    assert refusal(book) == "token_invalid"


# -- time is the one clock's


def test_a_token_expires_exactly_at_its_expiry():
    token = signed(exp=int(NOW.timestamp()))

    assert caller(token, now=NOW - SECOND).sub == "ann"
    assert refusal(token, now=NOW) == "token_expired"


def test_a_token_is_good_from_exactly_its_start():
    token = signed(nbf=int(NOW.timestamp()))

    assert refusal(token, now=NOW - SECOND) == "token_invalid"
    assert caller(token, now=NOW).sub == "ann"


def test_a_forged_token_is_not_told_when_it_would_have_expired():
    assert refusal(signed(key=OTHER, exp=0)) == "token_invalid"


# -- people and back ends are never the same


@pytest.mark.parametrize("role", ["service", "operator", "support_agent"])
def test_a_back_end_role_in_a_token_with_an_account_is_invalid(role):
    for roles in ([role], ["super_admin", role]):
        for audience in (PEOPLE, BACK_END, [PEOPLE, BACK_END]):
            assert refusal(signed(roles=roles, aud=audience)) == "token_invalid"


@pytest.mark.parametrize("role", ["service", "operator", "support_agent"])
def test_a_back_end_role_counts_only_from_its_own_audience(role):
    assert caller(signed({"roles": [role], "aud": BACK_END})).roles == {role}
    assert refusal(signed({"roles": [role], "aud": PEOPLE})) == "token_invalid"


@pytest.mark.parametrize("roles", [[], ["super_admin"], ["service", "member"], ["something"]])
def test_a_token_without_an_account_needs_a_back_end_role_and_no_other(roles):
    assert refusal(signed({"roles": roles, "aud": BACK_END})) == "token_invalid"


def test_a_service_may_be_limited_to_some_accounts():
    limited = caller(signed(SERVICE, account_ids=["acme"]))
    nobody = caller(signed(SERVICE, account_ids=[]))
    free = caller(signed(SERVICE))

    assert [one.may_see("acme") for one in (limited, nobody, free)] == [True, False, True]
    assert [one.may_see("other") for one in (limited, nobody, free)] == [False, False, True]


@pytest.mark.parametrize("wrong", ["acme", [1], {"acme": 1}])
def test_a_limit_that_is_no_list_of_texts_is_invalid(wrong):
    assert refusal(signed(SERVICE, account_ids=wrong)) == "token_invalid"


# -- the issuer's keys, by address


class Issuer:
    """Answers with its keys, or fails; counts how often it was asked."""

    def __init__(self, *keys):
        self.keys, self.asked, self.fails = list(keys), 0, None

    def fetch(self, url):
        self.asked += 1
        if self.fails is not None:
            if isinstance(self.fails, Exception):
                raise self.fails
            return self.fails
        return json.dumps({"keys": self.keys}).encode()


def fetching(issuer):
    settings = replace(SETTINGS, jwks=None, jwks_url="https://issuer.example/jwks")
    return Tokens(settings, IssuerKeys(None, settings.jwks_url, fetch=issuer.fetch))


def knows(tokens, token, now=NOW):
    try:
        return tokens.caller(f"Bearer {token}", now).sub == "ann"
    except TokenError:
        return False


def test_keys_are_fetched_once_and_kept():
    issuer = Issuer(public(RSA, "one"))
    tokens = fetching(issuer)

    assert all(knows(tokens, signed(), NOW + n * SECOND) for n in range(100))
    assert issuer.asked == 1


def test_a_new_key_is_asked_for_when_it_is_first_named():
    issuer = Issuer(public(RSA, "one"))
    tokens = fetching(issuer)
    assert knows(tokens, signed())
    issuer.keys = [public(OTHER, "two")]

    later = NOW + APART
    assert knows(tokens, signed(key=OTHER, headers={"kid": "two"}), later)
    assert issuer.asked == 2
    assert not knows(tokens, signed(), later), "the old key is gone from the issuer"


def test_made_up_key_names_do_not_make_us_ask_again_and_again():
    issuer = Issuer(public(RSA, "one"))
    tokens = fetching(issuer)
    assert knows(tokens, signed())

    for n in range(50):
        assert not knows(tokens, signed(headers={"kid": f"made-up-{n}"}), NOW + APART - SECOND)
    assert issuer.asked == 1
    assert not knows(tokens, signed(headers={"kid": "made-up"}), NOW + APART)
    assert issuer.asked == 2


@pytest.mark.parametrize("token", [unsigned(ACCOUNT) + ".", with_shared_secret(), "x"])
def test_a_token_we_would_never_accept_does_not_make_us_ask(token):
    issuer = Issuer(public(RSA, "one"))

    assert not knows(fetching(issuer), token)
    assert issuer.asked == 0


def test_a_key_that_was_withdrawn_is_forgotten_within_the_hour():
    issuer = Issuer(public(RSA, "one"))
    tokens = fetching(issuer)
    assert knows(tokens, signed())
    issuer.keys = [public(OTHER, "two")]

    assert knows(tokens, signed(), NOW + KEPT - SECOND)
    assert not knows(tokens, signed(), NOW + KEPT)


FAILURES = {
    "unreachable": OSError("no route"),
    "slow": TimeoutError("read timed out"),
    "no JSON": b"<html>",
    "no keys": b"{}",
    "a list": b"[1]",
    "no usable key": b'{"keys": [{"kty": "made-up", "kid": "one"}]}',
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_an_issuer_that_is_down_takes_nobody_down_with_it(failure):
    issuer = Issuer(public(RSA, "one"))
    tokens = fetching(issuer)
    assert knows(tokens, signed())
    issuer.fails = failure

    assert knows(tokens, signed(), NOW + KEPT)
    assert knows(tokens, signed(), NOW + KEPT + SECOND)
    assert issuer.asked == 2


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_without_any_key_nobody_is_judged_and_it_is_tried_again_soon(failure):
    issuer = Issuer(public(RSA, "one"))
    issuer.fails = failure
    tokens = fetching(issuer)

    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            tokens.caller(f"Bearer {signed()}", NOW)
    assert issuer.asked == 1
    issuer.fails = None
    assert knows(tokens, signed(), NOW + APART_WITHOUT_KEYS)


# -- tokens that were seen before


@pytest.fixture
def verified(monkeypatch):
    """How often a signature was verified."""
    decode, tokens = jwt.decode, []

    def counted(token, *args, **options):
        tokens.append(token)
        return decode(token, *args, **options)

    monkeypatch.setattr(jwt, "decode", counted)
    return tokens


def test_a_signature_is_verified_once_while_the_issuer_keeps_its_key(verified):
    issuer = Issuer(public(RSA, "one"))
    tokens, token = fetching(issuer), signed()

    assert all(knows(tokens, token, NOW + n * SECOND) for n in range(10))
    assert len(verified) == 1
    assert all(knows(tokens, token, NOW + n * KEPT) for n in range(3))
    assert issuer.asked == 3
    assert len(verified) == 1, "the issuer has named the very same key again"


def test_a_token_that_was_seen_before_still_expires_and_still_begins():
    tokens = Tokens(SETTINGS)
    token = signed(exp=int(NOW.timestamp()) + 60, nbf=int(NOW.timestamp()))

    assert knows(tokens, token)
    assert knows(tokens, token, NOW + 59 * SECOND)
    assert not knows(tokens, token, NOW + 60 * SECOND)
    assert not knows(tokens, token, NOW - SECOND)


def test_a_token_that_was_seen_before_falls_with_its_key():
    issuer = Issuer(public(RSA, "one"))
    tokens, token = fetching(issuer), signed()
    assert knows(tokens, token)

    issuer.keys = [public(OTHER, "one")]
    assert not knows(tokens, token, NOW + KEPT), "another key has taken its name"
    assert knows(tokens, signed(key=OTHER), NOW + KEPT)


def test_a_token_with_one_character_changed_is_another_token():
    tokens, token = Tokens(SETTINGS), signed()
    assert knows(tokens, token)

    head, claims, signature = token.split(".")
    other = signature[:10] + ("A" if signature[10] != "A" else "B") + signature[11:]
    assert not knows(tokens, f"{head}.{claims}.{other}")


def test_what_was_refused_is_not_remembered_and_what_was_verified_is_so_within_bounds(verified):
    tokens = Tokens(SETTINGS)

    for n in range(MOST_REMEMBERED):
        assert not knows(tokens, signed(key=OTHER, n=n))
    assert len(tokens._verified) == 0
    for n in range(MOST_REMEMBERED + 1):
        assert knows(tokens, signed(n=n))
        assert len(tokens._verified) <= MOST_REMEMBERED


def test_a_key_for_encryption_is_none_for_signing():
    issuer = Issuer(public(RSA, "one", use="enc"), public(OTHER, "two", use="sig"))
    tokens = fetching(issuer)

    assert not knows(tokens, signed())
    assert knows(tokens, signed(key=OTHER, headers={"kid": "two"}))


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://issuer.example/jwks", "ftp://issuer.example", None]
)
def test_keys_are_fetched_by_https_only(url):
    with pytest.raises(KeysUnavailable):
        IssuerKeys(None, url).named("one", NOW)
