"""What the build made of our records ahead is what `dataclasses` would have made, is used, and is never needed."""

import dataclasses
import marshal

import pytest

from app import app
from chalicelib import precompiled, webhook_app
from infra.packaging import ahead


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch):
    monkeypatch.setattr(dataclasses, "dataclass", dataclasses.dataclass)


def declared(declare):
    class Pair:
        """Two of them."""

        one: int
        two: str = "b"
        more: list = dataclasses.field(default_factory=list)

    # As a module that is deployed would name it.
    Pair.__qualname__ = "Pair"
    return declare(frozen=True, slots=True)(Pair)


def known(made, of="Pair"):
    return {f"{__name__}.{of}": made}


def made():
    return ahead._made(declared(dataclasses.dataclass), precompiled)


@pytest.fixture
def anew(monkeypatch):
    """What dataclasses compiled while the test ran."""
    seen = []
    monkeypatch.setattr(
        dataclasses, "exec", lambda source, *where: (seen.append(source), exec(source, *where)), raising=False
    )  # fmt: skip
    return seen


@pytest.mark.parametrize("kept", [lambda made: made, marshal.dumps])
def test_a_record_is_put_together_of_what_was_made_ahead_and_is_the_same_record(anew, kept):
    precompiled.use(known(kept(made())))
    declared(dataclasses.dataclass)
    anew.clear()

    pair = declared(dataclasses.dataclass)

    assert anew == []
    assert pair(1) == pair(1, "b", [])
    assert pair(1) != pair(2)
    assert repr(pair(1)).endswith("Pair(one=1, two='b', more=[])")
    assert pair(1).more is not pair(1).more
    assert dataclasses.replace(pair(1), two="c") == pair(1, "c")
    assert dataclasses.asdict(pair(1)) == {"one": 1, "two": "b", "more": []}
    assert not hasattr(pair(1), "__dict__")
    with pytest.raises(dataclasses.FrozenInstanceError):
        pair(1).one = 2
    with pytest.raises(TypeError, match=r"Pair.__init__\(\) missing 1 required"):
        pair()


def test_a_record_that_shows_itself_in_its_own_words_keeps_them(anew):
    def secret(declare):
        class Secret:
            text: str

            def __repr__(self):
                return "Secret"

        Secret.__qualname__ = "Secret"
        return declare(frozen=True, slots=True)(Secret)

    by_itself = secret(dataclasses.dataclass)
    precompiled.use(known(ahead._made(by_itself, precompiled), of="Secret"))
    anew.clear()

    put_together = secret(dataclasses.dataclass)

    assert anew == []
    assert repr(put_together("sk_live")) == "Secret"
    assert vars(put_together)["__repr__"].__code__ is vars(by_itself)["__repr__"].__code__


def test_a_record_that_the_build_did_not_see_is_made_as_ever(anew):
    precompiled.use(known((("other",), *made()[1:])))

    assert declared(dataclasses.dataclass)(1).two == "b"
    assert anew


def test_a_record_that_holds_on_to_something_unknown_is_left_to_dataclasses():
    record = declared(dataclasses.dataclass)
    record.__init__.__defaults__ = (object(), object())

    assert ahead._made(record, precompiled) is None


# -- the very zip


LOADED = """
import dataclasses, json
compiled = []
def execute(source, around, *where):
    if around["__name__"].partition(".")[0] in ("app", "chalicelib"):
        compiled.append(source)
    exec(source, around, *where)
dataclasses.exec = execute
__import__(sys.argv[2])
print(json.dumps({"modules": sorted(sys.modules), "anew": len(compiled)}))
"""


@pytest.fixture(scope="module")
def loaded(alone):
    """What a clean process has loaded that imported this module of the zip."""
    return lambda module: alone(LOADED, module)


EVERY_RECORD = """
import dataclasses, importlib, inspect, json, pkgutil, re
by_itself = dataclasses.dataclass
import chalicelib
if sys.argv[2] == "anew":
    dataclasses.dataclass = by_itself
compiled = []
dataclasses.exec = lambda source, *where: (compiled.append(source), exec(source, *where))

def shown(value):
    # Where something lies is another place in another process.
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))

def of_method(method):
    # What keeps a record that holds itself from showing itself for ever is a function around the one that shows it.
    around = inspect.getclosurevars(method).nonlocals if inspect.isfunction(method) else {}
    method = around.get("user_function", method)
    code = getattr(method, "__code__", None)
    if code is None:
        return shown(method)
    return [
        code.co_code.hex(), [shown(one) for one in code.co_consts if not hasattr(one, "co_code")],
        code.co_names, code.co_varnames, code.co_freevars, method.__module__, method.__name__,
        [shown(one) for one in method.__defaults__ or ()],
        sorted((name, shown(one)) for name, one in (method.__kwdefaults__ or {}).items()),
        [shown(cell.cell_contents) for cell in method.__closure__ or ()],
        sorted((name, str(one)) for name, one in method.__annotations__.items()),
    ]

def described(cls):
    content = vars(cls)
    methods = {name: of_method(one) for name, one in content.items() if callable(one) or one is None}
    return {
        "fields": [shown(one) for one in dataclasses.fields(cls)],
        "declared": repr(cls.__dataclass_params__),
        "methods": methods,
        "names": sorted(content),
        "slots": content["__slots__"],
        "matched": content["__match_args__"],
        "doc": shown(cls.__doc__),
        "signature": shown(inspect.signature(cls)),
        "bases": [one.__qualname__ for one in cls.__mro__],
    }

found = {}
for one in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
    for thing in vars(importlib.import_module(one.name)).values():
        if isinstance(thing, type) and "__dataclass_fields__" in vars(thing) and thing.__module__ == one.name:
            found[f"{one.name}.{thing.__qualname__}"] = described(thing)
print(json.dumps({"found": found, "anew": len(compiled)}))
"""


def test_every_record_of_ours_is_as_dataclasses_would_have_made_it(alone):
    ahead, anew = alone(EVERY_RECORD, "ahead"), alone(EVERY_RECORD, "anew")

    assert len(ahead["found"]) > 200
    assert set(ahead["found"]) == set(anew["found"])
    for name, record in anew["found"].items():
        assert ahead["found"][name] == record, name
    # Otherwise the same was compared with itself.
    # A few are other people's.
    assert ahead["anew"] < 20
    assert anew["anew"] > 1000


@pytest.mark.parametrize("module", ["chalicelib.webhook_app", "app"])
def test_no_record_of_a_deployed_function_is_made_anew_while_somebody_waits(loaded, module):
    assert loaded(module)["anew"] == 0


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
