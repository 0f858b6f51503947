"""The listing of what callers may change: for every route that writes, a request that succeeds, and what was before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from chalicelib import wiring
from chalicelib.domain.moments import rfc3339
from chalicelib.store.memory import MemoryTable
from tests.doors.scene import ACME, Ids, furnished
from tests.operators.desk import NUMBER
from tests.operators.test_recovering import BACK
from tests.promises.test_goto_assisted import RIGHT, with_address
from tests.purging.test_approval import Strict
from tests.support.life import Life, Reply, consenting
from tests.support.stripe_shapes import MESSAGING, event, raw, signature, subscription

WHY = {"reason": "a customer asked for it"}
URL = "https://app.example.com/back"


@dataclass
class Ready:
    """A life in which the request is about to be made."""

    life: Life
    table: MemoryTable
    ids: Ids
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def plan(self) -> str:
        return self.ids["subscriptions"][0]


@dataclass(frozen=True)
class Request:
    name: str
    """Method and path, as the table of routes has them."""
    who: str = "customer"
    body: Callable[[Ready], Any] = lambda ready: None
    before: Callable[[Ready], None] = lambda ready: None
    ready: Callable[[], Ready] = field(default=lambda: smarter())  # noqa: PLW0108 - it is made below
    answers: int = 200
    or_under_way: int | None = None
    """What it may answer as well, when asked again while an outsider has not answered yet."""

    def asked(self, ready: Ready) -> Callable[[], Reply]:
        """The very same whenever it is made, also when time has passed."""
        method, _, path = self.name.partition(" ")
        first, *rest = path.removeprefix("/v1/").removeprefix("admin/").split("/")
        for at, part in enumerate(rest):
            if part.startswith("{"):
                known = ready.more.get(part, ready.ids[[first, *rest][at]][0])
                path = path.replace(part, known, 1)
        account = ACME if self.who == "customer" else None
        roles = ("super_admin", "billing_admin") if self.who == "customer" else (self.who,)
        token = ready.life.token(account, *roles, sub=f"the-{self.who}")
        if self.who == "service":
            path += f"?account_id={ACME}"
        headers = {"Idempotency-Key": "pressed-once"} if method == "POST" else {}
        body = self.body(ready)
        return lambda: ready.life.api(method, path, body, token=token, headers=headers)


def smarter() -> Ready:
    table = MemoryTable()
    life = Life(table)
    return Ready(life, table, furnished(life, ACME, "walrus", "+14155550111"))


def _goto() -> Ready:
    table = MemoryTable()
    life = Life(table)
    life.account(ACME, "goto")
    plan = life.subscribe(ACME, "goto:webinar:month")
    with_address(life)
    return Ready(life, table, {"subscriptions": [plan]})


def onemsg() -> Ready:
    table = MemoryTable()
    life = Life(table)
    life.account(ACME, "1msg")
    return Ready(life, table, {"subscriptions": [life.subscribe(ACME, "1msg:channel:month")]})


def _released() -> Ready:
    ready = smarter()
    number = ready.life.number(ACME, NUMBER)
    assert number.status == 200
    ready.life.cancel(ACME, ready.plan)
    ready.life.move(BACK)
    ready.life.subscribe(ACME)
    ready.ids["numbers"] = [NUMBER]
    return ready


def _strict() -> Ready:
    ready = smarter()
    ready.life.cancel(ACME, ready.plan)
    strict: Any = Strict(ready.life.world.policies)
    ready.life.world = replace(ready.life.world, policies=strict)
    wiring.use(ready.life.world)
    return ready


def _shown(ready: Ready) -> None:
    ready.more["consenting"] = consenting(ready.life.preview(ACME, ready.plan).body)


def _leaving(ready: Ready) -> None:
    assert ready.life.cancel(ACME, ready.plan).status == 200


def _identified(ready: Ready) -> None:
    path = f"/v1/subscriptions/{ready.plan}/assisted-cancellation-previews"
    token = ready.life.token(None, "support_agent", sub="the-support_agent")
    shown = ready.life.api("POST", path, RIGHT, token=token)
    ready.more["consenting"] = consenting(shown.body)


def _refund_asked(ready: Ready) -> None:
    asked = ready.life.customer(
        ACME, "POST", "/v1/refund-requests", {"subscription_id": ready.plan}
    )
    ready.ids["cases"] = [asked.body["id"]]


def _on_hold(ready: Ready) -> None:
    ready.life.operator("POST", f"/v1/admin/steps/{ready.ids['steps'][0]}/hold", WHY)


def _the_fee(ready: Ready) -> None:
    ready.more["{key}"] = ready.ids["steps"][-1]


def _legal_hold(ready: Ready) -> None:
    ready.life.operator("POST", f"/v1/admin/accounts/{ACME}/legal-hold", WHY)


def _killed(ready: Ready) -> None:
    ready.life.operator("POST", "/v1/admin/kill-switch", WHY)


def _parked(ready: Ready) -> None:
    """Stripe spoke of a customer nobody had; then the account's was put without its events being looked at."""
    life = ready.life
    start = int(life.now.timestamp())
    thing = subscription("sub_late", "cus_late", start=start, end=start + 86_400, price=MESSAGING)
    body = raw(event("evt_nobodys", "customer.subscription.deleted", start, thing))
    life.api("POST", "/webhooks/stripe", body, headers={"Stripe-Signature": signature(body, start)})


