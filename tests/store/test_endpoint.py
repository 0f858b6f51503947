"""Each region's table is asked at that region's own address, though botocore is not asked for it each time."""

import pytest

from chalicelib.store.dynamo import DynamoTable


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "dynamodb.us-east-1.amazonaws.com"),
        ("eu-central-1", "dynamodb.eu-central-1.amazonaws.com"),
        ("cn-north-1", "dynamodb.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "dynamodb.us-gov-west-1.amazonaws.com"),
    ],
)
def test_a_request_goes_to_its_region_and_is_signed_for_it(region, host):
    client, sent = DynamoTable("lapse", region=region).client, []

    def stop(request, **_):
        sent.append(request)
        raise InterruptedError

    client.meta.events.register("before-send.dynamodb", stop)
    with pytest.raises(InterruptedError):
        client.get_item(TableName="lapse", Key={"pk": {"S": "a"}, "sk": {"S": "b"}})

    (request,) = sent
    signed = request.headers["Authorization"]
    assert request.url == f"https://{host}/"
    assert f"/{region}/dynamodb/aws4_request" in (
        signed.decode() if isinstance(signed, bytes) else signed
    )


def test_an_endpoint_that_was_given_is_the_one_that_is_asked():
    client = DynamoTable("lapse", region="us-east-1", endpoint="http://127.0.0.1:9").client

    assert client.meta.endpoint_url == "http://127.0.0.1:9"
