"""Has an edit broken anybody? ``python -m contracts.compat [--base REV] [--allow-breaking]``

Compares the facts as they are now with the schemas and fixtures at the merge base with the main
branch, or at the revision given. Exits 1 when anything breaks, naming type, field, rule and what to
do instead; with ``--allow-breaking`` says so and exits 0, for looking.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from contracts.advice import Breach
from contracts.breach import compare, same_shape
from contracts.catalog import FACTS, RETIRED
from contracts.history import bases, files_at, known_revision, last_seen
from contracts.needs import hearers
from contracts.probes import read_fixtures
from contracts.schema import GOLDEN, PACKAGE, SCHEMAS, Schema, schema_of
from contracts.schema_reader import refusal


def compare_catalogues(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[Breach]:
    """Every published type against what it is now. A type that is new cannot break anybody."""
    found = []
    for name, schema in old.items():
        if name in new:
            found += compare(schema, new[name])
            continue
        fresh = new.keys() - old.keys()
        heir = next((n for n in sorted(fresh) if same_shape(schema, new[n])), None)
        if heir is None:
            found.append(Breach(name, "", "type-removed", "nobody says it any more"))
        else:
            found.append(Breach(name, "", "type-renamed", f"it seems to be {heir} now"))
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


def read_samples(old: Mapping[str, Schema], samples: Mapping[str, Any]) -> list[Breach]:
    """What we say today must be readable by those who still go by the published schema."""
    found = []
    for name, schema in old.items():
        problem = refusal(schema, samples[name]) if name in samples else None
        if problem is not None:
            found.append(Breach(name, problem[0], "sample-unreadable", problem[1]))
    return found


def reused(package: Path, base: str, new: Mapping[str, Schema]) -> list[Breach]:
    """Types that were retired once and come back as something else."""
    found = []
    for name, schema in new.items():
        text = last_seen(package, base, SCHEMAS / f"{name}.json")
        edits = compare(json.loads(text), schema) if text else []
        if edits:
            detail = f"a retired fact had this name; {edits[0].field or 'it'}: {edits[0].detail}"
            found.append(Breach(name, "", "version-reused", detail))
    return found


def retired(package: Path, names: Iterable[str]) -> tuple[set[str], list[Breach]]:
    """Which types may be missing, as they were retired; and those that somebody still needs."""
    missed = {
        name: [c for c, hearer in hearers(package).items() if name in hearer.needs]
        for name in names
    }
    still = {name: ", ".join(consumers) for name, consumers in missed.items() if consumers}
    found = [Breach(n, "", "type-removed", f"{who} still needs it") for n, who in still.items()]
    return missed.keys() - still.keys(), found


def examine(package: Path, against: Sequence[str]) -> list[Breach]:
    """All that breaks somebody who goes by the contracts of these revisions, each once."""
    fixtures = {p.stem: p.read_text(encoding="utf-8") for p in (package / GOLDEN).glob("*.json")}
    new = {name: schema_of(fact) for name, fact in FACTS.items()}
    found = read_fixtures(fixtures, FACTS)
    said: dict[str, Any] = {}
    try:
        # Only now: samples that no longer fit must not hide what broke.
        from contracts.samples import SAMPLES

        said = {f.name: json.loads(f.model_dump_json()) for f in SAMPLES.values()}
    except ValidationError as error:
        detail = f"the sample does not fit: {error.errors()[0]['loc']}"
        found.append(Breach(error.title, "", "sample-unreadable", detail))
    gone, needed = retired(package, RETIRED)
    found += needed
    found += [
        Breach(name, "", "version-reused", f"it was retired: {RETIRED[name]}")
        for name in RETIRED.keys() & new.keys()
    ]
    for base in against:
        published = files_at(package, base, SCHEMAS)
        old = {n: json.loads(text) for n, text in published.items() if n not in gone}
        found += compare_catalogues(old, new)
        found += reused(package, base, {n: s for n, s in new.items() if n not in old})
        golden = files_at(package, base, GOLDEN)
        found += compare_fixtures({n: t for n, t in golden.items() if n not in gone}, fixtures)
        found += read_samples(old, said)
    return list(dict.fromkeys(found))


def main(arguments: Sequence[str] | None = None, package: Path = PACKAGE) -> int:
    parser = argparse.ArgumentParser(prog="python -m contracts.compat", description=__doc__)
    parser.add_argument("--base", help="revision to compare with")
    parser.add_argument("--allow-breaking", action="store_true", help="tell, but exit 0")
    options = parser.parse_args(arguments)
    if options.base and not known_revision(package, options.base):
        sys.stderr.write(f"there is no revision {options.base}\n")
        return 2
    against = [options.base] if options.base else bases(package)
    found = examine(package, against)
    for breach in found:
        sys.stderr.write(f"{breach}\n")
    sys.stdout.write(f"{verdict(against, found)}\n")
    return 1 if found and not options.allow_breaking else 0


def verdict(against: Sequence[str], found: Sequence[Breach]) -> str:
    """The outcome in one line."""
    counted = f"{len(found)} breaking" if found else "nothing breaks"
    than = " and ".join(base[:10] for base in against) or "their fixtures, for want of history"
    return f"{len(FACTS)} facts against {than}: {counted}"


if __name__ == "__main__":
    sys.exit(main())
