"""Write what is derived from the facts: schemas, pages, AsyncAPI, changes, fixtures of new ones.

``python -m contracts.generate`` writes; with ``--check`` it only names what is stale, and exits 1.
A golden fixture that exists is never touched: it is what this version has promised.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from contracts.asyncapi import documents
from contracts.catalog import FACTS
from contracts.catalogue_pages import PAGES, pages
from contracts.event import Event
from contracts.events_page import events_page
from contracts.lifetimes import CHANGES, Change, as_rows, changed, recorded
from contracts.needs import hearers
from contracts.samples import sample, sample_envelope
from contracts.schema import GOLDEN, PACKAGE, SCHEMAS, as_text, schema_of


def golden_of(fact: Event) -> str:
    """The fixture of a fact: its headers and its value, as sent."""
    headers = {name: value.decode() for name, value in sample_envelope(fact).to_headers()}
    return as_text({"headers": headers, "value": json.loads(fact.model_dump_json())})


def derived(package: Path) -> dict[Path, str]:
    """Every generated file with its due content. Existing fixtures are not among them."""
    files = {
        package / SCHEMAS / f"{name}.json": as_text(schema_of(fact)) for name, fact in FACTS.items()
    }
    for name, fact in FACTS.items():
        path = package / GOLDEN / f"{name}.json"
        if not path.exists():
            files[path] = golden_of(sample(fact))
    docs = package.parents[1] / "docs"
    files[docs / "events.md"] = events_page()
    for service, described in documents(hearers()).items():
        files[docs / "asyncapi" / f"{service}.json"] = as_text(described)
    for name, page in pages(recorded(package), hearers()).items():
        files[package / PAGES / name] = page
    return files


def left_over(package: Path) -> list[Path]:
    """Schemas of facts that are no more."""
    known = {package / SCHEMAS / f"{name}.json" for name in FACTS}
    return sorted(set((package / SCHEMAS).glob("*.json")) - known)


def stale(package: Path) -> list[str]:
    """One line per file that is not as it should be."""
    wrong = [
        f"{path}: {'is stale' if path.exists() else 'is missing'}"
        for path, text in derived(package).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    return wrong + [f"{path}: no such fact any more" for path in left_over(package)]


def record(package: Path, day: date) -> None:
    """Enter in the change log how the facts differ from the schemas that are there."""
    fresh = []
    for name, fact in FACTS.items():
        file = package / SCHEMAS / f"{name}.json"
        old = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
        what = "; ".join(sorted(changed(old, schema_of(fact))))
        if what:
            fresh.append(Change(day.isoformat(), name, what))
    if fresh:
        (package / CHANGES).parent.mkdir(parents=True, exist_ok=True)
        (package / CHANGES).write_text(as_rows([*recorded(package), *fresh]), encoding="utf-8")


def write(package: Path) -> list[Path]:
    """Bring everything up to date; returns what was written. Removing a fact is left to people."""
    record(package, datetime.now(UTC).date())
    written = []
    for path, text in derived(package).items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def main(arguments: Sequence[str] | None = None, package: Path = PACKAGE) -> int:
    parser = argparse.ArgumentParser(prog="python -m contracts.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when stale")
    if parser.parse_args(arguments).check:
        wrong = stale(package)
        for line in wrong:
            sys.stderr.write(f"{line}\n")
        if wrong:
            sys.stderr.write("run: python -m contracts.generate\n")
        return 1 if wrong else 0
    for path in write(package):
        sys.stdout.write(f"wrote {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
