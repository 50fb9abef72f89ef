"""Figures: percentiles, what was measured so far, and the file that keeps it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """The median and the 99th percentile. Raises ValueError for fewer than two values."""
    if len(values) < 2:
        raise ValueError(f"{len(values)} values have no percentiles")
    cuts = quantiles(values, n=100)
    return cuts[49], cuts[98]


def p95(values: Sequence[float]) -> float:
    """The value that 95 of 100 do not exceed, one of those measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]


def machine() -> dict[str, Any]:
    """When, where and at which commit the figures are measured."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "commit": commit.stdout.strip() or None,
    }


class Figures(dict[str, Any]):
    """What was measured, printed and written at once: a part that fails takes nothing with it."""

    def __init__(self, file: Path, **about: Any) -> None:
        super().__init__(about)
        self._file = file

    def note(self, figures: Mapping[str, Any]) -> None:
        self.update(figures)
        for name, value in figures.items():
            print(f"{name:<28} {shown(value)}", flush=True)
        self.keep()

    def keep(self) -> None:
        """Write the file anew; who reads it meanwhile finds a whole one."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps(self, indent=2) + "\n")
        draft.replace(self._file)


def shown(value: Any) -> str:
    """A figure as one line."""
    if isinstance(value, Mapping):
        return "  ".join(f"{name} {shown(part)}" for name, part in value.items())
    return f"{value:,.2f}" if isinstance(value, int | float) else str(value)
