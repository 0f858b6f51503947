"""One build for all tests of this folder: what `make package` makes."""

import json
import subprocess
import sys
import zipfile

import pytest

from infra.packaging.build import build


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def sam(built):
    return json.loads(built.template.read_text())


@pytest.fixture(scope="session")
def task(built, tmp_path_factory):
    """The zip as Lambda unpacks it."""
    folder = tmp_path_factory.mktemp("task")
    zipfile.ZipFile(built.zip).extractall(folder)
    return folder


@pytest.fixture(scope="session")
def alone(task):
    """Runs a program on the zip and Python's own library, and on nothing else; what it prints is its answer."""

    def run(program, *words):
        done = subprocess.run(
            [sys.executable, "-S", "-E", "-s", "-c", f"import sys; sys.path[0] = sys.argv[1]\n{program}",
             str(task), *words],
            capture_output=True, text=True, cwd=task.parent, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
