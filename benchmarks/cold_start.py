"""A fresh process to its first webhook, out of the real zip, against bare handlers that make the same two calls.

    python benchmarks/cold_start.py [RUNS | instructions]

All are unpacked from `build/deployment.zip` (`make package`), run with nothing else on the path, and take turns; DynamoDB is
stubbed in all. The goal is defined by the bare handler that imports chalice, pynamodb and Powertools' Logger and Metrics,
and writes one line and one metric, as we do. We need no Powertools (docs/decisions/0018), so the ratio to the handler without
it is printed too, and it is compiled beside the zip as everything in the zip is. With `instructions` they are counted, once,
by valgrind: on a busy machine the times waver by a tenth, and these by a thousandth. They compare two of our own builds; the
goal is judged by CPU, since the kernel's are not among them and a first touch of a page counts as little as any.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.tables import goal, show
from infra.packaging.compiling import compile_without_sources

ROOT = Path(__file__).resolve().parent.parent
GOAL = 1.15

STUB = """
import os, sys, time
os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
def stub(client):
    from botocore.awsrequest import AWSResponse
    class Raw:
        def stream(self, *a, **k):
            yield b"{}"
    def answer(request, **_):
        return AWSResponse(request.url, 200, {"content-type": "application/x-amz-json-1.0"}, Raw())
    client.meta.events.register("before-send.dynamodb", answer)
"""
CALLS = """
import json, hmac, hashlib
from botocore.session import get_session
client = get_session().create_client("dynamodb", region_name="us-east-1", endpoint_url="http://127.0.0.1:9")
stub(client)
key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
client.get_item(TableName="t", Key=key)
client.update_item(TableName="t", Key=key)
print(time.process_time_ns() // 1000)
"""
RAW = STUB + CALLS
LIBRARIES = STUB + "import chalice, pynamodb.models" + CALLS
POWERTOOLS = (
    STUB
    + """
sys.path.insert(1, BESIDE)
import chalice, pynamodb.models
from aws_lambda_powertools import Logger, Metrics
logger, metrics = Logger(service="bare"), Metrics(namespace="bare", service="bare")
sys.stdout, said = open(os.devnull, "w"), sys.stdout
logger.info("heard", extra={"outcome": "parked"})
metrics.add_metric(name="EventsHeard", unit="Count", value=1)
metrics.flush_metrics()
sys.stdout = said
"""
    + CALLS
)
OURS = (
    STUB
    + """
os.environ |= {"LAPSE_TABLE": "lapse", "LAPSE_STRIPE_API_KEY": "sk_test_x", "LAPSE_WEBHOOK_SECRETS": "whsec_x",
    "LAPSE_TOKEN_ISSUER": "i", "LAPSE_TOKEN_AUDIENCE": "a", "LAPSE_SERVICE_AUDIENCE": "s",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "LAPSE_LIVEMODE": "false", "LAPSE_SILENCE_HOURS": "0"}
import hmac, json
from chalicelib.webhook_app import app
from chalicelib import wiring
stub(wiring.world().table.client)
now = int(time.time())
body = json.dumps({"id": "evt_1", "object": "event", "type": "customer.subscription.updated", "created": now,
    "livemode": False, "api_version": "2025-09-30.clover", "data": {"object": {"id": "sub_1", "object": "subscription", "customer": "cus_1"}}})
v1 = hmac.new(b"whsec_x", f"{now}.{body}".encode(), "sha256").hexdigest()
event = {"resource": "/webhooks/stripe", "path": "/webhooks/stripe", "httpMethod": "POST",
    "headers": {"Stripe-Signature": f"t={now},v1={v1}", "Content-Type": "application/json"},
    "multiValueHeaders": {}, "multiValueQueryStringParameters": None, "pathParameters": None, "stageVariables": None,
    "requestContext": {"httpMethod": "POST", "resourcePath": "/webhooks/stripe", "identity": {}},
    "body": body, "isBase64Encoded": False}
sys.stderr = open(os.devnull, "w")
answer = app(event, None)
assert answer["statusCode"] == 200, answer
assert not {"stripe", "aws_lambda_powertools"} & set(sys.modules)
print(time.process_time_ns() // 1000)
"""
)


def main() -> int:
    counted = sys.argv[1:] == ["instructions"]
    runs = 1 if counted else int(sys.argv[1]) if len(sys.argv) > 1 else 9
    zipped = ROOT / "build/deployment.zip"
    if not zipped.exists():
        print("There is no build/deployment.zip: make package makes it.", file=sys.stderr)
        return 1
    took: dict[str, list[int]] = {RAW: [], LIBRARIES: [], POWERTOOLS: [], OURS: []}
    with _unpacked(zipped) as (folder, beside):
        for _ in range(runs):
            for code, times in took.items():
                times.append(
                    _instructions(code, folder, beside)
                    if counted
                    else _micros(code, folder, beside)
                )
    # The least of each: whatever else the machine does only adds to it.
    raw, libraries, powertools, ours = (min(times) for times in took.values())
    unit, per = ("M instr.", 1_000_000) if counted else ("ms CPU", 1000)
    rows = [
        (
            name,
            f"{least / per:.0f}",
            f"{ours / least:.2f}",
            goal(ours / least, most) if most else "",
        )
        for name, least, most in (
            ("bare botocore", raw, None),
            ("bare, chalice, pynamodb", libraries, None),
            ("bare, chalice, pynamodb, Powertools Logger and Metrics", powertools, GOAL),
        )
    ]
    rows.append(("Lapse (neither stripe nor Powertools imported)", f"{ours / per:.0f}", "", ""))
    title = f"A fresh process to its first webhook: {unit}"
    show(title, ("", f">{unit}", ">Lapse is ×", "goal"), rows)
    return 0


@contextmanager
def _unpacked(zipped: Path) -> Iterator[tuple[Path, Path]]:
    """The zip, and beside it Powertools, compiled alike."""
    with tempfile.TemporaryDirectory(prefix="lapse-cold-") as name:
        folder, beside = Path(name) / "task", Path(name) / "beside"
        zipfile.ZipFile(zipped).extractall(folder)
        spec = find_spec("aws_lambda_powertools")
        assert spec is not None
        assert spec.origin is not None
        source = Path(spec.origin).parent
        shutil.copytree(source, beside / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        compile_without_sources(beside)
        yield folder, beside


def _micros(code: str, folder: Path, beside: Path) -> int:
    return int(_run(code, folder, beside).stdout.split()[-1])


def _instructions(code: str, folder: Path, beside: Path) -> int:
    said = _run(
        code, folder, beside,
        "valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
    ).stderr  # fmt: skip
    return int(said.split("refs:")[1].split()[0].replace(",", ""))


def _run(code: str, folder: Path, beside: Path, *under: str) -> subprocess.CompletedProcess[str]:
    start = f"import sys; sys.path[0] = {str(folder)!r}; BESIDE = {str(beside)!r}\n{code}"
    done = subprocess.run(
        [*under, sys.executable, "-S", "-s", "-c", start],
        # Sets and dictionaries of the same order in each run.
        env={"PYTHONHASHSEED": "0"} | ({"PATH": os.environ["PATH"]} if under else {}),
        capture_output=True, text=True, cwd=folder, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return done


if __name__ == "__main__":
    raise SystemExit(main())
