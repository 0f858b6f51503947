"""A notebook of its own for each test of the local stack's parts."""

import pytest

from infra.local.notebook import Notebook


@pytest.fixture
def notebook(tmp_path):
    notebook = Notebook(tmp_path / "notebook.sqlite")
    yield notebook
    notebook.close()
