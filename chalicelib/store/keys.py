"""Where everything is: the only place that puts keys together.

An id from outside is escaped before it joins others in a key, so that no `#` in it can reach another's rows.
"""

from hashlib import sha256
from urllib.parse import quote
from zlib import crc32

from chalicelib.store.table import Key

HISTORY, STEP, NUMBER, REGISTRATION = "history#", "step#", "number#", "registration#"
MESSAGE, ENTRY, CAUSE, PREVIEW, EVIDENCE = "message#", "entry#", "cause#", "preview#", "evidence#"
SEAT = "seat#"
CASE, REPLY = "case#", "reply#"
USED, ACTIVITY = "used#", "activity#"
PAGE_LINK = "page#"
ANSWER, PARKED = "answer#", "parked#"
LONGEST_CAUSE = 900
PUBLISHED, RECEIPT = "published", "receipt"
NOTICE, CONFIRMATION, ASIDE = "notice#", "confirmation#", "aside#"
WINDOW = "window#"
SHADOW = "shadow#"
SWITCHES, TURNED = "O#switches", "turned#"
WALK, PART, FAILED_VISIT, GIVEN_UP_VISIT = "walk#", "part#", "failed#", "given_up#"
PURGER, CERTIFICATE = "purger#", "certificate#"


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


def seat(account_id: str, subscription_id: str, user: str) -> Key:
    return Key(partition(account_id), seats_of(subscription_id) + quote(user, safe=""))


def seats_of(subscription_id: str) -> str:
    """The prefix under which a subscription's seats lie."""
    return f"{SEAT}{quote(subscription_id, safe='')}#"


def published(account_id: str, way: str = "bus") -> Key:
    """How far the history has left along one way."""
    return Key(partition(account_id), PUBLISHED if way == "bus" else f"{PUBLISHED}#{way}")


def receipt(account_id: str) -> Key:
    return Key(partition(account_id), RECEIPT)


def notice(account_id: str, version: int, n: int) -> Key:
    """In the order in which things happened."""
    return Key(partition(account_id), f"{NOTICE}{version:012d}#{n:02d}")


def confirmation(account_id: str, fact_id: str) -> Key:
    return Key(partition(account_id), CONFIRMATION + fact_id)


def aside(account_id: str, way: str, fact_id: str) -> Key:
    return Key(partition(account_id), f"{ASIDE}{way}#{fact_id}")


def purger(account_id: str, name: str) -> Key:
    return Key(partition(account_id), PURGER + name)


def certificate(account_id: str, certificate_id: str) -> Key:
    return Key(partition(account_id), CERTIFICATE + certificate_id)


def shadow(account_id: str, what: str, due: str) -> Key:
    return Key(partition(account_id), f"{SHADOW}{what}#{due}")


def kill_switch() -> Key:
    return Key(SWITCHES, "kill_switch")


def kill_switch_turned(n: int) -> Key:
    """In the order in which it was turned."""
    return Key(SWITCHES, f"{TURNED}{n:09d}")


def wallet(account_id: str) -> Key:
    return Key(partition(account_id), "wallet")


def entry(account_id: str, seq: int) -> Key:
    return Key(partition(account_id), f"{ENTRY}{seq:012d}")


def cause(account_id: str, cause_: str) -> Key:
    """A cause that is too long for a key is cut, and its hash put in place of the rest."""
    if len(cause_.encode()) > LONGEST_CAUSE:
        cause_ = f"{cause_[:100]}~{sha256(cause_.encode()).hexdigest()}"
    return Key(partition(account_id), CAUSE + cause_)


def used(account_id: str, day: str) -> Key:
    """A day (2026-12-01) on which the account was used."""
    return Key(partition(account_id), USED + day)


def activity(account_id: str, activity_id: str) -> Key:
    return Key(partition(account_id), ACTIVITY + activity_id)


def case(account_id: str, case_id: str) -> Key:
    return Key(partition(account_id), CASE + case_id)


