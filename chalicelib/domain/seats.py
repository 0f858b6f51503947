"""GT-5: "Désattribuez les licences de vos utilisateurs": seats are assigned and unassigned, shown before cancelling,
and unassigned at the end, so that nobody uses what is over. A resume keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from chalicelib.domain.account import Account, Seat
from chalicelib.domain.decision import Decision, SeatEmptied
from chalicelib.domain.ending import end_of
from chalicelib.domain.steps import SEATS_UNASSIGNED, Step


def steps(account: Account) -> Iterator[Step]:
    for subscription in account.subscriptions.values():
        if account.seats.get(subscription.id, 0) == 0:
            continue
        end = end_of(account, subscription)
        if end is not None:
            yield Step(SEATS_UNASSIGNED, end, subscription.id)


def assign(account: Account, seat: Seat) -> Decision:
    count = account.seats.get(seat.subscription_id, 0) + 1
    after = replace(
        account,
        seats={**account.seats, seat.subscription_id: count},
        done={
            id: at
            for id, at in account.done.items()
            if id != f"{SEATS_UNASSIGNED}:{seat.subscription_id}"
        },
    )
    data = {"subscription_id": seat.subscription_id, "user": seat.user}
    return Decision(after, "seat.assigned", data, (seat,))


def unassign(account: Account, subscription_id: str, user: str) -> Decision:
    return Decision(
        _with_fewer(account, subscription_id, 1),
        "seat.unassigned",
        {"subscription_id": subscription_id, "user": user},
        (SeatEmptied(subscription_id, user),),
    )


def emptied(account: Account, subscription_id: str) -> Account:
    return _with_fewer(account, subscription_id, account.seats.get(subscription_id, 0))


def _with_fewer(account: Account, subscription_id: str, fewer: int) -> Account:
    count = max(0, account.seats.get(subscription_id, 0) - fewer)
    others = {id: n for id, n in account.seats.items() if id != subscription_id}
    return replace(account, seats={**others, **({subscription_id: count} if count else {})})
