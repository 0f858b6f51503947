"""The pages a browser opens, and the files they are made of. Nobody needs a token for them: they hold nothing of anybody.

What an account has comes through the API, to the script, with a token that is kept in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chalicelib import pages
from chalicelib.domain.policy import Policy, Support, Text
from chalicelib.handlers.call import Answer, Request, refused
from chalicelib.handlers.origins import origin_of
from chalicelib.handlers.problems import not_found
from chalicelib.settings import Settings
from chalicelib.wiring import World

FOR_GOOD = "public, max-age=31536000, immutable"
"""For an address with the version in it: what lies there never changes."""
ASK_FIRST = "no-cache"
"""Kept, and asked for again each time: if the hash is still the same, nothing is sent."""


def membership(world: World, _: Request) -> Answer:
    policy = _policy(world)
    settings = world.settings
    return _page("membership", _words(settings, policy), safety(settings.frame_ancestors))


def console(_: World, __: Request) -> Answer:
    """The operators' page. Nobody may put it into a frame: what is pressed here is to be meant."""
    return _page("console", {}, safety(()))


def asset(_: World, request: Request) -> Answer:
    """An asset, under the version our pages name or, for other people's pages, under none."""
    found = pages.asset(request.params["name"])
    if found is None:
        return refused(not_found("file"), request.request_id)
    headers = {
        "Content-Type": found.kind,
        "ETag": f'"{found.digest}"',
        "Cache-Control": FOR_GOOD
        if request.params.get("version") == pages.version()
        else ASK_FIRST,
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }
    if found.digest in _known(request.headers.get("if-none-match", "")):
        return Answer(304, "", headers)
    return Answer(200, found.text, headers)


def _known(header: str) -> list[str]:
    """The hashes that the browser has. A proxy that compressed an answer marks its hash as weak."""
    return [one.strip().removeprefix("W/").strip('"') for one in header.split(",")]


def _page(name: str, words: Mapping[str, str], rules: Mapping[str, str]) -> Answer:
    html = pages.page(name, {**words, "version": pages.version()})
    return Answer(200, html, {"Content-Type": "text/html; charset=utf-8", **rules})


def safety(framed_by: Iterable[str]) -> dict[str, str]:
    """What a page may do in a browser: run our own scripts, talk to us, and nothing else."""
    origins = sorted({o for one in framed_by if (o := origin_of(one)) is not None})
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": " ".join(origins) or "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in rules.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    }
    # The older header knows no list, so it can only say "nobody"; every browser we serve knows the newer one.
    return headers | ({} if origins else {"X-Frame-Options": "DENY"})


def _policy(world: World) -> Policy | None:
    """Whose words the page has before anybody has said who they are. A name nobody knows is nobody's."""
    name = world.settings.pages_policy
    return world.policies.get(name) if name in world.policies.names() else None


def _words(settings: Settings, policy: Policy | None) -> dict[str, str]:
    locale = policy.locale if policy else "en"
    support = policy.support if policy else Support()
    has_contact = any((support.email, support.phone, support.how))
    how = support.how if has_contact else _WHERE_TO_ASK
    said = {
        "title": _TITLE,
        "without_script": _WITH_LOGIN if settings.customer_login_url else _WITHOUT_LOGIN,
        "login_label": _LOGIN,
        "support_title": _SUPPORT,
        "support_hours": support.hours,
        "support_how": how,
    }
    return {
        "language": "fr" if locale[:2].lower() == "fr" else "en",
        "login_url": settings.customer_login_url or "",
        "support_email": support.email or "",
        "support_phone": support.phone or "",
        **{name: text.in_language(locale) if text else "" for name, text in said.items()},
    }


_TITLE = Text(en="Membership", fr="Abonnement")
_WITH_LOGIN = Text(
    en="This page needs JavaScript. Without it you can change your payment method, see your invoices and cancel on "
    "Stripe's own page, after logging in with your e-mail address.",
    fr="Cette page a besoin de JavaScript. Sans lui, vous pouvez changer de moyen de paiement, consulter vos factures "
    "et annuler sur la page de Stripe, en vous connectant avec votre adresse e-mail.",
)
_WITHOUT_LOGIN = Text(
    en="This page needs JavaScript. Without it, our support can do all of this for you.",
    fr="Cette page a besoin de JavaScript. Sans lui, notre assistance peut tout faire pour vous.",
)
_LOGIN = Text(en="Continue on Stripe's page", fr="Continuer sur la page de Stripe")
_SUPPORT = Text(en="Support", fr="Assistance")
_WHERE_TO_ASK = Text(
    en="Write to the support of the company you have your account with.",
    fr="Écrivez à l'assistance de l'entreprise chez qui vous avez votre compte.",
)
