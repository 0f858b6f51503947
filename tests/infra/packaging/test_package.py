"""`make package`: the same bytes twice, nothing missing, quick to start."""

import ast
import marshal
import re
import shutil
import zipfile
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest

from infra.packaging import bundle, dependencies
from infra.packaging.build import build
from infra.packaging.dependencies import ROOT
from infra.packaging.pruning import SERVICES
from infra.packaging.refusal import CannotPackage


def test_two_builds_are_the_same_to_the_byte(built, tmp_path):
    again = build(tmp_path)

    assert again.zip.read_bytes() == built.zip.read_bytes()
    assert again.template.read_bytes() == built.template.read_bytes()


def test_a_lock_that_names_no_package_is_refused(tmp_path):
    empty = tmp_path / "requirements.txt"
    empty.write_text("# nothing\n")

    with pytest.raises(CannotPackage, match="no dependencies"):
        build(tmp_path / "out", empty)

    assert not (tmp_path / "out").exists()


def test_a_zip_without_one_of_its_dependencies_is_refused(built, tmp_path):
    site = tmp_path / "site"
    shutil.copytree(dependencies.installed(), site)
    shutil.rmtree(site / "msgspec")
    shutil.rmtree(next(site.glob("msgspec-*.dist-info")))

    with pytest.raises(CannotPackage, match="would lack msgspec"):
        bundle.bundle(built.zip, site, tmp_path / "out.zip", tmp_path)

    assert not (tmp_path / "out.zip").exists()


def test_the_zip_holds_the_app_its_pages_and_policies_and_nothing_of_tests_or_tools(built):
    names = zipfile.ZipFile(built.zip).namelist()

    for path in (ROOT / "chalicelib").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert path.relative_to(ROOT).as_posix() in names
    assert not [name for name in names if name.startswith(("tests/", "infra/", ".", "bin/"))]


def test_every_module_is_compiled_so_that_a_cold_start_compiles_nothing(built):
    names = set(zipfile.ZipFile(built.zip).namelist())

    tag = f"cpython-{dependencies.PYTHON.replace('.', '')}"
    ours = {name for name in names if name.endswith(".py")}
    alone = {
        name
        for name in ours
        if f"{Path(name).parent}/__pycache__/{Path(name).stem}.{tag}.pyc".removeprefix("./")
        in names
    }
    together = {file for file, _ in _made_ahead(built).values()}

    assert len(ours) > 200
    assert alone | together == ours
    # Whatever is in the one file would only be carried twice.
    assert alone & together == set()
    # Other people's are nothing but compiled: beside a source Python would not look at them.
    assert {name.partition("/")[0] for name in ours} == {"app.py", "chalicelib"}
    assert sum(name.endswith(".pyc") for name in names) > 1000


def _made_ahead(built):
    written = zipfile.ZipFile(built.zip).read("chalicelib/ahead.marshal")
    assert written.startswith(MAGIC_NUMBER)
    return marshal.loads(written[len(MAGIC_NUMBER) :])[0]


def test_nobody_checks_the_hashes_of_compiled_modules_at_run_time(built):
    with zipfile.ZipFile(built.zip) as zipped:
        for name in zipped.namelist():
            if name.endswith(".pyc"):
                flags = int.from_bytes(zipped.read(name)[4:8], "little")
                # Bit 0: by hash. Bit 1: checked against the source, which this one must not be.
                assert flags == 1, name


def test_nothing_names_this_machine(built):
    home, here = str(Path.home()), str(ROOT)
    with zipfile.ZipFile(built.zip) as zipped:
        for name in zipped.namelist():
            if name.startswith(("chalicelib/", "app", "__pycache__/app")):
                content = zipped.read(name)
                assert here.encode() not in content, name
                assert f"{home}/".encode() not in content, name
    assert here not in built.template.read_text()


def test_botocore_knows_the_services_that_are_called_and_no_others(built):
    names = zipfile.ZipFile(built.zip).namelist()

    kept = {m[1] for name in names if (m := re.match(r"botocore/data/([^/]+)/", name))}

    assert kept == SERVICES
    assert _clients_of_chalicelib() | {"dynamodb", "sqs"} == SERVICES


def _clients_of_chalicelib():
    """What `create_client(…)` and the one function that wraps it are given."""
    found = set()
    for path in (ROOT / "chalicelib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in (
                "create_client",
                "client",
            ):
                found |= {a.value for a in node.args if isinstance(a, ast.Constant)}
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("_client", "client"):
                found |= {a.value for a in node.args if isinstance(a, ast.Constant)}
    return found
