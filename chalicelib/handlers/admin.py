"""What operators, and the SaaS's own back end, put and look at."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chalicelib import log, sweeping, unheard
from chalicelib.domain.account import Account, Contract
from chalicelib.domain.decision import Also, CustomerBound
from chalicelib.domain.ending import is_live
from chalicelib.domain.facts import AccountPut
from chalicelib.domain.moments import rfc3339
from chalicelib.handlers import cursors, shapes
from chalicelib.handlers.asking import instant, limit, reason
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.calls import is_id
from chalicelib.handlers.problems import Problem, invalid, not_found, role_required, taken
from chalicelib.lifecycle import tell
from chalicelib.store import accounts, keys, parked
from chalicelib.store.accounts import AlreadyTold, Loaded, Taken, Told
from chalicelib.store.table import Table

CHANNELS = ("online", "representative")


def find_account(call: Call[Any]) -> None:
    """A limited service token sees only its own accounts."""
    account_id = call.params["id"]
    if not is_id(account_id) or not call.caller.may_see(account_id):
        raise not_found("account")


def put_account(call: Call[shapes.AccountShape]) -> Answer:
    """Creates the account or updates it; what its Stripe customer's events waited for is applied at once."""
    body, account_id = call.body, call.params["id"]
    fact = _fact(call, body)
    loaded = accounts.load(call.world.table, account_id)
    created = loaded is None
    if loaded is None:
        loaded = _create(call, account_id, fact)
    if loaded.account != _merged(loaded.account, fact):
        loaded = _update(call, loaded, fact)
    customer = loaded.account.stripe_customer_id
    if customer is not None:
        _replay(call, customer)
        loaded = accounts.load(call.world.table, account_id) or loaded
    return Answer(201 if created else 200, _account(loaded.account))


