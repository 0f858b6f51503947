"""Billing portal: configurations, sessions, and what a customer may do in one.

The page is `portal_page.py`. A link lives five minutes until it is first opened, then an hour.
"""

from __future__ import annotations

from typing import Any

from . import cancellations, standing
from .calendar import HOUR
from .errors import StripeError, required
from .events import changed, emit
from .listing import matching, page
from .payment_methods import alive
from .world import World

Json = dict[str, Any]

UNOPENED_SECONDS = 300
OPENED_SECONDS = HOUR
REASONS = (
    "too_expensive",
    "missing_features",
    "switched_service",
    "unused",
    "customer_service",
    "too_complex",
    "low_quality",
    "other",
)


def create_configuration(world: World, params: Json) -> Json:
    if "features" not in params:
        raise required("features")
    return _add_configuration(world, params, default=False)


def retrieve_configuration(world: World, _params: Json, identity: str) -> Json:
    return world.get("billing_portal.configuration", identity)


def update_configuration(world: World, params: Json, identity: str) -> Json:
    configuration = world.get("billing_portal.configuration", identity)
    values: Json = {"updated": world.at}
    for name in ("active", "default_return_url", "metadata", "name"):
        if name in params:
            values[name] = params[name] if params[name] != "" else None
    if "business_profile" in params:
        known = configuration["business_profile"]
        values["business_profile"] = {**known, **params["business_profile"]}
    if "login_page" in params:
        values["login_page"] = {**configuration["login_page"], **params["login_page"]}
    if "features" in params:
        known = configuration["features"]
        values["features"] = {
            **known,
            **{name: _merged(known[name], given) for name, given in params["features"].items()},
        }
    changed(world, "billing_portal.configuration.updated", configuration, **values)
    return configuration


def search_configurations(world: World, params: Json) -> Json:
    # The default one is there from the beginning, as if somebody had saved it in the dashboard.
    configuration_of(world, None)
    fits = matching(params, "active", "is_default")
    found = (one for one in world.newest("billing_portal.configuration") if fits(one))
    return page(
        world, "billing_portal.configuration", "/v1/billing_portal/configurations", found, params
    )


def create_session(world: World, params: Json) -> Json:
    if "customer" not in params:
        raise required("customer")
    customer = alive(world, params["customer"])
    configuration = configuration_of(world, params.get("configuration"))
    flow = params.get("flow_data")
    session = world.add(
        {
            "id": world.new_id("bps"),
            "object": "billing_portal.session",
            "configuration": configuration["id"],
            "created": world.at,
            "customer": customer["id"],
            "flow": _flow(world, customer, configuration, flow) if flow else None,
            "livemode": False,
            "locale": params.get("locale"),
            "on_behalf_of": None,
            "return_url": params.get("return_url") or configuration["default_return_url"],
            "url": "",
            "_ends_at": world.at + UNOPENED_SECONDS,
            "_opened": False,
        }
    )
    world.change(session, url=f"{world.base_url}/p/session/{session['id']}")
    emit(world, "billing_portal.session.created", session)
    return session


def visit(world: World, identity: str) -> Json | None:
    """The session behind a link, if it has not expired; the first visit keeps it open longer."""
    session = world.find("billing_portal.session", identity)
    if session is None or session["_ends_at"] <= world.at:
        return None
    if not session["_opened"]:
        world.change(session, _opened=True, _ends_at=world.at + OPENED_SECONDS)
    return session


def configuration_of(world: World, identity: str | None) -> Json:
    if identity is not None:
        found = world.get("billing_portal.configuration", identity, "configuration", 400)
        if not found["active"]:
            raise StripeError("The configuration is not active.", param="configuration")
        return found
    for one in world.all("billing_portal.configuration"):
        if one["is_default"]:
            return one
    return _add_configuration(world, {"features": _DEFAULT_FEATURES}, default=True)


def cancel(world: World, subscription: Json, configuration: Json, details: Json) -> None:
    """The customer's click on cancel, as the configuration has it."""
    feature = configuration["features"]["subscription_cancel"]
    if not feature["enabled"]:
        raise StripeError("Cancelling is not enabled in this portal configuration.")
    if subscription["status"] in standing.ENDED:
        raise StripeError(f"Subscription {subscription['id']} is already over.")
    if subscription["schedule"]:
        raise StripeError("A subscription managed by a schedule cannot be cancelled here.")
    if feature["mode"] == "immediately":
        standing.end(world, subscription, details=details)
    elif not cancellations.is_scheduled(subscription):
        cancellations.by_portal(world, subscription, details)
    else:
        raise StripeError(f"Subscription {subscription['id']} is already set to cancel.")


