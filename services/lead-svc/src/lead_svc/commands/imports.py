"""Remembering the files that were taken in."""

from __future__ import annotations

import json
from uuid import UUID

from chassis.imports import Report
from chassis.transaction import Transaction
from contracts.ids import new_id
from lead_svc.storage import ImportRow


def keep_import(file_name: str, report: Report, tx: Transaction) -> UUID:
    """Keep what became of a file's rows, with the leads that came of it."""
    import_id = new_id()
    tx.insert(
        ImportRow,
        id=import_id,
        file_name=file_name,
        imported_by=tx.actor.name,
        imported_at=tx.now,
        report=json.dumps({**report.model_dump(mode="json"), "importer": tx.actor.sub}),
    )
    return import_id
