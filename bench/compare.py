"""``python -m bench.compare OLD NEW``: figures before and after, and which are worse by over 5 %.

Exit code 1 when one is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

TOLERANCE = 0.05
MORE_IS_BETTER = ("_per_s", "ratio_to_kernel_best", "ratio_to_kernel_batch1", "efficiency")
LESS_IS_BETTER = ("_ms", "_s", "_mib", "_ms_per_s", "_to_kernel", "cpu_ms_per_journey", "_ratio")
NEITHER = ("kernel_", "kernel_process_", "journeys", "cores", "deliveries_per_journey")
"""What the machine gives, and what was asked of it."""

Better = Literal["more", "less", "neither"]


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of two runs; one that a run does not have is ``None`` there."""

    name: str
    before: float | None
    after: float | None

    @property
    def share(self) -> float | None:
        """By how much it grew, as a share of what it was."""
        if self.before is None or self.after is None or self.before == 0:
            return None
        return self.after / self.before - 1

    @property
    def verdict(self) -> str:
        better, share = better_when(self.name), self.share
        if self.before is None or self.after is None:
            return "only before" if self.after is None else "only after"
        if better == "neither" or share is None:
            return ""
        if abs(share) <= TOLERANCE:
            return "same"
        return "better" if (share > 0) == (better == "more") else "worse"


def better_when(name: str) -> Better:
    """Whether a figure is better when it is more or less. A part of one (``cpu.hub``) is as the
    whole."""
    whole = name.split(".", maxsplit=1)[0]
    if whole.startswith(NEITHER):
        return "neither"
    if "cpu_ms" in whole or whole.startswith("idle_"):
        return "less"
    if whole.endswith(MORE_IS_BETTER):
        return "more"
    return "less" if whole.endswith(LESS_IS_BETTER) else "neither"


def flat(figures: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every number, those of a table under ``table.name``; what is no number is left out."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", float(value)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every figure of either run, in the order of the later one."""
    old, new = dict(flat(before)), dict(flat(after))
    return [Change(name, old.get(name), new.get(name)) for name in (new | old)]


def table(found: Sequence[Change]) -> str:
    """The changes as a table in Markdown."""
    lines = ["| figure | before | after | % | |", "|---|---:|---:|---:|---|"]
    for change in found:
        share = "" if change.share is None else f"{change.share * 100:+.1f}"
        values = ("" if v is None else f"{v:,.2f}" for v in (change.before, change.after))
        lines.append(f"| {change.name} | {' | '.join(values)} | {share} | {change.verdict} |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    before, after = (json.loads(Path(file).read_text()) for file in arguments)
    found = changes(before, after)
    print(table(found))
    worse = [change for change in found if change.verdict == "worse"]
    print(f"\nworse by more than {TOLERANCE:.0%}: {len(worse)}")
    for change in worse:
        print(f"  {change.name}: {change.before:,.2f} → {change.after:,.2f}")
    return 1 if worse else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
