"""The purge through the real job, against an S3 and a DynamoDB that are spoken to over HTTP: all of it, and nobody else's.

moto answers inside of this process; here the same requests travel, and another program reads them.
"""

from dataclasses import replace
from datetime import UTC, datetime

import boto3
import pytest
from botocore.config import Config

from chalicelib import exporting, wiring
from chalicelib.gateways import purge_bucket, purge_partition
from chalicelib.gateways.files import Bucket
from chalicelib.gateways.purge_bucket import BucketPurger
from chalicelib.gateways.purge_partition import PartitionPurger
from infra.local.ministack import Ministack
from tests.support.life import Life
from tests.support.stores import REGION, ministack_python

pytestmark = pytest.mark.timeout(300)

START = datetime(2041, 1, 31, 12, 0, tzinfo=UTC)
"""After everything that is written here: S3 says when that was, and its clock is the real one."""
PURGED = datetime(2042, 2, 28, 12, 0, tzinfo=UTC)
LEAVER, NEIGHBOURS = "acme", ("acme2", "acm", "acme-2")


@pytest.fixture(scope="module")
def aws():
    with Ministack(ministack_python(), services=("dynamodb", "s3")) as ministack:

        def client(service):
            return boto3.client(
                service,
                endpoint_url=ministack.url,
                region_name=REGION,
                config=Config(s3={"addressing_style": "path"}),
            )

        s3 = client("s3")
        s3.create_bucket(Bucket="media")
        s3.put_bucket_versioning(Bucket="media", VersioningConfiguration={"Status": "Enabled"})
        s3.create_bucket(Bucket="ours")
        dynamo = client("dynamodb")
        dynamo.create_table(
            TableName="saas",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )
        yield ministack.url, s3, dynamo


def filled(s3, dynamo, account):
    for n in range(7):
        s3.put_object(Bucket="media", Key=f"tenants/{account}/{n}.jpg", Body=b"first")
        s3.put_object(Bucket="media", Key=f"tenants/{account}/{n}.jpg", Body=b"second")
    s3.delete_object(Bucket="media", Key=f"tenants/{account}/0.jpg")
    for n in range(30):
        dynamo.put_item(
            TableName="saas", Item={"pk": {"S": f"TENANT#{account}"}, "sk": {"S": f"{n:03}"}}
        )


def kept(s3, dynamo, account):
    """Versions and marks in the bucket, items in the table."""
    listed = s3.list_object_versions(Bucket="media", Prefix=f"tenants/{account}/")
    items = dynamo.query(
        TableName="saas",
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"TENANT#{account}"}},
    )
    return (
        len(listed.get("Versions", ())),
        len(listed.get("DeleteMarkers", ())),
        len(items["Items"]),
    )


def leaver(url):
    life = Life(start=START)
    for id in (LEAVER, *NEIGHBOURS):
        life.account(id)
    plan = life.subscribe(LEAVER)
    purgers = (
        BucketPurger(
            "media", bucket="media", prefix="tenants/{account_id}/", region=REGION, endpoint=url
        ),
        PartitionPurger(
            "saas", table="saas", partition="TENANT#{account_id}", sort_key="sk",
            region=REGION, endpoint=url,
        ),
    )  # fmt: skip
    life.world = replace(
        life.world, purgers=purgers, files=Bucket("ours", region=REGION, endpoint=url)
    )
    wiring.use(life.world)
    assert life.cancel(LEAVER, plan).status == 200
    return life


@pytest.mark.slow
def test_a_purge_takes_a_prefix_and_a_partition_and_leaves_the_neighbours(aws, monkeypatch):
    """SC-10: "all data will be permanently deleted." """
    # Several requests for each, as many an account needs.
    monkeypatch.setattr(purge_bucket, "MOST_AT_ONCE", 5)
    monkeypatch.setattr(purge_partition, "PAGE", 8)
    url, s3, dynamo = aws
    for account in (LEAVER, *NEIGHBOURS):
        filled(s3, dynamo, account)
        for id, name in ((account, "a.pdf"), (account, "b.pdf")):
            s3.put_object(Bucket="ours", Key=f"{exporting.documents_of(id)}{name}", Body=b"x")
    before = {account: kept(s3, dynamo, account) for account in (LEAVER, *NEIGHBOURS)}
    assert before[LEAVER] == (14, 1, 30)
    life = leaver(url)

    life.move(PURGED.replace(hour=11))
    assert kept(s3, dynamo, LEAVER) == before[LEAVER]
    life.move(PURGED.replace(hour=13))

    assert kept(s3, dynamo, LEAVER) == (0, 0, 0)
    assert {account: kept(s3, dynamo, account) for account in NEIGHBOURS} == {
        account: before[account] for account in NEIGHBOURS
    }
    for account in (LEAVER, *NEIGHBOURS):
        listed = s3.list_objects_v2(Bucket="ours", Prefix=exporting.home(account))
        assert listed["KeyCount"] == (0 if account == LEAVER else 2), account
    reply = life.operator("GET", f"/v1/admin/accounts/{LEAVER}/purge-certificates")
    (certificate,) = reply.body["data"]
    assert certificate["deleted"]["saas"] == {"items": 30}
    assert sum(certificate["deleted"]["media"].values()) == 15
