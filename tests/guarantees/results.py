"""What campaigns came to: a file that only grows, a line a run, and the sum of some of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from ltc.settings import PROJECT

RESULTS = PROJECT / "docs" / "campaign.ndjson"
Line = dict[str, Any]


def append(line: Line) -> str:
    """Keep a run's line; the run in a sentence."""
    with RESULTS.open("a") as results:
        results.write(json.dumps(line, ensure_ascii=False) + "\n")
    faults = ", ".join(each["fault"] for each in line.get("injections", ())) or "none"
    told = [*line.get("violations", ()), *line.get("wrong", ())]
    outcome = line.get("error") or "; ".join(told[:3]) or "ok"
    return f"{line['seed']}: {faults}: {outcome[:600]} ({line['took_s']} s)"


def lines_of(campaign: str) -> dict[str, Line]:
    """By seed and number what one campaign has written."""
    if not RESULTS.exists():
        return {}
    lines = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    return {line["seed"]: line for line in lines if line.get("campaign") == campaign}


def is_bad(line: Line) -> bool:
    return bool(line.get("error") or line.get("violations") or line.get("wrong"))


def summary(lines: Sequence[Line]) -> Line:
    """Runs, injections by kind, what was violated, what did not come to rest, seconds a run."""
    kinds = Counter(each["fault"] for line in lines for each in line.get("injections", ()))
    rules = [re.match(r"[DJM]\d+", told) for line in lines for told in line.get("violations", ())]
    took = [line["took_s"] for line in lines]
    heals = [line["heal_s"] for line in lines if "heal_s" in line]
    return {
        "runs": len(lines),
        "failed": [line["seed"] for line in lines if is_bad(line)],
        "injections": sum(kinds.values()),
        "by_kind": dict(sorted(kinds.items())),
        "journeys": sum(line.get("journeys", 0) for line in lines),
        "violations": dict(Counter(rule.group() for rule in rules if rule)),
        "wrong_answers": sum(len(line.get("wrong", ())) for line in lines),
        "not_at_rest": [line["seed"] for line in lines if "Restless" in line.get("error", "")],
        "other_errors": [
            line["seed"] for line in lines if line.get("error") and "Restless" not in line["error"]
        ],
        "repairs": sum(len(line.get("repairs", ())) for line in lines),
        "seconds_a_run": {"median": median(took), "most": max(took)} if took else {},
        "heal_s": {"median": median(heals), "most": max(heals)} if heals else {},
    }


def commit() -> str:
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or os.environ.get("LTC_COMMIT", "unknown")
