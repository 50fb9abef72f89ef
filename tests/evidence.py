"""Collects, while the services' own tests run, what the contracts are judged by.

A pytest plugin. What the six services and the console really said and read in a complete run of
their tests is written to ``.ltc/contracts/evidence.json`` with a fingerprint of the code; whoever
judges needs by it (`tests/contracts`, ``make contracts``) makes it anew when the code is another.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from chassis.evidence import Evidence, watch
from contracts.catalog import STAGES
from testkit.harness import Harness

ROOT = Path(__file__).parents[1]
FILE = ROOT / ".ltc" / "contracts" / "evidence.json"
PLACES = ("services", "console", "tests/contracts/consumers")
SPEAKERS = tuple(f"{stage}-svc" for stage in STAGES)

EVIDENCE = Evidence()
Seen = dict[str, Any]


class _Run:
    """Whether this session ran all tests that evidence comes from, and none failed."""

    open: ClassVar[set[Harness]] = set()
    missing: frozenset[Path] = frozenset()
    spoilt = False
    of_code = ""
    """The fingerprint of the code that runs here."""


def test_files() -> frozenset[Path]:
    return frozenset(file for place in PLACES for file in (ROOT / place).rglob("test_*.py"))


def fingerprint() -> str:
    """Of all code that says or hears, and of the tests that make it do so."""
    digest = hashlib.sha256()
    for place in ("libs", *PLACES, "tests/evidence.py"):
        folder = ROOT / place
        for file in sorted(folder.rglob("*.py")) if folder.is_dir() else (folder,):
            digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return digest.hexdigest()


def as_json() -> Seen:
    heard: Seen = {}
    for (consumer, event_type), told in sorted(EVIDENCE.heard.items()):
        heard.setdefault(consumer, {})[event_type] = {
            "reads": sorted(told.reads),
            "handled": told.handled,
        }
    said = {name: list(shapes.values()) for name, shapes in sorted(EVIDENCE.said.items())}
    return {"fingerprint": _Run.of_code, "said": said, "heard": heard}


async def collected() -> Seen:
    """The evidence of the present code: of this session, of an earlier one, or of one run now."""
    if not _Run.missing and not _Run.spoilt and EVIDENCE.said:
        for harness in _Run.open:
            await _keep_what_was_said(harness)
        return as_json()
    return stored()


def stored() -> Seen:
    """The evidence on file; first made anew when the code is another."""
    if not _is_current():
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *PLACES]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)
        if done.returncode or not _is_current():
            raise AssertionError(
                f"no evidence: the services' own tests fail\n{done.stdout[-3000:]}"
            )
    found: Seen = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def _is_current() -> bool:
    return FILE.exists() and json.loads(FILE.read_text())["fingerprint"] == fingerprint()


async def _keep_what_was_said(harness: Harness) -> None:
    if harness.service.name not in SPEAKERS:
        return
    for event_type, payload in await harness.rows("SELECT type, payload FROM outbox"):
        EVIDENCE.note_said(event_type, payload)


def pytest_configure() -> None:
    """Watch, and look into each outbox before it is emptied.

    Databases of one test alone are never emptied: what `hearing` makes services repeat counts for
    nothing.
    """
    watch(EVIDENCE)
    empty, close = Harness.empty, Harness.close

    async def empty_seen(self: Harness) -> None:
        _Run.open.add(self)
        await _keep_what_was_said(self)
        await empty(self)

    async def close_seen(self: Harness) -> None:
        if self in _Run.open:
            await _keep_what_was_said(self)
        _Run.open.discard(self)
        await close(self)

    Harness.empty, Harness.close = empty_seen, close_seen  # type: ignore[method-assign]


def pytest_collection_finish(session: pytest.Session) -> None:
    ran = {Path(item.path) for item in session.items}
    parts = any("::" in argument for argument in session.config.args)
    _Run.missing = test_files() - ran
    _Run.spoilt = _Run.spoilt or parts
    if not _Run.missing:
        _Run.of_code = fingerprint()


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    files = test_files()
    _Run.spoilt = _Run.spoilt or any(Path(item.path) in files for item in items)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed and not _Run.spoilt and (ROOT / report.fspath) in test_files():
        _Run.spoilt = True


def pytest_sessionfinish(exitstatus: int) -> None:
    if not _Run.missing and not _Run.spoilt and exitstatus == 0:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(json.dumps(as_json(), ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    found = stored()
    count = sum(len(values) for values in found["said"].values())
    sys.stdout.write(f"the services' own tests said {count} facts of {len(found['said'])} types\n")
