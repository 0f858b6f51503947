"""Stripe's events by way of EventBridge, for those who have no webhook: in a partner's envelope, applied or parked like
any other.

There is no signature: the rule on the partner's event bus is what vouches for the sender, and only AWS may call this.
What cannot even be read as an event, or be stored, is raised: Lambda tries again, and then keeps it in the queue for
what failed. So nothing is lost here either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib import listening, log
from chalicelib.gateways.stripe_reader import Unreadable, read_event
from chalicelib.hearing import Outcome, hear
from chalicelib.wiring import World

PARTNER = "aws.partner/stripe.com"
"""How the source of everything begins that Stripe puts on a bus."""


def receive(world: World, envelope: Mapping[str, Any]) -> Outcome:
    source = envelope.get("source")
    if not isinstance(source, str) or not source.startswith(f"{PARTNER}/"):
        raise Unreadable("the envelope is none of Stripe's")
    outcome = hear(world, read_event(envelope.get("detail")))
    listening.heard(world)
    log.event("event_heard", by="eventbridge", outcome=outcome)
    return outcome
