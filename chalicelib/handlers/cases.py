"""Refund requests, appeals, and what becomes of them: for the account's people, and for operators who decide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from chalicelib import casework, log
from chalicelib.casework import By, Ruling
from chalicelib.domain.appeals import OverLimit, Statement
from chalicelib.domain.capabilities import REFUND
from chalicelib.domain.cases import (
    AlreadyDecided,
    Case,
    NotOurs,
    Purged,
    Reply,
    TooManyOpen,
    TooManyReplies,
    waiting_for,
)
from chalicelib.domain.ledger import Entry
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.refunds import (
    Disputed,
    NotPayable,
    TooMuch,
)
from chalicelib.domain.top_ups import TOP_UP
from chalicelib.gateways.stripe import StripeRefused
from chalicelib.handlers import case_shapes, cursors, shapes
from chalicelib.handlers.asking import instant, limit
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.calls import is_id
from chalicelib.handlers.problems import Problem, invalid, not_found
from chalicelib.store import cases, wallet

_ENTRY = re.compile("[0-9]{12}")


# -- asking


def find_claim(call: Call[Any]) -> None:
    """What the request is about must be the account's: its subscription, or an entry of its wallet."""
    body = call.body if isinstance(call.body, dict) else {}
    subscription, entry = body.get("subscription_id"), body.get("ledger_entry")
    if isinstance(subscription, str) and subscription not in call.account.subscriptions:
        raise not_found("subscription")
    if isinstance(entry, str) and _entry(call, entry) is None:
        raise not_found("ledger entry")


def _entry(call: Call[Any], entry_id: str) -> Entry | None:
    if not _ENTRY.fullmatch(entry_id):
        return None
    return wallet.entry(call.world.table, call.account.id, int(entry_id))


def check_claim(call: Call[shapes.RefundRequest]) -> None:
    body = call.body
    if (body.subscription_id is None) == (body.ledger_entry is None):
        raise invalid("/subscription_id", "Name either subscription_id or ledger_entry.")
    if body.ledger_entry is not None:
        entry = _entry(call, body.ledger_entry)
        if entry is None or entry.kind != TOP_UP:
            # M1-8: fees and usage are "strictly non-refundable"; only what was paid in advance can be asked back.
            raise invalid("/ledger_entry", "Only a top-up can be asked back.")


def ask_refund(call: Call[shapes.RefundRequest]) -> Answer:
    body, account, world = call.body, call.account, call.world
    with _refusals(call):
        if body.subscription_id is not None:
            case = casework.ask_refund(
                world, account, body.subscription_id, body.comment, _by(call)
            )
        else:
            entry = _entry(call, body.ledger_entry or "")
            assert entry is not None
            case = casework.ask_top_up_refund(world, account, entry, body.comment, _by(call))
    return Answer(201, shown(call, case))


def appeal(call: Call[shapes.Appeal]) -> Answer:
    with _refusals(call):
        case = casework.appeal(call.world, call.account, _stated(call.body), _by(call))
    return Answer(201, shown(call, case))


def _stated(body: shapes.Appeal) -> Statement:
    return Statement(
        payment=body.payment,
        date=body.date,
        amount=body.amount.money() if body.amount else None,
        description=body.description,
    )


# -- one case


def find(call: Call[Any]) -> None:
    _load(call)


def _load(call: Call[Any]) -> Case:
    named = call.params["id"]
    case = cases.load(call.world.table, call.account.id, named) if is_id(named) else None
    if case is None or (case.purged and not _is_taken_up_again(call, case)):
        raise not_found("case")
    return case


def _is_taken_up_again(call: Call[Any], case: Case) -> bool:
    """A bank may do so after the purge. Operators answer it; to everybody else the case is gone."""
    return case.closed_at is None and _is_operator(call)


def show(call: Call[None]) -> Answer:
    """Operators also see whose it is and which clocks run: they answer for the dates."""
    case = _load(call)
    clocks = _listed(call.account.id, case, call.now) if _is_operator(call) else {}
    return Answer(200, {**clocks, **shown(call, case)})


def check_reply(call: Call[shapes.CaseReply]) -> None:
    body = call.body
    if body.next_step_at is not None and instant(body.next_step_at, "/next_step_at") <= call.now:
        raise invalid("/next_step_at", "The next step lies in the future.")
    if body.interim and (body.next_step_at is None or not (body.text or "").strip()):
        raise invalid(
            "/next_step_at", "An interim reply has a text and says when the next step is."
        )
    if body.next_step_at is not None and not body.interim:
        raise invalid("/interim", "Only an interim reply names the next step.")
    if body.interim and not _is_operator(call):
        raise invalid("/interim", "Only an operator's reply can be an interim one.")
    said = (body.text, body.payment, body.date, body.amount, body.description)
    if all(one is None or (isinstance(one, str) and not one.strip()) for one in said):
        raise invalid("/text", "A reply says something.")


