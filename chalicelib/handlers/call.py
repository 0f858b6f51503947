"""What a request is to the route that answers it, what an answer is, and what a row of the route table says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from chalicelib.handlers.problems import Problem

if TYPE_CHECKING:
    from chalicelib.domain.account import Account
    from chalicelib.domain.policy import Policy
    from chalicelib.gateways.tokens import Caller
    from chalicelib.store.accounts import Loaded
    from chalicelib.wiring import World

B = TypeVar("B")
Whose = Literal["caller", "body", "query", "path", "number", "case", "none"]
"""Where the account comes from: the caller's token; or, for back-end callers, the body, the query, the path,
or the number or case that the path names."""


@dataclass(slots=True)
class Call(Generic[B]):
    world: World
    request_id: str
    now: datetime
    caller: Caller
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: B
    loaded: Loaded | None = None

    @property
    def known(self) -> Loaded:
        assert self.loaded is not None
        return self.loaded

    @property
    def account(self) -> Account:
        return self.known.account

    @property
    def policy(self) -> Policy:
        return self.world.policies.get(self.account.policy)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


def refused(problem: Problem, request_id: str) -> Answer:
    headers = {"Content-Type": "application/problem+json", **problem.headers}
    return Answer(problem.status, problem.document(request_id), headers)


Act = Callable[[Call[Any]], Answer]
Roles = Callable[[Call[Any]], frozenset[str]] | frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A row of the route table."""

    method: str
    path: str
    act: Act
    summary: str
    roles: Roles
    whose: Whose = "caller"
    body: type[Any] | None = None
    find: Callable[[Call[Any]], object] | None = None
    """Raises 404 for ids in the path that are not the account's."""
    check: Callable[[Call[Any]], object] | None = None
    """Raises 422 for what the body's type cannot say, and for the query."""
    repeated: Callable[[Call[Any]], Answer | None] | None = None
    """The stored answer, if this request was completed before."""
    needs: str | None = None
    """The capability that has to be on for it."""
    lists: bool = False
    """It answers a page: `limit` is judged with the shape."""
    success: int = 200
    looks: int | None = None
    """How it answers whoever only wanted to see what would come of it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What came in, before anything is known about it."""

    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes
    request_id: str
