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
from infra.local.demo import promises
from infra.local.demo.api import Api, Unexpected
from infra.local.demo.books import Books
from infra.local.demo.diary import Deed, Diary, Expected
from infra.local.demo.judge import Finding, when
from infra.local.demo.money import spelled
from infra.local.demo.promises import Plan, Promise
from infra.local.demo.told import Preview, Told, disagreements, in_words

BACK = "https://app.example.com/billing"
MONTHS = {"month": 1, "year": 12}


class Customer:
    def __init__(
        self, api: Api, account_id: str, email: str, stripe_id: str, currency: str
    ) -> None:
        self._api = api
        self.account_id, self.email, self.currency = account_id, email, currency
        self.stripe_id = stripe_id
        self.books = Books(api, account_id, stripe_id)
        self.diary = Diary()
        self._renewals: dict[str, Expected] = {}

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
        self._expect(promises.paid(self.now(), plan))
        self._renews(plan)
        return plan

    def _must_have(self, plan: Plan) -> None:
        seen = self.books.read()
        self._must(promises.gives(plan, seen), f"{', '.join(plan.features)} should be allowed now.")

    def _renews(self, plan: Plan) -> None:
        promise = promises.renewal(plan, plan.period_end(self.now()))
        self._renewals[plan.id] = self._expect(promise)

    def renewal_of(self, plan: Plan) -> Expected:
        return self._renewals[plan.id]

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
            self._expect(promises.number_fee(at, number, fee))
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
        self._expect(promises.messages_debited(self.now(), words, price * len(messages)))

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
        self._expect(promises.message_given_back(self.now(), message, price))

    def may_not_send(self, message: str) -> None:
        path = f"/v1/scheduled-messages/{message}/sent?account_id={self.account_id}"
        self._refused(f"{message}: may not be sent any more", "already_credited", "POST", path)

    def may_not_schedule(self, channel: str) -> None:
        batch = self._batch(channel, 1, {"too-late": self.now()})
        words = f"Another {channel.upper()}: cannot be scheduled any more"
        self._refused(words, "no_live_plan", "POST", "/v1/scheduled-messages", batch)

    # -- leaving, and coming back

    def previews(self, plan: Plan) -> Preview:
        """Asks what cancelling would lead to. Nothing is decided yet."""
        path = f"/v1/subscriptions/{plan.id}/cancellation-previews"
        return Preview(plan, self._ask("POST", path))

    def agrees(self, shown: Preview, *promised: Promise, reason: str = "other") -> list[Expected]:
        """Consents to everything that was shown, and cancels. What was shown has to be what was promised."""
        answer, plan = shown.answer, shown.plan
        told = answer["consequences"]
        self._did(f"{plan.title}: cancelled, after reading and agreeing to this:", told)
        self._compare("The preview", told, [*promised, *self._fees_before(shown.access_ends_at)])
        done = self._ask(
            "POST",
            f"/v1/subscriptions/{plan.id}/cancellation",
            {"preview_id": answer["preview_id"], "reason": {"code": reason},
             "consents": [{"id": d["id"], "version": d["version"]}
                          for d in answer["disclosures"]]},
        )  # fmt: skip
        same = done["access_ends_at"] == answer["access_ends_at"]
        self._must(same, "The confirmation names another last day than the preview.")
        self._is_pending(plan)
        return self.expects(*promised)

    def cancels_in_portal(self, plan: Plan, *, feedback: str = "unused") -> datetime:
        """On Stripe's hosted page. Answers when access ends, as the membership page says it."""
        url = self._portal({"flow": "subscription_cancel", "subscription_id": plan.id})
        self._api.submit(url, action="cancel", subscription=plan.id, feedback=feedback)
        self._did(f"{plan.title}: cancelled in Stripe's portal")
        self._is_pending(plan)
        return self.end_of(plan)

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
        self._api.must(
            "POST",
            "/_stripe/_control",
            {"action": "fail_payment", "customer": self.stripe_id},
        )
        self._did("The bank refuses the card from now on")

    def _portal(self, flow: Mapping[str, str]) -> str:
        url = str(self._ask("POST", "/v1/portal-sessions", {"return_url": BACK, **flow})["url"])
        self._api.open_page(url)
        return url

    # -- what the page says

    def now(self) -> datetime:
        return self._api.now()

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

    # -- expecting

    def expects(self, *promised: Promise) -> list[Expected]:
        return [self._expect(promise) for promise in promised]

    def is_spared(self, given_up: Iterable[Expected], because: str = "") -> None:
        """Everything that was ahead and has not come yet is off, and may not happen."""
        off = self.no_longer(given_up)
        self._did(f"{because}{off} consequence{' is' if off == 1 else 's are'} off")

    def no_longer(self, given_up: Iterable[Expected]) -> int:
        """The same, without a word about it. How many there were."""
        open_ones = [one for one in given_up if one.is_open]
        for one in open_ones:
            one.taken_back_at = self.now()
        return len(open_ones)

    def _expect(self, promise: Promise) -> Expected:
        expected = Expected(promise)
        self.diary.lines.append(expected)
        return expected

    def kept(self, expected: Expected) -> None:
        """Its instant is over; what it leads to is promised next."""
        if expected.promise.then is not None and expected.taken_back_at is None:
            follows = self._expect(expected.promise.then())
            for plan_id, renewal in self._renewals.items():
                if renewal is expected:
                    self._renewals[plan_id] = follows
                    return

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

    def _compare(self, who: str, told: Sequence[Told], said: Sequence[Promise]) -> None:
        for sentence in disagreements(who, told, said):
            self._must(False, sentence)

    def _must(self, so: bool, sentence: str) -> None:
        if not so:
            self.diary.findings.append(Finding("other", f"{when(self.now())}: {sentence}"))

    # -- asking

    def _did(self, words: str, told: Sequence[Told] = ()) -> None:
        below = tuple((from_rfc3339(one["at"]), in_words(one, self.currency)) for one in told)
        self.diary.lines.append(Deed(self.now(), words, below))

    def _refused(
        self, words: str, code: str, method: str, path: str, body: Any = None, token: str = ""
    ) -> None:
        asker = token or self._api.token(None, "service")
        reply = self._api.ask(method, path, body, token=asker)
        given = reply.json().get("code") if reply.status >= 400 else f"success {reply.status}"
        self._must(given == code, f"{method} {path} should be refused ({code}), not {given}.")
        self._did(f"{words} ({reply.status} {given})")

    def _membership(self) -> Mapping[str, Any]:
        return dict(self._ask("GET", "/v1/membership"))

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        return self._api.as_customer(self.account_id, method, path, body)

    def _service(self, method: str, path: str, body: Any = None) -> Any:
        return self._api.as_service(method, path, body)

    def _amount(self, amount: int) -> dict[str, Any]:
        return {"amount": amount, "currency": self.currency}

    def _money(self, amount: int) -> str:
        return spelled(amount, self.currency)
