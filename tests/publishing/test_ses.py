"""Amazon's mail service, as moto plays it and as it answers when it does not want to."""

from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws
from moto.ses.models import ses_backends

from chalicelib.gateways.mail import MailRefused
from chalicelib.gateways.ses import Ses

REGION = "us-east-1"
SENDER = "Smarter Contact <billing@example.com>"
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MAIL = {
    "key": "acme:evt_1:0",
    "to": "ann@example.org",
    "subject": "Votre annulation est confirmée",
    "text": "Dernier jour d'accès : 28 février",
    "html": "<p>28 février</p>",
    "account_id": "acme",
    "at": AT,
}


@pytest.fixture
def ses():
    with mock_aws():
        client = boto3.client("sesv2", region_name=REGION)
        client.create_email_identity(EmailIdentity="billing@example.com")
        yield Ses(SENDER, region=REGION)


def sent():
    backend = ses_backends["123456789012"][REGION]
    return backend.sent_messages


def test_a_mail_is_sent_as_text_and_html(ses):
    ses.send(**MAIL)

    (mail,) = sent()
    assert mail.source == SENDER
    assert mail.destinations["ToAddresses"] == ["ann@example.org"]
    assert mail.subject == MAIL["subject"]


def test_what_is_asked_of_the_service():
    ses = Ses(SENDER, region=REGION)
    with Stubber(ses._client) as stub:
        stub.add_response(
            "send_email",
            {"MessageId": "1"},
            {
                "FromEmailAddress": SENDER,
                "Destination": {"ToAddresses": ["ann@example.org"]},
                "Content": {
                    "Simple": {
                        "Subject": {"Data": MAIL["subject"], "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": MAIL["text"], "Charset": "UTF-8"},
                            "Html": {"Data": MAIL["html"], "Charset": "UTF-8"},
                        },
                    }
                },
                "EmailTags": [{"Name": "lapse-key", "Value": "acme_evt_1_0"}],
            },
        )
        ses.send(**MAIL)
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    "to",
    [
        "",
        "ann",
        "ann@example.org, eve@example.org",
        "ann@example.org\nBcc: eve@example.org",
        "Ann <ann@example.org>",
        "ann @example.org",
        "ann@example.org;eve@example.org",
    ],
)
def test_anything_but_one_plain_address_is_refused(ses, to):
    with pytest.raises(MailRefused):
        ses.send(**{**MAIL, "to": to})

    assert sent() == []


@pytest.mark.parametrize("code", ["MessageRejected", "BadRequestException"])
def test_what_the_service_will_never_take_is_refused(code):
    ses = Ses(SENDER, region=REGION)
    with Stubber(ses._client) as stub:
        stub.add_client_error("send_email", code)
        with pytest.raises(MailRefused, match=code):
            ses.send(**MAIL)


@pytest.mark.parametrize("code", ["TooManyRequestsException", "SendingPausedException", "Boom"])
def test_what_it_does_not_take_now_may_be_tried_again(code):
    ses = Ses(SENDER, region=REGION)
    with Stubber(ses._client) as stub:
        stub.add_client_error("send_email", code)
        with pytest.raises(ClientError):
            ses.send(**MAIL)
