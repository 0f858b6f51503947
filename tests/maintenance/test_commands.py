"""`lapse maintenance`: it says what it would do, and does it only when told to."""

import json

import pytest

from infra.cli.main import main
from tests.support.maintenance import DAY, END, Works

TIMES = ("--starts-at", "2026-02-10T02:00:00Z", "--ends-at", "2026-02-11T04:00:00Z")
NEW = ("announce", *TIMES, "--reason", "New disks", "--by", "ann")


@pytest.fixture
def works():
    return Works()


def said(capsys, *arguments):
    code = main(["maintenance", *arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def announced(capsys):
    code, out, _ = said(capsys, *NEW, "--apply", "--json")
    assert code == 0
    return json.loads(out)["window"]["id"]


def test_nothing_is_announced_unless_it_is_told_to(works, capsys):
    code, out, _ = said(capsys, *NEW)

    assert code == 0
    assert "1msg: 2 calendar days (2026-02-10 to 2026-02-11)" in out
    assert "nothing was done" in out
    assert said(capsys, "list")[1] == "nothing\n"
    assert works.shown()["extended_days"] == 0


def test_announced_it_extends_and_tells(works, capsys):
    code, out, _ = said(capsys, *NEW, "--apply")
    works.life.stream.flow()

    assert code == 0
    assert "told so far: 1 (complete)" in out
    assert works.shown()["extended_days"] == 2
    assert len(works.letters()) == 1
    (told,) = works.life.operator("GET", "/v1/maintenance-windows").body["data"]
    assert told["announced_by"] == "cli:ann"


def test_edited_and_withdrawn(works, capsys):
    works.leave()
    id = announced(capsys)

    assert said(capsys, "edit", id, "--ends-at", "2026-02-12T04:00:00Z")[0] == 0
    assert works.ends() == END + 2 * DAY, "it was only said"
    assert said(capsys, "edit", id, "--ends-at", "2026-02-12T04:00:00Z", "--apply")[0] == 0
    assert works.ends() == END + 3 * DAY

    assert said(capsys, "withdraw", id, "--apply")[0] == 0
    assert works.ends() == END + 3 * DAY
    code, out, _ = said(capsys, "withdraw", id, "--apply")
    assert (code, "it is so already" in out) == (0, True)


def test_listed(works, capsys):
    id = announced(capsys)

    code, out, _ = said(capsys, "list")
    assert code == 0
    assert id in out
    assert "1 (complete)" in out

    code, out, _ = said(capsys, "list", "--json")
    (one,) = json.loads(out)["windows"]
    assert (one["id"], one["days"]) == (id, {"1msg": ["2026-02-10", "2026-02-11"]})


def test_longer_than_promised_is_a_warning(works, capsys):
    code, out, _ = said(capsys, *NEW[:3], "--ends-at", "2026-02-14T00:00:00Z", "--reason", "x")

    assert code == 0
    assert "warning: It takes 4 business days; 1msg promises no more than 3." in out


def test_another_policy_may_be_named(works, capsys):
    code, out, _ = said(capsys, *NEW, "--policy", "goto")

    assert code == 0
    assert "warning: goto promises no extension" in out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("announce", "--starts-at", "2026-02-10T02:00:00Z", "--ends-at", "2026-02-10T02:00:00Z",
          "--reason", "x"), 1, "It must end after it starts."),
        ((*NEW, "--policy", "nobody"), 1, "Name policies that there are"),
        ((*NEW[:5], "--reason", " "), 1, "A window needs reason."),
        (("withdraw", "nothing"), 2, "there is no maintenance window 'nothing'"),
        (("edit", "", "--reason", "x"), 2, "there is no maintenance window ''"),
    ],
)  # fmt: skip
def test_what_cannot_be_done(works, capsys, arguments, code, says):
    found, out, err = said(capsys, *arguments, "--apply")

    assert (found, out) == (code, "")
    assert says in err


@pytest.mark.parametrize("wrong", ["tomorrow", "2026-02-10", "2026-02-10T02:00:00"])
def test_what_is_no_instant(works, capsys, wrong):
    with pytest.raises(SystemExit) as stopped:
        said(capsys, "announce", "--starts-at", wrong, "--ends-at", wrong, "--reason", "x")

    assert stopped.value.code == 2
