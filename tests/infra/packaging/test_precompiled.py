"""What the build compiled ahead of our records' methods is used, is what Python would have compiled, and is never needed."""

import dataclasses
import marshal
from importlib.util import MAGIC_NUMBER

import pytest

from app import app
from chalicelib import precompiled, webhook_app


@pytest.fixture(autouse=True)
def _as_it_was():
    before = dataclasses.__dict__.get("exec")
    yield
    if before is None:
        dataclasses.__dict__.get("exec") and delattr(dataclasses, "exec")
    else:
        dataclasses.exec = before


def written(path, codes, magic=MAGIC_NUMBER):
    path.write_bytes(magic + marshal.dumps({s: marshal.dumps(c) for s, c in codes.items()}))
    return path


def record():
    @dataclasses.dataclass(frozen=True, slots=True)
    class Pair:
        """Two of them."""

        one: int
        two: str = "b"

    return Pair


def sources():
    found = []
    dataclasses.exec = lambda source, *where: (found.append(source), exec(source, *where))
    record()
    del dataclasses.exec
    return found


def test_a_record_made_of_what_was_compiled_ahead_is_the_same_record(tmp_path, monkeypatch):
    codes = {one: compile(one, "<string>", "exec") for one in sources()}
    precompiled.use(written(tmp_path / "codes", codes))
    compiled = []
    monkeypatch.setattr(
        precompiled,
        "exec",
        lambda code, *where: (compiled.append(type(code)), exec(code, *where)),
        raising=False,
    )

    pair = record()

    assert set(compiled) == {type(record.__code__)}
    assert pair(1) == pair(1, "b")
    assert repr(pair(1)).endswith("Pair(one=1, two='b')")
    assert hash(pair(1)) == hash(pair(1))
    with pytest.raises(dataclasses.FrozenInstanceError):
        pair(1).one = 2


def test_what_was_not_compiled_ahead_is_compiled_as_ever(tmp_path):
    precompiled.use(written(tmp_path / "codes", {}))

    assert record()(1).two == "b"


@pytest.mark.parametrize("magic", [b"", b"\x00\x00\r\n"])
def test_what_another_python_compiled_is_not_used(tmp_path, magic):
    file = written(
        tmp_path / "codes", {one: compile("1/0", "", "exec") for one in sources()}, magic
    )

    precompiled.use(file)

    assert not hasattr(dataclasses, "exec")
    assert record()(1).two == "b"


def test_without_a_build_there_is_nothing_to_use(tmp_path):
    precompiled.use(tmp_path / "nothing")

    assert not hasattr(dataclasses, "exec")


# -- the very zip


LOADED = """
import json
from chalicelib import precompiled
compiled = []
precompiled.exec = lambda code, *where: (compiled.append(isinstance(code, str)), exec(code, *where))
__import__(sys.argv[2])
print(json.dumps({"modules": sorted(sys.modules), "anew": sum(compiled), "ahead": len(compiled)}))
"""


@pytest.fixture(scope="module")
def loaded(alone):
    """What a clean process has loaded that imported this module of the zip."""
    return lambda module: alone(LOADED, module)


@pytest.mark.parametrize("module", ["chalicelib.webhook_app", "app"])
def test_no_record_of_a_deployed_function_is_compiled_while_somebody_waits(loaded, module):
    found = loaded(module)

    assert found["ahead"] > 500
    assert found["anew"] == 0


def test_the_webhook_loads_its_own_door_and_no_other(loaded):
    modules = set(loaded("chalicelib.webhook_app")["modules"])

    assert "chalicelib.handlers.webhook" in modules
    for other in (
        *("stripe", "holidays", "jwt", "cryptography", "requests"),
        *("app", "chalicelib.handlers.routes", "chalicelib.handlers.calls", "chalicelib.sweeping"),
        *("chalicelib.handlers.jobs", "chalicelib.effects", "chalicelib.texts", "tomllib"),
    ):
        assert other not in modules, other


def test_no_sweep_loads_stripe_before_it_asks_stripe(loaded):
    assert "stripe" not in loaded("app")["modules"]


def test_the_webhooks_own_app_has_the_one_door_and_answers_every_method_there():
    path = webhook_app.PATH

    assert set(webhook_app.app.routes) == {path}
    assert set(webhook_app.app.routes[path]) == set(app.routes[path])
