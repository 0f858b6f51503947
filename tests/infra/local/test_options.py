"""What a person can get wrong before anything runs is answered in a sentence that says what to do."""

import tempfile
from datetime import UTC, datetime

import pytest

from infra.local.endpoints import CannotStart, check_loopback, keep_aws_at_home
from infra.local.options import from_environment
from infra.local.state_folder import StateFolder


def test_nothing_said_is_the_contracts_port_and_nothing_kept():
    options = from_environment({})

    assert (options.port, options.state, options.start, options.policy) == (8765, None, None, None)


def test_what_is_said_is_read(tmp_path):
    policy = tmp_path / "mine.toml"
    policy.write_text("")

    options = from_environment(
        {
            "LAPSE_PORT": "9000",
            "LAPSE_STATE": str(tmp_path),
            "LAPSE_START": "2027-01-01T00:00:00Z",
            "LAPSE_POLICY": str(policy),
        }
    )

    assert options.port == 9000
    assert options.state == tmp_path
    assert options.start == datetime(2027, 1, 1, tzinfo=UTC)
    assert options.policy == policy


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LAPSE_PORT", "http"),
        ("LAPSE_PORT", "70000"),
        ("LAPSE_PORT", "-1"),
        ("LAPSE_START", "yesterday"),
        ("LAPSE_START", "2027-01-01T00:00:00"),
        ("LAPSE_POLICY", "/nowhere/at/all.toml"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_name(name, value):
    with pytest.raises(CannotStart, match=f"{name}={value}.*:"):
        from_environment({name: value})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4566", "http://localhost:1", "http://[::1]:1", "http://127.8.8.8"]
)
def test_this_machine_is_fine(url):
    check_loopback(url, "DynamoDB")


@pytest.mark.parametrize(
    "url",
    [
        "https://dynamodb.us-east-1.amazonaws.com",
        "http://10.0.0.1",
        "http://0.0.0.0:1",
        "http://127.0.0.1.example.com",
        "http://localhost@example.com",
        "nonsense",
        "",
    ],
)
def test_anywhere_else_is_refused(url):
    with pytest.raises(CannotStart, match="DynamoDB points at"):
        check_loopback(url, "DynamoDB")


def test_no_aws_client_leaves_this_machine():
    before = {
        "AWS_PROFILE": "mine",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1",
        "HTTP_PROXY": "http://proxy.example",
    }

    changes = keep_aws_at_home(before, "http://127.0.0.1:4566")

    assert changes["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    # One service's own address would win over the common one.
    assert changes["AWS_ENDPOINT_URL_DYNAMODB"] is None
    assert changes["AWS_PROFILE"] is None
    assert "127.0.0.1" in changes["NO_PROXY"]
    assert not changes["AWS_ACCESS_KEY_ID"].isdigit()


def test_an_endpoint_somewhere_else_is_refused_and_not_overruled():
    with pytest.raises(CannotStart, match="AWS_ENDPOINT_URL_S3"):
        keep_aws_at_home({"AWS_ENDPOINT_URL_S3": "https://s3.example.com"}, "http://127.0.0.1:1")


def test_a_folder_that_was_not_asked_for_goes_with_the_stack():
    folder = StateFolder(None)
    assert folder.path.is_dir()

    folder.close()
    assert not folder.path.exists()


def test_a_folder_that_was_asked_for_stays(tmp_path):
    folder = StateFolder(tmp_path / "new" / "state")
    folder.close()

    assert (tmp_path / "new" / "state").is_dir()


def test_two_stacks_never_share_a_folder(tmp_path):
    first = StateFolder(tmp_path)
    with pytest.raises(CannotStart, match="Another local stack"):
        StateFolder(tmp_path)

    first.close()
    StateFolder(tmp_path).close()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(CannotStart, match="cannot be written"):
        StateFolder(tmp_path / "file" / "state")


def test_what_a_killed_stack_left_is_removed_and_a_living_ones_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    living = StateFolder(None)
    dead = tmp_path / "lapse-local-dead"
    dead.mkdir()
    (dead / "stack.lock").write_text("")
    other = tmp_path / "lapse-local-elsewhere"
    other.mkdir()

    StateFolder(None).close()

    assert living.path.exists()
    assert not dead.exists()
    assert other.exists()
    living.close()
