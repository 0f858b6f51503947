"""M1-9 to M1-12: what somebody has to decide, until when, and what was decided. A decision is made once and stays.

A case is a row of its own, saved with the account on the account's version; the account only remembers which cases are
open and when their clocks speak next. Replies are rows of their own. Times are facts; the state is worked out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from chalicelib.domain.appeals import Deadlines, Statement
from chalicelib.domain.disputes import INQUIRY, NEEDS_RESPONSE, DisputeAtStripe
from chalicelib.domain.money import Money
from chalicelib.domain.refunds import Eligibility

REFUND, APPEAL, TOP_UP, DISPUTE = "refund", "appeal", "top_up", "dispute"
MOST_OPEN = 20
"""Cases that an account may have open at once."""
MOST_REPLIES = 200

FIRST_REPLY, DECISION, NEXT_STEP, EVIDENCE = "first_reply", "decision", "next_step", "evidence"

Role = Literal["customer", "operator", "policy"]


class AlreadyDecided(Exception):
    """The case has its decision."""


class AlreadyOpen(Exception):
    """There is an open case about the same thing."""

    def __init__(self, case_id: str) -> None:
        super().__init__(case_id)
        self.case_id = case_id


class TooManyOpen(Exception):
    """The account has as many open cases as it may have."""


class Purged(Exception):
    """The account's data is gone: nobody is there to read an answer, and no word of it is to be kept."""


class TooManyReplies(Exception):
    """The case has as many replies as it may have."""


class NotOurs(Exception):
    """Somebody else decides it: a dispute is the bank's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    at: datetime
    by: str
    role: Role
    text: str | None = None
    stated: Statement = field(default_factory=Statement)
    interim: bool = False
    next_step_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """M1-11: "The decision is recorded": who, when, why, and the figures it rests on."""

    id: str
    """The request that made it: its repeat is no second decision."""
    at: datetime
    by: str
    role: Role
    approve: bool
    reason: str
    amount: Money | None = None
    eligibility: Eligibility | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """What an approval has set going: to the card at Stripe, or to the wallet."""

    way: Literal["stripe", "wallet"]
    amount: Money
    charge_id: str | None = None
    debits_wallet: bool = False
    ends_plan: bool = False
    covers_until: datetime | None = None
    """The period whose payment goes back."""
    begun_at: datetime | None = None
    """When Stripe was last asked to refund it: the intent, saved before the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """What Stripe says of the refund."""

    id: str
    status: str
    amount: Money
    attempt: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    id: str
    kind: str
    received_at: datetime
    opened_by: str
    subscription_id: str | None = None
    entry: str | None = None
    """The ledger entry of the top-up it is about."""
    statement: Statement = field(default_factory=Statement)
    comment: str | None = None
    complete_at: datetime | None = None
    """When it was sufficient: from then the clocks run."""
    first_reply_due: datetime | None = None
    decision_due: datetime | None = None
    replies: int = 0
    first_reply_at: datetime | None = None
    next_step_at: datetime | None = None
    """An interim reply named it: until then nobody waits for the decision."""
    eligibility: Eligibility | None = None
    """As it was when it was asked for."""
    verdict: Verdict | None = None
    earlier: tuple[Verdict, ...] = ()
    """Decisions that could not be carried out: the refund failed, and the case was opened again."""
    reopened_at: datetime | None = None
    reopened_because: str | None = None
    payout: Payout | None = None
    refund: Refund | None = None
    credited_at: datetime | None = None
    dispute: DisputeAtStripe | None = None
    said: tuple[str, ...] = ()
    """What the clocks have said already: each thing once."""
    closed_at: datetime | None = None
    purged: bool = False
    """Only the record of it is left. Nobody is shown it, unless its bank takes it up again: then operators are."""

    @property
    def missing(self) -> tuple[str, ...]:
        return self.statement.missing if self.kind == APPEAL and self.complete_at is None else ()

    @property
    def attempt(self) -> int:
        """The number of the decision that is carried out now."""
        return len(self.earlier) + 1

    @property
    def is_paying(self) -> bool:
        """An approval is still to be carried out."""
        return self.payout is not None and self.refund is None and self.credited_at is None


