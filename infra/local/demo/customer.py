"""A customer and the SaaS around them: the verbs a story is told in.

Everything goes through the public routes and Stripe's hosted pages. Each verb writes into the diary what was done and
what it makes everybody expect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from chalicelib.domain.moments import from_rfc3339, rfc3339
from infra.local.demo import payments, promises
from infra.local.demo.acting import BACK
from infra.local.demo.api import Unexpected
from infra.local.demo.diary import Expected
from infra.local.demo.judge import when
from infra.local.demo.promise import Plan, Promise
from infra.local.demo.purse import Purse
from infra.local.demo.terms import Terms
from infra.local.demo.told import Preview

MONTHS = {"month": 1, "year": 12}


class Customer(Terms, Purse):
    # -- subscribing

    def subscribes(self, price: str, *, costs: int, gives: tuple[str, ...]) -> Plan:
        """Through Checkout, on its hosted page, as people do."""
        before = {one["id"] for one in self._membership()["subscriptions"]}
        link = self._ask(
            "POST",
            "/v1/checkout-sessions",
            {"purpose": "plan", "price": price, "success_url": BACK, "cancel_url": BACK},
        )
        self._api.open_page(link["url"])
        self._api.submit(link["url"], action="pay", email=self.email, name="A Customer")
        new = [one for one in self._membership()["subscriptions"] if one["id"] not in before]
        if len(new) != 1:
            raise Unexpected(f"After Checkout there are {len(new)} new subscriptions on the page.")
        plan = Plan(
            id=new[0]["id"],
            title=new[0]["title"],
            began=self.now(),
            months=MONTHS[price.rpartition(":")[2]],
            price=costs,
            features=gives,
        )
        period = price.rpartition(":")[2]
        self._did(f"{plan.title}: subscribed through Checkout, {self._money(costs)} a {period}")
        self._must_have(plan)
        self._expect(payments.paid(self.now(), plan))
        self._renews(plan)
        return plan

    # -- what the SaaS puts in: numbers, registrations, messages

    def buys_number(self, number: str, *, fee: int, fees_on: Sequence[str]) -> str:
        """`fees_on`: the days, as the document has them, on which its monthly fee falls due."""
        now = self.now()
        self.books.held.add(number)
        self._service(
            "PUT",
            f"/v1/numbers/{quote(number)}",
            {"account_id": self.account_id, "provider": "local", "provider_id": f"PN{number[1:]}",
             "monthly_fee": self._amount(fee), "bought_at": rfc3339(now)},
        )  # fmt: skip
        self._did(f"{number}: bought, {self._money(fee)} a month from the wallet")
        for day in fees_on:
            at = datetime.combine(datetime.fromisoformat(day), now.timetz())
            self._expect(payments.number_fee(at, number, fee))
        return number

    def removes_number(self, number: str) -> None:
        self._did(f"{number}: removed, so that it costs nothing more")
        self._expect(promises.number_removed(self.now(), number))
        self._ask("DELETE", f"/v1/numbers/{quote(number)}")

    def registers_for_10dlc(self, registration: str) -> str:
        self.books.held.add(registration)
        self._service(
            "PUT",
            f"/v1/registrations/{registration}",
            {"account_id": self.account_id, "kind": "10dlc", "state": "active",
             "provider": "local", "provider_id": f"BR-{registration}"},
        )  # fmt: skip
        self._did(f"{registration}: registered for 10DLC")
        return registration

    def schedules(self, channel: str, price: int, messages: Mapping[str, datetime]) -> None:
        """Message → when it is to be sent; each price is debited from the wallet now."""
        self._service("POST", "/v1/scheduled-messages", self._batch(channel, price, messages))
        first, *_, last = messages
        self._did(f"{first} to {last}: scheduled, {self._money(price)} each")
        words = f"{first} to {last}: paid in advance"
        self._expect(payments.messages_debited(self.now(), words, price * len(messages)))

    def _batch(self, channel: str, price: int, messages: Mapping[str, datetime]) -> dict[str, Any]:
        return {
            "account_id": self.account_id,
            "messages": [
                {"id": id, "channel": channel, "send_at": rfc3339(at),
                 "price": self._amount(price)}
                for id, at in messages.items()
            ],
        }  # fmt: skip

    def is_sent(self, message: str) -> None:
        path = f"/v1/scheduled-messages/{message}/sent?account_id={self.account_id}"
        self._service("POST", path)
        self._did(f"{message}: sent")

    def deletes_message(self, message: str, price: int) -> None:
        path = f"/v1/scheduled-messages/{message}?account_id={self.account_id}"
        self._service("DELETE", path)
        self._did(f"{message}: deleted before it was sent")
        self._expect(payments.message_given_back(self.now(), message, price))

    def may_not_send(self, message: str) -> None:
        path = f"/v1/scheduled-messages/{message}/sent?account_id={self.account_id}"
        self._refused(f"{message}: may not be sent any more", "already_credited", "POST", path)

    def may_not_schedule(self, channel: str) -> None:
        batch = self._batch(channel, 1, {"too-late": self.now()})
        words = f"Another {channel.upper()}: cannot be scheduled any more"
        self._refused(words, "no_live_plan", "POST", "/v1/scheduled-messages", batch)

    # -- the company works on its systems

    def is_told_of_work(self, starts_at: datetime, ends_at: datetime, reason: str) -> None:
        """Announced, or recorded when it is over. Every customer who has access meanwhile gets a mail."""
        is_over = ends_at <= self.now()
        body = {
            "starts_at": rfc3339(starts_at),
            "ends_at": rfc3339(ends_at),
            "kind": "emergency" if is_over else "scheduled",
            "reason": reason,
        }
        told = self._api.as_operator("POST", "/v1/maintenance-windows", body)
        said = "recorded" if is_over else "announced"
        touched = len(told["days"]["1msg"])
        self._did(
            f"Work from {when(starts_at)} to {when(ends_at)} is {said}:"
            f" {touched} calendar day{'' if touched == 1 else 's'}"
        )
        self._expect(promises.told_of_work(self.now()))

    # -- leaving, and coming back

    def previews(self, plan: Plan, role: str = "super_admin") -> Preview:
        """Asks what cancelling would lead to. Nothing is decided yet."""
        path = f"/v1/subscriptions/{plan.id}/cancellation-previews"
        token = self._api.token(self.account_id, role)
        return Preview(plan, self._api.must("POST", path, token=token))

    def agrees(self, shown: Preview, *promised: Promise, reason: str = "other") -> list[Expected]:
        """Consents to everything that was shown, and cancels. What was shown has to be what was promised."""
        answer, plan = shown.answer, shown.plan
        told = answer["consequences"]
        self._did(f"{plan.title}: cancelled, after reading and agreeing to this:", told)
        self._compare(
            "The preview", told, [*_told(promised), *self._fees_before(shown.access_ends_at)]
        )
        done = self._ask(
            "POST",
            f"/v1/subscriptions/{plan.id}/cancellation",
            shown.consented(reason),
        )
        same = done["access_ends_at"] == answer["access_ends_at"]
        self._must(same, "The answer names another last day than the preview.")
        self._is_pending(plan)
        self._expect(promises.confirmed(self.now(), plan, shown.access_ends_at))
        return self.expects(*promised)

    def cancels_in_portal(self, plan: Plan, *, feedback: str = "unused") -> datetime:
        """On Stripe's hosted page. Answers when access ends, as the membership page says it."""
        url = self._portal({"flow": "subscription_cancel", "subscription_id": plan.id})
        self._api.submit(url, action="cancel", subscription=plan.id, feedback=feedback)
        self._did(f"{plan.title}: cancelled in Stripe's portal")
        self._is_pending(plan)
        end = self.end_of(plan)
        self._expect(promises.confirmed(self.now(), plan, end))
        return end

    def is_told(self, *promised: Promise) -> list[Expected]:
        """After a plan was turned off elsewhere: the membership page has to say what was promised."""
        told = self._membership()["upcoming"]
        self._did("The membership page says what lies ahead:", told)
        ends = {p.shown.kind: p.at for p in promised if p.shown}
        if "numbers_released" in ends:
            fees = self._fees_before(ends.get("access_ends", self.now()))
        else:
            fees = self._next_fees()
        self._compare("The membership page", told, [*promised, *fees])
        return self.expects(*promised)

    def _is_pending(self, plan: Plan) -> None:
        self._must(self.status(plan) == "pending_cancellation", "The page should say “pending”.")
        self.no_longer([self._renewals[plan.id]])

    def resumes(self, plan: Plan, given_up: Iterable[Expected]) -> None:
        self._ask("DELETE", f"/v1/subscriptions/{plan.id}/cancellation")
        self._stays(plan, given_up, f"{plan.title}: resumed")

    def resumes_in_portal(self, plan: Plan, given_up: Iterable[Expected]) -> None:
        url = self._portal({})
        self._api.submit(url, action="resume", subscription=plan.id)
        self._stays(plan, given_up, f"{plan.title}: resumed in Stripe's portal")

    def _stays(self, plan: Plan, given_up: Iterable[Expected], words: str) -> None:
        self._must(self.status(plan) == "active", "The page should say “active” after resuming.")
        self.is_spared(given_up, f"{words}; ")
        self._renews(plan)

    def may_not_resume(self, plan: Plan) -> None:
        path = f"/v1/subscriptions/{plan.id}/cancellation"
        token = self._api.token(self.account_id, "super_admin")
        words = f"{plan.title}: cannot be resumed any more"
        self._refused(words, "not_resumable", "DELETE", path, token=token)

    def saves_card(self, card: str, words: str) -> None:
        self._api.submit(self._portal({"flow": "payment_method_update"}), action="card", card=card)
        self._did(words)

    def bank_refuses(self) -> None:
        """From now on every charge fails, whatever the card."""
        self._control(action="fail_payment", customer=self.stripe_id)
        self._did("The bank refuses the card from now on")

    def _portal(self, flow: Mapping[str, str]) -> str:
        url = str(self._ask("POST", "/v1/portal-sessions", {"return_url": BACK, **flow})["url"])
        self._api.open_page(url)
        return url

    # -- what the page says

    def status(self, plan: Plan) -> str:
        return str(self._on_page(plan)["status"])

    def end_of(self, plan: Plan) -> datetime:
        end = self._on_page(plan)["access_ends_at"]
        if end is None:
            raise Unexpected(f"The membership page names no end of the {plan.title}.")
        return from_rfc3339(end)

    def finds_under_discover(self, plan: Plan) -> None:
        titles = [one["title"] for one in self._membership()["discover"]]
        self._must(plan.title in titles, f"The {plan.title} should be listed under “discover”.")
        self._did(f"{plan.title}: listed under “discover”, so it is cancelled for sure")

    def _on_page(self, plan: Plan) -> Mapping[str, Any]:
        for one in self._membership()["subscriptions"]:
            if one["id"] == plan.id:
                return dict(one)
        raise Unexpected(f"The {plan.title} is not on the membership page.")

    def _fees_before(self, end: datetime) -> list[Promise]:
        return [p for p in self._open_fees() if p.at < end]

    def _next_fees(self) -> list[Promise]:
        """While a plan renews, the page shows each number's next fee only."""
        nearest: dict[str | None, Promise] = {}
        for promise in sorted(self._open_fees(), key=lambda p: p.at):
            assert promise.shown is not None
            nearest.setdefault(promise.shown.subject, promise)
        return list(nearest.values())

    def _open_fees(self) -> list[Promise]:
        shown = [e.promise for e in self.diary.expected if e.is_open]
        return [p for p in shown if p.shown and p.shown.kind == "number_fee"]


def _told(promised: Iterable[Promise]) -> list[Promise]:
    """Several instalments are told as one: those after the first are not shown by themselves."""
    return [one for one in promised if one.shown is not None]
