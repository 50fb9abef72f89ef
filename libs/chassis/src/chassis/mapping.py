"""The mapping of an import: which column of a file becomes which field of a form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from chassis.file_dates import checked_pattern, read_file_instant
from chassis.table_file import TableFile, UnreadableFile, read_table
from contracts.instants import NoInstant

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
    """Field → how its dates are written: a pattern of ``strptime``, ``serial`` or ``serial-1904``
    for the numbers of a spreadsheet. ISO 8601 is always read."""
    timezone: str | None = "UTC"
    """Of days and of times without an offset; `None` refuses them."""
    encoding: str | None = None
    """Of a CSV, where it is not recognised by itself."""
    sheet: str | None = None
    """Of a workbook; `None` is the first visible one."""

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        try:
            ZoneInfo(name or "UTC")
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone {str(name)[:60]!r}") from error
        return name

    @field_validator("dates")
    @classmethod
    def _readable(cls, dates: dict[str, str]) -> dict[str, str]:
        return {field: checked_pattern(pattern) for field, pattern in dates.items()}

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

    def table(
        self,
        body: bytes,
        name: str,
        *,
        encoding: str | None = None,
        sheet: str | None = None,
        most: int | None = None,
    ) -> TableFile:
        """The table in a file, whose encoding or sheet a caller may state in place of the mapping.
        Raises UnreadableFile."""
        return read_table(
            body,
            name,
            encoding=encoding or self.encoding,
            sheet=sheet or self.sheet,
            expect=self.columns,
            most=most,
        )

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
            # A currency without an amount has no meaning; a channel applies to every row.
            within = f"{target.rpartition('.')[0]}."
            is_part = within != "." and any(t.startswith(within) for t in self.columns.values())
            if not is_part or any(name.startswith(within) for name in flat):
                flat[target] = self._instant(None, text, target)
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
            yield target, self._instant(column, text, target)

    def _instant(self, column: str | None, text: str, target: str) -> str:
        """The text in the API's form where the field is an instant: its name ends so, or the
        mapping says how it is written. Raises CellRefused."""
        pattern = self.dates.get(target)
        if pattern is None and not target.endswith("_at"):
            return text
        zone = ZoneInfo(self.timezone) if self.timezone else None
        try:
            return read_file_instant(text, pattern, zone).isoformat()
        except NoInstant as error:
            raise CellRefused(column, str(error)) from error


def _nested(flat: dict[str, str]) -> dict[str, Any]:
    form: dict[str, Any] = {}
    for path, text in flat.items():
        *parents, leaf = path.split(".")
        place = form
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = text
    return form
