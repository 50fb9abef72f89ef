"""The table of guarantee groups and the hash of the paths that each depends on."""

from __future__ import annotations

import hashlib
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

ROOT = Path(__file__).resolve().parents[5]
TABLE = ROOT / "tests" / "proofs.toml"


class Group(BaseModel):
    """One promise, the tests that prove it, and what it depends on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    proves: str
    """One sentence: the promise."""
    tests: tuple[str, ...] = Field(min_length=1)
    """Files or node ids, relative to the root of the repository."""
    depends: tuple[str, ...] = Field(min_length=1)
    """Glob patterns of tracked files, relative to the root. The tests themselves are implied."""
    parts: int = Field(default=1, ge=1)
    """Into how many parts pytest-split cuts the tests. A part is what CI runs at a time."""

    def owns(self, node_id: str) -> bool:
        """Whether a test belongs to this group."""
        return any(
            node_id == test or node_id.startswith((f"{test}::", f"{test}[", f"{test}/"))
            for test in self.tests
        )


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One share of a group, counted from 1."""

    group: str
    number: int
    of: int

    @property
    def name(self) -> str:
        return self.group if self.of == 1 else f"{self.group}/{self.number}"


def read_table(file: Path = TABLE) -> dict[str, Group]:
    """The groups by name. Raises ValidationError with the entry that is wrong."""
    table = tomllib.loads(file.read_text())
    return {name: Group.model_validate(entry) for name, entry in table.items()}


def parts_of(groups: Mapping[str, Group]) -> Iterator[Part]:
    for name, group in groups.items():
        for number in range(1, group.parts + 1):
            yield Part(name, number, group.parts)


def fingerprint(group: Group, root: Path = ROOT) -> str:
    """A hash of every file that the group depends on, uncommitted changes included.

    Raises ValueError for a pattern that matches no file: a renamed path must not leave a group
    without its dependencies.
    """
    own = {test.partition("::")[0] for test in group.tests}
    found: set[str] = set()
    for pattern in (*group.depends, *sorted(own)):
        matched = _matched(pattern, root)
        if not matched:
            raise ValueError(f"no file matches {pattern!r}")
        found |= matched
    digest = hashlib.sha256()
    for path in sorted(found):
        digest.update(f"{path}\0{_content_hash(root / path)}\n".encode())
    return digest.hexdigest()[:16]


def _matched(pattern: str, root: Path) -> set[str]:
    """Tracked and new files that a pattern names; a folder names all files below it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--",
         f":(glob){pattern}"],
        cwd=root, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return {path for path in listed.split("\0") if path and (root / path).is_file()}


def _content_hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
