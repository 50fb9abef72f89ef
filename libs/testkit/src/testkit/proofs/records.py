"""When each part of a guarantee group last passed completely, and on which state of its paths."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from testkit.proofs.groups import ROOT, Group, Part, fingerprint

FILE = ROOT / "tests" / "proofs.json"
UNKNOWN_SECONDS = 240.0
"""Assumed duration of a part that has never been recorded."""


@dataclass(frozen=True, slots=True)
class Record:
    """One complete pass of a part."""

    hash: str
    """Of the paths that the group depends on."""
    seconds: float
    passed: int
    """How many tests passed."""
    date: str
    """ISO 8601 instant of the end of the run, UTC."""


class Records:
    """The committed file of records."""

    def __init__(self, file: Path = FILE) -> None:
        self._file = file
        found = json.loads(file.read_text()) if file.exists() else {}
        self._records = {name: Record(**entry) for name, entry in found.items()}

    def of(self, part: Part) -> Record | None:
        return self._records.get(_key(part))

    def seconds(self, part: Part) -> float:
        """How long the part took when it last passed, else an assumption."""
        record = self.of(part)
        return UNKNOWN_SECONDS if record is None else record.seconds

    def write(self, part: Part, record: Record) -> None:
        """Store a pass at once, so that an interrupted run keeps what it proved."""
        self._records[_key(part)] = record
        entries = {name: asdict(self._records[name]) for name in sorted(self._records)}
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps(entries, indent=1) + "\n")
        draft.replace(self._file)

    def forget_others(self, parts: Mapping[str, Group]) -> None:
        """Remove records of parts that the table no longer has."""
        names = {
            f"{name} {n}/{g.parts}" for name, g in parts.items() for n in range(1, g.parts + 1)
        }
        self._records = {name: r for name, r in self._records.items() if name in names}


def _key(part: Part) -> str:
    """With the number of parts: another cut is another set of tests."""
    return f"{part.group} {part.number}/{part.of}"


def due(
    parts: list[Part], groups: Mapping[str, Group], records: Records
) -> tuple[list[Part], list[Part]]:
    """Parts whose paths have changed since their record, the oldest record first and those without
    a record before all; and the parts that are still proven, in the order of the table."""
    hashes = {name: fingerprint(group) for name, group in groups.items()}
    changed: list[Part] = []
    proven: list[Part] = []
    for part in parts:
        record = records.of(part)
        current = record is not None and record.hash == hashes[part.group]
        (proven if current else changed).append(part)

    def age(part: Part) -> str:
        record = records.of(part)
        return "" if record is None else record.date

    return sorted(changed, key=age), proven
