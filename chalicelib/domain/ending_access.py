"""SC-3: "You can continue using Smarter Contact until your current billing period ends."

Access is false from the end on by the clock alone; this step only records it and tells people, after asking
Stripe once more.
"""

from collections.abc import Iterator

from chalicelib.domain.account import Account
from chalicelib.domain.ending import end_of
from chalicelib.domain.steps import ACCESS_ENDS, Step


def steps(account: Account) -> Iterator[Step]:
    for subscription in account.subscriptions.values():
        end = end_of(account, subscription)
        if end is not None:
            yield Step(ACCESS_ENDS, end, subscription.id)
