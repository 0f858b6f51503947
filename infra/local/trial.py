"""`make trial`: what a deployment needs and this machine has not: AWS, Stripe, an issuer of tokens. All of it empty.

docs/how-to/deploy.md is followed against it word for word. The environment to follow it in is written to
build/trial.sh and taken away when this ends; with it goes everything that was deployed.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Final
from uuid import uuid4

from chalicelib.clock import SystemClock
from infra.local import tokens
from infra.local.__main__ import stop_when_orphaned, stop_when_told
from infra.local.http_server import LocalServer
from infra.local.messages import Answer, Request, json_answer
from infra.local.ministack import TOOL_PYTHON, Ministack, MinistackError
from infra.local.notebook import Notebook
from infra.local.stripe_emulator import Emulator
from infra.local.stripe_side import StripeSide
from infra.local.tokens import Tokens
from infra.packaging.dependencies import ROOT

SERVICES: Final = (
    *("dynamodb", "dynamodbstreams", "lambda", "apigateway", "iam", "sts", "s3", "sqs", "sns"),
    *("events", "logs", "cloudformation", "cloudwatch", "monitoring"),
    *("secretsmanager", "ssm", "ses", "sesv2"),
)
"""What the template makes, and what a deployed function speaks to."""
ENVIRONMENT: Final = ROOT / "build/trial.sh"
LOOKS_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Outside:
    """Stripe and the issuer of tokens, at one address."""

    url: str
    emulator: Emulator
    side: StripeSide
    signer: Tokens
    notebook: Notebook


@contextmanager
def outside(
    also: Callable[[Request], Answer | None] = lambda _request: None,
) -> Iterator[Outside]:
    """On the loopback, until left. `also` answers what is neither's, such as somebody's receiver of events."""
    notebook, clock = Notebook(Path(":memory:")), SystemClock()
    signer = Tokens(notebook)
    server = LocalServer(0, lambda _request: Answer(503), clock, lambda: uuid4().hex)
    url = f"http://127.0.0.1:{server.port}"
    emulator = Emulator(now=clock.now, base_url=f"{url}/_stripe")
    side = StripeSide(emulator, 0, lambda _request: Answer(404))

    def respond(request: Request) -> Answer:
        if request.path == "/jwks":
            return json_answer(signer.jwks())
        if (answer := also(request)) is not None:
            return answer
        return side.answer(request)

    server.respond = respond
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield Outside(url, emulator, side, signer, notebook)
    finally:
        server.shutdown()
        server.server_close()
        notebook.close()


def environment(aws: str, at: Outside) -> Mapping[str, str]:
    """What docs/how-to/deploy.md has its reader say once."""
    operator = {"account_id": None, "roles": ["operator"], "email": "operator@example.com"}
    return {
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "STAGE": "trial",
        "BUCKET": "lapse-builds",
        "STRIPE": f"{at.url}/_stripe",
        "STRIPE_KEY": "rk_test_without_refunds",
        "REFUND_KEY": "rk_test_refunds",
        "LAPSE_STRIPE_API_KEY": "rk_test_of_the_operator",
        "OPERATOR": at.signer.sign(operator, SystemClock().now()),
        "WITH": " ".join(
            [
                "Livemode=false",
                f"TokenIssuer={tokens.ISSUER}",
                f"TokenAudience={tokens.AUDIENCE}",
                f"ServiceAudience={tokens.SERVICE_AUDIENCE}",
                f"JwksUrl={at.url}/jwks",
                f"StripeBaseUrl={at.url}/_stripe",
                "ReturnOrigins=https://app.example.com",
            ]
        ),
    }


@contextmanager
def written(to: Path, variables: Mapping[str, str]) -> Iterator[None]:
    to.parent.mkdir(parents=True, exist_ok=True)
    said = "".join(f"export {name}={shlex.quote(text)}\n" for name, text in variables.items())
    # A login of the reader's own stays out of it.
    text = f"unset AWS_PROFILE AWS_SESSION_TOKEN\n{said}"
    to.write_text(text)
    try:
        yield
    finally:
        # Another trial may have begun meanwhile: its file is not ours to take away.
        if to.exists() and to.read_text() == text:
            to.unlink()


def main() -> int:
    stop = Event()
    stop_when_told(stop)
    if "--end-with-parent" in sys.argv:
        stop_when_orphaned(stop)
    try:
        aws = Ministack(TOOL_PYTHON, services=SERVICES, environment={"AUTH": "true"})
        with aws, outside() as at, written(ENVIRONMENT, environment(aws.url, at)):
            _run(aws.url, at, stop)
    except MinistackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(aws: str, at: Outside, stop: Event) -> None:
    print(
        f"AWS is at {aws}, Stripe at {at.url}/_stripe, and both are empty.\n"
        "In another terminal: . build/trial.sh\n"
        "Then follow docs/how-to/deploy.md. Ctrl-C ends it, and everything in it is gone.",
        flush=True,
    )
    # Stripe renews, retries and sends by itself.
    while not stop.wait(LOOKS_SECONDS):
        at.side.run_due()


if __name__ == "__main__":
    raise SystemExit(main())
