"""Needs as the code has them: ``python -m tests.contracts.stating`` rewrites what files say of it.

Who is asked, headers, and whether a hearer may be early are people's words and stay as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from contracts.needs import ANY, CONSUMERS, Hearer, Need, hearers, present
from contracts.paths import WHOLE, Place, normal, steps, values_at
from contracts.schema import PACKAGE, as_text
from tests.evidence import Seen, stored


def derived(seen: Mapping[str, Any], fields: Mapping[str, Place]) -> Need:
    """The need that a hearer's behaviour shows."""
    there = [path for path in seen["reads"] if path.removesuffix(WHOLE) in fields]
    reads = normal(there)
    null: dict[str, str] = {}
    values: dict[str, tuple[str, ...]] = {}
    for path in sorted({step for read in reads for step in steps(read)}):
        said = [v for value in seen["handled"] for v in values_at(value, path)]
        place = fields[path]
        if place.nullable:
            null[path] = "taken" if None in said else "never"
        if place.known and path in reads:
            handled = {str(v) for v in said if v is not None}
            others = (ANY,) if handled - set(place.known) else ()
            values[path] = (*(v for v in place.known if v in handled), *others)
    return Need.model_validate({"reads": reads, "null": null, "values": values})


def restated(hearer: Hearer, heard: Seen, catalogue: Mapping[str, Mapping[str, Place]]) -> Hearer:
    needs = {name: derived(seen, catalogue[name]) for name, seen in sorted(heard.items())}
    early = {name for name, need in hearer.needs.items() if need.early}
    kept = {n: need.model_copy(update={"early": n in early}) for n, need in needs.items()}
    return hearer.model_copy(update={"needs": kept})


def main() -> int:
    evidence, catalogue = stored(), present()
    for name, hearer in hearers().items():
        if name in evidence["heard"]:
            again = restated(hearer, evidence["heard"][name], catalogue)
            stated = again.model_dump(mode="json", exclude_defaults=True)
            (PACKAGE / CONSUMERS / f"{name}.json").write_text(as_text(stated), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
