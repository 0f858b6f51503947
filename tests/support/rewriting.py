"""A shipped policy with some lines changed, as somebody would edit its file; and a life that goes on under it."""

from dataclasses import replace

from chalicelib import wiring
from chalicelib.policies import SHIPPED, Policies
from chalicelib.policies.reading import read_policy
from tests.support.life import Life


def rewritten(name: str, *changes: tuple[str, str]) -> Policies:
    text = (SHIPPED / f"{name}.toml").read_text("utf-8")
    for old, new in changes:
        assert text.count(old) >= 1, f"{name}.toml does not say {old!r}"
        text = text.replace(old, new)
    policies = Policies()
    policies._read[name] = read_policy(text, f"{name}.toml")
    return policies


def promise_anew(life: Life, name: str, *changes: tuple[str, str]) -> None:
    """The file is edited and deployed while the customer's life goes on."""
    life.world = replace(life.world, policies=rewritten(name, *changes))
    wiring.use(life.world)