def resume(world: World, subscription: Json) -> None:
    """The customer's click on "Don't cancel"."""
    if subscription["status"] in standing.ENDED:
        raise StripeError(f"Subscription {subscription['id']} is over and cannot be resumed.")
    if not cancellations.is_scheduled(subscription):
        raise StripeError(f"Subscription {subscription['id']} is not set to cancel.")
    cancellations.taken_back(world, subscription)


def _flow(world: World, customer: Json, configuration: Json, given: Json) -> Json:
    kind = given.get("type")
    if kind is None:
        raise required("flow_data[type]")
    feature = _FEATURE_OF_FLOW.get(kind, kind)
    if not configuration["features"][feature]["enabled"]:
        raise StripeError(
            f"This flow is disabled in the portal configuration: {feature}.",
            param="flow_data[type]",
        )
    detail = given.get(kind)
    if kind.startswith("subscription_"):
        param = f"flow_data[{kind}][subscription]"
        if not detail or "subscription" not in detail:
            raise required(param)
        subscription = world.get("subscription", detail["subscription"], param, 400)
        _refuse_flow(subscription, customer, kind, param)
    completion = given.get("after_completion") or {"type": "portal_homepage"}
    flow = {
        "type": kind,
        "after_completion": {"hosted_confirmation": None, "redirect": None, **completion},
        "subscription_cancel": None,
        "subscription_pause": None,
        "subscription_update": None,
        "subscription_update_confirm": None,
    }
    if detail:
        flow[kind] = {"retention": None, **detail} if kind == "subscription_cancel" else detail
    return flow


def _refuse_flow(subscription: Json, customer: Json, kind: str, param: str) -> None:
    if subscription["customer"] != customer["id"]:
        raise StripeError(
            f"No such subscription: '{subscription['id']}'", code="resource_missing", param=param
        )
    if subscription["status"] in standing.ENDED:
        raise StripeError(
            "This subscription cannot be used in the portal: it is over.", param=param
        )
    if kind == "subscription_cancel" and cancellations.is_scheduled(subscription):
        raise StripeError(
            "This subscription cannot be canceled because it is already set to be canceled.",
            param=param,
        )


_FEATURE_OF_FLOW = {"subscription_update_confirm": "subscription_update"}


def _add_configuration(world: World, params: Json, *, default: bool) -> Json:
    given = params["features"]
    features = {
        name: _merged(value, given.get(name) or {}) for name, value in _FEATURES_OFF.items()
    }
    configuration = world.add(
        {
            "id": world.new_id("bpc"),
            "object": "billing_portal.configuration",
            "active": True,
            "application": None,
            "business_profile": {
                "headline": None,
                "privacy_policy_url": None,
                "terms_of_service_url": None,
                **(params.get("business_profile") or {}),
            },
            "created": world.at,
            "default_return_url": params.get("default_return_url"),
            "features": features,
            "is_default": default,
            "livemode": False,
            "login_page": {"enabled": False, "url": None},
            "metadata": params.get("metadata") or {},
            "name": params.get("name"),
            "updated": world.at,
        }
    )
    emit(world, "billing_portal.configuration.created", configuration)
    return configuration


def _merged(known: Json, given: Json) -> Json:
    both = dict(known)
    for name, value in given.items():
        nested = isinstance(value, dict) and isinstance(known.get(name), dict)
        both[name] = {**known[name], **value} if nested else (None if value == "" else value)
    return both


_FEATURES_OFF: Json = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "feedback_options": [], "options": []},
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {
        "duration": {"interval_options": [], "type": "indefinite"},
        "enabled": False,
    },
    "subscription_update": {
        "billing_cycle_anchor": "unchanged",
        "default_allowed_updates": [],
        "enabled": False,
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}

_DEFAULT_FEATURES: Json = {
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {
        "enabled": True,
        "cancellation_reason": {"enabled": True, "options": list(REASONS)},
    },
    # As somebody saved it in the dashboard who wants plans to be changed there.
    "subscription_update": {"enabled": True, "default_allowed_updates": ["price"]},
}
