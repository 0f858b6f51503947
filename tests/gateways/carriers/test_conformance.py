"""One suite for every carrier: what each of them must do, whatever its API looks like.

The servers are small and on loopback; their shapes come from the carriers' published references.
"""

import socket

import pytest

from chalicelib.gateways.carriers import CarrierError, NotRecoverable
from chalicelib.gateways.secrets import Plain
from tests.support.carrier_sites import (
    E164,
    KEY,
    OTHER,
    REGISTRATION,
    SECRET,
    SITES,
    LocalSite,
    code_of,
    holds,
    holds_registration,
    lapse,
    opened,
    release,
)

ONLINE = [name for name in SITES if name != "local"]


@pytest.fixture(params=SITES)
def site(request):
    yield from opened(request.param)


@pytest.fixture(params=ONLINE)
def online(request):
    yield from opened(request.param)


ACTS = pytest.mark.parametrize("act", [release, lapse, holds, holds_registration])


def test_a_number_is_released_and_nothing_else_is(site):
    site.rent(OTHER, site.another_id)
    assert holds(site)

    release(site)

    assert not site.has_number()
    assert not holds(site)
    assert site.has_number(OTHER)
    assert holds_registration(site)


def test_a_registration_is_ended_and_nothing_else_is(site):
    assert holds_registration(site)

    lapse(site)

    assert not site.has_registration()
    assert not holds_registration(site)
    assert holds(site)


def test_what_was_done_already_counts_as_done(site):
    release(site)
    lapse(site)

    release(site)
    lapse(site)

    assert not holds(site)
    assert not holds_registration(site)


def test_what_the_carrier_never_had_counts_as_done(site):
    site.carrier.release_number(OTHER, site.another_id, key=KEY)

    assert not site.carrier.holds_number(OTHER, site.another_id)
    assert holds(site)


@ACTS
def test_who_is_too_busy_or_down_is_asked_again_later(online, act):
    for kind, codes in (
        ("rate", {"rate_limited"}),
        ("down", {"unavailable"}),
    ):
        online.refusing = [kind]
        with pytest.raises(CarrierError) as failed:
            act(online)
        assert failed.value.code in codes
        assert failed.value.retryable

    assert act(online) in (None, True)


@ACTS
def test_refused_credentials_wait_for_a_person_and_say_what_to_look_at(online, act):
    for kind, code in (
        ("credentials", "credentials_refused"),
        ("permission", "not_permitted"),
    ):
        online.refusing = [kind]
        with pytest.raises(CarrierError) as failed:
            act(online)
        assert code_of(failed.value) == (code, False)

    assert online.has_number()
    assert online.has_registration()


@ACTS
def test_nobody_listening_is_asked_again_later(online, act):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    online.carrier = online.adapter(url=f"http://127.0.0.1:{port}")

    with pytest.raises(CarrierError) as failed:
        act(online)

    assert code_of(failed.value) == ("unreachable", True)


@pytest.mark.parametrize(
    ("act", "is_held"), [(release, holds), (lapse, holds_registration)], ids=["number", "campaign"]
)
def test_every_answer_may_be_lost_and_asking_again_tells_what_became_of_it(online, act, is_held):
    """Whichever of its requests it is: done or not, the truth is asked for, and doing it again does it once."""
    act(online)
    asked = len(online.requests)
    for lost in range(asked):
        yielded = type(online)()
        try:
            yielded.rent()
            yielded.register()
            passed = 0

            def losing(method, url, headers, body, site=yielded, serve=yielded.serve, lost=lost):
                nonlocal passed
                site.losing = int(passed == lost)
                passed += 1
                return serve(method, url, headers, body)

            yielded.serve = losing
            with pytest.raises(CarrierError) as failed:
                act(yielded)
            assert code_of(failed.value) == ("outcome_unknown", True)

            held = is_held(yielded)
            assert held == (yielded.has_number() if act is release else yielded.has_registration())
            act(yielded)
            assert not is_held(yielded)
            assert yielded.problems == []
        finally:
            yielded.stop()


@ACTS
def test_an_answer_nobody_can_read_is_asked_again_later(online, act):
    online.garbled = 1

    failed = failure_of(act, online)

    # A deletion needs no words: there may have been nothing to read.
    assert failed.retryable if failed else online.garbled == 1