def reply(call: Call[shapes.CaseReply]) -> Answer:
    body = call.body
    answer = Reply(
        at=call.now,
        by=call.caller.sub,
        role="operator" if _is_operator(call) else "customer",
        text=body.text,
        stated=_stated(body),
        interim=body.interim,
        next_step_at=instant(body.next_step_at, "/next_step_at") if body.next_step_at else None,
    )
    with _refusals(call):
        case = casework.reply(call.world, call.account.id, call.params["id"], answer, _by(call))
    return Answer(201, shown(call, case))


def _is_operator(call: Call[Any]) -> bool:
    return "operator" in call.caller.roles


def check_decision(call: Call[shapes.CaseDecision]) -> None:
    if not call.body.reason.strip():
        raise invalid("/reason", "A decision has its reason.", "reason_missing")
    if call.body.amount is not None and not call.body.approve:
        raise invalid("/amount", "What is refused has no amount.")


def decide(call: Call[shapes.CaseDecision]) -> Answer:
    body = call.body
    if body.approve:
        # What is refused costs nothing; what is approved is owed, and paid at once.
        call.world.gate.must_be_open(REFUND)
    ruling = Ruling(
        approve=body.approve,
        reason=body.reason,
        amount=body.amount.money() if body.amount else None,
    )
    with _refusals(call):
        case = casework.decide(call.world, call.account.id, call.params["id"], ruling, _by(call))
    return Answer(200, shown(call, case))


# -- for operators


def listed(call: Call[None]) -> Answer:
    """Every account's cases, the next deadline first; with `state=closed` those that are over."""
    kind = cases.CLOSED if call.query.get("state") == "closed" else cases.OPEN
    found, after = cases.listed(
        call.world.table,
        kind,
        call.world.settings.due_shards,
        limit=limit(call),
        after=_after(call),
    )
    data = [_listed(account_id, case, call.now) for account_id, case in found]
    return Answer(200, shapes.page(data, after and cursors.written(after)))


def _listed(account_id: str, case: Case, now: datetime) -> dict[str, Any]:
    waiting = sorted(waiting_for(case), key=lambda one: one[1])
    return {
        "account_id": account_id,
        **case_shapes.summary(case),
        "waiting_for": [
            {"kind": about, "due_at": rfc3339(due), "overdue": due <= now} for about, due in waiting
        ],
    }


def check_list(call: Call[None]) -> None:
    if call.query.get("state", "open") not in ("open", "closed"):
        raise invalid("/state", "state is open or closed.")
    _after(call)


def _after(call: Call[None]) -> str | None:
    given = cursors.given(call, 1)
    if given is None:
        return None
    if cursors.place(given[0]) is None:
        raise cursors.wrong()
    return given[0]


# -- what is shown


def of_account(call: Call[Any], most: int = 20) -> list[dict[str, Any]]:
    """The newest of the account's cases, for the membership page."""
    found = sorted(
        (one for one in cases.of_account(call.world.table, call.account.id) if not one.purged),
        key=lambda case: (case.received_at, case.id),
        reverse=True,
    )
    return [shown(call, case) for case in found[:most]]


def shown(call: Call[Any], case: Case) -> dict[str, Any]:
    replies = cases.replies(call.world.table, call.account.id, case)
    return case_shapes.shown(case, replies, call.account, call.policy)


# -- refusals


def _by(call: Call[Any]) -> By:
    return By(who=call.caller.sub, request=call.request_id)


@contextmanager
def _refusals(call: Call[Any]) -> Iterator[None]:
    """What the rules refuse, as a person reads it."""
    try:
        yield
    except AlreadyDecided as error:
        raise Problem(409, "already_decided", "This case has its decision.") from error
    except Disputed as error:
        raise Problem(
            409, "disputed", "The payment is disputed with the bank: it decides."
        ) from error
    except Purged as error:
        why = f"Nobody is there to read a reply. {case_shapes.AFTER_A_PURGE}"
        raise Problem(409, "blocked", why, blockers=[]) from error
    except NotOurs as error:
        why = "This is not decided here: a dispute is the bank's to decide."
        raise Problem(409, "blocked", why, blockers=[]) from error
    except NotPayable as error:
        reasons = case_shapes.reasons(error.found, call.account, call.policy)
        blockers = [{**one, "action": None} for one in reasons]
        raise Problem(
            409, "blocked", " ".join(one["title"] for one in reasons), blockers=blockers
        ) from error
    except TooMuch as error:
        most = f"At most {error.most.amount} {error.most.currency} can be paid back."
        raise invalid("/amount", most) from error
    except OverLimit as error:
        most = f"An appeal credits at most {error.most.amount} {error.most.currency}."
        raise invalid("/amount", most) from error
    except (TooManyOpen, TooManyReplies) as error:
        why = "There are too many open cases, or replies on this one. Wait for an answer."
        raise Problem(429, "rate_limited", why) from error
    except StripeRefused as error:
        if error.missing is None:
            raise
        log.problem("payment_not_shown", error, account=call.account.id)
        raise Problem(409, "blocked", "Stripe does not know this payment.", blockers=[]) from error
