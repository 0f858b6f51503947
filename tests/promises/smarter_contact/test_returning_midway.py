"""SC-7, SC-8, SC-9: coming back while things are being given back. What is left is kept, and the customer is told what
is gone: in the mail, in the product, and on the membership page."""

from datetime import timedelta

import pytest

from chalicelib.gateways.carriers import CarrierError
from tests.support.life import Life
from tests.support.smarter_contact import (
    ACME,
    LAPSE,
    ONE,
    PURGE,
    RELEASE,
    SECOND,
    TEN_DLC,
    THREE,
    TWO,
    leaving,
)

DAY = timedelta(days=1)
MINUTES = timedelta(minutes=1)


def stuck(life: Life, *names: str, call: str = "release_number", after: bool = False) -> None:
    """Calls about these fail from now on; with `after`, they are carried out, and only their answers are lost."""
    real = getattr(life.carrier, call)

    def failing(name: str, provider_id: str, *, key: str) -> None:
        if name not in names or after:
            real(name, provider_id, key=key)
        if name in names:
            raise CarrierError("timeout")

    setattr(life.carrier, call, failing)


def halfway(*names: str, after: bool = False) -> Life:
    """Three numbers, of which these could not be released so far."""
    life, _ = leaving()
    life.number(ACME, TWO)
    life.number(ACME, THREE)
    stuck(life, *names, after=after)
    life.move(RELEASE + 20 * MINUTES)
    return life


def notices(life: Life, kind: str) -> list[str]:
    return [n["text"] for n in life.membership(ACME)["notices"] if n["kind"] == kind]


def test_whoever_returns_in_the_middle_of_a_release_keeps_the_rest_and_is_told_what_is_gone():
    """SC-7: "You can reactivate your subscription anytime": numbers still held are kept; "What is gone stays gone and
    the answer says so"."""
    life = halfway(TWO, THREE)

    life.subscribe(ACME)
    life.move(life.now + DAY)

    (mail,) = life.mail("Welcome back")
    assert "Gone for good: phone numbers (1)." in mail["text"]
    page = life.membership(ACME)
    assert [one["number"] for one in page["gone"]["numbers"]] == [ONE]
    assert {one["number"]: one["status"] for one in page["numbers"]} == {
        TWO: "active",
        THREE: "active",
    }
    assert life.at_carrier() == {ONE: "released", TWO: "active", THREE: "active", TEN_DLC: "active"}
    assert any("phone numbers (1)" in text for text in notices(life, "came_back"))


def test_what_is_at_the_carrier_in_that_moment_is_named_once_the_carrier_has_said():
    """SC-7: both answers were lost: the mail says that two are being asked about, and another names each that is
    gone."""
    life = halfway(TWO, THREE, after=True)

    life.subscribe(ACME)
    (welcome,) = life.mail("Welcome back")
    life.move(life.now + 30 * MINUTES)

    assert "Still being checked with the carrier: 2." in welcome["text"]
    assert "phone numbers (1)" in welcome["text"]
    assert len(life.mail(TWO, "was released")) == len(life.mail(THREE, "was released")) == 1
    assert life.mail(ONE, "was released") == []
    gone = {one["number"] for one in life.membership(ACME)["gone"]["numbers"]}
    assert gone == {ONE, TWO, THREE}
    assert life.membership(ACME)["numbers"] == []


def test_what_turns_out_to_be_kept_needs_no_word():
    """SC-7: "numbers still held are kept"."""
    life = halfway(TWO)

    life.subscribe(ACME)
    life.move(life.now + 30 * MINUTES)

    assert life.mail(TWO) == []
    assert {n["number"]: n["status"] for n in life.membership(ACME)["numbers"]} == {TWO: "active"}


