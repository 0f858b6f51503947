"""M1-13: each client is told once, and again when work is moved or withdrawn; what was promised is not taken back."""

import pytest

from tests.support.maintenance import (
    ACME,
    CHANNEL,
    DAY,
    END,
    WHY,
    Works,
    on,
)


@pytest.fixture
def works():
    return Works()


# -- what they are told


def test_every_client_is_told_once_by_mail_and_in_the_product(works):
    """M1-13: "the Client is notified" by e-mail, whether the work lies ahead or not."""
    works.life.account("other", "1msg")
    works.life.subscribe("other", CHANNEL)

    works.announce("02-10 02:00", "02-10 04:00")
    for account in (ACME, "other"):
        works.life.membership(account)
    works.life.move(on("02-12"))

    for account in (ACME, "other"):
        (mail,) = works.letters(account)
        assert mail["subject"] == "Planned work on 10 February 2026 at 02:00 (UTC)"
        assert (
            "from 10 February 2026 at 02:00 (UTC) to 10 February 2026 at 04:00 (UTC)"
            in mail["text"]
        )
        assert WHY in mail["text"]
        notices = works.life.membership(account)["notices"]
        assert [n["title"] for n in notices if n["kind"] == "maintenance_announced"] == [
            mail["subject"]
        ]
    events = works.life.events("maintenance.announced")
    assert {(e["account_id"], e["data"]["days"]) for e in events} == {(ACME, 1), ("other", 1)}


def test_in_french(works):
    """The same, in the account's language."""
    works.life.operator("PUT", f"/v1/admin/accounts/{ACME}", {"locale": "fr"})
    works.leave()

    works.announce("02-10 02:00", "02-10 04:00")

    (mail,) = [m for m in works.life.mail() if "Travaux" in m["subject"]]
    assert "Votre accès est prolongé d'un jour calendaire" in mail["text"]
    assert "L'accès prend fin" in mail["text"]


# -- moved and withdrawn


def test_work_that_is_withdrawn_leaves_what_was_promised(works):
    """M1-13: what was announced once is not taken back."""
    window = works.announce("02-10 02:00", "02-11 04:00")
    works.leave()

    works.change(window, withdrawn=True)

    assert works.ends() == END + 2 * DAY
    told = works.letters()
    assert told[-1]["subject"] == "The work on 10 February 2026 at 02:00 (UTC) does not take place"
    assert "stay yours" in told[-1]["text"]


def test_work_that_is_moved_counts_once(works):
    """M1-13: "the same number of calendar days": those of the work that takes place."""
    window = works.announce("02-10 02:00", "02-10 04:00")
    works.leave()

    works.change(window, starts_at="02-12 02:00", ends_at="02-12 04:00")

    assert works.ends() == END + DAY
    assert (
        works.letters()[-1]["subject"]
        == "Work on our systems: now on 12 February 2026 at 02:00 (UTC)"
    )


def test_work_that_becomes_longer_extends_further_and_shorter_takes_nothing_back(works):
    """M1-13: per account, the granted days only grow."""
    window = works.announce("02-10 02:00", "02-10 04:00")
    works.leave()

    works.change(window, ends_at="02-12 04:00")
    assert works.ends() == END + 3 * DAY

    works.change(window, ends_at="02-10 04:00")
    assert works.ends() == END + 3 * DAY


def test_work_moved_behind_the_end_leaves_what_was_promised(works):
    """M1-13: the new time is none of theirs any more; the day they were promised is."""
    works.leave()
    window = works.announce("02-27 02:00", "02-27 04:00")
    assert works.ends() == END + DAY

    works.change(window, starts_at="03-20 02:00", ends_at="03-20 04:00")

    assert works.ends() == END + DAY


def test_a_company_that_is_not_meant_after_all_keeps_its_promise_and_makes_no_new_one(works):
    """M1-13: its customers are told that nothing happens to them; whoever comes later hears of nothing."""
    window = works.announce("02-10 02:00", "02-10 04:00", policies=["1msg", "goto"])
    works.leave()

    works.change(window, policies=["goto"])

    assert works.ends() == END + DAY
    assert "does not take place" in works.letters()[-1]["subject"]
    works.life.account("later", "1msg")
    works.life.subscribe("later", CHANNEL)
    assert works.shown("later")["extended_days"] == 0
    assert works.letters("later") == []


def test_another_reason_tells_nobody_anything_again(works):
    """Told once per window, and again only when what it means for them changed."""
    window = works.announce("02-10 02:00", "02-10 04:00")
    works.change(window, reason="Old disks")
    works.change(window, reason="Old disks")
    works.life.move(on("02-12"))

    assert len(works.letters()) == 1
