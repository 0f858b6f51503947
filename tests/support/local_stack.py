"""Runs the real local stack in processes of its own, and speaks to it as a driver in any language would."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "infra.local", "run")
READY = re.compile(r"keeps its promises at (http://127\.0\.0\.1:\d+)")


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Any
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class DidNotStart(Exception):
    """The stack ended before it was ready; holds what it said."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(f"exit {code}: {said}")
        self.code, self.said = code, said


class LocalStack:
    """One stack on a free port, seeded, from start to stop. `settings` are its LAPSE_… variables."""

    def __init__(self, *, command: tuple[str, ...] = COMMAND, **settings: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("LAPSE_")}
        # What tests set for moto must not reach a stack that sets up its own.
        environment = {**clean, "LAPSE_PORT": "0", "PYTHONWARNINGS": "default", **settings}
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""
        self.url = self._wait_until_ready()
        self.port = int(self.url.rpartition(":")[2])

    def _wait_until_ready(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if "Ready." in line and (found := READY.search(self.said)):
                return found.group(1)
        code = self.process.wait()
        self.process.stdout.close()
        raise DidNotStart(code, self.said)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends it by a signal; its exit code."""
        self.process.send_signal(number)
        assert self.process.stdout is not None
        self.said += self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(20)

    def __enter__(self) -> "LocalStack":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()

    # -- speaking to it

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self.url + path, raw, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Reply(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return Reply(refused.code, refused.headers, refused.read())

    def must(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The JSON of an answer that has to be a success."""
        reply = self.ask(method, path, body, **more)
        assert 200 <= reply.status < 300, f"{method} {path}: {reply.status} {reply.body!r}"
        return reply.json() if reply.body else None

    def token(self, account_id: str | None, *roles: str, **more: Any) -> str:
        who = {"account_id": account_id, "roles": list(roles), "email": "ann@example.com"}
        return str(self.must("POST", "/_tokens", {**who, "sub": "ann", **more})["token"])

    def stripe(self, method: str, path: str, **form: Any) -> Any:
        """Calls the emulated Stripe as its SDK would."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        query = f"?{urlencode(form)}" if method != "POST" and form else ""
        body = urlencode(form).encode() if method == "POST" else None
        return self.must(
            method, f"/_stripe{path}{query}", body, token="sk_test_any", headers=headers
        )

    # -- what nearly every story needs

    def now(self) -> str:
        return str(self.must("GET", "/_clock")["now"])

    def move_to(self, moment: str) -> list[dict[str, str]]:
        return list(self.must("POST", "/_clock", {"to": moment})["ran"])

    def move_by(self, duration: str) -> list[dict[str, str]]:
        return list(self.must("POST", "/_clock", {"by": duration})["ran"])

    def membership(self, account_id: str) -> Any:
        return self.must("GET", "/v1/membership", token=self.token(account_id, "billing_admin"))

    def features(self, account_id: str) -> Any:
        token = self.token(account_id, "billing_admin")
        return self.must("GET", "/v1/entitlements", token=token)["features"]

    def customer_of(self, account_id: str) -> str:
        """The Stripe customer of a seeded account."""
        email = f"owner@{account_id}.example.com"
        customers = self.stripe("GET", "/v1/customers", email=email)["data"]
        return str(customers[0]["id"])

    def subscribe(self, account_id: str, lookup_key: str) -> str:
        price = self.stripe("GET", "/v1/prices", **{"lookup_keys[0]": lookup_key})["data"][0]
        made = self.stripe(
            "POST",
            "/v1/subscriptions",
            customer=self.customer_of(account_id),
            **{"items[0][price]": price["id"]},
        )
        return str(made["id"])

    def put_number(self, account_id: str, e164: str, fee_minor: int = 126) -> None:
        self.must(
            "PUT",
            f"/v1/numbers/{e164}",
            {
                "account_id": account_id,
                "provider": "local",
                "provider_id": f"PN{e164[1:]}",
                "monthly_fee": {"amount": fee_minor, "currency": "usd"},
                "bought_at": self.now(),
            },
            token=self.token(None, "service"),
        )