def state(case: Case) -> str:
    """The one word for where a case stands."""
    if case.dispute is not None:
        return _state_of_dispute(case.dispute)
    if case.verdict is not None:
        return _state_of_verdict(case, case.verdict)
    if case.reopened_at is not None:
        return "reopened"
    if case.missing:
        return "incomplete"
    return "in_review" if case.first_reply_at else "open"


def _state_of_dispute(dispute: DisputeAtStripe) -> str:
    if dispute.is_over:
        return dispute.status if dispute.status in ("won", "lost") else "closed"
    if dispute.status in INQUIRY:
        return "inquiry"
    return "open" if dispute.status in NEEDS_RESPONSE else "in_review"


def _state_of_verdict(case: Case, verdict: Verdict) -> str:
    if not verdict.approve:
        return "refused"
    if case.credited_at is not None:
        return "credited"
    if case.refund is not None and case.refund.status == "succeeded":
        return "refunded"
    return "approved"


def waiting_for(case: Case) -> tuple[tuple[str, datetime], ...]:
    """What somebody has to do on this case, each with its deadline."""
    if case.closed_at is not None or case.verdict is not None:
        return ()
    found: list[tuple[str, datetime]] = []
    if case.dispute is not None and case.dispute.due_by and case.dispute.awaits_evidence:
        found.append((EVIDENCE, case.dispute.due_by))
    if case.first_reply_due is not None and case.first_reply_at is None:
        found.append((FIRST_REPLY, case.first_reply_due))
    if case.next_step_at is not None:
        found.append((NEXT_STEP, case.next_step_at))
    elif case.decision_due is not None:
        found.append((DECISION, case.decision_due))
    return tuple(found)


def without_content(case: Case) -> Case:
    """What stays of a case after the purge: that it was, and what was decided and paid; no words."""
    verdict = case.verdict and replace(case.verdict, reason="")
    return replace(
        case,
        purged=True,
        opened_by="",
        statement=Statement(),
        comment=None,
        replies=0,
        verdict=verdict,
        earlier=tuple(replace(one, reason="") for one in case.earlier),
    )


# -- what happens to it


def received(case: Case, due: Deadlines | None) -> Case:
    """The case with its clocks running, if it is sufficient."""
    if case.kind == APPEAL and case.statement.missing:
        return case
    at = case.complete_at or case.received_at
    if due is None:
        return replace(case, complete_at=at)
    return replace(case, complete_at=at, first_reply_due=due.first_reply, decision_due=due.decision)


def replied(case: Case, reply: Reply, due: Deadlines | None) -> Case:
    """Raises Purged, AlreadyDecided and TooManyReplies. `due`: the deadlines if this reply completes the case."""
    if case.purged:
        raise Purged(case.id)
    if case.verdict is not None or (case.closed_at is not None and case.dispute is None):
        raise AlreadyDecided(case.id)
    if case.replies >= MOST_REPLIES:
        raise TooManyReplies(case.id)
    after = replace(case, replies=case.replies + 1)
    if reply.role == "operator":
        return replace(
            after,
            first_reply_at=after.first_reply_at or reply.at,
            next_step_at=reply.next_step_at if reply.interim else after.next_step_at,
        )
    if not case.missing:
        return after
    after = replace(after, statement=case.statement.completed_by(reply.stated))
    return after if after.missing else received(replace(after, complete_at=reply.at), due)


def decided(case: Case, verdict: Verdict, payout: Payout | None) -> Case:
    """Raises AlreadyDecided and NotOurs."""
    if case.dispute is not None:
        raise NotOurs(case.id)
    if case.verdict is not None:
        raise AlreadyDecided(case.id)
    return replace(
        case,
        verdict=verdict,
        payout=payout,
        first_reply_at=case.first_reply_at or verdict.at,
        closed_at=None if payout is not None else verdict.at,
    )


def reopened(case: Case, why: str, at: datetime, due: Deadlines | None) -> Case:
    """Its refund failed. The decision stays on record; a new one is due."""
    if case.verdict is None:
        return case
    return replace(
        case,
        earlier=(*case.earlier, case.verdict),
        verdict=None,
        payout=None,
        refund=None,
        reopened_at=at,
        reopened_because=why,
        next_step_at=None,
        decision_due=due.decision if due else None,
        closed_at=None,
    )
