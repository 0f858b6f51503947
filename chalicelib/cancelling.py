"""SC-1 to SC-4: cancelling tells the truth beforehand, does what it said, proves what was agreed, and can be undone.

The consent is saved before Stripe is called; the state changes only on what Stripe confirms. Whoever presses again, or
lost the answer, finds the same evidence and finishes the same cancellation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.domain import consequences, contracts
from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.consequences import Holdings
from chalicelib.domain.ending import end_at_stripe, end_of
from chalicelib.domain.evidence import Evidence, Preview, digest, fingerprint
from chalicelib.domain.facts import (
    CancellationAsked,
    ContractCancelled,
    ContractResumed,
    Fact,
    StripeSaysSubscription,
)
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.policy import Policy
from chalicelib.lifecycle import confirm, must_load, tell
from chalicelib.store import consents, holdings
from chalicelib.store.accounts import Loaded
from chalicelib.wiring import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Consented:
    """What the customer pressed."""

    who: str
    roles: tuple[str, ...]
    channel: str
    reason: str | None
    comment: str | None
    consents: Mapping[str, str]


def preview(
    world: World, account: Account, subscription: Subscription, *, language: str | None = None
) -> Preview:
    """What cancelling would lead to, as of now, in the account's language or the one asked for. Not kept yet."""
    account = replace(account, locale=language or account.locale)
    policy, now = world.policies.get(account.policy), world.clock.now()
    after = consequences.with_renewal_off(account, subscription.id)
    end = end_of(after, after.subscriptions[subscription.id])
    assert end is not None
    ahead = consequences.of_cancelling(
        account, subscription.id, policy, _holdings(world, account), now
    )
    return Preview(
        id=world.new_id(),
        subscription_id=subscription.id,
        created_at=now,
        expires_at=now + timedelta(minutes=policy.cancellation.preview_minutes),
        access_ends_at=end,
        consequences=ahead,
        disclosures={one.id: one.version for one in policy.cancellation.disclosures},
        policy_version=policy.version,
        fingerprint=fingerprint(ahead, policy, end, account.locale),
        policy=policy.name,
        language=language,
    )


def is_stale(world: World, account: Account, shown: Preview, now: datetime) -> bool:
    """Expired, or no longer what would be carried out (invariant 14)."""
    if shown.expires_at <= now:
        return True
    subscription = account.subscriptions[shown.subscription_id]
    now_shown = preview(world, account, subscription, language=shown.language)
    return now_shown.fingerprint != shown.fingerprint


def _holdings(world: World, account: Account) -> Holdings:
    return Holdings(
        numbers=list(holdings.numbers(world.table, account.id)) if account.numbers else [],
        messages=list(holdings.messages(world.table, account.id)),
    )


def cancel(world: World, loaded: Loaded, shown: Preview, pressed: Consented) -> Loaded:
    """Renewal off at Stripe, once per preview. Raises StripeUnavailable and StripeRefused: then the consent is kept,
    nothing is called done, and pressing again goes on from here."""
    account = loaded.account
    policy = world.policies.get(account.policy)
    evidence = _evidence(world, account, policy, shown, pressed)
    asked = CancellationAsked(subscription_id=shown.subscription_id, evidence=evidence)
    tell(world, account.id, asked, id=f"cancel:{shown.id}", by=pressed.who)
    return _carry_out(world, account.id, evidence, policy)


def _carry_out(world: World, account_id: str, evidence: Evidence, policy: Policy) -> Loaded:
    """Has Stripe do what was consented to. The key is the consent's own, so it is done once however often."""
    feedback = {r.code: r.stripe_feedback for r in policy.cancellation.reasons}
    subscription_id = evidence.preview.subscription_id
    loaded = must_load(world, account_id)
    account = loaded.account
    if contracts.outlasts_the_period(account, account.subscriptions[subscription_id]):
        return _leave_with_contract(world, loaded, evidence)
    said = world.stripe.turn_renewal_off(
        evidence.preview.subscription_id,
        key=f"cancel:{evidence.id}",
        feedback=feedback.get(evidence.reason or "", "other"),
        comment=evidence.comment,
    )
    id = f"cancel.confirmed:{world.new_id()}"
    telling = confirm(world, loaded, said, id=id, by="stripe", fact=_waited_for)
    consents.confirm(world.table, account_id, evidence.id)
    return telling.loaded


def _leave_with_contract(world: World, loaded: Loaded, evidence: Evidence) -> Loaded:
    """GT-2: a mark at Stripe now would end the contract early, so Stripe only takes note; a step sets the mark in
    the contract's last period."""
    said = world.stripe.note(
        evidence.preview.subscription_id,
        key=f"cancel:{evidence.id}",
        leaving_at=rfc3339(evidence.preview.access_ends_at),
    )
    telling = confirm(
        world,
        loaded,
        said,
        id=f"cancel.confirmed:{world.new_id()}",
        by="stripe",
        fact=lambda said: ContractCancelled(said=_waited_for(said)),
    )
    consents.confirm(world.table, loaded.account.id, evidence.id)
    return telling.loaded


def hear_again(world: World, account_id: str, subscription_id: str) -> Loaded:
    """What Stripe says of the subscription now, applied. Raises StripeUnavailable and StripeRefused."""
    return tell(
        world,
        account_id,
        lambda _: _waited_for(world.stripe.subscription(subscription_id)),
        id=f"asked:{world.new_id()}",
        by="stripe",
    ).loaded


def _waited_for(said: StripeSaysSubscription) -> StripeSaysSubscription:
    return replace(said, somebody_waits=True)


def resume(world: World, loaded: Loaded, subscription: Subscription, by: str) -> Loaded:
    """SC-4: undoes a scheduled cancellation, up to the last second. Raises as `cancel` does."""
    key = f"resume:{subscription.id}:{loaded.version}"
    of_contract = subscription.leaves_with_contract or subscription.correcting
    if end_at_stripe(subscription) is None:
        noted = world.stripe.note(subscription.id, key=key, leaving_at="")
        return _resumed(world, loaded, noted, by, of_contract=True)
    said = world.stripe.turn_renewal_on(
        subscription.id,
        # The version makes one key per cancellation that is undone: cancelling again and resuming again is new.
        key=key,
        clears_cancel_at=subscription.cancel_at is not None
        and not subscription.cancel_at_period_end,
        leaving_at="" if of_contract else None,
    )
    return _resumed(world, loaded, said, by, of_contract=of_contract)


def _resumed(
    world: World, loaded: Loaded, said: StripeSaysSubscription, by: str, *, of_contract: bool
) -> Loaded:
    def fact(said: StripeSaysSubscription) -> Fact:
        said = _waited_for(said)
        return ContractResumed(said=said) if of_contract else said

    return confirm(
        world, loaded, said, id=f"resume.confirmed:{world.new_id()}", by=by, fact=fact
    ).loaded


def _evidence(
    world: World, account: Account, policy: Policy, shown: Preview, pressed: Consented
) -> Evidence:
    return Evidence(
        id=shown.id,
        preview=shown,
        who=pressed.who,
        roles=pressed.roles,
        channel=pressed.channel,
        at=world.clock.now(),
        reason=pressed.reason,
        comment=pressed.comment,
        consents=dict(pressed.consents),
        texts={
            one.id: digest(one.text.in_language(shown.language or account.locale))
            for one in policy.cancellation.disclosures
        },
    )
