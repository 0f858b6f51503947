"""How often somebody tried something today: counted by conditional writes, tidied up by TTL."""

from __future__ import annotations

from datetime import datetime, timedelta

from chalicelib.store.table import If, Key, Refused, Table, Update

KEPT = timedelta(days=2)
RACES = 10


def count(table: Table, what: str, who: str, now: datetime, most: int) -> bool:
    """Counts one more try of today (UTC). False when there were `most` already."""
    key = _key(what, who, now)
    for _ in range(RACES):
        row = table.get(key)
        tried = row.get("attempts", 0) if row else 0
        if tried >= most:
            return False
        try:
            table.write(
                Update(
                    key,
                    {"attempts": tried + 1, "expires_at": int((now + KEPT).timestamp())},
                    If(equals={"attempts": tried or None}),
                )
            )
        except Refused:
            continue
        return True
    return False


def give_back(table: Table, what: str, who: str, now: datetime) -> None:
    """It was none of those that count after all."""
    key = _key(what, who, now)
    for _ in range(RACES):
        row = table.get(key)
        tried = row.get("attempts", 0) if row else 0
        if not tried:
            return
        try:
            table.write(
                Update(key, {"attempts": tried - 1 or None}, If(equals={"attempts": tried}))
            )
        except Refused:
            continue
        return


def _key(what: str, who: str, now: datetime) -> Key:
    return Key(f"T#{what}#{who}", now.strftime("%Y-%m-%d"))
