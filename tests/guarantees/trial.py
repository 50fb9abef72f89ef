"""One trial: faults under load, then healing, then rest, then every invariant."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from ltc.verify import Report
from testkit import fake_bank
from testkit.deadline import DEADLINE_S
from testkit.installation.faulty import FaultyInstallation
from testkit.load import Load, Mix
from testkit.quiescence import quiesce
from testkit.verification import check
from tests.guarantees.faults import FAULTS
from tests.guarantees.on_call import on_call

REST_WITHIN_S = 60.0


@dataclass(frozen=True)
class Injection:
    """A fault, how long to wait for it and how long it lasts; ``seed`` makes its choices."""

    fault: str
    after_s: float
    for_s: float
    seed: str


@dataclass
class Trial:
    """What was done and what came of it."""

    injections: list[dict[str, Any]] = field(default_factory=list)
    journeys: int = 0
    requests_wrong: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    heal_s: float = 0.0
    """From the end of the last fault until nothing waits and every journey is settled."""
    check_s: float = 0.0

    @property
    def good(self) -> bool:
        return not self.violations and not self.requests_wrong


def hold_trial(
    world: FaultyInstallation,
    strands: Sequence[Sequence[Injection]],
    *,
    seed: int,
    history: Path,
    requests: int = 60,
    per_s: float = 12.0,
    walks: int = 0,
    trial: Trial | None = None,
) -> Trial:
    """Strands of faults at once, those of each one after the other. Raises what keeps it from being
    held or from coming to rest; a wrong state is in it. Give it one to know of it what there is
    when it raises."""
    trial = trial or Trial()
    with world.watching():
        load = Load(
            world.settings,
            history,
            seed=seed,
            requests=requests,
            per_s=per_s,
            walks=walks,
            mix=Mix(bulk=8, invalid=6, repeated=8, duplicate=4),
        ).start()
        _inject(world, strands, trial)
        began = time.monotonic()
        with on_call(world) as trial.repairs:
            journeys = load.finish()
            quiesce(world, journeys)
        trial.heal_s = round(time.monotonic() - began, 1)
    trial.journeys = len(journeys)
    trial.requests_wrong = load.wrong
    began = time.monotonic()
    trial.violations = violations(world, load)
    trial.check_s = round(time.monotonic() - began, 1)
    return trial


def _inject(
    world: FaultyInstallation, strands: Sequence[Sequence[Injection]], trial: Trial
) -> None:
    """Every strand in a thread; the first error of any is raised after all are over."""
    failures: list[BaseException] = []
    origin = time.monotonic()

    def run(strand: Sequence[Injection]) -> None:
        for injection in strand:
            time.sleep(injection.after_s)
            note: dict[str, Any] = {"fault": injection.fault, "seed": injection.seed}
            trial.injections.append(note)
            note["at_s"] = round(time.monotonic() - origin, 1)
            try:
                with FAULTS[injection.fault](world, Random(injection.seed)) as what:
                    note["what"] = what
                    time.sleep(injection.for_s)
            except BaseException as error:
                error.add_note(f"in fault {injection.fault!r}")
                failures.append(error)
            note["until_s"] = round(time.monotonic() - origin, 1)

    threads = [threading.Thread(target=run, args=(strand,)) for strand in strands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.network.heal()
    if failures:
        raise failures[0]


def violations(world: FaultyInstallation, load: Load) -> list[str]:
    """Every invariant, in words. Records that a fault forged are not held against their owners."""
    _add_bank(world, load)
    return violated(check(world, load, wait_s=DEADLINE_S), world)


def _add_bank(world: FaultyInstallation, load: Load) -> None:
    """What banks took belongs to the providers' statement as well."""
    known = load.statement_file.read_text().splitlines() if load.statement_file.exists() else []
    for folder in (world.settings.home / "bank", fake_bank.home_of(world)):
        bank = folder / "statement.ndjson"
        ours = bank.read_text().splitlines() if bank.exists() else []
        with load.statement_file.open("a") as file:
            file.writelines(f"{line}\n" for line in ours if line not in known)


def violated(report: Report, world: FaultyInstallation) -> list[str]:
    lines = report.words().splitlines()
    return [line for line in lines if not _forged(line, world)]


def _forged(line: str, world: FaultyInstallation) -> bool:
    """Whether it only says that a forged record is on a topic, or was given its verdict."""
    if line.startswith(("D3:", "D4:")) and any(event in line for event in world.forged):
        return True
    return bool(world.forged) and bool(re.match(r"D3: .*names no event", line))
