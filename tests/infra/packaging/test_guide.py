"""What the guide to a first deployment names and does not run exists: parameters, secrets, queues, pages, and what its
reader says of themselves. What it runs, tests/e2e/from_the_guide.py runs.
"""

import re

from infra.aws import settings
from infra.aws.functions import FUNCTIONS
from infra.local import trial
from infra.packaging.cloudformation_yaml import read
from infra.packaging.dependencies import ROOT
from infra.packaging.deploy import NEEDED
from infra.packaging.template import FOLDER

GUIDE = ROOT / "docs/how-to/deploy.md"
TEXT = GUIDE.read_text()
NEEDED_PARAMETERS = {name for name, one in settings.parameters().items() if "Default" not in one}


def known_parameters():
    return {*settings.parameters(), *read(FOLDER / "parameters.yaml")["Parameters"]}


def test_every_parameter_of_the_guide_is_one_of_the_templates():
    named = set(re.findall(r"\b([A-Z][A-Za-z]*[a-z])=", TEXT))

    assert "JwksUrl" in named
    assert named <= known_parameters()


def test_the_guide_names_every_parameter_without_which_nothing_is_deployed():
    assert NEEDED_PARAMETERS
    assert all(f"{name}=" in TEXT for name in NEEDED_PARAMETERS)


def test_every_secret_of_the_guide_is_one_that_some_function_reads_and_none_is_missing():
    made = set(re.findall(r"[a-z:`]lapse/(?:trial|\$STAGE)/([a-z]+(?:-[a-z]+)?)", TEXT))
    read_by_somebody = {secret for function in FUNCTIONS.values() for secret in function.secrets}

    assert made == read_by_somebody
    assert set(NEEDED) <= made


def test_what_the_reader_says_of_themselves_is_what_the_trial_says_for_them():
    said = TEXT.split("```bash\n")[1].split("```")[0]
    with trial.outside() as at:
        instead = trial.environment("http://127.0.0.1:4566", at)

    mine = set(re.findall(r"(?:export |\s)([A-Z_]+)=", said)) | set(
        re.findall(r"export ([A-Z_]+)$", said, re.MULTILINE)
    )
    assert {name for name in mine if not name.startswith("AWS_")} == {
        name for name in instead if not name.startswith("AWS_")
    }
    parameters = {one.partition("=")[0] for one in instead["WITH"].split()}
    assert {name for name in NEEDED_PARAMETERS if name not in parameters} == set()


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