def _number(ready: Ready) -> Any:
    return {
        "account_id": ACME, "provider": "local", "provider_id": "PN111", "bought_at": rfc3339(ready.life.now),
        "monthly_fee": {"amount": 200, "currency": "usd"},
    }  # fmt: skip


def _window(ready: Ready) -> Any:
    starts = ready.life.now + timedelta(days=10)
    return {
        "starts_at": rfc3339(starts), "ends_at": rfc3339(starts + timedelta(days=1)), "kind": "emergency",
        "reason": "A cable was cut",
    }  # fmt: skip


def _message(ready: Ready) -> Any:
    message = {
        "id": "M-new", "channel": "sms", "send_at": rfc3339(ready.life.now + timedelta(days=9)),
        "price": {"amount": 7, "currency": "usd"},
    }  # fmt: skip
    return {"account_id": ACME, "messages": [message, {**message, "id": "M-newer"}]}


def _usage(ready: Ready) -> Any:
    return {
        "account_id": ACME, "id": "u1", "kind": "conversation", "at": rfc3339(ready.life.now),
        "amount": {"amount": 30, "currency": "usd"},
    }  # fmt: skip


def _activity(ready: Ready) -> Any:
    return {"account_id": ACME, "id": "a1", "kind": "login", "at": rfc3339(ready.life.now)}


def _appeal(_: Ready) -> Any:
    amount = {"amount": 4900, "currency": "usd"}
    return {"payment": "pi_1", "date": "2026-01-30", "amount": amount, "description": "Twice."}


def _same(*names: str) -> Callable[[Ready], Any]:
    return lambda ready: {name: value for name in names for value in [ready.more[name]]}