def _fact(call: Call[Any], body: shapes.AccountShape) -> AccountPut:
    if body.policy is not None and body.policy not in call.world.policies.names():
        known = ", ".join(call.world.policies.names())
        raise invalid("/policy", f"There is no policy of this name (known: {known}).")
    if body.purchased_through not in (None, *CHANNELS):
        raise invalid("/purchased_through", f"One of {', '.join(CHANNELS)}.")
    if body.time_zone is not None:
        try:
            ZoneInfo(body.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise invalid("/time_zone", "No time zone such as Europe/Paris.") from error
    if body.stripe_customer_id is not None and not is_id(body.stripe_customer_id):
        raise invalid("/stripe_customer_id", "An id has 1 to 200 printable characters.")
    return AccountPut(
        stripe_customer_id=body.stripe_customer_id,
        policy=body.policy,
        currency=body.currency,
        time_zone=body.time_zone,
        locale=body.locale,
        email=body.email,
        purchased_through=body.purchased_through,
        contracts=_contracts(body.contracts) if body.contracts is not None else None,
        reason=body.reason,
    )


def _contracts(given: list[shapes.ContractShape]) -> dict[str, Contract]:
    for n, one in enumerate(given):
        if one.purchased_through not in (None, *CHANNELS):
            raise invalid(f"/contracts/{n}/purchased_through", f"One of {', '.join(CHANNELS)}.")
    return {
        one.subscription_id: Contract(
            starts_at=instant(one.starts_at, f"/contracts/{n}/starts_at"),
            months=one.months,
            purchased_through=one.purchased_through,
        )
        for n, one in enumerate(given)
    }


def _create(call: Call[Any], account_id: str, fact: AccountPut) -> Loaded:
    if fact.policy is None:
        raise invalid("/policy", "A new account needs a policy.")
    if fact.currency is None:
        raise invalid("/currency", "A new account needs a currency.")
    policy = call.world.policies.get(fact.policy)
    account = _merged(
        Account(
            id=account_id,
            policy=fact.policy,
            currency=fact.currency,
            created_at=call.now,
            time_zone=policy.time_zone,
            locale=policy.locale,
        ),
        fact,
    )
    also: list[Also] = (
        [CustomerBound(fact.stripe_customer_id)] if fact.stripe_customer_id is not None else []
    )
    try:
        return accounts.create(
            call.world.table, account, _told(call), also, call.world.settings.due_shards
        )
    except AlreadyTold:
        # Put twice at once: the other one created it, this one updates it.
        again = accounts.load(call.world.table, account_id)
        assert again is not None
        return again
    except Taken as error:
        raise taken("This Stripe customer belongs to another account.") from error


def _merged(account: Account, fact: AccountPut) -> Account:
    from chalicelib.domain.decide import put_account as decided

    return decided(account, fact).account


def _update(call: Call[Any], loaded: Loaded, fact: AccountPut) -> Loaded:
    account = loaded.account
    if fact.stripe_customer_id not in (None, account.stripe_customer_id) and (
        account.stripe_customer_id is not None
    ):
        raise taken("The account's Stripe customer cannot be changed.")
    if fact.currency not in (None, account.currency) and _has_entries(call.world.table, account.id):
        raise taken("The currency cannot be changed once the wallet has entries.")
    if fact.policy not in (None, account.policy):
        _may_change_policy(call, account)
    try:
        return tell(
            call.world, account.id, fact, id=f"request:{call.request_id}", by=call.caller.sub
        ).loaded
    except Taken as error:
        raise taken("This Stripe customer belongs to another account.") from error


def _may_change_policy(call: Call[Any], account: Account) -> None:
    """With a live plan the customer was promised the old policy: only an operator, and only with a reason."""
    if not any(is_live(account, s, call.now) for s in account.subscriptions.values()):
        return
    if "operator" not in call.caller.roles:
        raise role_required(["operator"])
    if not (call.body.reason or "").strip():
        raise invalid("/reason", "Changing the policy of a live account needs a reason.")


def _has_entries(table: Table, account_id: str) -> bool:
    return bool(table.query(keys.partition(account_id), keys.ENTRY, limit=1).rows)


def _told(call: Call[Any]) -> Told:
    return Told(id=f"request:{call.request_id}", by=call.caller.sub, at=call.now)


def _replay(call: Call[Any], customer_id: str) -> None:
    """Events that waited for the account, oldest first. What still cannot be applied stays parked."""
    waiting = sorted(
        parked.of_customer(call.world.table, customer_id), key=lambda one: one[1].created
    )
    for key, _ in waiting:
        sweeping.retry_one_parked(call.world, key)


def _account(account: Account) -> dict[str, Any]:
    return {
        "account_id": account.id,
        "policy": account.policy,
        "currency": account.currency,
        "time_zone": account.time_zone,
        "locale": account.locale,
        "email": account.email,
        "stripe_customer_id": account.stripe_customer_id,
        "purchased_through": account.purchased_through,
        "contracts": [
            {"subscription_id": id, "starts_at": rfc3339(c.starts_at), "months": c.months,
             "purchased_through": c.purchased_through}
            for id, c in account.contracts.items()
        ],
        "subscriptions": sorted(account.subscriptions),
    }  # fmt: skip


def parked_events(call: Call[None]) -> Answer:
    """Those that wait, soonest next try first."""
    found, more = unheard.parked_shown(
        call.world, limit=limit(call), after=cursors.given_place(call)
    )
    return Answer(200, shapes.page(found, more and cursors.written(more)))


def replay_parked(call: Call[shapes.Reasoned]) -> Answer:
    """Tries one parked event again, now."""
    event_id = call.params["id"]
    key = unheard.find_parked(call.world, event_id)
    if key is None:
        raise not_found("parked event")
    said = reason(call)
    outcome = sweeping.retry_one_parked(call.world, key)
    log.event(
        "parked_replayed", event_id=event_id, by=call.caller.sub, reason=log.fit_to_keep(said)
    )
    if outcome != "done":
        waits = parked.load(call.world.table, key)
        why = f"It still cannot be applied ({waits.reason if waits else outcome})"
        detail = f"{why}. It stays parked, and is tried again by itself."
        raise Problem(409, "blocked", detail, blockers=[])
    return Answer(200, {"outcome": "applied"})
