"""What is one carrier's own: emergency addresses, orders that take their time, words for what stands in the way."""

import pytest

from chalicelib.gateways.carriers import CarrierError, NotRecoverable
from tests.support.carrier_sites import (
    E164,
    KEY,
    REGISTRATION,
    code_of,
    holds,
    lapse,
    opened,
    release,
)


def refused(act, site):
    with pytest.raises(CarrierError) as failed:
        act(site)
    return code_of(failed.value)


# -- Twilio


def test_a_registered_emergency_address_is_removed_before_the_number_is():
    for site in opened("twilio"):
        number = site.numbers[site.number_id]
        number |= {"address": "AD1", "address_status": "registered"}

        release(site)

        assert not site.has_number()
        assert [method for method, _ in site.requests] == ["GET", "POST", "DELETE"]


def test_a_number_waits_while_its_emergency_address_is_being_removed():
    for site in opened("twilio"):
        number = site.numbers[site.number_id]
        number |= {
            "address": "AD1",
            "address_status": "registered",
            "then": "pending-unregistration",
        }

        assert refused(release, site) == ("emergency_address_being_removed", True)
        assert refused(release, site) == ("emergency_address_being_removed", True)
        assert [method for method, _ in site.changes()] == ["POST"]

        number["address_status"] = "unregistered"
        release(site)
        assert not site.has_number()


def test_an_emergency_address_that_cannot_be_removed_waits_for_a_person():
    for site in opened("twilio"):
        site.numbers[site.number_id] |= {"address_status": "unregistration-failure"}

        assert refused(release, site) == ("emergency_address_not_removed", False)
        assert site.has_number()


def test_a_campaign_may_be_named_with_its_own_id():
    for site in opened("twilio"):
        id = f"{site.registration_id}/QE2c6890da8086d771620e9b13fadeba0b"

        assert site.carrier.holds_registration(REGISTRATION, id)
        site.carrier.lapse_registration(REGISTRATION, id, key=KEY)

        assert not site.has_registration()


def test_a_number_that_somebody_else_has_by_now_is_not_had_back():
    for site in opened("twilio"):
        release(site)
        site.reserved_for_another = True

        with pytest.raises(NotRecoverable):
            site.carrier.recover_number(E164, site.number_id, key=KEY)


def test_a_recovery_whose_answer_was_lost_rents_the_number_once():
    for site in opened("twilio"):
        release(site)
        serve = site.serve

        def lost(method, url, headers, body, site=site, serve=serve):
            site.losing = int(method == "POST")
            return serve(method, url, headers, body)

        site.serve = lost
        with pytest.raises(CarrierError) as failed:
            site.carrier.recover_number(E164, site.number_id, key=KEY)
        assert code_of(failed.value) == ("outcome_unknown", True)

        id = site.carrier.recover_number(E164, site.number_id, key=KEY)

        assert list(site.numbers) == [id]


def test_any_other_refusal_of_twilios_keeps_its_number():
    for site in opened("twilio"):
        site.numbers[site.number_id] |= {"address_status": "registration-failure"}

        # Twilio itself refuses to delete it: nothing we know how to clear stands in the way.
        assert refused(release, site) == ("refused_400_21440", False)


# -- orders that are carried out later


@pytest.mark.parametrize("name", ["telnyx", "bandwidth", "aws"])
def test_a_release_that_takes_its_time_is_not_taken_for_done(name):
    for site in opened(name):
        site.takes_its_time = True

        assert refused(release, site) == ("release_pending", True)
        assert holds(site)
        release(site)
        assert not holds(site)


def test_a_campaign_that_is_being_deactivated_is_not_taken_for_ended():
    for site in opened("bandwidth"):
        site.takes_its_time = True

        assert refused(lapse, site) == ("lapse_pending", True)
        lapse(site)
        assert not site.has_registration()


# -- Bandwidth


def test_a_number_bandwidth_does_not_find_on_the_account_counts_as_released():
    for site in opened("bandwidth"):
        site.order_fails_with = "5006"

        release(site)


def test_any_other_refusal_of_bandwidths_keeps_its_number():
    for site in opened("bandwidth"):
        site.order_fails_with = "5054"

        assert refused(release, site) == ("refused_400_5054", False)


def test_a_number_that_is_not_american_is_none_of_bandwidths():
    for site in opened("bandwidth"):
        with pytest.raises(CarrierError) as failed:
            site.carrier.release_number("+33155550100", "x", key=KEY)

        assert code_of(failed.value) == ("number_not_american", False)
        assert site.requests == []


def test_an_answer_that_declares_entities_is_not_read():
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]><TelephoneNumberResponse>&b;</TelephoneNumberResponse>'
    for site in opened("bandwidth"):
        site.serve = lambda *_: (200, bomb, "application/xml")

        assert refused(holds, site) == ("answer_unreadable", True)


# -- AWS


@pytest.mark.parametrize(
    "reason", ["DELETION_PROTECTION_ENABLED", "PHONE_NUMBER_ASSOCIATED_TO_POOL"]
)
def test_what_stands_in_the_way_at_aws_is_said(reason):
    for site in opened("aws"):
        site.conflict = reason

        assert refused(release, site) == (f"refused_400_{reason}", False)
        assert site.has_number()


def test_without_credentials_aws_is_not_asked(monkeypatch):
    for site in opened("aws"):
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")

        assert refused(release, site) == ("credentials_refused", False)
        assert site.requests == []
