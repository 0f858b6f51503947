"""`lapse policy check|explain|diff|schema`, as an operator types them."""

import pytest

from chalicelib.policies import SHIPPED
from infra.cli.main import main
from infra.cli.policy_schema import docstrings
from infra.cli.policy_words import WORDS, leaves, sentence
from tests.policies.test_companies import SHIPPED_NAMES, policy


def shipped(name):
    return (SHIPPED / f"{name}.toml").read_text("utf-8")


@pytest.fixture
def run(capsys):
    def lapse(*arguments):
        code = main(["policy", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return lapse


def test_every_shipped_policy_is_fine(run):
    code, said, _ = run("check")

    assert code == 0
    assert said.splitlines() == [f"{name}.toml: fine" for name in SHIPPED_NAMES]


def test_a_wrong_file_is_named_with_line_and_reason_and_the_rest_is_checked(run, tmp_path):
    wrong, fine = tmp_path / "wrong.toml", tmp_path / "fine.toml"
    wrong.write_text(
        shipped("goto").replace('"goto"', '"w"').replace("grace_hours = 0", "grace_hours = -1")
    )
    fine.write_text(shipped("goto").replace('name = "goto"', 'name = "sixth"'))

    code, said, _ = run("check", wrong, fine)

    line = wrong.read_text().splitlines().index("grace_hours = -1") + 1
    assert code == 1
    assert said.splitlines() == [
        f"wrong.toml:{line}: access.grace_hours: must not be negative",
        "fine.toml: fine",
    ]


def test_a_file_that_cannot_be_read_is_a_line_like_the_others(run, tmp_path):
    code, said, _ = run("check", tmp_path, tmp_path / "none.toml")

    assert code == 1
    assert len(said.splitlines()) == 2
    assert all("cannot be read" in line for line in said.splitlines())


def test_two_files_of_one_name_are_told(run, tmp_path):
    twin = tmp_path / "twin.toml"
    twin.write_text(shipped("goto"))

    code, said, _ = run("check", twin)

    assert (code, "there is a policy called 'goto' already (goto.toml)" in said) == (1, True)


def test_keys_without_a_sentence_are_told_but_are_no_mistake(run, tmp_path):
    bare = tmp_path / "bare.toml"
    text = shipped("goto").replace('name = "goto"', 'name = "sixth"')
    bare.write_text(text.replace("# Ours: the document names no currency.\n", "\n"))

    code, said, _ = run("check", bare)

    line = bare.read_text().splitlines().index('currency = "usd"') + 1
    assert code == 0
    assert said == f"bare.toml: fine; no comment says which sentence these lines keep: {line}\n"


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_every_key_of_a_shipped_policy_has_a_sentence_of_its_own(name):
    known = {*WORDS, *docstrings()}
    silent = [leaf.kind for leaf in leaves(policy(name)) if leaf.kind not in known]

    assert silent == []
    assert all(sentence(leaf) for leaf in leaves(policy(name)))


def test_a_policy_is_explained_with_the_sentence_each_key_keeps(run):
    code, said, _ = run("explain", "smarter-contact")
    flat = " ".join(said.split())

    assert code == 0
    assert (
        "Phone numbers are released 336 hours (14 days) after the end of the last plan that needs them."
        ' SC-8: "… released 14 days after the cancellation takes effect." 14 days = 336 hours.'
        in flat
    )
    assert "All account data is deleted 1 year after the last plan's end. SC-10:" in flat
    assert "A reason is required. SC-1:" in flat
    assert "messaging costs 99.00 USD a month." in flat


def test_roles_fees_and_french_texts_are_explained(run):
    _, goto, _ = run("explain", "goto")
    _, onemsg, _ = run("explain", "1msg")

    assert "connect can be cancelled and resumed by: super admin." in goto
    assert "« Les licences de vos utilisateurs sont désattribuées »" in " ".join(goto.split())
    assert "A set-up fee of 5.00 USD is deducted from a refund." in onemsg
    assert "Not promised\n  No [numbers]" in onemsg


def test_a_file_is_explained_and_a_name_nobody_knows_is_refused(run, tmp_path):
    file = tmp_path / "sixth.toml"
    file.write_text(shipped("nexorone").replace('name = "nexorone"', 'name = "sixth"'))

    assert run("explain", file)[0] == 0
    code, said, refused = run("explain", "seventh")

    assert (code, said) == (1, "")
    assert refused.startswith("seventh: neither a file nor a policy we ship (1msg, ")


def test_the_difference_is_told_in_a_customer_s_words(run, tmp_path):
    later = tmp_path / "later.toml"
    later.write_text(
        shipped("smarter-contact")
        .replace("release_after_hours = 336", "release_after_hours = 240")
        .replace('version = "2026-11-22"', 'version = "2027-01-01"')
        .replace("[messages]\n", "[messages]\n# Ours: for the test.\n")
        .replace('roles = ["super_admin", "billing_admin"]', 'roles = ["super_admin"]')
    )

    code, said, _ = run("diff", "smarter-contact", later)

    assert code == 0
    assert said.splitlines() == [
        "From smarter-contact, version 2026-11-22, to smarter-contact, version 2027-01-01:",
        "",
        "Cancelling",
        "  - Cancelling and resuming is for: super admin, billing admin.",
        "  + Cancelling and resuming is for: super admin.",
        "",
        "Phone numbers",
        "  - Phone numbers are released 336 hours (14 days) after the end of the last plan that needs them.",
        "  + Phone numbers are released 240 hours (10 days) after the end of the last plan that needs them.",
    ]


def test_what_is_promised_no_more_or_newly_is_told_once(run, tmp_path):
    file = tmp_path / "without.toml"
    text = shipped("smarter-contact")
    cut = text[text.index("[data]") : text.index("[messages]")]
    file.write_text(text.replace(cut, ""))

    _, gone, _ = run("diff", "smarter-contact", file)
    _, new, _ = run("diff", file, "smarter-contact")

    sentence_ = "All account data is deleted 1 year after the last plan's end."
    assert f"  - {sentence_}" in gone
    assert f"  + {sentence_}" in new
    assert "Both are called the same version." in gone


def test_the_same_policy_changes_nothing(run):
    assert run("diff", "goto", "goto")[:2] == (0, "Nothing changes for a customer.\n")


def test_a_wrong_file_cannot_be_compared(run, tmp_path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("name = ")

    code, _, refused = run("diff", "goto", wrong)

    assert (code, refused.startswith("wrong.toml:1: ")) == (1, True)


def test_without_a_command_the_help_is_shown(capsys):
    assert main([]) == 0
    assert "policy" in capsys.readouterr().out


def test_an_unknown_command_is_refused():
    with pytest.raises(SystemExit) as caught:
        main(["policy", "invent"])

    assert caught.value.code == 2
