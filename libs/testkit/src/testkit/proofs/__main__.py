"""``python -m testkit.proofs``: run guarantee groups and record what they proved.

``prove GROUP …`` runs whole groups, or single parts (``kill_matrix/2``), and records each pass;
``prove`` alone runs every part that is due, ``prove --all`` every part. ``share`` is CI's: the due
parts, then proven ones in rotation, as many as fit into a number of minutes. ``status`` lists what
is proven and what is due. The exit code is 1 when a part failed, 2 for an unknown name.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from testkit.proofs.groups import ROOT, Group, Part, fingerprint, parts_of, read_table
from testkit.proofs.records import Record, Records, due

REPORTS = ROOT / ".ltc" / "proofs"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of a part came to."""

    part: Part
    seconds: float
    passed: int
    failed: int
    skipped: int
    exit_code: int

    @property
    def complete(self) -> bool:
        """Every test ran and passed. A skipped test proves nothing."""
        return self.exit_code == 0 and self.passed > 0 and not self.failed + self.skipped


def run_part(part: Part, group: Group) -> Outcome:
    """Run one part in a pytest of its own, whose output goes to ours."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    report = REPORTS / f"{part.name.replace('/', '-')}.xml"
    report.unlink(missing_ok=True)
    cut = [f"--splits={part.of}", f"--group={part.number}"] if part.of > 1 else []
    command = [sys.executable, "-m", "pytest", *group.tests, *cut, f"--junitxml={report}"]
    print(f"\n=== {part.name}: {group.proves}", flush=True)
    began = time.monotonic()
    exit_code = subprocess.run(command, cwd=ROOT, check=False).returncode
    return Outcome(part, time.monotonic() - began, *_counts(report), exit_code)


def _counts(report: Path) -> tuple[int, int, int]:
    """Passed, failed and skipped tests of a report; none when pytest wrote no report."""
    if not report.exists():
        return 0, 0, 0
    suites = ElementTree.parse(report).getroot().iter("testsuite")  # noqa: S314 - our own file
    total = failed = skipped = 0
    for suite in suites:
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
    return total - failed - skipped, failed, skipped


def run_and_record(part: Part, groups: Mapping[str, Group], records: Records) -> Outcome:
    """Run a part; a complete pass is recorded unless its paths changed meanwhile."""
    group = groups[part.group]
    before = fingerprint(group)
    outcome = run_part(part, group)
    if outcome.complete and fingerprint(group) == before:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        records.write(part, Record(before, round(outcome.seconds, 1), outcome.passed, now))
    return outcome


def chosen(names: Sequence[str], parts: Sequence[Part]) -> list[Part]:
    """The parts that names mean: a group, or one part of it. Raises LookupError."""
    found = []
    for name in names:
        matched = [part for part in parts if name in (part.group, part.name)]
        if not matched:
            raise LookupError(
                f"no group {name!r}; there are: {', '.join({p.group: 0 for p in parts})}"
            )
        found += matched
    return found


def rotated(parts: Sequence[Part], by: int) -> list[Part]:
    """The same parts, beginning elsewhere: each commit begins one part later than the last."""
    start = by % len(parts) if parts else 0
    return [*parts[start:], *parts[:start]]


def run_share(
    groups: Mapping[str, Group], records: Records, minutes: float, commit: int
) -> list[Outcome]:
    """CI's share: what is due, then the rest in rotation. A part that would probably not end in
    time is left to another run."""
    changed, proven = due(list(parts_of(groups)), groups, records)
    deadline = time.monotonic() + minutes * 60
    outcomes = {
        part: run_and_record(part, groups, records)
        for part in [*changed, *rotated(proven, commit)]
        if time.monotonic() + records.seconds(part) <= deadline
    }
    _print_names("still proven", [part for part in proven if part not in outcomes])
    _print_names("due and not run: no time left", [p for p in changed if p not in outcomes])
    return list(outcomes.values())


def _print_names(title: str, parts: Sequence[Part]) -> None:
    print(f"\n{title}: {', '.join(part.name for part in parts) or 'none'}")


def report(outcomes: Sequence[Outcome]) -> int:
    """Print what ran, ending with the sum; returns the exit code."""
    print("\nguarantee groups that ran")
    for outcome in outcomes:
        verdict = "proven" if outcome.complete else "NOT PROVEN"
        counts = f"{outcome.passed} passed, {outcome.failed} failed, {outcome.skipped} skipped"
        print(f"  {outcome.part.name:24} {outcome.seconds:6.0f} s  {verdict:10}  {counts}")
    failed = [o for o in outcomes if o.exit_code != 0]
    total_failed = sum(o.failed or (o.exit_code != 0) for o in outcomes)
    print(f"{sum(o.passed for o in outcomes)} passed, {total_failed} failed", flush=True)
    return 1 if failed else 0


def print_status(groups: Mapping[str, Group], records: Records) -> None:
    changed, _ = due(list(parts_of(groups)), groups, records)
    for part in parts_of(groups):
        record = records.of(part)
        state = "due" if part in changed else "proven"
        when = f"{record.date} in {record.seconds:.0f} s" if record else "never"
        print(f"{part.name:24} {state:7} {when}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m testkit.proofs", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    prove = commands.add_parser("prove", help="run groups or parts and record them")
    prove.add_argument("names", nargs="*", metavar="GROUP")
    prove.add_argument("--all", action="store_true", help="also what is still proven")
    share = commands.add_parser("share", help="what fits into some minutes")
    share.add_argument("--minutes", type=float, required=True)
    share.add_argument("--commit", type=int, default=0, help="number of the commit, for rotation")
    commands.add_parser("status", help="what is proven and what is due")
    arguments = parser.parse_args()
    groups, records = read_table(), Records()
    records.forget_others(groups)
    if arguments.command == "status":
        print_status(groups, records)
        return 0
    if arguments.command == "share":
        return report(run_share(groups, records, arguments.minutes, arguments.commit))
    parts = list(parts_of(groups))
    try:
        wanted = chosen(arguments.names, parts) if arguments.names else None
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    if wanted is None:
        wanted = parts if arguments.all else due(parts, groups, records)[0]
    return report([run_and_record(part, groups, records) for part in wanted])


if __name__ == "__main__":
    sys.exit(main())
