"""An account that has left, and an operator who looks after it."""

from datetime import UTC, datetime, timedelta

from tests.support.life import Life

ACME = "acme"
NUMBER = "+14155550100"
WHY = "the customer asked on the phone"
DAY = timedelta(days=1)
END = datetime(2026, 2, 28, 12, 0, tzinfo=UTC)
RELEASE = END + 14 * DAY
PURGE = datetime(2027, 2, 28, 12, 0, tzinfo=UTC)


class Desk:
    def __init__(self, life=None):
        self.life = life or Life()
        self.customer = self.life.account(ACME)
        self.subscription = self.life.subscribe(ACME)
        assert self.life.number(ACME, NUMBER).status == 200

    def leave(self):
        assert self.life.cancel(ACME, self.subscription).status == 200
        return self

    def timeline(self, account_id=ACME):
        reply = self.life.operator("GET", f"/v1/admin/accounts/{account_id}/timeline")
        assert reply.status == 200, reply.body
        return reply.body

    def step(self, kind, where=("failed", "held", "future")):
        shown = self.timeline()
        (found,) = [one for name in where for one in shown[name] if one["kind"] == kind]
        return found

    def kinds(self, where):
        return [one["kind"] for one in self.timeline()[where]]

    def act(self, what, kind_or_key, reason=WHY, **more):
        key = kind_or_key
        if "_" in kind_or_key and kind_or_key.islower():
            key = self.step(kind_or_key)["key"]
        return self.life.operator(
            "POST", f"/v1/admin/steps/{key}/{what}", {"reason": reason}, **more
        )

    def legal_hold(self, method, reason=WHY):
        path = f"/v1/admin/accounts/{ACME}/legal-hold"
        return self.life.operator(method, path, {"reason": reason})

    def told(self, what):
        return [one for one in self.timeline()["past"] if one["what"] == what]