REQUESTS = (
    Request("POST /v1/portal-sessions", body=lambda _: {"return_url": URL}, answers=201),
    Request(
        "POST /v1/checkout-sessions", answers=201,
        body=lambda _: {"purpose": "plan", "price": "smarter-contact:calling:month", "success_url": URL, "cancel_url": URL},
    ),
    Request("POST /v1/subscriptions/{id}/cancellation-previews", answers=201),
    Request("POST /v1/subscriptions/{id}/cancellation", before=_shown, body=lambda r: r.more["consenting"]),
    Request("DELETE /v1/subscriptions/{id}/cancellation", before=_leaving),
    Request(
        "POST /v1/subscriptions/{id}/assisted-cancellation-previews", "support_agent", ready=_goto,
        body=lambda _: RIGHT, answers=201,
    ),
    Request(
        "POST /v1/subscriptions/{id}/assisted-cancellation", "support_agent", ready=_goto, before=_identified,
        body=lambda r: RIGHT | r.more["consenting"],
    ),
    Request("PUT /v1/subscriptions/{id}/seats/{user}", before=lambda r: r.more.update({"{user}": "new"})),
    Request("DELETE /v1/subscriptions/{id}/seats/{user}"),
    Request("PUT /v1/numbers/{e164}", "service", _number),
    Request("DELETE /v1/numbers/{e164}", "service"),
    Request(
        "PUT /v1/registrations/{id}", "service",
        lambda _: {"account_id": ACME, "kind": "sign_up", "state": "active"}, lambda r: r.more.update({"{id}": "R-new"}),
    ),
    Request("DELETE /v1/registrations/{id}", "service"),
    Request("POST /v1/scheduled-messages", "service", _message),
    Request("POST /v1/scheduled-messages/{id}/sent", "service"),
    Request("DELETE /v1/scheduled-messages/{id}", "service"),
    Request("POST /v1/activity", "service", _activity),
    Request("POST /v1/usage-charges", "service", _usage),
    Request("POST /v1/refund-requests", ready=onemsg, body=lambda r: {"subscription_id": r.plan}, answers=201),
    Request("POST /v1/appeals", body=_appeal, answers=201),
    Request("POST /v1/cases/{id}/replies", body=lambda _: {"text": "And?"}, answers=201),
    Request(
        "POST /v1/cases/{id}/decision", "operator", lambda _: {"approve": True, **WHY}, _refund_asked, onemsg,
    ),
    Request("POST /v1/exports", answers=202),
    Request("POST /v1/maintenance-windows", "operator", _window, answers=201),
    Request("PUT /v1/maintenance-windows/{id}", "operator", lambda _: {"withdrawn": True}),
    Request("PUT /v1/admin/accounts/{id}", "operator", lambda _: {"email": "new@example.com", "locale": "fr"}),
    Request("POST /v1/admin/accounts/{id}/legal-hold", "operator", lambda _: WHY),
    Request("DELETE /v1/admin/accounts/{id}/legal-hold", "operator", lambda _: WHY, _legal_hold),
    Request("POST /v1/admin/accounts/{id}/purge-approval", "operator", lambda _: WHY, ready=_strict),
    Request("POST /v1/admin/steps/{key}/hold", "operator", lambda _: WHY),
    Request("POST /v1/admin/steps/{key}/retry", "operator", lambda _: WHY, _on_hold),
    Request("POST /v1/admin/steps/{key}/waive", "operator", lambda _: WHY, _the_fee),
    Request(
        "POST /v1/admin/numbers/{e164}/recovery", "operator", lambda _: {"account_id": ACME, **WHY}, ready=_released,
        or_under_way=202,
    ),
    Request("POST /v1/admin/kill-switch", "operator", lambda _: WHY),
    Request("DELETE /v1/admin/kill-switch", "operator", lambda _: WHY, _killed),
    Request("POST /v1/admin/parked-events/{id}/replay", "operator", lambda _: WHY, _parked, answers=409),
)  # fmt: skip
"""The last one's event still cannot be applied, and must stay parked; one that can is in tests/crashes/stories.py."""
ELSEWHERE = {
    "POST /v1/page-codes/exchange": (
        "tests.pages.test_links", "test_whatever_goes_wrong_at_the_table_a_code_is_never_good_twice"),
    "POST /webhooks/stripe": (
        "tests.crashes.test_every_kind", "test_an_event_broken_anywhere_ends_as_if_nothing_had_happened"),
}  # fmt: skip
"""Doors that write and stand in no table of routes → the module and the test. Who asks there again is another matter: a
code is used up, and Stripe delivers again."""
