"""Every setting of chalicelib/settings.py, and where a deployed function gets it: one table, held against it by a test.

A parameter that is left empty is a setting that is not there, as if nobody had named it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A setting that whoever deploys decides."""

    parameter: str
    says: str
    default: str | None = ""
    """None where there is no deploying without it."""
    pattern: str | None = None


ASKED: Final[Mapping[str, Asked]] = {
    "LAPSE_TOKEN_ISSUER": Asked("TokenIssuer", "Who issues the access tokens (their claim iss).", None),
    "LAPSE_TOKEN_AUDIENCE": Asked("TokenAudience", "The audience of customers' tokens.", None),
    "LAPSE_SERVICE_AUDIENCE": Asked(
        "ServiceAudience", "The audience of tokens of operators, support and the SaaS's own back end.", None
    ),
    "LAPSE_JWKS_URL": Asked("JwksUrl", "Where the issuer publishes its keys.", None, "https?://.+"),
    "LAPSE_CLAIMS": Asked("Claims", "Our claim names to the issuer's, as JSON, where they differ."),
    "LAPSE_RETURN_ORIGINS": Asked(
        "ReturnOrigins", "Origins that customers may be sent back to, and whose pages may call the API, by commas."
    ),
    "LAPSE_PUBLIC_URL": Asked("PublicUrl", "Where a browser reaches the pages, such as https://billing.example.com."),
    "LAPSE_FRAME_ANCESTORS": Asked("FrameAncestors", "Origins whose pages may show ours in a frame, by commas."),
    "LAPSE_CUSTOMER_LOGIN_URL": Asked("CustomerLoginUrl", "Stripe's own login for customers."),
    "LAPSE_PAGES_POLICY": Asked("PagesPolicy", "The policy whose name the pages show before anybody logged in."),
    "LAPSE_STRIPE_BASE_URL": Asked("StripeBaseUrl", "Where Stripe is, in a trial against an emulator. Empty: at Stripe."),
    "LAPSE_PORTAL_CONFIGURATION": Asked("PortalConfiguration", "The customer portal's configuration at Stripe (bpc_…)."),
    "LAPSE_ROLES_URL": Asked(
        "RolesUrl", "The SaaS's endpoint that says who holds which role now. Empty, the token's word counts."
    ),
    "LAPSE_MAIL_SENDER": Asked(
        "MailSender", "The address mail comes from, verified in SES. Empty, customers are told in the product only."
    ),
    "LAPSE_CAPABILITIES": Asked(
        "Capabilities", "What is done, only said (shadow) or off: docs/how-to/adopt-with-shadow-mode.md. Empty: all on."
    ),
    "LAPSE_LIVEMODE": Asked("Livemode", "Whether Stripe's events must be live ones.", "true", "true|false"),
    "LAPSE_DUE_SHARDS": Asked(
        "DueShards", "Shards of the due index. Never change it once there is data.", "16", "[1-9][0-9]{0,2}"
    ),
    "LAPSE_STRIPE_CALLS_PER_SECOND": Asked(
        "StripeCallsPerSecond", "How fast a job may walk over Stripe's lists.", "20", "[1-9][0-9]{0,2}"
    ),
    "LAPSE_SILENCE_HOURS": Asked(
        "SilenceHours", "After so many hours without an event though plans are live, somebody is told.", "24", "[0-9]{1,3}"
    ),
    "LAPSE_EVENT_ENDPOINTS": Asked(
        "EventEndpoints", "HTTP endpoints that get the events, as JSON: docs/how-to/receive-our-events.md. Empty: none."
    ),
    "LAPSE_PURGERS": Asked("Purgers", "Who else keeps data of an account and deletes it at its purge, as JSON."),
    "LAPSE_TWILIO_ACCOUNT": Asked("TwilioAccount", "Twilio's account SID. Empty, no number is Twilio's."),
    "LAPSE_TWILIO_USER": Asked("TwilioUser", "The SID of the API key, where it is no auth token."),
    "LAPSE_BANDWIDTH_ACCOUNT": Asked("BandwidthAccount", "Bandwidth's account id. Empty, no number is theirs."),
    "LAPSE_BANDWIDTH_USER": Asked("BandwidthUser", "Bandwidth's API user."),
    "LAPSE_AWS_MESSAGING_REGION": Asked(
        "AwsMessagingRegion", "The region in which AWS End User Messaging holds numbers. Empty, it holds none."
    ),
}  # fmt: skip

TELNYX: Final = Asked("Telnyx", "Whether numbers lie at Telnyx.", "false", "true|false")

MADE: Final[Mapping[str, Json | str]] = {
    "LAPSE_TABLE": {"Ref": "Table"},
    "LAPSE_EVENT_BUS": {"Ref": "Bus"},
    "LAPSE_FILES_BUCKET": {"Ref": "Files"},
    "LAPSE_STAGE": {"Ref": "Stage"},
    "LAPSE_PAYS_AT_ONCE": "false",
}
"""What the stack makes itself, and decides itself: only pay_decided_cases has the key that pays back, so no request tries."""


def _place(secret: str) -> Json:
    return {"Fn::Sub": f"secretsmanager:lapse/${{Stage}}/{secret}"}


KEPT: Final[Mapping[str, Json]] = {
    "LAPSE_STRIPE_API_KEY": _place("stripe"),
    "LAPSE_WEBHOOK_SECRETS": _place("webhook"),
    "LAPSE_ROLES_SECRET": _place("roles"),
    "LAPSE_TWILIO_SECRET": _place("carriers#twilio"),
    "LAPSE_BANDWIDTH_SECRET": _place("carriers#bandwidth"),
    "LAPSE_TELNYX_SECRET": {"Fn::If": ["HasTelnyx", _place("carriers#telnyx"), {"Ref": "AWS::NoValue"}]},
}  # fmt: skip
"""Secrets: only the place where each lies. Who may read it there is said in functions.py."""

OF_ONE_FUNCTION: Final[Mapping[str, Mapping[str, Json]]] = {
    # The key that pays back is not even named to any other.
    "pay_decided_cases": {"LAPSE_STRIPE_REFUND_KEY": _place("stripe-refunds")},
}
SHARE_QUEUE: Final = "LAPSE_SHARE_QUEUE"
"""Told to each function that shares its work out (`takers`): its own queue."""
LOCAL_ONLY: Final = frozenset({"LAPSE_JWKS"})
"""Settings that no deployed function has."""


def environment() -> Json:
    return {**MADE, **KEPT, **dict(_asked())}


def _asked() -> Iterator[tuple[str, Json]]:
    for name, asked in ASKED.items():
        ref = {"Ref": asked.parameter}
        yield (
            name,
            {"Fn::If": [f"Has{asked.parameter}", ref, {"Ref": "AWS::NoValue"}]}
            if asked.default == ""
            else ref,
        )


def parameters() -> Json:
    return {
        asked.parameter: {
            "Type": "String",
            "Description": asked.says,
            **({"MinLength": 1} if asked.default is None else {"Default": asked.default}),
            **({"AllowedPattern": asked.pattern} if asked.pattern else {}),
        }
        for asked in _all()
    }


def conditions() -> Json:
    given = {
        f"Has{asked.parameter}": {"Fn::Not": [{"Fn::Equals": [{"Ref": asked.parameter}, ""]}]}
        for asked in _all()
        if asked.default == ""
    }
    return {**given, "HasTelnyx": {"Fn::Equals": [{"Ref": TELNYX.parameter}, "true"]}}


def _all() -> Iterable[Asked]:
    return (*ASKED.values(), TELNYX)
