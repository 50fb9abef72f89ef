"""Has an edit broken anybody? ``python -m contracts.compat [--base REV] [--allow-breaking]``

Compares the facts as they are now with the schemas and fixtures at the merge base with the main
branch, or at the revision given. Exits 1 when anything breaks, naming type, field, rule and what to
do instead; with ``--allow-breaking``, until the contracts are 1.0, says so and exits 0.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from contracts.breach import Breach, compare
from contracts.catalog import FACTS
from contracts.envelope import Envelope, MalformedEnvelope
from contracts.event import Event
from contracts.generate import GOLDEN, PACKAGE, SCHEMAS
from contracts.samples import SAMPLES
from contracts.schema import Schema, schema_of
from contracts.schema_reader import refusal

MAIN_BRANCHES = ("origin/main", "main")


def compare_catalogues(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[Breach]:
    """Every published type against what it is now. A type that is new cannot break anybody."""
    found = []
    for name, schema in old.items():
        if name not in new:
            found.append(Breach(name, "", "type-removed", "nobody says it any more"))
        else:
            found += compare(schema, new[name])
    return found


def compare_fixtures(old: Mapping[str, str], new: Mapping[str, str]) -> list[Breach]:
    """Fixtures, once published, stay as they are."""
    found = []
    for name, text in old.items():
        if name not in new:
            found.append(Breach(name, "", "fixture-removed", "the golden sample is gone"))
        elif new[name] != text:
            found.append(Breach(name, "", "fixture-edited", "the golden sample is another"))
    return found


def read_fixtures(fixtures: Mapping[str, str], facts: Mapping[str, type[Event]]) -> list[Breach]:
    """Every sample ever promised must be read, and nothing it says be lost."""
    found = []
    for name, text in fixtures.items():
        fact = facts.get(name)
        if fact is None:
            continue
        golden = json.loads(text)
        try:
            Envelope.from_headers([(k, v.encode()) for k, v in golden["headers"].items()])
            again = json.loads(fact.model_validate(golden["value"]).model_dump_json())
        except (ValidationError, MalformedEnvelope) as error:
            first = str(error).replace("\n", " ")
            found.append(Breach(name, "", "fixture-unreadable", first))
            continue
        found += [
            Breach(name, where, "fixture-unreadable", "is lost or altered in reading")
            for where in lost(golden["value"], again)
        ]
    return found


def lost(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """Pointers to what one JSON value says and the other does not."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            if name in after:
                yield from lost(value, after[name], f"{at}/{name}")
            else:
                yield f"{at}/{name}"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from lost(one, other, f"{at}/{index}")
    elif before != after:
        yield at


def read_samples(old: Mapping[str, Schema], samples: Mapping[str, Any]) -> list[Breach]:
    """What we say today must be readable by those who still go by the published schema."""
    found = []
    for name, schema in old.items():
        problem = refusal(schema, samples[name]) if name in samples else None
        if problem is not None:
            found.append(Breach(name, problem[0], "sample-unreadable", problem[1]))
    return found


def main(arguments: Sequence[str] | None = None, package: Path = PACKAGE) -> int:
    parser = argparse.ArgumentParser(prog="python -m contracts.compat", description=__doc__)
    parser.add_argument("--base", help="revision to compare with")
    parser.add_argument("--allow-breaking", action="store_true", help="tell, but exit 0")
    options = parser.parse_args(arguments)
    base = options.base or merge_base(package)
    if options.base and not known_revision(package, options.base):
        sys.stderr.write(f"there is no revision {options.base}\n")
        return 2
    fixtures = {p.stem: p.read_text(encoding="utf-8") for p in (package / GOLDEN).glob("*.json")}
    found = read_fixtures(fixtures, FACTS)
    if base is None:
        sys.stdout.write("no earlier revision to compare with; fixtures only\n")
    else:
        old = {n: json.loads(t) for n, t in files_at(package, base, SCHEMAS).items()}
        found += compare_catalogues(old, {name: schema_of(fact) for name, fact in FACTS.items()})
        found += compare_fixtures(files_at(package, base, GOLDEN), fixtures)
        said = {f.name: json.loads(f.model_dump_json()) for f in SAMPLES.values()}
        found += read_samples(old, said)
    for breach in found:
        sys.stderr.write(f"{breach}\n")
    counted = f"{len(found)} breaking" if found else "nothing breaks"
    sys.stdout.write(f"{len(FACTS)} facts against {base or 'their fixtures'}: {counted}\n")
    return 1 if found and not options.allow_breaking else 0


def merge_base(package: Path) -> str | None:
    """The commit this work started from; none in a tree without history."""
    for branch in MAIN_BRANCHES:
        found = _git(package, "merge-base", "HEAD", branch)
        if found:
            return found.strip()
    return None


def known_revision(package: Path, revision: str) -> bool:
    return _git(package, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") is not None


def files_at(package: Path, revision: str, folder: Path) -> dict[str, str]:
    """The JSON files of a folder as they were, by name without ending."""
    listing = _git(package, "ls-tree", "--name-only", revision, f"{folder.as_posix()}/") or ""
    return {
        Path(path).stem: _git(package, "show", f"{revision}:./{path}") or ""
        for path in listing.splitlines()
        if path.endswith(".json")
    }


def _git(package: Path, *arguments: str) -> str | None:
    """What git answers, run in the package's folder; none when it refuses."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=package,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    return done.stdout if done.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