def reply(account_id: str, case_id: str, n: int) -> Key:
    """In the order in which they came."""
    return Key(partition(account_id), f"{replies_of(case_id)}{n:04d}")


def replies_of(case_id: str) -> str:
    """The prefix under which a case's replies lie."""
    return f"{REPLY}{quote(case_id, safe='')}#"


def case_owner(case_id: str) -> Key:
    return Key(f"K#{case_id}", "case")


def preview(account_id: str, preview_id: str) -> Key:
    return Key(partition(account_id), PREVIEW + preview_id)


def page_link(account_id: str, hashed: str) -> Key:
    return Key(partition(account_id), PAGE_LINK + hashed)


def evidence(account_id: str, evidence_id: str) -> Key:
    return Key(partition(account_id), EVIDENCE + evidence_id)


def answer(scope: str, user: str, route: str, idempotency_key: str) -> Key:
    parts = "#".join(quote(part, safe="") for part in (user, route, idempotency_key))
    return Key(scope, ANSWER + parts)


def customer(customer_id: str) -> Key:
    return Key(f"C#{customer_id}", "customer")


def live_number(e164: str) -> Key:
    return Key(f"N#{e164}", "number")


def email(address: str) -> str:
    """The partition of an e-mail address, as nobody can read it back."""
    return f"E#{sha256(address.strip().casefold().encode()).hexdigest()}"


def of_email(address: str, account_id: str) -> Key:
    return Key(email(address), account_id)


def subscription(subscription_id: str) -> Key:
    return Key(f"S#{subscription_id}", "subscription")


def parked(customer_id: str | None, event_id: str) -> Key:
    return Key(parked_of(customer_id), PARKED + event_id)


def parked_of(customer_id: str | None) -> str:
    return f"P#{customer_id or '-'}"


def walks_of(job: str) -> str:
    return f"W#{job}"


def job_of_walk(key: Key) -> str:
    return key.pk.removeprefix("W#")


def walk(job: str, run: str) -> Key:
    return Key(walks_of(job), WALK + run)


def parts_of_walk(run: str) -> str:
    """The prefix under which the parts of a run lie."""
    return f"{PART}{quote(run, safe='')}#"


def walk_part(job: str, run: str, shard: int) -> Key:
    return Key(walks_of(job), f"{parts_of_walk(run)}{shard:04d}")


def visits_of(prefix: str, run: str, part: int | None = None) -> str:
    """The prefix under which the failed visits of a run lie, or of one of its parts."""
    whose = quote(run, safe="") if part is None else f"{quote(run, safe='')}/{part}"
    return f"{prefix}{whose}#"


def visit(prefix: str, job: str, run: str, account_id: str, part: int | None = None) -> Key:
    return Key(walks_of(job), visits_of(prefix, run, part) + account_id)


def job(name: str) -> str:
    """The partition of what a job remembers between its runs."""
    return f"J#{name}"


def windows() -> str:
    """The partition of all maintenance windows: they are few."""
    return "M#windows"


def window(window_id: str) -> Key:
    return Key(windows(), WINDOW + window_id)


def work_of(policy: str) -> Key:
    return Key("M#work", policy)


FINDING = "finding#"


def findings_of(account_id: str) -> str:
    """The prefix under which a job's findings about an account lie."""
    return f"{FINDING}{quote(account_id, safe='')}#"


def finding(account_id: str, kind: str, subject: str) -> str:
    return f"{findings_of(account_id)}{quote(kind, safe='')}#{quote(subject, safe='')[:500]}"


def shard(owner: str, shards: int) -> int:
    return crc32(owner.encode()) % shards


def part(key: Key, parts: int) -> int:
    """Which part of its shard a row falls to. Of other bits than its shard, or all of a shard would fall to one."""
    return (crc32(key.pk.encode()) >> 16) % parts


def due_kind(kind: str, owner: str, shards: int) -> str:
    return f"{kind}#{shard(owner, shards)}"
