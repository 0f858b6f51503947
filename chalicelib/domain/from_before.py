"""What was due before an account was adopted from another system is not carried out here.

Its numbers may be released there already, its customer was told long ago that access ended. So nothing of the kind is
made up for on the day we come, unless whoever adopts says so. What falls due afterwards is ours.
"""

from __future__ import annotations

from chalicelib.domain.account import Account
from chalicelib.domain.steps import ACCESS_ENDS, IRREVERSIBLE, REMINDER, SEATS_UNASSIGNED, Step

NOT_MADE_UP_FOR = IRREVERSIBLE | {ACCESS_ENDS, SEATS_UNASSIGNED, REMINDER}
"""Whatever cannot be undone, and what would tell a customer of an end that is long past."""


def is_from_before(account: Account, step: Step) -> bool:
    adopted = account.adopted_at
    return adopted is not None and step.kind in NOT_MADE_UP_FOR and step.due <= adopted
