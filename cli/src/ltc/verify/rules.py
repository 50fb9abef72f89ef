"""The invariants: one SQL file each, whose rows are violations and whose head says what it means.

Every query answers two columns: ``what``, a sentence with the numbers that lead a person to the
object, and ``journey_id``, for ``ltc trace``. A rule of kind ``safety`` holds at any moment, given
the order of the snapshots. One of kind ``settled`` holds on a quiet platform only: no fact unsent,
unheard or parked. ``both`` has parts of either; the second part stands behind ``settled()``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast, get_args

from ltc.verify.sources import CannotCheck

FOLDER = Path(__file__).with_name("invariants")

Kind = Literal["safety", "settled", "both"]
Severity = Literal["critical", "serious"]
GROUPS = {"D": "Delivery", "J": "Journey", "M": "Money"}


@dataclass(frozen=True)
class Rule:
    """One invariant."""

    code: str
    sentence: str
    """What holds, as finance and on-call would say it."""
    kind: Kind
    severity: Severity
    """``critical``: money or facts are wrong or lost. ``serious``: something is stuck."""
    needs: str
    """``history``, ``statement`` or ``rest`` (quiet was asked for), when it can only be judged with
    that; else empty."""
    sql: str


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule, by code."""
    found = [_parse(file) for file in FOLDER.glob("*.sql")]
    return tuple(sorted(found, key=lambda rule: (rule.code[0], int(rule.code[1:]))))


def chosen(codes: Sequence[str]) -> tuple[Rule, ...]:
    """The rules of these codes; all when none is named. Raises CannotCheck for an unknown one."""
    wanted = {code.strip().upper() for code in codes}
    unknown = wanted - {rule.code for rule in rules()}
    if unknown:
        known = ", ".join(rule.code for rule in rules())
        raise CannotCheck(f"there is no invariant {', '.join(sorted(unknown))}; there are {known}")
    return tuple(rule for rule in rules() if not wanted or rule.code in wanted)


def _parse(file: Path) -> Rule:
    sql = file.read_text(encoding="utf-8")
    head = {
        match[1]: match[2] for match in re.finditer(r"^-- (\w+): (.+)$", sql, flags=re.MULTILINE)
    }
    kind, severity = head["kind"], head["severity"]
    if kind not in get_args(Kind) or severity not in get_args(Severity):
        raise ValueError(f"{file.name}: kind {kind}, severity {severity}")
    return Rule(
        file.stem,
        head["sentence"],
        cast(Kind, kind),
        cast(Severity, severity),
        head.get("needs", ""),
        sql,
    )
