"""A fresh process to its first webhook, out of the real zip, against a bare handler that imports the same libraries.

    python benchmarks/cold_start.py [RUNS]

Both are unpacked from `build/deployment.zip` (`make package`), run with nothing else on the path, and take turns. The bare
handler imports chalice and pynamodb, makes a DynamoDB client and makes the same two calls; DynamoDB is stubbed in both.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

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
BARE = STUB + "import chalice, pynamodb.models" + CALLS
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
assert "stripe" not in sys.modules
print(time.process_time_ns() // 1000)
"""
)


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    zipped = ROOT / "build/deployment.zip"
    if not zipped.exists():
        print("There is no build/deployment.zip: make package makes it.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="lapse-cold-") as folder:
        zipfile.ZipFile(zipped).extractall(folder)
        took: dict[str, list[int]] = {RAW: [], BARE: [], OURS: []}
        for _ in range(runs):
            for code, times in took.items():
                times.append(_run(code, folder))
    # The least of each: whatever else the machine does only adds to it.
    raw, bare, ours = (min(times) for times in took.values())
    print(f"{'fresh process to first webhook':34}{'ms CPU':>8}{'ratio':>8}   goal")
    print(f"{'bare botocore, the same two calls':34}{raw / 1000:8.0f}{raw / bare:8.2f}")
    print(f"{'bare handler, same libraries':34}{bare / 1000:8.0f}{1:8.2f}")
    print(f"{'Lapse (stripe not imported)':34}{ours / 1000:8.0f}{ours / bare:8.2f}   ≤ {GOAL}")
    print(f"Lapse is {ours / raw:.2f} × bare botocore.")
    return 0


def _run(code: str, folder: str) -> int:
    start = f"import sys; sys.path.insert(0, {folder!r})\n{code}"
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-s", "-c", start],
        capture_output=True, text=True, cwd=folder, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return int(done.stdout.split()[-1])


if __name__ == "__main__":
    raise SystemExit(main())
