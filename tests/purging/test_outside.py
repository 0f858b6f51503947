"""What the SaaS keeps of an account in a bucket and in a table of its own, as moto plays S3 and DynamoDB."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import boto3
import pytest
from moto import mock_aws
from moto.s3.models import s3_backends

from chalicelib.domain.erasure import Erasure, Progress
from chalicelib.gateways import purge_partition
from chalicelib.gateways.purge_bucket import BucketPurger
from chalicelib.gateways.purge_partition import PartitionPurger
from chalicelib.gateways.purgers import PurgerUnavailable, Unnamable

REGION = "us-east-1"
AT = datetime(2040, 2, 28, 12, 0, tzinfo=UTC)
"""After everything that is written here: S3 says when that was, and its clock is the real one."""
SECOND = timedelta(seconds=1)
HOSTILE = [
    "acme#2",
    "../acme",
    "a/b",
    "..",
    ".",
    "",
    "acme..",
    "acme/",
    "é",
    "a b",
    "a\nb",
    "a*",
    "{account_id}",
    "a:b",
]


@pytest.fixture(autouse=True)
def aws(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield


def wanted(account="acme", before=AT, **more):
    return Erasure(id="purge_1", account_id=account, before=before, **more)


def told(purger, asked, progress=None):
    """All it says until it is done; the last is the end."""
    return list(purger.erase(asked, progress or Progress(erasure_id=asked.id)))


def dies_after(purger, asked, steps, progress=None):
    """A run that was saved so many times and then died: what is known of it."""
    known = progress or Progress(erasure_id=asked.id)
    return [known, *islice(purger.erase(asked, known), steps)][-1]


# -- a bucket


@pytest.fixture
def s3():
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket="media")
    return client


def versioned(s3):
    on = {"Status": "Enabled"}
    s3.put_bucket_versioning(Bucket="media", VersioningConfiguration=on)


def bucket(prefix="t/{account_id}/"):
    return BucketPurger("media", bucket="media", prefix=prefix, region=REGION)


def put(s3, *keys):
    for key in keys:
        s3.put_object(Bucket="media", Key=key, Body=b"canary")


def keys(s3):
    page = s3.list_object_versions(Bucket="media")
    return sorted(
        one["Key"] for part in ("Versions", "DeleteMarkers") for one in page.get(part, ())
    )


def written(key, at):
    """Makes S3 say that the newest version of this was written then."""
    s3_backends["123456789012"]["global"].buckets["media"].keys[key].last_modified = at.replace(
        tzinfo=None
    )


def test_everything_under_the_prefix_goes_and_nothing_beside_it(s3):
    put(s3, "t/acme/1", "t/acme/a/b", "t/acme2/1", "t/acm/1", "t/acme", "acme/1", "t/ACME/1")

    end = told(bucket(), wanted())[-1]

    assert end.deleted == {"objects": 2}
    assert keys(s3) == sorted(["t/acme2/1", "t/acm/1", "t/acme", "acme/1", "t/ACME/1"])


def test_every_version_goes_and_the_marks_of_what_was_deleted(s3):
    versioned(s3)
    put(s3, "t/acme/1", "t/acme/1", "t/acme/2", "t/other/1")
    s3.delete_object(Bucket="media", Key="t/acme/2")

    end = told(bucket(), wanted())[-1]

    assert end.deleted == {"objects": 1, "old_versions": 3}
    assert keys(s3) == ["t/other/1"]


def test_what_is_newer_than_the_purge_stays_and_is_told(s3):
    put(s3, "t/acme/at", "t/acme/later", "t/acme/old")
    written("t/acme/at", AT)
    written("t/acme/later", AT + SECOND)

    end = told(bucket(), wanted())[-1]

    assert (end.deleted, end.newer, end.clean) == ({"objects": 2}, 1, True)
    assert keys(s3) == ["t/acme/later"]


def test_a_run_that_died_anywhere_is_finished_and_counts_each_thing_once(s3, monkeypatch):
    monkeypatch.setattr("chalicelib.gateways.purge_bucket.MOST_AT_ONCE", 3)
    for died_at in range(1, 6):
        put(s3, *(f"t/acme/{n:02}" for n in range(8)), "t/acme2/1")
        known = dies_after(bucket(), wanted(), died_at)

        end = told(bucket(), wanted(), known)[-1]

        assert end.deleted == {"objects": 8}, died_at
        assert keys(s3) == ["t/acme2/1"], died_at


def test_what_is_written_behind_its_back_is_found_by_the_last_look(s3):
    put(s3, "t/acme/m")
    run = bucket().erase(wanted(), Progress(erasure_id="purge_1"))
    next(run)
    put(s3, "t/acme/a")

    end = list(run)[-1]

    assert end.deleted == {"objects": 2}
    assert keys(s3) == []


def test_a_long_listing_comes_page_by_page(s3, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "5")
    versioned(s3)
    for _ in range(2):
        put(s3, *(f"t/acme/{n:02}" for n in range(11)), "t/acme2/1")

    end = told(bucket(), wanted())[-1]

    assert end.deleted == {"objects": 11, "old_versions": 11}
    assert keys(s3) == ["t/acme2/1"] * 2


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "t/",
        "t/{account_id}",
        "{account_id}x/",
        "{account_id}/{account_id}/",
        "t/{account_id}/x",
    ],
)
def test_a_prefix_that_two_accounts_could_share_is_refused(prefix):
    with pytest.raises(ValueError, match="prefix of media"):
        bucket(prefix)


@pytest.mark.parametrize("account", HOSTILE)
def test_no_id_reaches_anothers_objects(s3, account):
    put(s3, "t/acme/1", "t/acme2/1", "t/b", "t/a/b/1", "x/1")

    with pytest.raises(Unnamable):
        told(bucket(), wanted(account))

    assert len(keys(s3)) == 5


def test_a_bucket_that_is_not_there_is_not_done():
    with pytest.raises(PurgerUnavailable, match="NoSuchBucket"):
        told(bucket(), wanted())


def test_a_plan_counts_and_deletes_nothing(s3):
    put(s3, "t/acme/1", "t/acme/2", "t/acme2/1")

    plan = bucket().plan(wanted(), 100)

    assert (plan.counts, plan.more) == ({"objects": 2}, False)
    assert len(keys(s3)) == 3


# -- a table


@pytest.fixture
def dynamo():
    client = boto3.client("dynamodb", region_name=REGION)
    client.create_table(
        TableName="app",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip
    return client


def partition(**more):
    given = {"partition": "T#{account_id}", "sort_key": "sk", **more}
    return PartitionPurger("messages", table="app", region=REGION, **given)


def add(dynamo, pk, *sks, **more):
    extra = {
        name: {"N": value} if value.isdigit() else {"S": value} for name, value in more.items()
    }
    for sk in sks:
        dynamo.put_item(TableName="app", Item={"pk": {"S": pk}, "sk": {"S": sk}, **extra})


def items(dynamo):
    found = dynamo.scan(TableName="app")["Items"]
    return sorted((one["pk"]["S"], one["sk"]["S"]) for one in found)


def test_exactly_its_partition_goes(dynamo):
    add(dynamo, "T#acme", *(f"{n:03}" for n in range(230)))
    for neighbour in ("T#acme2", "T#acm", "T#acme#2", "acme", "t#acme"):
        add(dynamo, neighbour, "1")

    end = told(partition(), wanted())[-1]

    assert end.deleted == {"items": 230}
    assert [pk for pk, _ in items(dynamo)] == sorted(
        ["T#acme2", "T#acm", "T#acme#2", "acme", "t#acme"]
    )


def test_a_table_without_a_sort_key(dynamo):
    dynamo.create_table(
        TableName="one",
        KeySchema=[{"AttributeName": "tenant", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "tenant", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for tenant in ("acme", "acme2"):
        dynamo.put_item(TableName="one", Item={"tenant": {"S": tenant}})
    alone = PartitionPurger(
        "one", table="one", partition="{account_id}", partition_key="tenant", region=REGION
    )

    known = dies_after(alone, wanted(), 1)
    end = told(alone, wanted(), known)[-1]

    assert end.deleted == {"items": 1}
    assert [one["tenant"]["S"] for one in dynamo.scan(TableName="one")["Items"]] == ["acme2"]


def test_a_run_over_a_table_that_died_anywhere_is_finished(dynamo, monkeypatch):
    monkeypatch.setattr("chalicelib.gateways.purge_partition.PAGE", 3)
    for died_at in range(1, 6):
        add(dynamo, "T#acme", *"abcdefgh")
        add(dynamo, "T#acme2", "a")
        known = dies_after(partition(), wanted(), died_at)

        end = told(partition(), wanted(), known)[-1]

        assert end.deleted == {"items": 8}, died_at
        assert items(dynamo) == [("T#acme2", "a")], died_at


@pytest.mark.parametrize(
    ("at", "later"),
    [("2040-02-28T12:00:00Z", "2040-02-28T12:00:01+00:00"), (str(int(AT.timestamp())), str(int(AT.timestamp()) + 1)),
     (str(int(AT.timestamp()) * 1000), str(int(AT.timestamp()) * 1000 + 1000))],
)  # fmt: skip
def test_where_items_say_when_they_were_written_newer_ones_stay(dynamo, at, later):
    add(dynamo, "T#acme", "at", changed=at)
    add(dynamo, "T#acme", "later", changed=later)
    add(dynamo, "T#acme", "unknown")

    end = told(partition(written_at="changed"), wanted())[-1]

    assert (end.deleted, end.newer) == ({"items": 2}, 1)
    assert items(dynamo) == [("T#acme", "later")]


def test_items_that_are_sorted_by_when_they_were_written_are_asked_for_it_once(dynamo, monkeypatch):
    """DynamoDB refuses a projection in which two names stand for the same attribute; moto does not."""
    asked, projections = purge_partition.asked, []

    def noted(client, what, **params):
        if "ProjectionExpression" in params:
            names = params["ExpressionAttributeNames"]
            shown = params["ProjectionExpression"].split(", ")
            projections.append([names[one] for one in shown])
        return asked(client, what, **params)

    monkeypatch.setattr(purge_partition, "asked", noted)
    add(dynamo, "T#acme", "2040-02-28T12:00:00Z", "2040-02-28T12:00:01Z")

    end = told(partition(written_at="sk"), wanted())[-1]

    assert (end.deleted, end.newer) == ({"items": 1}, 1)
    assert projections
    assert all(one == ["pk", "sk"] for one in projections)


def test_who_cannot_tell_spares_everything_of_a_customer_who_is_back(dynamo):
    add(dynamo, "T#acme", "a")

    end = told(partition(), wanted(spares=True))[-1]

    assert (end.deleted, end.newer) == ({}, 1)
    assert items(dynamo) == [("T#acme", "a")]


@pytest.mark.parametrize("account", HOSTILE)
def test_no_id_reaches_anothers_items(dynamo, account):
    add(dynamo, "T#acme#2", "a")
    add(dynamo, "T#acme", "a")

    with pytest.raises(Unnamable):
        told(partition(), wanted(account))

    assert len(items(dynamo)) == 2


def test_a_partition_must_be_one_accounts():
    for template in ("T", "{account_id}{account_id}"):
        with pytest.raises(ValueError, match="partition of messages"):
            partition(partition=template)


def test_a_table_that_is_not_there_is_not_done():
    with pytest.raises(PurgerUnavailable, match="ResourceNotFound"):
        told(partition(), wanted())
