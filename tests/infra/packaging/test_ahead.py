"""What every function loads comes out of one file, is what its sources say, and is never needed."""

import dataclasses
import importlib
import marshal
import sys
import traceback
from importlib.util import MAGIC_NUMBER

import pytest

from chalicelib import ahead

SOURCE = '"""A part."""\nONE = 1\ndef fail():\n    raise ValueError(ONE)\n'


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch):
    monkeypatch.setattr(dataclasses, "dataclass", dataclasses.dataclass)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "made_ahead"]:
        del sys.modules[name]


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A package and its part as the build would write them, their sources in their places."""
    (tmp_path / "made_ahead").mkdir()
    modules = {}
    for name, file, source in (
        ("made_ahead", "made_ahead/__init__.py", ""),
        ("made_ahead.part", "made_ahead/part.py", SOURCE),
    ):
        (tmp_path / file).write_text(source)
        modules[name] = (file, compile(source, str(tmp_path / file), "exec"))
    monkeypatch.setattr(ahead, "TOP", str(tmp_path))

    def write(magic=MAGIC_NUMBER):
        file = tmp_path / "ahead.marshal"
        file.write_bytes(magic + marshal.dumps((modules, {})))
        return file

    return write


def test_a_module_comes_out_of_the_file_and_is_as_if_it_came_from_its_source(written, tmp_path):
    ahead.use(written())

    part = importlib.import_module("made_ahead.part")

    assert part.ONE == 1
    assert part.__doc__ == "A part."
    assert part.__file__ == str(tmp_path / "made_ahead/part.py")
    assert part.__package__ == "made_ahead"
    assert sys.modules["made_ahead"].__path__ == [str(tmp_path / "made_ahead")]
    assert part.__spec__.loader.get_source("made_ahead.part") == SOURCE
    with pytest.raises(ValueError, match="1") as error:
        part.fail()
    assert "raise ValueError(ONE)" in "".join(traceback.format_tb(error.tb))


def test_what_is_not_in_the_file_is_found_where_it_lies(written, tmp_path):
    (tmp_path / "made_ahead/other.py").write_text("TWO = 2")
    ahead.use(written())

    assert importlib.import_module("made_ahead.other").TWO == 2


@pytest.mark.parametrize("magic", [b"", b"\x00\x00\r\n"])
def test_what_another_python_made_is_not_used(written, magic):
    before = list(sys.meta_path), dataclasses.dataclass

    ahead.use(written(magic))

    assert (sys.meta_path, dataclasses.dataclass) == before


def test_without_a_build_there_is_nothing_to_use(tmp_path):
    before = list(sys.meta_path), dataclasses.dataclass

    ahead.use(tmp_path / "nothing")

    assert (sys.meta_path, dataclasses.dataclass) == before


# -- the very zip


FROM_WHERE = """
import importlib, json, os
opened = []
def heard(what, arguments):
    if what == "open" and isinstance(arguments[0], str) and "chalicelib" in arguments[0]:
        opened.append(os.path.relpath(arguments[0], sys.argv[1]))
sys.addaudithook(heard)
importlib.import_module(sys.argv[2])
print(json.dumps({
    "opened": opened,
    "loaded": sorted(name for name in sys.modules if name.partition(".")[0] == "chalicelib"),
}))
"""


def test_the_webhook_opens_one_file_for_all_of_its_modules(alone):
    seen = alone(FROM_WHERE, "chalicelib.webhook_app")

    assert len(seen["loaded"]) > 100
    # What reads the file cannot come out of it.
    assert [name.rpartition("/")[2].partition(".")[0] for name in seen["opened"]] == [
        "__init__", "ahead", "precompiled", "ahead",
    ]  # fmt: skip


EVERY_MODULE = """
import importlib, json, marshal
from chalicelib import ahead
modules, _ = marshal.loads(ahead.FILE.read_bytes()[4:])
def same(code, other):
    parts = "co_code", "co_names", "co_varnames", "co_filename", "co_linetable", "co_exceptiontable"
    return all(getattr(code, part) == getattr(other, part) for part in parts) and all(
        same(one, another) if hasattr(one, "co_code") else (type(one), one) == (type(another), another)
        for one, another in zip(code.co_consts, other.co_consts, strict=True)
    )
print(json.dumps({
    name: same(code, compile(open(f"{ahead.TOP}/{file}").read(), f"/var/task/{file}", "exec", dont_inherit=True))
    for name, (file, code) in modules.items()
}))
"""


def test_every_module_in_the_file_is_what_its_source_says(alone):
    told = alone(EVERY_MODULE)

    assert len(told) > 100
    assert [name for name, same in told.items() if not same] == []
