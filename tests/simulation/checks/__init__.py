"""What must hold, seen from outside: Stripe's own truth, the carrier's record, what the SaaS was told, the rows.

`Watching.look` is called after every act. `end` lets the weather calm down, and then everything due must be done and
everything must agree. The rules of the app are not asked where the world itself can be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.simulation.checks import access, carrier, known, money, the_end
from tests.simulation.checks.watching import Watching
from tests.simulation.given_days import GivenDays
from tests.support import invariants

INVARIANTS: Mapping[int, tuple[Callable[..., object], ...]] = {
    1: (invariants.ledger_balances, money.every_top_up_was_booked, money.no_top_up_was_booked_twice),
    2: (invariants.messages_end_once, money.sent_is_never_credited, money.credits_come_after_an_end,
        Watching._nothing_was_sent_after_the_end, the_end.nothing_is_left,
        Watching._nothing_was_credited_that_could_be_sent),
    3: (invariants.fees_are_due_and_single, Watching._fees_were_owed_by_stripes_dates,
        money.every_fee_was_charged),
    4: (invariants.releases_were_due_and_intended, Watching._given_back, carrier.carrier_agrees,
        invariants.numbers_and_registrations_agree),
    5: (invariants.releases_were_due_and_intended, Watching._given_back,
        Watching._purges_come_after_a_year, Watching._purges_leave_no_content),
    6: (invariants.paid_access_is_whole, access.access_is_half_open, access.access_is_what_was_paid),
    7: (access.contracts_run_to_their_end, access.what_was_confirmed_is_carried_out),
    8: (invariants.ended_stays_ended,),
    9: (invariants.customers_never_move, invariants.bound_customer_is_its_own),
    10: (known.we_know_what_stripe_knows, known.what_was_heard_is_known),
    11: (invariants.the_steps_are_the_timeline, carrier.calls_are_found_out, the_end.nothing_waits, the_end.nothing_is_parked, the_end.nothing_is_under_way,
         known.everything_was_told, the_end.nothing_is_left),
    12: (invariants.releases_were_due_and_intended, money.money_went_back_once),
    13: (invariants.nothing_secret,),
    14: (access.what_was_confirmed_is_carried_out, GivenDays.stay),
}  # fmt: skip
"""Where each of the fourteen in the design is looked at; those of tests/support/invariants.py are looked at after every
act as well. 13, the other side: an act (`acts.customers.knock`) is a stranger who tries the doors."""
