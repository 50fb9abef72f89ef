"""The bank's statement as a CSV file: read with the rules of all imports, booked row by row."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ValidationError

from billing_svc.api.bank import StatementForm
from billing_svc.api.doors import MOVES_MONEY, bank
from billing_svc.commands.cash import StatementLine
from billing_svc.commands.statement import in_booking_order, lock_named, take_statement_line
from chassis.domain import DomainError
from chassis.http import TransactionalRoute, Tx, unprocessable
from chassis.imports import Report, unreadable
from chassis.mapping import Mapping
from chassis.problems import Problem, field_errors
from chassis.table_file import WORKBOOKS, UnreadableFile, read_table

MOST_ROWS = 2_000
NEEDED = {
    "bank_reference": "bank_reference",
    "amount": "amount.amount",
    "currency": "amount.currency",
    "booked_at": "booked_at",
}
OPTIONAL = {"payer": "payer", "remittance": "remittance", "returns": "returns"}
"""Column → field."""
NAME = "the file"

router = APIRouter(route_class=TransactionalRoute, tags=["bank"])


class RefusedRow(BaseModel):
    row: int
    """The line of the file on which it begins, as an editor counts: the heading is usually 1."""
    column: str | None = None
    """To blame; none when it is the whole row."""
    error: str


class StatementReport(BaseModel):
    """What became of a file: ``rows = booked + known + refused``."""

    rows: int
    booked: int
    known: int
    refused: list[RefusedRow]
    dry_run: bool
    notes: list[str] = []
    """What was decided about the file: its encoding, columns that are ignored."""


@router.post(
    "/bank-statements/file",
    operation_id="bookStatementFile",
    dependencies=[MOVES_MONEY],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": ",".join([*NEEDED, *OPTIONAL]),
                }
            },
        }
    },
)
async def book_statement_file(
    _: bank,
    tx: Tx,
    request: Request,
    *,
    dry_run: bool = False,
    encoding: Annotated[str | None, Query(min_length=1, max_length=40)] = None,
    timezone: Annotated[
        str | None,
        Query(max_length=60, description="of days and of times without an offset; else refused"),
    ] = None,
) -> StatementReport:
    """Book a CSV file of lines. What is known adds nothing, and a row that cannot be booked says
    why and keeps no other from being booked. A dry run only tells. When several encodings are
    possible, the problem `encoding-unclear` shows the beginning of the file in each."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/csv":
        raise Problem(415, f"text/csv is needed, not {kind or 'nothing named'}")
    try:
        read, pairs, mapping = await asyncio.to_thread(
            _read, await request.body(), encoding, timezone
        )
    except UnreadableFile as error:
        raise unreadable(error) from error
    except ValidationError as error:
        raise unprocessable("/query/timezone", f"no time zone {str(timezone)[:60]!r}") from error
    refused = [RefusedRow(row=e.row, column=e.column, error=e.reason) for e in read.errors]
    report = StatementReport(
        rows=read.rows, booked=0, known=0, refused=refused, dry_run=dry_run, notes=read.notes
    )
    await _book(_lines(pairs, mapping, report), report, tx)
    report.refused.sort(key=lambda row: row.row)
    if dry_run:
        tx.rollback_only()
    return report


def _read(
    body: bytes, encoding: str | None, timezone: str | None
) -> tuple[Report, list[tuple[int, dict[str, Any]]], Mapping]:
    """The rows as forms; what is no row is in the report. Raises UnreadableFile, ValidationError
    for an unknown time zone."""
    Mapping(columns=NEEDED, timezone=timezone)
    if body.startswith(WORKBOOKS):
        raise UnreadableFile(f"{NAME} is a workbook; save it as CSV")
    table = read_table(body, NAME, encoding=encoding, most=MOST_ROWS)
    given = {column: field for column, field in OPTIONAL.items() if column in table.columns}
    mapping = Mapping(columns=NEEDED | given, timezone=timezone)
    report = Report()
    return report, report.forms(table, mapping), mapping


def _lines(
    pairs: list[tuple[int, dict[str, Any]]], mapping: Mapping, report: StatementReport
) -> list[tuple[int, StatementLine]]:
    """The lines with their row numbers; what is no line is refused."""
    lines = []
    for row, form in pairs:
        try:
            lines.append((row, StatementForm.model_validate(form).line()))
        except ValidationError as error:
            found = [
                (mapping.column_of(e.pointer), e.detail)
                for e in field_errors(error.errors(include_url=False))
            ]
            (column, told), *more = found
            told = "; ".join([told, *(f"{other}: {detail}" for other, detail in more)])
            report.refused.append(RefusedRow(row=row, column=column, error=told))
    return lines


async def _book(rows: list[tuple[int, StatementLine]], report: StatementReport, tx: Tx) -> None:
    lines = [line for _, line in rows]
    await lock_named(lines, tx)
    for row, line in (rows[place] for place in in_booking_order(lines)):
        try:
            new = (await take_statement_line(line, tx))[1]
        except DomainError as error:
            report.refused.append(RefusedRow(row=row, error=str(error)))
        else:
            report.booked += new
            report.known += not new
