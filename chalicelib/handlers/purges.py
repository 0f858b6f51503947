"""What operators say and see of purges: their approval, where the policy wants it, and the certificates (SC-10)."""

from __future__ import annotations

from chalicelib import recounting
from chalicelib.domain.account import Hold
from chalicelib.domain.approving import CannotApprove
from chalicelib.domain.facts import PurgeApproved
from chalicelib.handlers import shapes
from chalicelib.handlers.asking import reason
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.problems import Problem
from chalicelib.lifecycle import must_load, tell
from chalicelib.store import accounts, purges


def approve(call: Call[shapes.Reasoned]) -> Answer:
    """The first proposes, somebody else approves. Said again by the same person, or when both have spoken, nothing
    changes."""
    word = Hold(at=call.now, by=call.caller.sub, reason=reason(call))
    world, id = call.world, f"request:{call.request_id}"
    try:
        account = tell(world, call.account.id, PurgeApproved(word=word), id=id, by=word.by).account
    except CannotApprove as error:
        # The very same request once more, whose first answer was lost: the word stands, and is no second one.
        if not accounts.was_told(world.table, call.account.id, id):
            raise Problem(409, "blocked", str(error), blockers=[]) from error
        account = must_load(world, call.account.id).account
    approval = recounting.approval_shown(account, world.policies.get(account.policy))
    return Answer(200, {"account_id": account.id, **(approval or {})})


def certificates(call: Call[None]) -> Answer:
    """Oldest first: an account that came back and left again has several."""
    return Answer(200, shapes.page(purges.certificates(call.world.table, call.account.id), None))
