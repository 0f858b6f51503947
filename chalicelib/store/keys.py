"""Where everything is: the only place that puts keys together.

An id from outside is escaped before it joins others in a key, so that no `#` in it can reach another's rows.
"""

from urllib.parse import quote
from zlib import crc32

from chalicelib.store.table import Key

HISTORY, STEP, NUMBER, REGISTRATION = "history#", "step#", "number#", "registration#"
MESSAGE, ENTRY, CAUSE, PREVIEW, EVIDENCE = "message#", "entry#", "cause#", "preview#", "evidence#"
ANSWER, PARKED = "answer#", "parked#"


def partition(account_id: str) -> str:
    return f"A#{account_id}"


def account(account_id: str) -> Key:
    return Key(partition(account_id), "account")


def account_of(key: Key) -> str:
    return key.pk.removeprefix("A#")


def history(account_id: str, fact_id: str) -> Key:
    return Key(partition(account_id), HISTORY + fact_id)


def step(account_id: str, step_id: str) -> Key:
    return Key(partition(account_id), STEP + step_id)


def number(account_id: str, e164: str) -> Key:
    return Key(partition(account_id), NUMBER + e164)


def registration(account_id: str, registration_id: str) -> Key:
    return Key(partition(account_id), REGISTRATION + registration_id)


def message(account_id: str, message_id: str) -> Key:
    return Key(partition(account_id), MESSAGE + message_id)


def wallet(account_id: str) -> Key:
    return Key(partition(account_id), "wallet")


def entry(account_id: str, seq: int) -> Key:
    return Key(partition(account_id), f"{ENTRY}{seq:012d}")


def cause(account_id: str, cause_: str) -> Key:
    return Key(partition(account_id), CAUSE + cause_)


def preview(account_id: str, preview_id: str) -> Key:
    return Key(partition(account_id), PREVIEW + preview_id)


def evidence(account_id: str, evidence_id: str) -> Key:
    return Key(partition(account_id), EVIDENCE + evidence_id)


def answer(scope: str, user: str, route: str, idempotency_key: str) -> Key:
    parts = "#".join(quote(part, safe="") for part in (user, route, idempotency_key))
    return Key(scope, ANSWER + parts)


def customer(customer_id: str) -> Key:
    return Key(f"C#{customer_id}", "customer")


def live_number(e164: str) -> Key:
    return Key(f"N#{e164}", "number")


def parked(customer_id: str | None, event_id: str) -> Key:
    return Key(parked_of(customer_id), PARKED + event_id)


def parked_of(customer_id: str | None) -> str:
    return f"P#{customer_id or '-'}"


def shard(owner: str, shards: int) -> int:
    return crc32(owner.encode()) % shards


def due_kind(kind: str, owner: str, shards: int) -> str:
    return f"{kind}#{shard(owner, shards)}"
