"""What the doctor looks at: a deployment by its settings, or the local stack by its address."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from chalicelib import settings as settings_
from chalicelib import wiring
from chalicelib.clock import SystemClock
from chalicelib.domain.moments import from_rfc3339
from chalicelib.gateways.secrets import Vault
from chalicelib.gateways.stripe import Stripe
from chalicelib.policies import Policies
from chalicelib.settings import Settings
from chalicelib.wiring import World
from infra.cli.stages import Stage

LOCAL_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    settings: Settings
    stripe: Stripe
    secrets: Vault
    policies: Policies
    now: datetime
    webhook_url: str | None
    """Where Stripe is to send its events; None when we do not know under which name we are reached."""
    world: Callable[[], World] = wiring.world
    """What the deployed functions act in."""
    looked_at: float = field(default_factory=monotonic)
    """When `now` was it, by a clock that only counts seconds."""

    @property
    def present(self) -> datetime:
        """What time it is by now: asking takes a while."""
        return self.now + timedelta(seconds=int(monotonic() - self.looked_at))

    def aws(self, service: str) -> Any:
        from botocore.session import get_session

        return get_session().create_client(
            service,
            region_name=self.settings.region,
            endpoint_url=self.settings.dynamodb_url if service == "dynamodb" else None,
        )


def deployed(stage: Stage | None = None) -> Patient:
    """As the environment describes it, and the stage it was taken from. Raises SettingsError."""
    settings = settings_.from_environment()
    secrets = Vault(SystemClock(), region=settings.region)
    refund_key = secrets.secret(settings.stripe_refund_key) if settings.stripe_refund_key else None
    return Patient(
        settings=settings,
        stripe=Stripe(
            secrets.secret(settings.stripe_api_key),
            refund_key=refund_key,
            base_url=settings.stripe_base_url,
        ),
        secrets=secrets,
        policies=Policies(settings.policy_files),
        now=SystemClock().now(),
        webhook_url=stage.webhook_url if stage else _public(settings),
    )


def _public(settings: Settings) -> str | None:
    return f"{settings.public_url.rstrip('/')}/webhooks/stripe" if settings.public_url else None


def local(url: str) -> Patient:
    """The stack that `make run` started there. Raises LookupError when nothing answers."""
    url = url.rstrip("/")
    if not url.startswith(("http://127.0.0.1:", "http://localhost:")):
        raise LookupError(f"{url} is not on this machine: --local takes http://127.0.0.1:PORT")
    settings = Settings(
        table_name="local",
        stripe_api_key="sk_test_local",
        stripe_base_url=f"{url}/_stripe",
        webhook_secrets=("whsec_local",),
        token_issuer="local",
        token_audience="local",
        service_audience="local",
    )
    return replace(
        of_settings(settings, Stripe("sk_test_local", base_url=settings.stripe_base_url)),
        now=from_rfc3339(_asked(f"{url}/_clock")["now"]),
        webhook_url=f"{url}/webhooks/stripe",
    )


def of_settings(settings: Settings, stripe: Stripe) -> Patient:
    return Patient(
        settings=settings,
        stripe=stripe,
        secrets=Vault(SystemClock(), region=settings.region),
        policies=Policies(settings.policy_files),
        now=SystemClock().now(),
        webhook_url=None,
    )


def _asked(url: str) -> Mapping[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=LOCAL_SECONDS) as answer:  # noqa: S310 - loopback only
            found: Mapping[str, Any] = json.loads(answer.read(100_000))
    except (OSError, ValueError) as error:
        raise LookupError(f"no local stack answers at {url}: start one with make run") from error
    return found


def unsigned(url: str) -> tuple[int, str]:
    """How the webhook answers what nobody signed: status and code. 0 when nothing answers."""
    request = urllib.request.Request(url, b"{}", {"Stripe-Signature": "t=1,v1=00"}, method="POST")  # noqa: S310 - it was deployed with this address
    try:
        with urllib.request.urlopen(request, timeout=LOCAL_SECONDS) as answer:  # noqa: S310
            return answer.status, ""
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, _code(refused.read(10_000))
    except OSError:
        return 0, ""


def _code(body: bytes) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    return str(found.get("code", "")) if isinstance(found, dict) else ""
