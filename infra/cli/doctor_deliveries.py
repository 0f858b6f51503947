"""Whether Stripe's events arrive here. A signing secret that does not fit shows nowhere else: Stripe tells nobody its own.

Stripe counts the endpoints that have not taken an event, and names none. Where it is sent to several, only our own table
knows whether we took it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chalicelib import listening
from chalicelib.domain.moments import from_unix, rfc3339
from chalicelib.hearing import HEARD
from infra.cli.findings import Finding, fail, ok, warn
from infra.cli.patient import Patient

Json = Mapping[str, Any]

ON_ITS_WAY_SECONDS = 10
SEE = (
    "see what we answered it in Stripe's Dashboard; on 400 the endpoint's signing secret is not the"
    " one that lies where LAPSE_WEBHOOK_SECRETS says. Stripe sends it again, nothing is lost"
)
QUIET = "Stripe has had nothing to tell us lately"


def ours(patient: Patient, endpoints: Sequence[Json]) -> list[Json]:
    """Stripe's endpoints that send to us."""
    url = patient.webhook_url
    return [
        one
        for one in endpoints
        if (one["url"] == url if url else one["url"].endswith("/webhooks/stripe"))
    ]


def taken(patient: Patient) -> Iterator[Finding]:
    """As Stripe sees it."""
    told = _told(patient)
    waiting = [one for one in told if one["pending_webhooks"]]
    if not told:
        yield ok(QUIET)
    elif not waiting:
        yield ok(f"the last {len(told)} events that Stripe had to tell were all taken")
    elif told[0]["pending_webhooks"]:
        yield _newest_waits(told[0], len(waiting) - 1, patient.stripe.endpoints())
    else:
        yield warn(
            f"{len(waiting)} of the last {len(told)} events are still to be sent again, the newest was taken",
            "wait: Stripe repeats them, and hear_missed_events reads what it gives up",
        )


def _newest_waits(newest: Json, before: int, endpoints: Sequence[Json]) -> Finding:
    type, sent_to = newest["type"], [one for one in endpoints if _is_sent(one, newest["type"])]
    if newest["pending_webhooks"] < len(sent_to):
        return warn(
            f"{newest['pending_webhooks']} of the {len(sent_to)} endpoints that are sent {type} did not take"
            f" the last one ({newest['id']}), and Stripe does not say which",
            "see it in Stripe's Dashboard; `heard`, beside this, says whether we took it",
        )
    return fail(f"the last {type} ({newest['id']}) was not taken, and {before} before it", SEE)


def _is_sent(endpoint: Json, type: str) -> bool:
    return endpoint["status"] == "enabled" and not {"*", type}.isdisjoint(
        endpoint["enabled_events"]
    )


def heard(patient: Patient) -> Iterator[Finding]:
    """As we see it: whether we took anything since Stripe had something to tell."""
    if patient.settings.silence_hours is None:
        yield ok("nobody notes when Stripe is heard: LAPSE_SILENCE_HOURS is 0")
        return
    running = [
        one for one in ours(patient, patient.stripe.endpoints()) if one["status"] == "enabled"
    ]
    since = min((one["created"] for one in running), default=None)
    told = [one for one in _told(patient) if since is not None and one["created"] >= since]
    at = listening.last_heard(patient.world())
    if not told:
        yield ok(QUIET)
    # Noted once in so long: whoever took the newest event has a note that is no older than that.
    elif at is not None and from_unix(told[0]["created"]) < at + listening.EVERY:
        yield ok(f"we took what Stripe sent at {rfc3339(at)} or later")
    else:
        last = f"since {rfc3339(at)}" if at else "ever"
        yield fail(
            f"we have taken nothing {last}, and Stripe's last {told[0]['type']} ({told[0]['id']}) was for us",
            SEE,
        )


def _told(patient: Patient) -> list[Json]:
    """What Stripe had to tell us lately, newest first, but for what may be on its way yet."""
    settled = patient.present.timestamp() - ON_ITS_WAY_SECONDS
    return [
        one
        for one in patient.stripe.events_lately()
        if one["type"] in HEARD and one["created"] < settled
    ]
