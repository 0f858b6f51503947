"""What a customer does with money: top-ups, usage, a balance due, and a refund."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.moments import rfc3339
from infra.local.demo import payments, promise
from infra.local.demo.acting import BACK, Acting
from infra.local.demo.money import spelled
from infra.local.demo.promise import Plan


class Purse(Acting):
    def tops_up(self, amount: int) -> None:
        """On Stripe's page, by card; booked once Stripe says that it is paid."""
        self._pays(self._checkout("top_up", amount), "pay")
        self._did(f"Tops the wallet up through Checkout, {self._money(amount)} by card")
        self.expects(*payments.topped_up(self.now(), amount))

    def tops_up_by_bank_debit(self, amount: int) -> str:
        """It takes days. Nothing is booked until it has arrived."""
        link = self._checkout("top_up", amount)
        self._pays(link, "pay_later")
        self._did(f"Tops the wallet up by bank debit, {self._money(amount)}: not there yet")
        return str(link["checkout_session_id"])

    def bank_debit_fails(self, session: str, amount: int) -> None:
        self._control(action="pay_checkout", session=session, outcome="async_failed")
        self._expect(payments.debit_failed(self.now(), amount))

    def uses(self, id: str, amount: int, words: str) -> None:
        """A conversation fee: debited at once, never given back."""
        self._service(
            "POST",
            "/v1/usage-charges",
            {"account_id": self.account_id, "id": id, "amount": self._amount(amount),
             "kind": "meta_conversation", "at": rfc3339(self.now())},
        )  # fmt: skip
        self._expect(payments.usage_debited(self.now(), words, amount))

    def settles_balance(self, amount: int) -> None:
        """How much is the server's to say: the request names no amount."""
        self._must(self.balance() == -amount, f"{self._money(amount)} should be due.")
        self._pays(self._checkout("balance_due"), "pay")
        self._did("Settles the balance due through Checkout")
        self.expects(*payments.balance_settled(self.now(), amount))

    def has(self, amount: int) -> None:
        self._must(self.balance() == amount, f"The balance should be {self._money(amount)}.")
        self._did(f"The wallet says {spelled(amount, self.currency)}")

    def balance(self) -> int:
        return int(self._ask("GET", "/v1/wallet")["balance"]["amount"])

    def _checkout(self, purpose: str, amount: int | None = None) -> Any:
        asked = {"purpose": purpose, "success_url": BACK, "cancel_url": BACK}
        more = {} if amount is None else {"amount": self._amount(amount)}
        return self._ask("POST", "/v1/checkout-sessions", {**asked, **more})

    def _pays(self, link: Any, action: str) -> None:
        self._api.open_page(link["url"])
        self._api.submit(link["url"], action=action, email=self.email, name="A Customer")

    # -- refunds

    def asks_refund(self, plan: Plan, *, set_up_fee: int, stripe_fee: int, comment: str) -> str:
        """ "A fixed fee will be deducted … Non-refundable Stripe processing fees will also be deducted." """
        asked = {"subscription_id": plan.id, "comment": comment}
        case = self._ask("POST", "/v1/refund-requests", asked)
        again = self._ask("POST", "/v1/refund-requests", asked)
        self._must(again["id"] == case["id"], "A second request should be the first one.")
        found = case["eligibility"]
        taken = {one["code"]: one["amount"]["amount"] for one in found["deductions"]}
        payable = plan.price - set_up_fee - stripe_fee
        self._must(found["eligible"] is True, f"It should be eligible: {found['reasons']}.")
        self._must(
            taken == {"setup_fee": set_up_fee, "stripe_fee": stripe_fee},
            f"Both deductions should be told, not {taken}.",
        )
        self._must(found["payable"]["amount"] == payable, f"{payable} should be payable.")
        lines = {one["title"]: -one["amount"]["amount"] for one in found["deductions"]}
        lines = {"Paid": found["paid"]["amount"], **lines, "Payable, once approved": payable}
        notes = [f"{title}: {self._money(amount)}" for title, amount in lines.items()]
        self._did(f"{plan.title}: never used, asked back; this is what is told:", notes=notes)
        return str(case["id"])

    def is_refunded(self, plan: Plan, case: str, amount: int, reason: str) -> None:
        """An operator approves; a second decision is refused."""
        path = f"/v1/cases/{case}/decision"
        self.no_longer([self.renewal_of(plan)])
        said = self._api.as_operator("POST", path, {"approve": True, "reason": reason})
        self._must(
            said["state"] == "refunded", f"The case should be refunded, not {said['state']}."
        )
        self._did(f"An operator approves the refund: “{reason}”")
        self._expect(payments.refunded(self.now(), plan, amount))
        self._expect(payments.ended_with_refund(self.now(), plan))
        seen = self.books.read(())
        gone = promise.gives_nothing(plan, seen) and seen.status(plan.id) == "canceled"
        self._must(gone, f"The {plan.title} should have ended with its refund.")
        operator = self._api.token(None, "operator")
        body = {"approve": True, "reason": "Once more"}
        self._refused(
            "A second decision is refused", "already_decided", "POST", path, body, operator
        )
