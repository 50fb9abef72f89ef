"""What runs and what was logged, read from pid files and logs: works without a supervisor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from local_infra.processes import Child
from ltc.programs import answers_ready
from ltc.settings import SERVICES, Settings

PARENTS = ("supervisor", "fork-server")
"""Their children are processes of their own in the list."""
FIRST = (*PARENTS, "postgres", "kafka", "issuer", *SERVICES)


@dataclass(frozen=True)
class ProcessView:
    """One process of the installation. Memory in MiB, of the process and its children."""

    name: str
    state: str
    """``ready``, ``running`` (not ready, or it does not say), or ``stopped``."""
    pid: int | None
    port: int | None
    up_s: int | None
    memory_mib: int | None

    def as_dict(self) -> dict[str, str | int | None]:
        return asdict(self)


def processes(settings: Settings) -> list[ProcessView]:
    """Everything that has a pid file, in the order of starting."""
    names = {file.stem for file in settings.run_dir.glob("*.pid")}
    return [_view(settings, name) for name in sorted(names, key=_rank)]


def _rank(name: str) -> tuple[int, str]:
    stem = name if name in FIRST else name.partition("-")[0]
    return (FIRST.index(stem) if stem in FIRST else len(FIRST), name)


def _view(settings: Settings, name: str) -> ProcessView:
    process = Child(name, settings.run_dir, settings.log_dir).process()
    port, is_http = _port(settings, name)
    if process is None:
        return ProcessView(name, "stopped", None, port, None, None)
    ready = is_http and port is not None and answers_ready(port)
    try:
        children = [] if name in PARENTS else process.children(recursive=True)
        family = [process, *children]
        memory = sum(member.memory_info().rss for member in family) // 2**20
        up_s = int(time.time() - process.create_time())
    except psutil.Error:
        return ProcessView(name, "stopped", None, port, None, None)
    return ProcessView(name, "ready" if ready else "running", process.pid, port, up_s, memory)


def _port(settings: Settings, name: str) -> tuple[int | None, bool]:
    """The port, and whether it speaks HTTP."""
    if name in ("postgres", "kafka"):
        return (settings.pg_port if name == "postgres" else settings.kafka_port), False
    if name == "issuer":
        return settings.issuer_port, True
    stem, _, instance = name.partition("-")
    if stem in SERVICES:
        return settings.http_port(stem, int(instance or 1)), True
    return None, False


def log_files(settings: Settings, name: str | None) -> list[Path]:
    """The logs of one process, or of all."""
    if name is not None:
        return [settings.log_dir / f"{name}.log"]
    return sorted(settings.log_dir.glob("*.log"), key=lambda file: _rank(file.stem))


def last_lines(files: list[Path], count: int) -> Iterator[tuple[str, str]]:
    """The end of each log as (process, line)."""
    for file in files:
        child = Child(file.stem, file.parent, file.parent)
        for line in child.tail(count).splitlines():
            yield file.stem, line


def follow(files: Callable[[], list[Path]], *, pause_s: float = 0.3) -> Iterator[tuple[str, str]]:
    """Whole lines as they are written, for ever; a log that appears or is rotated is picked up."""
    read_to = {file: file.stat().st_size for file in files() if file.exists()}
    while True:
        for file in files():
            if not file.exists():
                continue
            start = read_to.get(file, 0)
            if file.stat().st_size < start:
                start = 0
            with file.open("rb") as log:
                log.seek(start)
                whole, newline, _ = log.read().rpartition(b"\n")
            read_to[file] = start + len(whole) + len(newline)
            for line in whole.decode(errors="replace").splitlines():
                yield file.stem, line
        time.sleep(pause_s)
