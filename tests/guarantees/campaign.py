"""``python -m tests.guarantees.campaign``: many trials of seeded mixes of faults, unattended.

Each run draws a single fault, a pair, a triple or none, holds a trial with it on an installation
that lives through many, and appends a line to the results; at the end they are summed up in
``.ltc/campaign.json``. A run that fails keeps its evidence
(logs, history, a dump of every database) and a new installation goes on. One seed names one
history of injections: which faults, on what, when and for how long. It does not name the order in
which processes of an operating system take their turns: a run repeated may end otherwise.
"""

from __future__ import annotations

import argparse
import contextlib
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

import psutil

from local_infra.postgres import BIN
from ltc.settings import PROJECT
from ltc.supervisor import clear_leftovers
from testkit.installation import disks
from testkit.installation.controlled import NAMES
from testkit.installation.faulty import FaultyInstallation
from tests.guarantees import results
from tests.guarantees.faults import FAULTS
from tests.guarantees.trial import Injection, Trial, hold_trial

RUNS_PER_INSTALLATION = 20
LONGEST_RUN_S = 300
STUCK_AFTER_S = 480
EVIDENCE = PROJECT / ".ltc" / "campaign"
CAMPAIGN = os.environ.setdefault("LTC_TEST_CAMPAIGN", f"{time.time_ns() // 1_000_000:x}")
"""Tells this campaign's lines from those of others with the same seed; its workers inherit it."""
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
    """Hold the runs, each installation in a process of its own that is ended when it does not get
    on; how many runs failed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    ends = began + minutes * 60
    last = first + runs - 1
    failed = 0
    n = first
    while n <= last and time.monotonic() < ends:
        home = f"campaign-{n}"
        asked = {"--worker": home, "--seed": seed, "--first": n, "--runs": last - n + 1}
        asked["--minutes"] = round((ends - time.monotonic()) / 60, 2)
        words = [str(word) for pair in asked.items() for word in pair]
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.guarantees.campaign", *words], cwd=PROJECT
        )
        try:
            done = _follow(worker, n, seed)
        finally:
            if worker.poll() is None:
                worker.kill()
                worker.wait()
            _clear(home)
        failed += sum(results.is_bad(line) for line in done)
        n += len(done)
        stalled = not done and time.monotonic() < ends
        if stalled or worker.returncode not in (0, 1):
            line = {**_begun(seed, n), "error": f"the run did not end: {worker.returncode}"}
            print(results.append({**line, "took_s": LONGEST_RUN_S}), flush=True)
            failed += 1
            n += 1
    told = results.summary([*results.lines_of(CAMPAIGN).values()])
    told["minutes"] = round((time.monotonic() - began) / 60, 1)
    text = json.dumps(told, indent=2, ensure_ascii=False)
    EVIDENCE.with_suffix(".json").write_text(text + "\n")
    print(text, flush=True)
    return failed


def _follow(worker: subprocess.Popen[bytes], first: int, seed: str) -> list[dict[str, Any]]:
    """The lines of a worker, until it ends or has written none for too long."""
    done: list[dict[str, Any]] = []
    heard_at = time.monotonic()
    while worker.poll() is None and time.monotonic() - heard_at < STUCK_AFTER_S:
        time.sleep(1)
        found = _lines(seed, first)
        if len(found) > len(done):
            done, heard_at = found, time.monotonic()
    return _lines(seed, first)


def _lines(seed: str, first: int) -> list[dict[str, Any]]:
    """What this campaign has written from a run on; a seed and number are taken once."""
    mine = results.lines_of(CAMPAIGN)
    found = []
    while (name := f"{seed}-{first + len(found)}") in mine:
        found.append(mine[name])
    return found


def _clear(home: str) -> None:
    """End what a worker left behind, and delete its data."""
    folder = PROJECT / ".ltc" / "guarantees" / home
    try:
        clear_leftovers(folder / "run", folder / "logs")
    except psutil.Error as error:
        print(f"left behind in {folder}: {error}", flush=True)
    disks.unmount(folder)
    shutil.rmtree(folder, ignore_errors=True)


def work(home: str, seed: str, first: int, runs: int, minutes: float) -> int:
    """Runs on one installation, until one fails or it has lived long enough."""
    ends = time.monotonic() + minutes * 60
    world = FaultyInstallation.at(home)
    try:
        for n in range(first, first + min(runs, RUNS_PER_INSTALLATION)):
            if time.monotonic() > ends:
                break
            line = {**_begun(seed, n), "installation_since": first}
            began = time.monotonic()
            try:
                with _within(LONGEST_RUN_S):
                    if n == first:
                        world.up()
                    _run(world, f"{seed}-{n}", line)
            except Exception as error:
                line["error"] = "; ".join(_causes(error))[:2000]
            line["took_s"] = round(time.monotonic() - began, 1)
            folder = EVIDENCE / f"{CAMPAIGN}-{n}"
            if results.is_bad(line):
                line["evidence"] = str(folder.relative_to(PROJECT))
            print(results.append(line), flush=True)
            if results.is_bad(line):
                _keep(world, folder, line)
                return 1
    finally:
        with _within(120):
            world.down()
    return 0


def _causes(error: BaseException) -> list[str]:
    """What really went wrong: of several things done at once, each that failed."""
    if isinstance(error, BaseExceptionGroup):
        return [cause for each in error.exceptions for cause in _causes(each)]
    return ["".join(traceback.format_exception_only(error)).strip()]


def _begun(seed: str, n: int) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"campaign": CAMPAIGN, "commit": results.commit(), "date": now, "seed": f"{seed}-{n}"}


def _run(world: FaultyInstallation, seed: str, line: dict[str, Any]) -> None:
    injections, walks = drawn(seed)
    line["injections"] = [vars(each) for each in injections]
    trial = Trial()
    try:
        hold_trial(
            world,
            [[each] for each in injections],
            seed=Random(seed).randrange(1 << 30),
            history=world.settings.home / "history.ndjson",
            requests=60,
            per_s=10,
            walks=walks,
            trial=trial,
        )
    finally:
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


def _keep(world: FaultyInstallation, folder: Path, line: dict[str, Any]) -> None:
    """Logs, history and databases of an installation that failed, as far as they can be had."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(line, indent=2, ensure_ascii=False))
    with contextlib.suppress(OSError):
        shutil.copytree(world.settings.log_dir, folder / "logs", dirs_exist_ok=True)
        shutil.copy(world.settings.home / "history.ndjson", folder)
    for name in NAMES:
        with (
            (folder / f"{name}.dump").open("wb") as out,
            contextlib.suppress(subprocess.TimeoutExpired),
        ):
            dump = [str(BIN / "pg_dump"), "-Fc", world.dsn(name)]
            subprocess.run(dump, stdout=out, stderr=subprocess.DEVNULL, timeout=20, check=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", default=f"{int(time.time())}")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--first", type=int, default=1, help="number of the first run")
    parser.add_argument("--minutes", type=float, default=90.0, help="begin no run after this long")
    parser.add_argument("--worker", metavar="HOME", help=argparse.SUPPRESS)
    given = parser.parse_args()
    asked = (given.seed, given.first, given.runs, given.minutes)
    sys.exit(work(given.worker, *asked) if given.worker else min(1, campaign(*asked)))
