"""A seed becomes a history: who lives in this world, what they do, how time jumps, and what goes wrong.

Everything is chosen here, before anything happens, and each act carries a seed of its own: leaving one act out
changes nothing about the others, which is what lets a long history be cut down to a short one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

STARTS = (
    datetime(2026, 1, 31, 12, 0, tzinfo=UTC),  # the months have no 31st to come
    datetime(2028, 2, 29, 8, 30, tzinfo=UTC),  # a leap day
    datetime(2026, 3, 27, 23, 59, 59, tzinfo=UTC),  # the clocks change two days later
    datetime(2026, 10, 30, 0, 0, tzinfo=UTC),  # and back
    datetime(2026, 12, 31, 23, 30, tzinfo=UTC),
)

FAULTS: Mapping[str, float] = {
    # Of each call to an outsider of ours: how likely it goes wrong like this.
    "crash": 0.01,
    "answer_lost": 0.01,
    "throttled": 0.01,
    "contended": 0.02,
    "stripe_down": 0.02,
    "carrier_down": 0.1,
    "mail_down": 0.1,
    "stale_index": 0.1,
    "short_pages": 0.3,
    # Somebody else acts between what we read and what we write.
    "meanwhile": 0.1,
    # Of each act: how likely Stripe's webhooks begin to behave like this.
    "webhooks_dropped": 0.1,
    "webhooks_doubled": 0.3,
    "webhooks_reordered": 0.3,
    "webhooks_late": 0.2,
    "old_api_version": 0.2,
    # Of each run of a job.
    "job_doubled": 0.1,
    "job_skipped": 0.2,
    # Of each time jump: that nothing of ours runs meanwhile.
    "outage": 0.2,
}


@dataclass(frozen=True)
class Act:
    n: int
    verb: str
    who: int
    """Which account, by its number."""
    seed: int


@dataclass(frozen=True)
class Plan:
    seed: int
    start: datetime
    policies: tuple[str, ...]
    """One per account."""
    faults: Mapping[str, float]
    """Only those that this world suffers from: fewer kinds at once reach further than all of them."""
    acts: tuple[Act, ...]
    finale: bool
    """Whether everybody leaves in the end, and more than a year passes."""
    looks_back: bool
    """Whether what was missed is looked for while time passes; otherwise only in the calm at the end."""
    restores: bool
    """Whether a backup of the table may come back."""
    hears_everything: bool
    """Whether Stripe sends also what the app has no use for, as an endpoint set up by hand may have it."""

    def only(self, kept: set[int]) -> Plan:
        return replace(self, acts=tuple(act for act in self.acts if act.n in kept))


VERBS: Mapping[str, int] = {
    "subscribe": 10, "abandon_checkout": 1, "pay_later": 2, "buy_numbers": 8, "remove_number": 4,
    "register": 4, "withdraw_registration": 2, "schedule": 8, "send": 6, "delete_message": 2, "end_twice": 3,
    "send_at_the_end": 3, "lose_at_carrier": 2, "return_midway": 3, "hold_midway": 3, "refund_midway": 3, "twice_the_same": 2,
    "cancel": 10, "cancel_in_portal": 8, "resume": 5, "resume_in_portal": 4, "waver": 5, "end_at_stripe": 2,
    "dispute": 3, "close_dispute": 4, "ask_refund": 4, "appeal": 2, "reply": 2, "decide": 6,
    "top_up": 5, "pay_balance": 2, "use": 3, "charge_usage": 3, "switch_plan": 3, "leave_and_return": 4,
    "bind_contract": 3, "assign_seat": 3, "unassign_seat": 2, "card_fails": 3, "card_works": 4,
    "export": 2, "legal_hold": 1, "release_hold": 2, "hold_step": 1, "retry_step": 2,
    "back_up": 3, "restore": 2, "announce_work": 3, "edit_work": 2, "knock": 4, "recover_number": 3, "look": 4, "jump_seconds": 6, "jump_hours": 8, "jump_to_next": 14, "jump_days": 14,
    "jump_weeks": 8, "jump_months": 5, "jump_year": 2,
}  # fmt: skip
POLICIES = ("smarter-contact", "smarter-contact", "1msg", "goto", "1smtg", "nexorone")


def plan(seed: int, acts: int = 45) -> Plan:
    random = Random(seed)
    swarm = {
        name: rate * random.choice((0.3, 1, 2))
        for name, rate in FAULTS.items()
        if random.random() < 0.4
    }
    policies = tuple(random.choice(POLICIES) for _ in range(random.choice((1, 2, 2, 3))))
    verbs, weights = zip(*VERBS.items(), strict=True)
    # Every world prefers some acts and never sees others: that is how rare pairs come together.
    mood = [weight * random.choice((0, 1, 1, 3)) for weight in weights]
    mood[verbs.index("subscribe")] = max(mood[verbs.index("subscribe")], 10)
    chosen = random.choices(verbs, mood, k=acts)
    # Whoever moves in subscribes, and mostly has a number: months of fees need both from the beginning.
    moving_in = [
        (verb, who)
        for who in range(len(policies))
        for verb in ("subscribe", "buy_numbers")
        if verb == "subscribe" or random.random() < 0.6
    ]
    begins = [Act(n, verb, who, random.getrandbits(32)) for n, (verb, who) in enumerate(moving_in)]
    rest = [
        Act(len(begins) + n, verb, random.randrange(len(policies)), random.getrandbits(32))
        for n, verb in enumerate(chosen)
    ]
    start = random.choice(STARTS) + timedelta(seconds=random.choice((0, 1, 3599)))
    return Plan(
        seed=seed,
        start=start,
        policies=policies,
        faults=swarm,
        acts=(*begins, *rest),
        finale=random.random() < 0.5,
        looks_back=random.random() < 0.2,
        restores=random.random() < 0.1,
        hears_everything=random.random() < 0.1,
    )