def test_it_is_said_in_french_to_whoever_reads_french():
    """SC-7, in the customer's language."""
    life = halfway(TWO, THREE, after=True)
    life.operator("PUT", f"/v1/admin/accounts/{ACME}", {"locale": "fr"})

    life.subscribe(ACME)
    life.move(life.now + 30 * MINUTES)

    (welcome,) = life.mail("Heureux de vous revoir")
    assert "Définitivement perdu : numéros de téléphone (1)" in welcome["text"]
    assert "Vérification en cours auprès de l'opérateur : 2." in welcome["text"]
    (lost,) = life.mail(TWO)
    assert "il ne vous appartient plus" in lost["text"]


def test_a_registration_that_was_lapsing_in_that_moment_has_to_be_applied_for_again():
    """SC-9: "If you choose to return … you must reapply for 10DLC registration"."""
    life, _ = leaving()
    stuck(life, TEN_DLC, call="lapse_registration", after=True)
    life.move(LAPSE + 20 * MINUTES)

    life.subscribe(ACME)
    life.move(life.now + 30 * MINUTES)

    (mail,) = life.mail("10DLC registration lapsed")
    assert "You must apply for a new 10DLC registration" in mail["text"]
    (gone,) = life.membership(ACME)["gone"]["registrations"]
    assert gone["id"] == TEN_DLC
    assert life.at_carrier()[TEN_DLC] == "lapsed"


def test_one_of_two_registrations_that_lapsed_is_gone_and_the_other_is_kept():
    """SC-9: "Your 10DLC registration remains active for 30 days after cancellation."."""
    life, _ = leaving()
    life.registration(ACME, "R2")
    stuck(life, "R2", call="lapse_registration")
    life.move(LAPSE + 20 * MINUTES)

    life.subscribe(ACME)
    life.move(life.now + 30 * MINUTES)

    (mail,) = life.mail("Welcome back")
    assert "10DLC registration (1)" in mail["text"].partition("Gone for good:")[2]
    assert "You must apply for a new 10DLC" in mail["text"]
    assert life.at_carrier()["R2"] == "active"
    assert [r["id"] for r in life.membership(ACME)["gone"]["registrations"]] == [TEN_DLC]


def test_what_the_customer_removed_is_no_loss():
    """SC-6: "Consider removing the phone numbers": nobody is told that what they removed is gone."""
    life, _ = leaving()
    life.number(ACME, TWO)
    life.customer(ACME, "DELETE", f"/v1/numbers/{TWO}")
    life.move(RELEASE + DAY)

    life.subscribe(ACME)

    (mail,) = life.mail("Welcome back")
    assert "Gone for good: phone numbers (1)." in mail["text"]
    assert [one["number"] for one in life.membership(ACME)["gone"]["numbers"]] == [ONE]
    assert life.mail(TWO) == []


@pytest.mark.parametrize(("passed", "said"), [(90 * DAY - SECOND, [ONE]), (90 * DAY, [])])
def test_the_page_says_it_for_ninety_days(passed, said):
    """SC-7: "the answer says so"."""
    life, _ = leaving()
    life.move(RELEASE + DAY)
    life.subscribe(ACME)

    life.move(RELEASE + passed)

    assert [one["number"] for one in life.membership(ACME)["gone"]["numbers"]] == said


def test_after_the_purge_nothing_is_named_any_more():
    """SC-10: "all data will be permanently deleted"."""
    life, _ = leaving()

    life.move(PURGE)

    assert life.membership(ACME)["gone"] == {"numbers": [], "registrations": []}


def test_what_an_earlier_end_took_is_not_told_again():
    """SC-7: who comes back in time the second time has lost nothing this time."""
    life, _ = leaving()
    life.move(RELEASE + DAY)
    second = life.subscribe(ACME)
    life.number(ACME, TWO)
    life.cancel(ACME, second)
    life.move(life.access_ends_at(ACME, second) + 5 * DAY)

    life.subscribe(ACME)

    first, again = life.mail("Welcome back")
    assert "Gone for good: phone numbers (1)." in first["text"]
    assert "Gone for good" not in again["text"]
    assert "Kept: phone numbers (1)" in again["text"]
