"""The embedded DynamoDB: it starts at once, stops cleanly however we end, and loses nothing."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.handlers.jobs import SCHEDULE
from chalicelib.store.dynamo import DynamoTable
from chalicelib.store.table import Key, Put
from infra.local.ministack import Ministack, MinistackError
from infra.local.stack import open_table
from tests.support.life import Life
from tests.support.stores import REGION, ministack_python, row

ROOT = Path(__file__).resolve().parents[2]

WRITER = """
import sys, time
from pathlib import Path
from chalicelib.store.dynamo import DynamoTable
from chalicelib.store.table import Put
from infra.local.ministack import Ministack

ministack = Ministack(Path(sys.argv[1]), state=Path(sys.argv[2]))
ministack.start()
table = DynamoTable("lapse", region="us-east-1", endpoint=ministack.url)
table.create_table()
table.write(Put({"pk": "A#1", "sk": "account", "doc": {"kept": True}}))
print(ministack.pid, flush=True)
if sys.argv[3] == "ends":
    raise SystemExit
time.sleep(60)
"""


def opened(ministack):
    return DynamoTable("lapse", region=REGION, endpoint=ministack.url)


def writer(state, how="waits"):
    """An application that starts ministack, writes one row and says so."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(ministack_python()), str(state), how],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def gone(pid, within=10.0):
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            # A zombie nobody has collected yet counts as gone: it runs no more.
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_it_answers_on_the_loopback_only_and_is_gone_afterwards():
    with Ministack(ministack_python()) as ministack:
        pid = ministack.pid

        assert ministack.url.startswith("http://127.0.0.1:")
        table = opened(ministack)
        table.create_table()
        assert table.get(Key("A#1", "account")) is None
        table.client.close()

    assert gone(pid)
    with pytest.raises(MinistackError, match="not running"):
        _ = ministack.url


def test_the_local_stack_has_it_tidy_nothing_away():
    """It deletes by the machine's time, and the stack's clock is another: an open preview would be gone in a minute."""
    with Ministack(ministack_python()) as ministack:
        table = opened(ministack)
        table.create_table()

        settings = replace(Life().world.settings, dynamodb_url=ministack.url, table_name=table.name)
        open_table(settings, SCHEDULE)

        told = table.client.describe_time_to_live(TableName=table.name)["TimeToLiveDescription"]
        assert told["TimeToLiveStatus"] == "DISABLED"
        table.client.close()


def test_it_starts_well_before_anybody_would_give_up():
    began = time.monotonic()

    with Ministack(ministack_python()):
        took = time.monotonic() - began

    # About half a second on a machine with nothing else to do.
    assert took < 15


def test_it_opens_no_port_but_its_own():
    with Ministack(ministack_python()) as ministack:
        listening = subprocess.run(
            [sys.executable, "-c", LISTENING, str(ministack.pid)], capture_output=True, text=True
        ).stdout.split()

        assert listening == [ministack.url.removeprefix("http://")]


LISTENING = """
import os, sys
sockets = set()
for name in os.listdir(f"/proc/{sys.argv[1]}/fd"):
    try:
        sockets.add(os.readlink(f"/proc/{sys.argv[1]}/fd/{name}"))
    except FileNotFoundError:
        pass
for table in ("tcp", "tcp6", "udp", "udp6"):
    for line in open(f"/proc/{sys.argv[1]}/net/{table}").readlines()[1:]:
        fields = line.split()
        if f"socket:[{fields[9]}]" in sockets and fields[3] in ("0A", "07"):
            host, port = fields[1].split(":")
            print(".".join(str(b) for b in bytes.fromhex(host)[::-1]) + ":" + str(int(port, 16)))
"""


def test_without_a_state_folder_every_start_is_empty():
    for _ in range(2):
        with Ministack(ministack_python()) as ministack:
            table = opened(ministack)
            table.create_table()

            assert table.query("A#1").rows == []
            table.write(Put(row("A#1", "account")))
            table.client.close()


def test_with_a_state_folder_the_tables_are_there_again(tmp_path):
    for number in range(3):
        with Ministack(ministack_python(), state=tmp_path) as ministack:
            table = opened(ministack)
            table.create_table()
            table.write(Put(row("A#1", f"m#{number}", due_kind="r#0", due_at="2026")))

            assert len(table.query("A#1").rows) == number + 1
            assert len(table.due("r#0", "2026").due) == number + 1
            table.client.close()


@pytest.mark.parametrize("end", ["kill", "kill the group", "terminate", "end by itself"])
def test_however_the_application_ends_its_tables_are_saved_and_nothing_keeps_running(tmp_path, end):
    process, pid = writer(tmp_path, "ends" if end == "end by itself" else "waits")
    match end:
        case "kill":
            process.kill()
        case "kill the group":
            os.killpg(process.pid, signal.SIGKILL)
        case "terminate":
            process.terminate()

    # At once, while the old one may still be saving: the new one waits for it.
    with Ministack(ministack_python(), state=tmp_path) as ministack:
        table = opened(ministack)
        assert table.get(Key("A#1", "account"))["doc"] == {"kept": True}
        table.client.close()

    assert gone(pid)
    process.wait()
    process.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel to be told")
def test_when_even_its_supervisor_is_killed_the_tables_are_saved(tmp_path):
    process, pid = writer(tmp_path)

    os.kill(parent_of(pid), signal.SIGKILL)

    with Ministack(ministack_python(), state=tmp_path) as ministack:
        table = opened(ministack)
        assert table.get(Key("A#1", "account"))["doc"] == {"kept": True}
        table.client.close()
    assert gone(pid)
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda text: text[: len(text) // 2], "cannot be read"),
        (lambda _: "", "cannot be read"),
        (lambda _: "[]", "cannot be read"),
        (lambda _: '{"__ministack_format__": 99, "payload": {}}', "could not load"),
    ],
    ids=["cut short", "empty", "something else", "of a newer version"],
)
def test_saved_tables_that_cannot_be_read_are_refused_and_left_as_they_are(tmp_path, damage, why):
    with Ministack(ministack_python(), state=tmp_path) as ministack:
        table = opened(ministack)
        table.create_table()
        table.client.close()
    saved = tmp_path / "dynamodb.json"
    saved.write_text(damage(saved.read_text()))
    left = saved.read_bytes()

    with pytest.raises(MinistackError, match=why):
        Ministack(ministack_python(), state=tmp_path).start()

    assert saved.read_bytes() == left


@pytest.mark.parametrize("keeps", [True, False])
def test_what_was_lost_by_a_kill_is_said_when_it_is_stopped(tmp_path, keeps):
    ministack = Ministack(ministack_python(), state=tmp_path if keeps else None)
    ministack.start()

    os.kill(ministack.pid, signal.SIGKILL)

    with pytest.raises(MinistackError, match="ended by itself"):
        ministack.stop()


def test_it_is_started_once_and_may_be_stopped_twice():
    ministack = Ministack(ministack_python())
    ministack.start()

    with pytest.raises(MinistackError, match="running already"):
        ministack.start()

    ministack.stop()
    ministack.stop()


def test_where_it_is_not_installed_it_says_which_command_installs_it(tmp_path):
    with pytest.raises(MinistackError, match="make install"):
        Ministack(tmp_path / "bin" / "python").start()


def test_a_python_without_ministack_is_told_apart_from_one_that_is_slow():
    with pytest.raises(MinistackError, match="ended while it was starting"):
        Ministack(Path(sys.executable)).start()
