"""What every verb of a customer stands on: asking the product, writing the diary, promising and looking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.domain.moments import from_rfc3339
from infra.local.demo import payments, promise
from infra.local.demo.api import Api
from infra.local.demo.books import Books
from infra.local.demo.diary import Deed, Diary, Expected
from infra.local.demo.judge import Finding, when
from infra.local.demo.money import spelled
from infra.local.demo.promise import Plan, Promise
from infra.local.demo.told import Told, disagreements, in_words

BACK = "https://app.example.com/billing"


class Acting:
    def __init__(
        self, api: Api, account_id: str, email: str, stripe_id: str, currency: str
    ) -> None:
        self._api = api
        self.account_id, self.email, self.currency = account_id, email, currency
        self.stripe_id = stripe_id
        self.books = Books(api, account_id, stripe_id)
        self.diary = Diary()
        self._renewals: dict[str, Expected] = {}

    def now(self) -> datetime:
        return self._api.now()

    # -- renewing

    def _must_have(self, plan: Plan) -> None:
        seen = self.books.read(())
        self._must(promise.gives(plan, seen), f"{', '.join(plan.features)} should be allowed now.")

    def _renews(self, plan: Plan) -> None:
        promise = payments.renewal(plan, plan.period_end(self.now()))
        self._renewals[plan.id] = self._expect(promise)

    def renewal_of(self, plan: Plan) -> Expected:
        return self._renewals[plan.id]

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

    def _compare(self, who: str, told: Sequence[Told], said: Sequence[Promise]) -> None:
        for sentence in disagreements(who, told, said):
            self._must(False, sentence)

    def _must(self, so: bool, sentence: str) -> None:
        if not so:
            self.diary.findings.append(Finding("other", f"{when(self.now())}: {sentence}"))

    # -- asking

    def _did(self, words: str, told: Sequence[Told] = (), notes: Sequence[str] = ()) -> None:
        below = [(from_rfc3339(one["at"]), in_words(one, self.currency)) for one in told]
        self.diary.lines.append(Deed(self.now(), words, (*below, *((None, one) for one in notes))))

    def _refused(
        self, words: str, code: str, method: str, path: str, body: Any = None, token: str = ""
    ) -> Mapping[str, Any]:
        asker = token or self._api.token(None, "service")
        reply = self._api.ask(method, path, body, token=asker)
        said = reply.json()
        given = said.get("code") if reply.status >= 400 else f"success {reply.status}"
        self._must(given == code, f"{method} {path} should be refused ({code}), not {given}.")
        self._did(f"{words} ({reply.status} {given})")
        return dict(said)

    def _control(self, **order: str) -> None:
        self._api.must("POST", "/_stripe/_control", order)

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
