"""SC-10, where a policy wants it: no data is deleted before two different people have said so.

One operator proposes the purge that lies ahead, another approves it. Both are bound to its date: should that move,
because the customer came back and left again, nobody has said anything yet.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chalicelib.domain import purging
from chalicelib.domain.account import Account, Hold, PurgeApproval
from chalicelib.domain.decision import Decision, StepDueAgain, unchanged
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import DATA_PURGED, Step


class CannotApprove(Exception):
    """The message is a sentence for the operator."""


def is_needed(policy: Policy) -> bool:
    return policy.data is not None and policy.data.second_approval


def given(account: Account, due: datetime) -> PurgeApproval | None:
    """What was said of the purge on this very date."""
    said = account.purge_approval
    return said if said is not None and said.due == due else None


def is_missing(account: Account, policy: Policy, due: datetime) -> bool:
    """Whether the purge of this date still waits for somebody."""
    said = given(account, due)
    return is_needed(policy) and (said is None or said.approved is None)


def is_proposed_by(word: Hold, account: Account, policy: Policy) -> bool:
    """Whether this very word is the proposal that stands, of the purge that lies ahead: the same person, for the same
    reason."""
    due = purging.purge_at(account, policy)
    said = given(account, due) if due is not None else None
    return said is not None and (said.proposed.by, said.proposed.reason) == (word.by, word.reason)


def say(account: Account, word: Hold, policy: Policy, now: datetime) -> Decision:
    """One person's word: the first proposes, another one approves. Raises CannotApprove."""
    if not is_needed(policy):
        raise CannotApprove("This account's policy wants no approval: the purge comes by itself.")
    if account.purge_began_at is not None:
        raise CannotApprove("The purge has begun and is being finished.")
    due = purging.purge_at(account, policy)
    if due is None:
        raise CannotApprove("No purge lies ahead of this account.")
    said = given(account, due)
    if said is None:
        after = replace(account, purge_approval=PurgeApproval(due=due, proposed=word))
        return Decision(after, "purge.proposed", {"due": due, "reason": word.reason})
    if said.approved is not None:
        return unchanged(account)
    if said.proposed.by == word.by:
        raise CannotApprove("You proposed this purge: somebody else has to approve it.")
    after = replace(account, purge_approval=replace(said, approved=word))
    # It may have waited for this: then it is due at once, not at its next try.
    step = Step(DATA_PURGED, due)
    also = (StepDueAgain(step),) if due <= now and account.steps.get(step.id) == due else ()
    return Decision(after, "purge.approved", {"due": due, "reason": word.reason}, also)
