"""One build for all tests of this folder: what `make package` makes."""

import json

import pytest

from infra.packaging.build import build


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def sam(built):
    return json.loads(built.template.read_text())
