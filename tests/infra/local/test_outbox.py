"""The outbox keeps each mail and each event once, in the order they came."""

from datetime import UTC, datetime

import pytest

from chalicelib.domain.cloud_events import cloud_event
from chalicelib.domain.news import DomainEvent
from infra.local.faults import Faults
from infra.local.outbox import MailFailed, Outbox

NOW = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def outbox(notebook):
    return Outbox(notebook, Faults())


def send(outbox, key, subject="You have cancelled"):
    outbox.send(
        key=key, to="ann@example.com", subject=subject, text="…", account_id="smarter", at=NOW
    )


def test_a_mail_is_shown_as_the_contract_says(outbox):
    send(outbox, "k1")

    assert outbox.view()["mail"] == [
        {
            "at": "2027-01-01T00:00:00Z",
            "to": "ann@example.com",
            "subject": "You have cancelled",
            "text": "…",
            "account_id": "smarter",
        }
    ]


def test_the_same_key_is_kept_once_and_the_newest_is_last(outbox):
    send(outbox, "k1", "first")
    send(outbox, "k2", "second")
    send(outbox, "k1", "again")

    assert [mail["subject"] for mail in outbox.view()["mail"]] == ["first", "second"]


def test_an_event_is_kept_once(outbox):
    event = DomainEvent(
        id="e1",
        type="access.ended",
        time=NOW,
        account_id="smarter",
        sequence="000000000001.000",
        data={"plan": "a"},
    )
    for _ in range(2):
        outbox.publish(event)

    (shown,) = outbox.view()["events"]
    assert shown == cloud_event(event)
    # These are fixed by the contract; the rest is CloudEvents' own.
    assert {name: shown[name] for name in ("id", "type", "time", "account_id", "data")} == {
        "id": "e1",
        "type": "access.ended",
        "time": "2027-01-01T00:00:00Z",
        "account_id": "smarter",
        "data": {"plan": "a"},
    }


def test_a_failing_mailer_takes_nothing_and_the_next_try_does(notebook):
    faults = Faults()
    outbox = Outbox(notebook, faults)
    faults.order({"target": "mail", "kind": "error", "count": 1})

    with pytest.raises(MailFailed):
        send(outbox, "k1")
    assert outbox.view()["mail"] == []

    send(outbox, "k1")
    assert len(outbox.view()["mail"]) == 1


def test_a_mail_whose_answer_is_lost_was_sent_and_is_not_sent_twice(notebook):
    faults = Faults()
    outbox = Outbox(notebook, faults)
    faults.order({"target": "mail", "kind": "answer_lost", "count": 1})

    with pytest.raises(MailFailed):
        send(outbox, "k1")
    send(outbox, "k1")

    assert len(outbox.view()["mail"]) == 1
