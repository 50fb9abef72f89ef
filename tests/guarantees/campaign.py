"""``python -m tests.guarantees.campaign``: many trials of seeded mixes of faults, unattended.

Each run draws a single fault, a pair, a triple or none, holds a trial with it on an installation
that lives through many, and appends a line to the results. A run that fails keeps its evidence
(logs, history, a dump of every database) and a new installation goes on. One seed names one
history of injections: which faults, on what, when and for how long. It does not name the order in
which processes of an operating system take their turns: a run repeated may end otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from local_infra.postgres import BIN
from ltc.settings import PROJECT
from tests.guarantees.faults import FAULTS
from tests.guarantees.rig import NAMES
from tests.guarantees.trial import Injection, hold_trial
from tests.guarantees.world import World

RESULTS = PROJECT / "docs" / "campaign.ndjson"
RUNS_PER_INSTALLATION = 20
LONGEST_RUN_S = 300
SIZES = {0: 5, 1: 40, 2: 35, 3: 20}
"""How many of a hundred runs have so many faults at once."""
ONE_OF = (
    {"older copy", "retention", "offsets lost", "topics shuffled", "later version", "clock off"}
    | {"slow consumer"},
    {"disk full: log", "disk full: data", "disk full: broker"},
)
"""Of each of these groups there is at most one in a run: they restart services, or move disks."""


def drawn(seed: str) -> tuple[list[Injection], int]:
    """The injections of a run, and how many journeys through human gates go with them."""
    chance = Random(seed)
    size = chance.choices([*SIZES], [*SIZES.values()])[0]
    names = sorted(FAULTS)
    faults: list[str] = []
    while len(faults) < size:
        name = chance.choice(names)
        if name not in faults and not any(
            {name, *faults} & g - {name} and name in g for g in ONE_OF
        ):
            faults.append(name)
    injections = [
        Injection(
            name,
            after_s=round(chance.uniform(0.3, 3.0), 2),
            for_s=round(chance.uniform(1.5, 5.0), 2),
            seed=f"{seed}/{n}",
        )
        for n, name in enumerate(faults)
    ]
    if "older copy" in faults:  # what people do after the dump no fact brings back
        return injections, 0
    return injections, chance.choice((0, 0, 1))


def campaign(seed: str, first: int, runs: int, minutes: float) -> int:
    """Hold the runs; how many failed."""
    evidence = PROJECT / ".ltc" / "campaign"
    ends = time.monotonic() + minutes * 60
    failed = 0
    world: World | None = None
    lived = 0
    for n in range(first, first + runs):
        if time.monotonic() > ends:
            print(f"{minutes:.0f} minutes are over", flush=True)
            break
        line: dict[str, Any] = {
            "commit": commit(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": f"{seed}-{n}",
        }
        began = time.monotonic()
        try:
            with _within(LONGEST_RUN_S):
                if world is None or lived >= RUNS_PER_INSTALLATION:
                    _end(world)
                    world, lived = None, 0
                    world = World.at("campaign")
                    world.up()
                lived += 1
                _run(world, f"{seed}-{n}", line)
        except Exception as error:
            line["error"] = "".join(traceback.format_exception_only(error)).strip()[:2000]
        bad = bool(line.get("error") or line.get("violations") or line.get("wrong"))
        line["took_s"] = round(time.monotonic() - began, 1)
        if bad:
            failed += 1
            line["evidence"] = _keep(world, evidence / f"{seed}-{n}", line)
            _end(world)
            world = None
        _append(line)
    _end(world)
    return failed


def _run(world: World, seed: str, line: dict[str, Any]) -> None:
    injections, walks = drawn(seed)
    line["injections"] = [vars(each) for each in injections]
    trial = hold_trial(
        world,
        [[each] for each in injections],
        seed=Random(seed).randrange(1 << 30),
        history=world.settings.home / "history.ndjson",
        requests=60,
        per_s=10,
        walks=walks,
    )
    line |= {
        "injections": trial.injections,
        "journeys": trial.journeys,
        "violations": trial.violations[:20],
        "wrong": trial.requests_wrong[:20],
        "repairs": trial.repairs,
        "heal_s": trial.heal_s,
        "check_s": trial.check_s,
    }


@contextmanager
def _within(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in the main thread when it takes longer."""

    def over(_number: int, _frame: object) -> None:
        raise TimeoutError(f"the run did not end within {seconds} s")

    signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def _end(world: World | None) -> None:
    if world is None:
        return
    try:
        with _within(120):
            world.down()
    except Exception as error:
        print(f"the installation did not stop: {error}", file=sys.stderr, flush=True)


def _keep(world: World | None, folder: Path, line: dict[str, Any]) -> str:
    """Logs, history and databases of an installation that failed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(line, indent=2, ensure_ascii=False))
    if world is not None:
        shutil.copytree(world.settings.log_dir, folder / "logs", dirs_exist_ok=True)
        history = world.settings.home / "history.ndjson"
        if history.exists():
            shutil.copy(history, folder)
        for name in NAMES:
            with (folder / f"{name}.dump").open("wb") as out:
                subprocess.run(
                    [str(BIN / "pg_dump"), "-Fc", world.dsn(name)],
                    stdout=out,
                    stderr=subprocess.DEVNULL,
                    timeout=60,
                    check=False,
                )
    return str(folder.relative_to(PROJECT))


def _append(line: dict[str, Any]) -> None:
    with RESULTS.open("a") as results:
        results.write(json.dumps(line, ensure_ascii=False) + "\n")
    faults = ", ".join(each["fault"] for each in line.get("injections", ())) or "none"
    outcome = line.get("error") or "; ".join([*line["violations"], *line["wrong"]][:3]) or "ok"
    print(f"{line['seed']}: {faults}: {outcome} ({line['took_s']} s)", flush=True)


def commit() -> str:
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or os.environ.get("LTC_COMMIT", "unknown")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", default=f"{int(time.time())}")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--first", type=int, default=1, help="number of the first run")
    parser.add_argument("--minutes", type=float, default=45.0, help="begin no run after this long")
    given = parser.parse_args()
    sys.exit(1 if campaign(given.seed, given.first, given.runs, given.minutes) else 0)
