"""Taking leads in as a file: a table, a mapping, and an answer for every row."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import Form, Response, UploadFile

from chassis.http import Tx
from chassis.imports import Report, unreadable
from chassis.mapping import Mapping
from chassis.pagination import Cursor, Limit, Page
from chassis.table_file import UnreadableFile
from lead_svc import queries
from lead_svc.api.capture import take_in
from lead_svc.api.doors import Importer, Reviewer, lead_router
from lead_svc.commands.imports import keep_import

FILE_BYTES = 16 * 1024 * 1024
"""Of a whole request; a longer file goes through ``ltc import``, in parts."""
FILE_ROWS = 20_000

router = lead_router()


@router.post(
    "/leads/imports",
    status_code=201,
    operation_id="importLeads",
    responses={200: {"model": queries.ImportView, "description": "A dry run"}},
)
async def import_leads(
    actor: Importer,
    tx: Tx,
    file: UploadFile,
    mapping: UploadFile,
    response: Response,
    *,
    dry_run: Annotated[bool, Form()] = False,
    encoding: Annotated[str | None, Form(min_length=1, max_length=40)] = None,
    sheet: Annotated[str | None, Form(min_length=1, max_length=100)] = None,
) -> queries.ImportView:
    """Take in a CSV or XLSX file by a mapping in YAML or JSON, up to 20,000 rows, as a whole: what
    is no table changes nothing. Every row is accepted, a duplicate, or refused with its column and
    reason. A dry run (200) says the same and changes nothing. `encoding` and `sheet` go before
    those of the mapping; when several encodings are possible, the problem `encoding-unclear` shows
    the beginning of the file in each (`readings`)."""
    name = (file.filename or "the file")[:200].replace("\0", "")
    texts = await file.read(), await mapping.read()
    try:
        chosen, report, pairs = await asyncio.to_thread(_read, *texts, name, encoding, sheet)
    except UnreadableFile as error:
        raise unreadable(error) from error
    if dry_run:
        tx.rollback_only()
    taken = await take_in([form for _, form in pairs], actor, tx, dry_run=dry_run)
    report.count([n for n, _ in pairs], [r.model_dump() for r in taken.results], chosen)
    kept = keep_import(name, report, tx)
    if dry_run:
        response.status_code = 200
    else:
        response.headers["Location"] = f"/leads/imports/{kept}"
    return queries.ImportView(
        id=None if dry_run else kept,
        file_name=name,
        imported_by=actor.name,
        imported_at=tx.now,
        **report.model_dump(),
    )


def _read(
    body: bytes, mapping: bytes, name: str, encoding: str | None, sheet: str | None
) -> tuple[Mapping, Report, list[tuple[int, dict[str, Any]]]]:
    """The mapping, and the rows that it makes forms of. Raises UnreadableFile."""
    chosen = Mapping.read(mapping)
    table = chosen.table(body, name, encoding=encoding, sheet=sheet, most=FILE_ROWS)
    report = Report()
    return chosen, report, report.forms(table, chosen)


@router.get("/leads/imports", operation_id="listLeadImports")
async def list_imports(
    _: Reviewer, tx: Tx, cursor: Cursor = None, limit: Limit = 50
) -> Page[queries.ImportSummary]:
    """Files taken in, the newest first."""
    return await queries.list_imports(tx, cursor=cursor, limit=limit)


@router.get("/leads/imports/{import_id}", operation_id="showLeadImport")
async def show_import(_: Reviewer, tx: Tx, import_id: UUID) -> queries.ImportView:
    """One file, and what became of each of its rows."""
    return await queries.show_import(import_id, tx)
