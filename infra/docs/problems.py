"""docs/reference/problems.md: every code a refusal may have, what it means, and which routes answer it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chalicelib.handlers.openapi import REFUSALS
from chalicelib.handlers.problems import STATUSES, TITLES
from infra.docs.tables import code, codes, made_from, table

HEAD = f"""# Problems

{made_from("chalicelib/handlers/problems.py")}

A refusal is an RFC 9457 document, `application/problem+json`: `type` (`urn:lapse:problem:CODE`), `title`, `status`,
`detail` (a sentence for a person), `code`, `request_id`; and where they apply `errors[]` (`pointer`, `code`, `detail`),
`blockers[]` (`code`, `title`, `action{{label, href}}`), `required_roles[]`, `support`. Programs read the `code`.

What is checked first, everywhere: the token (401), whose it is (404), its shape (422), whether it is a repeat, the role
(403), whether what was shown still holds (409 `preview_stale`), what stands in the way (409 `blocked`), the reason and
the consents (422).
"""


def page() -> str:
    return "\n".join([HEAD, *_by_status()]).rstrip() + "\n"


def _by_status() -> Iterator[str]:
    routes = _routes()
    for status, title in TITLES.items():
        found = [name for name, its in STATUSES.items() if its == status]
        if not found:
            continue
        yield f"## {status} {title}\n"
        rows = [
            (code(one), MEANINGS[one], codes(routes.get(one, ())) or "any that fits")
            for one in found
        ]
        yield table(("code", "what it means, and what to do", "routes"), rows)


def _routes() -> Mapping[str, list[str]]:
    """Code → the routes that name it as their own."""
    found: dict[str, list[str]] = {}
    for route, its in REFUSALS.items():
        for name in its:
            found.setdefault(name, []).append(route)
    return found


MEANINGS: Mapping[str, str] = {
    "malformed_request": "The body, the path or the signature cannot be read. Send it as the API says; repeating it as it is does not help.",
    "token_missing": "There is no `Authorization: Bearer …`.",
    "token_expired": "The token was valid once. Get a new one and repeat the request.",
    "token_invalid": "Its signature, issuer, audience or claims are not right, or it mixes an account with an operator's role.",
    "role_required": "Another role may: `required_roles` names those. What else stands in the way is in `blockers`.",
    "identity_not_confirmed": "Something a caller said on the phone does not match. It is not said what.",
    "not_found": "There is none, or it belongs to another account.",
    "method_not_allowed": "The path is there; `Allow` says with which methods.",
    "blocked": "Something has to be cleared first: each of `blockers` says what, and where.",
    "already_canceled": "The subscription has ended. Ended is final; subscribing again makes a new one.",
    "already_decided": "A case is decided once.",
    "already_credited": "The message went back to the wallet: it must not be sent any more.",
    "already_subscribed": "The account has this plan.",
    "no_live_plan": "There is no plan that this needs.",
    "not_resumable": "The end is over. Subscribe again to come back.",
    "not_recoverable": "The number cannot be had back, or not any more.",
    "preview_stale": "What was shown holds no longer, or not for so long: `preview` has what holds now. Show that, and ask again.",
    "portal_unavailable": "Stripe's portal opens after the first successful payment; `detail` says it where Stripe does not open it for another reason.",
    "disputed": "The payment is at the bank. Nothing is paid back meanwhile.",
    "taken": "The id, number or customer belongs to another account, or was used for something else.",
    "idempotency_in_flight": "The first request under this key is still under way. Repeat it in a moment.",
    "body_too_large": "More than 10 MB.",
    "invalid_request": "`errors` names each field and what is wrong with it.",
    "consent_missing": "`errors` names each disclosure that was not consented to, with its text.",
    "reason_missing": "This policy asks why; `reasons` of the preview are the choices.",
    "return_url_not_allowed": "The address is of an origin that is not on the deployment's list.",
    "idempotency_key_reused": "The key was used for another request within 24 hours. Make a new one.",
    "rate_limited": "So many tries a day. `Retry-After` says when again.",
    "internal_error": "A mistake of ours. It is in the log under `request_id`.",
    "stripe_refused": "Stripe understood what we asked and said no; `stripe_code` is its own word for it. Nothing was changed, and asking again does not help: an operator finds Stripe's request in the log, under `request_id`.",
    "switched_off": "The capability is `off` or `shadow` in this deployment, or an operator has stopped everything that leaves.",
    "stripe_unavailable": "Stripe did not answer, or not to our key. Nothing is lost; the same request again finishes it, after `Retry-After`.",
    "temporarily_unavailable": "Our storage, a secret or the issuer's keys could not be reached. Repeat it.",
}
"""Code → what it means to whoever gets it. Each code has to be here: the page cannot be made without."""
