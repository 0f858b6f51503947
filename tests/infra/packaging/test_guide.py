"""What the guide to a first deployment tells to type exists: parameters, secrets, commands, queues, pages."""

import re

import pytest

from infra.aws import settings
from infra.aws.functions import FUNCTIONS
from infra.cli.main import main
from infra.packaging.cloudformation_yaml import read
from infra.packaging.dependencies import ROOT
from infra.packaging.deploy import NEEDED
from infra.packaging.template import FOLDER

GUIDE = ROOT / "docs/how-to/deploy.md"
TEXT = GUIDE.read_text()


def known_parameters():
    return {*settings.parameters(), *read(FOLDER / "parameters.yaml")["Parameters"]}


def test_every_parameter_of_the_guide_is_one_of_the_templates():
    named = set(re.findall(r"\b([A-Z][A-Za-z]*[a-z])=", TEXT))

    assert "JwksUrl" in named
    assert named <= known_parameters()


def test_the_guide_names_every_parameter_without_which_nothing_is_deployed():
    needed = {name for name, one in settings.parameters().items() if "Default" not in one}

    assert needed
    assert all(f"{name}=" in TEXT for name in needed)


def test_every_secret_of_the_guide_is_one_that_some_function_reads_and_none_is_missing():
    made = set(re.findall(r"lapse/prod/([a-z]+(?:-[a-z]+)?)", TEXT))
    read_by_somebody = {secret for function in FUNCTIONS.values() for secret in function.secrets}

    assert made == read_by_somebody
    assert set(NEEDED) <= made


@pytest.mark.parametrize("command", sorted(set(re.findall(r"\blapse ((?:[a-z]+ ?){1,2})", TEXT))))
def test_every_command_of_the_guide_is_there(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])

    assert ended.value.code == 0, capsys.readouterr().err


def test_every_option_of_lapse_setup_stripe_is_there(capsys):
    (line,) = set(re.findall(r"lapse setup stripe (.*) --apply", TEXT))
    with pytest.raises(SystemExit):
        main(["setup", "stripe", "--help"])
    offered = capsys.readouterr().out

    assert all(option in offered for option in re.findall(r"--[a-z-]+", f"{line} --apply"))


def test_every_page_it_leads_to_is_there():
    pages = re.findall(r"\]\(([^)#]+\.md)\)", TEXT)

    assert len(pages) > 3
    assert [one for one in pages if not (GUIDE.parent / one).exists()] == []


def test_the_queues_and_the_topic_it_names_are_those_that_are_made():
    made = (FOLDER / "table.yaml").read_text()

    assert "lapse-${Stage}-failed-runs" in made
    assert "lapse-${Stage}-unfinished-shares.fifo" in made
    assert "`lapse-STAGE-failed-runs`" in TEXT
    assert "`lapse-STAGE-unfinished-shares.fifo`" in TEXT
