"""docs/how-to/deploy.md, followed word for word by somebody who has nothing: every block of it, in order, in one shell.

They have a clone, and `make trial` in another terminal. Meanwhile a newer version is pushed to where they cloned from.
What differs from AWS is listed at the end of the page.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from chalicelib.gateways.stripe import API_VERSION
from infra.packaging.dependencies import ROOT
from tests.support.pages_that_run import blocks, run

GUIDE = ROOT / "docs/how-to/deploy.md"
ASKED = ("Who are you?", "And who are you?")
"""A title that anybody can read, before and after the new version."""
ROOM = 6_000_000_000
pytestmark = pytest.mark.timeout(1200)


def git(folder, *words):
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    """What is committed and what is not: the code that is tested."""
    folder = tmp_path_factory.mktemp("upstream") / "lapse"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "What is deployed first")
    return folder


@pytest.fixture(scope="module")
def clone(upstream, tmp_path_factory):
    """Theirs. What `make install` would install is there already, and its stamps say so."""
    folder = tmp_path_factory.mktemp("newcomer") / "lapse"
    git(upstream.parent, "clone", "--quiet", str(upstream), str(folder))
    for name in (".venv", ".tools"):
        (folder / name).symlink_to(ROOT / name)
    for name in (
        "requirements-dev.txt",
        "pyproject.toml",
        "infra/local/ministack-requirements.txt",
    ):
        os.utime(folder / name, (0, 0))
    _push_a_newer_version(upstream)
    return folder


def _push_a_newer_version(upstream):
    problems = upstream / "chalicelib/handlers/problems.py"
    text = problems.read_text()
    assert text.count(ASKED[0]) == 1
    problems.write_text(text.replace(*ASKED))
    git(upstream, "commit", "--quiet", "--all", "--message", "A newer version")


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """An environment with nothing of ours in it. What is installed runs the clone's code, as it would if it lay there."""
    home = tmp_path_factory.mktemp("home")
    (home / ".gitconfig").write_text("[safe]\n\tdirectory = *\n")
    with _scratch() as scratch:
        yield {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TMPDIR": scratch}


@contextmanager
def _scratch():
    """Each running function has its own copy of all that is deployed. A disk takes minutes to delete them again when the
    next version comes, memory a second."""
    roomy = Path("/dev/shm")
    is_there = roomy.is_dir() and shutil.disk_usage(roomy).free > ROOM
    with TemporaryDirectory(prefix="lapse-", dir=roomy if is_there else None) as folder:
        yield folder


@pytest.fixture(scope="module")
def trial(clone, reader):
    """`make trial`, in another terminal."""
    process = subprocess.Popen(["make", "trial"], cwd=clone, env=reader, start_new_session=True)
    deadline = time.monotonic() + 60
    while not (clone / "build/trial.sh").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield
    os.killpg(process.pid, signal.SIGINT)
    process.wait(30)
    assert not (clone / "build/trial.sh").exists()


@pytest.fixture(scope="module")
def said(clone, reader, trial):
    """Block for block, by the first words of each."""
    found = blocks((clone / "docs/how-to/deploy.md").read_text())
    shown = run(found, folder=clone, environment={**reader, "PYTHONPATH": str(clone)}, seconds=1100)
    return list(zip((one.commands for one in found), shown, strict=True))


def shown(said, words):
    (one,) = [output for commands, output in said if words in commands]
    return one


def test_keys_go_where_the_functions_look_and_are_never_shown(said):
    out = shown(said, "make install")

    assert "secretsmanager:lapse/trial/stripe holds it now" in out
    assert "secretsmanager:lapse/trial/stripe-refunds holds it now" in out
    assert not any("rk_test_" in output for _, output in said)


def test_it_is_said_what_would_be_made_then_it_is_made(said):
    out = shown(said, "make deploy DRY_RUN=1")

    assert "The bucket lapse-builds was made." in out
    dry, made = out.split("Nothing was changed.")
    assert re.search(r"Add +\d+ AWS::Lambda::Function$", dry, re.MULTILINE)
    assert re.search(
        r"^WebhookURL: http://127\.0\.0\.1:\d+/.*/webhooks/stripe$", made, re.MULTILINE
    )
    assert re.search(r"^TableName: lapse-trial$", made, re.MULTILINE)


def test_the_endpoint_is_pinned_to_our_version_and_its_secret_shown_to_nobody(said):
    out = shown(said, "setup stripe --apply")

    assert "made: smarter-contact:messaging:month, 9900 usd" in out
    assert "Nothing was done. Say --apply to do it." in out
    assert re.search(rf"endpoint we_\w+ made for http.*, in {re.escape(API_VERSION)}\.", out)
    assert "LAPSE_WEBHOOK_SECRETS=secretsmanager:lapse/trial/webhook" in out
    assert re.search(r"LAPSE_PORTAL_CONFIGURATION=bpc_\w+", out)
    assert not any("whsec_" in output for _, output in said)


def test_the_doctor_finds_everything_well(said):
    lines = next(output for commands, output in said if commands.strip().endswith("doctor"))

    assert [line for line in lines.splitlines() if not line.startswith("ok ")] == []
    for check in ("secrets", "permissions", "endpoint", "webhook", "portal", "table", "schedules"):
        assert f"ok    {check}: " in lines


def test_a_signed_event_is_verified_and_applied(said):
    out = shown(said, "until_it_is active")

    assert re.search(r"^sub_\w+ +messaging +active$", out, re.MULTILINE)


def test_a_new_version_answers_and_the_earlier_one_again_after_going_back(said):
    new, back = shown(said, "git pull"), shown(said, "git checkout")

    assert ASKED[1] in new
    assert ASKED[0] in back
    assert "AWS::Lambda::Function" in back


def test_the_doctor_tells_of_a_secret_that_does_not_fit(said):
    out = shown(said, "It says so.")

    failed = [line for line in out.splitlines() if line.startswith("fail ")]
    assert len(failed) == 1
    assert "deliveries: the last customer.subscription.updated" in failed[0]
    assert out.endswith("It says so.\n")


def test_the_secret_is_had_back_and_events_are_applied_again(said):
    assert "holds what it held before now" in shown(said, "--previous")
    assert "pending_cancellation" in shown(said, "metadata[drill]=over")


def test_a_stage_is_removed_only_when_its_name_is_said_and_its_table_stays(said):
    out = shown(said, "make remove")

    asked, done = out.split("Say SURE=trial to do it.")
    assert "Everything of lapse-trial goes, but for lapse-trial" in asked
    assert "lapse-trial is gone." in done
