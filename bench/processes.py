"""The processes of an installation, found by its pid files: CPU time and memory of each.

A process belongs to the nearest ancestor that has a pid file. So a service that another process
forked counts for itself, and a backend of PostgreSQL counts for PostgreSQL.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from local_infra.processes import Child

PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


def owners(roots: Mapping[int, str], parents: Mapping[int, int]) -> dict[str, list[int]]:
    """The pids of each name, its own pid first. ``roots`` has the name of each noted pid,
    ``parents`` the parent of each pid of the machine."""
    found: dict[str, list[int]] = {name: [pid] for pid, name in roots.items()}
    for pid in parents:
        if pid in roots:
            continue
        above, seen = parents[pid], {pid}
        while above in parents and above not in roots and above not in seen:
            seen.add(above)
            above = parents[above]
        if above in roots:
            found[roots[above]].append(pid)
    return found


def groups(run_dir: Path) -> dict[str, list[psutil.Process]]:
    """The running processes of each name that has a pid file; the noted process first."""
    children = (Child(file.stem, run_dir, run_dir) for file in run_dir.glob("*.pid"))
    noted = {child.name: child.process() for child in children}
    roots = {process.pid: name for name, process in noted.items() if process is not None}
    parents = {p.pid: p.info["ppid"] for p in psutil.process_iter(["ppid"])}
    found: dict[str, list[psutil.Process]] = {}
    for name, pids in owners(roots, parents).items():
        found[name] = []
        for pid in pids:
            with contextlib.suppress(psutil.NoSuchProcess):
                found[name].append(psutil.Process(pid))
    return found


def cpu_seconds(run_dir: Path) -> dict[str, float]:
    """CPU seconds of each name so far, with those of PostgreSQL's backends that have ended."""
    used: dict[str, float] = {}
    for name, processes in groups(run_dir).items():
        used[name] = 0.0
        for n, process in enumerate(processes):
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                used[name] += times.user + times.system
                if name == "postgres" and n == 0:
                    used[name] += times.children_user + times.children_system
    return used


def used_between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """CPU seconds between two looks. A process that was started again counts from its start."""
    return {
        name: used - before.get(name, 0.0) if used >= before.get(name, 0.0) else used
        for name, used in after.items()
    }


def pss_mib(run_dir: Path) -> dict[str, float]:
    """Proportional set size of each name: pages that processes share count once in the sum."""
    found = groups(run_dir)
    return {name: sum(_pss_kib(processes)) / 1024 for name, processes in found.items()}


def _pss_kib(processes: Iterable[psutil.Process]) -> Iterable[int]:
    for process in processes:
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            if match := PSS.search(rollup):
                yield int(match[1])