def failure_of(act, site):
    try:
        act(site)
    except CarrierError as failed:
        return failed
    return None


@ACTS
def test_no_error_says_anything_secret(online, act):
    for kind in ("credentials", "permission", "rate", "down"):
        online.refusing = [kind]
        with pytest.raises(CarrierError) as failed:
            act(online)
        assert_nothing_secret(failed.value)
    online.carrier = online.adapter(secret=Plain(f"wrong {SECRET}"))
    if online.takes_secrets:
        with pytest.raises(CarrierError) as failed:
            act(online)
        assert_nothing_secret(failed.value)


def assert_nothing_secret(error):
    while error is not None:
        assert SECRET not in f"{error} {error!r} {error.args}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@pytest.mark.parametrize("act", [release, holds])
@pytest.mark.parametrize("name", ["twilio", "telnyx", "aws"])
def test_a_number_under_somebody_elses_id_is_not_touched(name, act):
    """The SaaS may have put a wrong id: releasing what lies under it would take another customer's number."""
    for site in opened(name):
        site.numbers.clear()
        site.rent(OTHER)

        with pytest.raises(CarrierError) as failed:
            act(site)

        assert code_of(failed.value) == ("provider_id_of_another_number", False)
        assert site.has_number(OTHER)


def test_a_number_that_moved_to_another_account_is_not_ours_any_more():
    for site in opened("bandwidth"):
        site.numbers["4155550100"]["account"] = "1"

        assert not holds(site)
        release(site)

        assert site.has_number()
        assert site.changes() == []


@pytest.mark.parametrize("id", ["", "../x", "a b", "PN1?x=1", "PN1#", "é", "a" * 300, "a\r\nb"])
@pytest.mark.parametrize("name", ["twilio", "telnyx", "aws"])
def test_an_id_that_is_none_never_becomes_part_of_an_address(name, id):
    for site in opened(name):
        for call in (
            lambda site=site: site.carrier.release_number(E164, id, key=KEY),
            lambda site=site: site.carrier.holds_number(E164, id),
            lambda site=site: site.carrier.lapse_registration(REGISTRATION, id, key=KEY),
            lambda site=site: site.carrier.holds_registration(REGISTRATION, id),
        ):
            with pytest.raises(CarrierError) as failed:
                call()
            assert code_of(failed.value) == ("provider_id_unusable", False)
        assert site.requests == []


@pytest.mark.parametrize("name", ["twilio", "telnyx", "bandwidth"])
def test_a_secret_that_was_rotated_is_read_again(name):
    class Rotated:
        def __init__(self):
            self.texts = ["old", SECRET]

        def __call__(self):
            return self.texts[0]

        def refresh(self):
            self.texts.pop(0)
            return True

    for site in opened(name):
        site.carrier = site.adapter(secret=Rotated())

        release(site)

        assert not site.has_number()


# -- having a number back


def test_a_number_is_had_back_or_the_carrier_says_that_it_never_is(site):
    release(site)

    if site.carrier.recoverable_for is None:
        with pytest.raises(NotRecoverable) as refused:
            site.carrier.recover_number(E164, site.number_id, key=KEY)
        assert code_of(refused.value) == ("not_recoverable", False)
        assert not site.has_number()
        return
    id = site.carrier.recover_number(E164, site.number_id, key=KEY)

    assert site.has_number()
    assert site.carrier.holds_number(E164, id)
    assert site.carrier.recover_number(E164, site.number_id, key=KEY) == id
    site.carrier.release_number(E164, id, key="another")
    assert not site.has_number()


def test_what_the_documents_promise_back_is_what_the_adapters_say():
    """Twilio: ten days. AWS: "permanent and can't be undone". Telnyx and Bandwidth promise nothing."""
    given = {}
    for name in SITES:
        for site in opened(name):
            given[name] = site.carrier.recoverable_for and site.carrier.recoverable_for.days
    assert given == {"twilio": 10, "telnyx": None, "bandwidth": None, "aws": None, "local": 10}


def test_the_local_carrier_gives_nothing_back_after_its_time():
    for site in opened("local"):
        assert isinstance(site, LocalSite)
        release(site)
        site.later(site.carrier.recoverable_for)

        with pytest.raises(NotRecoverable):
            site.carrier.recover_number(E164, site.number_id, key=KEY)
