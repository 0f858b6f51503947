"""What a customer is bound by: contracts, seats, and what stands in the way of cancelling."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from chalicelib.domain.moments import rfc3339
from infra.local.demo import payments, promises
from infra.local.demo.acting import Acting
from infra.local.demo.api import Unexpected
from infra.local.demo.money import spelled
from infra.local.demo.promise import Plan
from infra.local.demo.told import Preview

Blockers = Collection[tuple[str, int | None]]
"""Code, and how much is owed."""


class Terms(Acting):
    def signs_contract(self, plan: Plan, *, months: int) -> None:
        contract = {"subscription_id": plan.id, "starts_at": rfc3339(plan.began), "months": months}
        path = f"/v1/admin/accounts/{self.account_id}"
        self._api.as_operator("PUT", path, {"contracts": [contract]})
        self.books.bound.add(plan.id)
        self._did(f"{plan.title}: bound by a contract of {months} months, billed monthly")

    def gives_seats(self, plan: Plan, *users: str) -> None:
        for user in users:
            self._ask("PUT", f"/v1/subscriptions/{plan.id}/seats/{user}")
        self._did(f"{plan.title}: seats for {promises.named(users)}")

    def takes_seat_back(self, plan: Plan, user: str) -> None:
        self._ask("DELETE", f"/v1/subscriptions/{plan.id}/seats/{user}")
        self._did(f"{plan.title}: the seat of {user} is taken back")

    # -- what stands in the way

    def is_held_up(self, shown: Preview, who: str, *expected: tuple[str, int | None]) -> None:
        """Everything at once, each with what to do about it; and nothing besides."""
        blockers = shown.answer["blockers"]
        self._did(
            f"{shown.plan.title}: {who} looks at cancelling, and reads what stands in the way:",
            notes=[self._in_the_way(one) for one in blockers],
        )
        self._same_blockers("The preview", blockers, expected)

    def may_not_cancel(
        self, shown: Preview, who: str, role: str, code: str, *expected: tuple[str, int | None]
    ) -> None:
        """Refused, with every other reason named along with it."""
        path = f"/v1/subscriptions/{shown.plan.id}/cancellation"
        token = self._api.token(self.account_id, role)
        words = f"{shown.plan.title}: {who} tries to cancel"
        said = self._refused(words, code, "POST", path, shown.consented(), token)
        self._same_blockers("The refusal", said.get("blockers", []), expected)
        if code == "role_required":
            needed = said.get("required_roles")
            self._must(needed == ["super_admin"], f"The roles that may should be named: {needed}.")

    def _same_blockers(
        self, what: str, blockers: Collection[Mapping[str, Any]], expected: Blockers
    ) -> None:
        found = [(one["code"], (one.get("amount") or {}).get("amount")) for one in blockers]
        same = sorted(found, key=repr) == sorted(expected, key=repr)
        self._must(same, f"{what} should name {list(expected)}, not {found}.")
        helped = all(one["action"]["label"] and one["action"]["href"] for one in blockers)
        self._must(helped, f"{what} should say what to do about each.")

    def _in_the_way(self, blocker: Mapping[str, Any]) -> str:
        owed = blocker.get("amount")
        amount = f" {spelled(owed['amount'], self.currency)}." if owed else ""
        return f"{blocker['title']}{amount} → {blocker['action']['label']}"

    # -- the unpaid invoice

    def bank_accepts(self) -> None:
        self._control(action="allow_payment", customer=self.stripe_id)
        self._did("The bank accepts the card again")

    def pays_invoice(self, plan: Plan) -> None:
        """The open one, at Stripe."""
        found = self._api.stripe("GET", "/v1/invoices", customer=self.stripe_id, status="open")
        if len(found["data"]) != 1:
            raise Unexpected(f"Stripe has {len(found['data'])} open invoices, not one.")
        self._api.stripe("POST", f"/v1/invoices/{found['data'][0]['id']}/pay")
        self._expect(payments.invoice_paid(self.now(), plan))
        self._must_have(plan)
        self._renews(plan)
