"""From the rows of a table to the forms of an API, and a report of what became of each row."""

from __future__ import annotations

from collections.abc import Mapping as Values
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from chassis.mapping import CellRefused, Mapping
from chassis.problems import Problem
from chassis.table_file import EncodingUnclear, TableFile, UnreadableFile


def unreadable(error: UnreadableFile) -> Problem:
    """The answer to a file that cannot be read; with the readings among which a person chooses."""
    if not isinstance(error, EncodingUnclear):
        return Problem(422, str(error), type="unreadable-file")
    readings = [{"encoding": r.encoding, "sample": list(r.sample)} for r in error.readings]
    return Problem(422, str(error), type="encoding-unclear", members={"readings": readings})


class RowRefused(BaseModel):
    """Why a row was not taken. ``row`` is the line on which it begins, as an editor counts; of a
    workbook the row of the sheet."""

    row: int
    column: str | None
    reason: str


class RowRepeated(BaseModel):
    """A row that says what is known already."""

    row: int
    of: str | None
    """The number of what it repeats; none when that is not the importer's to see."""
    of_row: int | None = None
    """The row of the same file that it repeats."""


class Report(BaseModel):
    """``rows = accepted + duplicates + refused``, always."""

    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    errors: list[RowRefused] = []
    """Of each refused row at least one."""
    repeated: list[RowRepeated] = []
    notes: list[str] = []
    """What was decided about the file: encoding, sheet, columns that are ignored."""

    def forms(self, table: TableFile, mapping: Mapping) -> list[tuple[int, dict[str, Any]]]:
        """The readable rows as forms with their row numbers; the others are refused here. Raises
        UnreadableFile when the file does not have the mapping's columns, each once."""
        for column in mapping.columns:
            if table.columns.count(column) != 1:
                times = "has no" if column not in table.columns else "has more than one"
                raise UnreadableFile(f"the file {times} column {column}")
        self.notes += table.notes
        ignored = sorted({name or "(no name)" for name in table.columns} - mapping.columns.keys())
        if ignored:
            self.notes.append(f"ignored, for the mapping has no field for it: {', '.join(ignored)}")
        for number, why in table.defects:
            self.refuse(number, None, why)
        forms = []
        for number, row in table.rows:
            try:
                forms.append((number, mapping.form(table.columns, row)))
            except CellRefused as refusal:
                self.refuse(number, refusal.column, str(refusal))
        self.rows = len(table.rows) + len(table.defects)
        self.errors.sort(key=lambda error: error.row)
        return forms

    def refuse(self, row: int, column: str | None, reason: str) -> None:
        """Count a row that is no form, and say why."""
        self.refused += 1
        self.errors.append(RowRefused(row=row, column=column, reason=reason))

    def count(
        self, numbers: Sequence[int], results: Sequence[Values[str, Any]], mapping: Mapping
    ) -> None:
        """Take in what an API answered for the rows of these numbers."""
        for number, result in zip(numbers, results, strict=True):
            if result["outcome"] == "accepted":
                self.accepted += 1
            elif result["outcome"] == "duplicate":
                self.duplicates += 1
                earlier = result.get("duplicate_of_row")
                self.repeated.append(
                    RowRepeated(
                        row=number,
                        of=result["number"],
                        of_row=result.get("of_row") if earlier is None else numbers[earlier],
                    )
                )
            else:
                self.refused += 1
                for error in result["errors"]:
                    self.errors.append(
                        RowRefused(
                            row=number,
                            column=mapping.column_of(error["pointer"]),
                            reason=error["detail"],
                        )
                    )
        self.errors.sort(key=lambda error: error.row)
