"""What a check has found, for programs, people and machines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from ltc.verify.rules import Rule

SHOWN = 5
KEPT = 100

Outcome = Literal["holds", "in part", "not judged", "violated"]


@dataclass(frozen=True)
class Violation:
    """One place where a rule does not hold, in words, and the journey to look at."""

    what: str
    journey_id: str | None


@dataclass(frozen=True)
class Finding:
    """What became of one rule. ``in part``: what needs a quiet platform was not judged."""

    rule: Rule
    outcome: Outcome
    count: int
    """Violations in all; ``first`` holds no more than a hundred of them."""
    first: tuple[Violation, ...]
    ms: float
    why: str = ""
    """Why it was not judged."""


@dataclass(frozen=True)
class Report:
    """The outcome of one run. ``quiet`` is empty when nothing was under way; else what was."""

    findings: tuple[Finding, ...]
    quiet: tuple[str, ...]
    sizes: dict[str, int]
    took_s: dict[str, float] = field(default_factory=dict)

    @property
    def violated(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.outcome == "violated")

    @property
    def red(self) -> set[str]:
        """The codes of the rules that do not hold."""
        return {f.rule.code for f in self.violated}

    @property
    def violations(self) -> int:
        return sum(f.count for f in self.findings)

    @property
    def good(self) -> bool:
        return not self.violated

    def words(self) -> str:
        """Every violation kept, a line each, with its rule: what a failing test prints."""
        return "\n".join(
            f"{f.rule.code}: {v.what}" + (f" [{v.journey_id}]" if v.journey_id else "")
            for f in self.violated
            for v in f.first
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "good": self.good,
            "violations": self.violations,
            "quiet": not self.quiet,
            "under_way": list(self.quiet),
            "sizes": self.sizes,
            "took_s": self.took_s,
            "rules": [
                {
                    "code": f.rule.code,
                    "sentence": f.rule.sentence,
                    "kind": f.rule.kind,
                    "severity": f.rule.severity,
                    "outcome": f.outcome,
                    "why": f.why,
                    "violations": f.count,
                    "ms": round(f.ms, 1),
                    "first": [vars(v) for v in f.first],
                }
                for f in self.findings
            ],
        }

    def show(self, out: Console) -> None:
        """A table of the rules, then the first violations of each in words."""
        table = Table("rule", "what holds", "outcome", "violations", "ms")
        styles = {"violated": "red", "holds": "green"}
        for f in self.findings:
            outcome = f"{f.outcome}: {f.why}" if f.why else f.outcome
            count = str(f.count) if f.outcome != "not judged" else ""
            style = styles.get(f.outcome, "yellow")
            table.add_row(
                f.rule.code, f.rule.sentence, f"[{style}]{outcome}[/]", count, f"{f.ms:.0f}"
            )
        out.print(table)
        for f in self.violated:
            out.print(f"\n[red]{f.rule.code}[/] {f.rule.sentence}", highlight=False)
            for violation in f.first[:SHOWN]:
                trace = f"   ltc trace {violation.journey_id}" if violation.journey_id else ""
                out.print(f"  {violation.what}{trace}", markup=False, highlight=False)
            if f.count > SHOWN:
                out.print(f"  and {f.count - SHOWN} more")
        if self.quiet:
            out.print("\nNot quiet: " + "; ".join(self.quiet), markup=False)
        read = ", ".join(f"{n} {name}" for name, n in self.sizes.items())
        took = sum(self.took_s.values())
        out.print(f"\n{self.violations} violations; read {read} in {took:.1f} s", highlight=False)
