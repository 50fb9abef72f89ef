"""From rows of a table to forms of an API, and the account of what became of each row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Values
from datetime import UTC, datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from chassis.table_file import TableFile, UnreadableFile

LARGEST_MAPPING = 64 * 1024
DEEPEST = 4


class _PlainLoader(yaml.BaseLoader):
    """YAML in which every scalar is text (``no`` is not False), without references: a few lines
    of those can stand for gigabytes."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("references (*name) are not taken here")
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.YAMLError(f"nested deeper than {DEEPEST}")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class CellRefused(ValueError):
    """A row cannot be a form; says which column is to blame, where it is one."""

    def __init__(self, column: str | None, reason: str) -> None:
        super().__init__(reason)
        self.column = column


class Mapping(BaseModel):
    """Which column becomes which field, and how its values are written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, str] = Field(min_length=1)
    """Column name → field, as a path: ``contact.email``."""
    values: dict[str, dict[str, str]] = {}
    """Field → what its words in the file mean."""
    constants: dict[str, str] = {}
    """Field → what it always is. Beside fields that columns fill, only where one of them is."""
    copy_from: dict[str, str] = Field(default={}, alias="copy")
    """Field → another field whose value it shares."""
    dates: dict[str, str] = {}
    """Field → how its dates are written, as ``strptime`` reads them; ISO dates always are."""
    timezone: str = "UTC"
    encoding: str | None = None
    """Of a CSV, where it is not recognised by itself."""

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone {name[:60]!r}") from error
        return name

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Self:
        """Every field has one source, and none lies within another."""
        targets = [*self.columns.values(), *self.constants, *self.copy_from]
        for n, target in enumerate(sorted(targets)):
            if not all(target.split(".")):
                raise ValueError(f"{target!r} is no field")
            following = sorted(targets)[n + 1 : n + 2]
            if following and (following[0] == target or following[0].startswith(f"{target}.")):
                raise ValueError(f"{following[0]!r} is given twice")
        return self

    @classmethod
    def read(cls, text: bytes, name: str = "the mapping") -> Mapping:
        """From YAML or JSON. Raises UnreadableFile."""
        if len(text) > LARGEST_MAPPING:
            raise UnreadableFile(f"{name} is larger than {LARGEST_MAPPING} bytes")
        try:
            if text.lstrip()[:1] == b"{":
                return cls.model_validate(json.loads(text))
            return cls.model_validate(yaml.load(text.decode("utf-8-sig"), _PlainLoader))  # noqa: S506
        except ValidationError as error:
            told = "; ".join(
                f"{'.'.join(map(str, e['loc']))}: {e['msg']}".lstrip(": ") for e in error.errors()
            )
            raise UnreadableFile(f"{name} cannot be used: {told}") from error
        except (ValueError, yaml.YAMLError, RecursionError) as error:
            raise UnreadableFile(f"{name} is neither YAML nor JSON: {error}") from error

    def column_of(self, pointer: str) -> str | None:
        """The column, or columns, that a refused field came from; none when from no column."""
        field = pointer.strip("/").replace("/", ".")
        field = self.copy_from.get(field, field)
        found = [
            column
            for column, target in self.columns.items()
            if f"{target}.".startswith(f"{field}.") or f"{field}.".startswith(f"{target}.")
        ]
        return ", ".join(found) or None

    def form(self, columns: Sequence[str], row: Sequence[str]) -> dict[str, Any]:
        """A row as the API's form. Raises CellRefused."""
        if len(row) != len(columns):
            raise CellRefused(None, f"has {len(row)} columns instead of {len(columns)}")
        flat = dict(self._cells(columns, row))
        for target, source in self.copy_from.items():
            if source in flat:
                flat[target] = flat[source]
        for target, text in self.constants.items():
            # A currency without an amount says nothing; a channel is said of every row.
            within = f"{target.rpartition('.')[0]}."
            is_part = within != "." and any(t.startswith(within) for t in self.columns.values())
            if not is_part or any(name.startswith(within) for name in flat):
                flat[target] = text
        return _nested(flat)

    def _cells(self, columns: Sequence[str], row: Sequence[str]) -> Iterator[tuple[str, str]]:
        """The cells that are mapped and not empty, each in the API's words."""
        for column, cell in zip(columns, row, strict=True):
            target = self.columns.get(column)
            text = cell.strip()
            if target is None or not text:
                continue
            if "\0" in text:
                raise CellRefused(column, "holds a NUL character")
            if target in self.values:
                if text not in self.values[target]:
                    raise CellRefused(column, f"{text[:60]!r} is not in the mapping's values")
                text = self.values[target][text]
            if target in self.dates:
                text = self._date(column, text, self.dates[target])
            yield target, text

    def _date(self, column: str, text: str, pattern: str) -> str:
        try:
            moment = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone comes next
        except ValueError:
            try:
                moment = datetime.fromisoformat(text)
            except ValueError as error:
                raise CellRefused(column, f"{text[:60]!r} is no date like {pattern}") from error
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(self.timezone))
        try:
            return moment.astimezone(UTC).isoformat()
        except OverflowError as error:
            raise CellRefused(column, f"{text[:60]!r} is out of the calendar") from error


def _nested(flat: dict[str, str]) -> dict[str, Any]:
    form: dict[str, Any] = {}
    for path, text in flat.items():
        *parents, leaf = path.split(".")
        place = form
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = text
    return form


class RowRefused(BaseModel):
    """Why a row was not taken. ``row`` counts as spreadsheets do: the header is row 1."""

    row: int
    column: str | None
    reason: str


class RowRepeated(BaseModel):
    """A row that says what is known already."""

    row: int
    of: str
    """The number of what it repeats."""
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

    def forms(self, table: TableFile, mapping: Mapping) -> list[tuple[int, dict[str, Any]]]:
        """The readable rows as forms with their row numbers; the others are refused here. Raises
        UnreadableFile when the file does not have the mapping's columns, each once."""
        for column in mapping.columns:
            if table.columns.count(column) != 1:
                times = "has no" if column not in table.columns else "has more than one"
                raise UnreadableFile(f"the file {times} column {column}")
        forms = []
        for number, row in table.rows:
            self.rows += 1
            try:
                forms.append((number, mapping.form(table.columns, row)))
            except CellRefused as refusal:
                self.refused += 1
                self.errors.append(
                    RowRefused(row=number, column=refusal.column, reason=str(refusal))
                )
        return forms

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
