"""Previews that were shown, and the evidence of what was agreed to."""

from __future__ import annotations

from chalicelib.domain.evidence import Evidence, Preview
from chalicelib.store import keys
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.table import If, Put, Table, Update

CONFIRMED = "confirmed"
TIDY_AFTER_SECONDS = 30 * 24 * 3600


def keep_preview(table: Table, account_id: str, preview: Preview) -> None:
    key = keys.preview(account_id, preview.id)
    expires = int(preview.expires_at.timestamp()) + TIDY_AFTER_SECONDS
    table.write(Put({"pk": key.pk, "sk": key.sk, "doc": to_doc(preview), "expires_at": expires}))


def preview(table: Table, account_id: str, preview_id: str) -> Preview | None:
    row = table.get(keys.preview(account_id, preview_id))
    return from_doc(Preview, {"disclosures": {}, "consequences": [], **row["doc"]}) if row else None


def confirm(table: Table, account_id: str, evidence_id: str) -> None:
    """Stripe confirmed what was agreed to. The document itself never changes."""
    table.write(
        Update(keys.evidence(account_id, evidence_id), {"state": CONFIRMED}, If(present=True))
    )


def confirmed(table: Table, account_id: str, evidence_id: str) -> Evidence | None:
    """The evidence, if what was agreed to was carried out."""
    row = table.get(keys.evidence(account_id, evidence_id))
    if row is None or row.get("state") != CONFIRMED:
        return None
    doc = {"roles": [], "consents": {}, "reason": None, "comment": None, **row["doc"]}
    doc["preview"] = {"disclosures": {}, "consequences": [], **doc["preview"]}
    return from_doc(Evidence, doc)
