"""The bucket in which files lie, as moto plays S3."""

import io
from datetime import UTC, datetime, timedelta
from tempfile import SpooledTemporaryFile
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from moto import mock_aws

from chalicelib.gateways.files import Bucket, FilesUnavailable

REGION, NAME = "us-east-1", "files"
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def bucket(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        boto3.client("s3", region_name=REGION).create_bucket(Bucket=NAME)
        yield Bucket(NAME, region=REGION)


def test_what_was_written_is_read_again_and_replaced_by_the_next(bucket):
    for content in (b"one", b"two" * 1_000_000):
        with SpooledTemporaryFile(max_size=1000) as source:
            source.write(content)
            source.seek(0)
            bucket.write("a/x.zip", source)

        assert b"".join(bucket.read("a/x.zip")) == content


def test_all_under_a_prefix_is_deleted_and_nothing_beside_it(bucket):
    for n in range(3):
        bucket.write(f"a/{n}", io.BytesIO(b"x"))
    bucket.write("ab/0", io.BytesIO(b"x"))

    assert bucket.delete_prefix("a/") == 3
    assert list(bucket.names("")) == ["ab/0"]
    assert bucket.delete_prefix("a/") == 0


def test_a_link_says_how_long_it_lasts(bucket):
    url = urlsplit(bucket.link("a/x.zip", now=AT, lasts=timedelta(minutes=15)))

    asked = parse_qs(url.query)
    assert asked["X-Amz-Expires"] == ["900"]
    assert url.path.endswith("/a/x.zip")


def test_what_goes_wrong_has_one_name(bucket):
    nobodys = Bucket("no-such-bucket", region=REGION)

    for ask in (
        lambda: nobodys.write("x", io.BytesIO(b"x")),
        lambda: list(nobodys.names("")),
        lambda: list(bucket.read("nothing")),
        lambda: nobodys.delete_prefix("a/"),
    ):
        with pytest.raises(FilesUnavailable):
            ask()
