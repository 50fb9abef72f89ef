"""``ltc doctor``: what a start needs, each with the remedy when it is missing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from local_infra import kafka
from local_infra.errors import CannotStart
from local_infra.ports import require_free
from local_infra.postgres import BIN
from local_infra.processes import Child
from ltc.settings import SERVICES, Settings

NEEDED_DISK_GIB = 2
NEEDED_MEMORY_GIB = 3


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. A finding that is not ok says what to do."""

    name: str
    ok: bool
    text: str


def examine(settings: Settings) -> list[Finding]:
    """Everything a start needs; each check stands alone."""
    checks: list[Callable[[Settings], Finding]] = [
        _python, _postgres, _system_user, _java, _jars, _memory, _disk,
    ]  # fmt: skip
    return [check(settings) for check in checks] + _ports(settings)


def _python(settings: Settings) -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("python", sys.version_info >= (3, 11), f"{version} (3.11 or newer is needed)")


def _postgres(settings: Settings) -> Finding:
    if settings.postgres_dsn:
        return Finding("postgresql", True, "an existing one, by LTC_POSTGRES_DSN")
    found = (BIN / "postgres").exists()
    return Finding("postgresql", found, str(BIN) if found else f"not in {BIN}: run `make` again")


def _system_user(settings: Settings) -> Finding:
    if os.geteuid() != 0 or settings.postgres_dsn:
        return Finding("user", True, "PostgreSQL runs as you")
    able = shutil.which("useradd") is not None
    remedy = "useradd is missing: apt-get install passwd, or do not run as root"
    return Finding("user", able, "PostgreSQL runs as the user pgserver" if able else remedy)


def _java(settings: Settings) -> Finding:
    if settings.kafka_bootstrap:
        return Finding("java", True, "not needed: LTC_KAFKA_BOOTSTRAP names an existing Kafka")
    try:
        return Finding("java", True, kafka.java())
    except CannotStart as error:
        return Finding("java", False, str(error))


def _jars(settings: Settings) -> Finding:
    missing = kafka.missing_jars()
    if not missing or settings.kafka_bootstrap:
        return Finding("kafka", True, f"{kafka.VERSION} in {kafka.CACHE}")
    return Finding("kafka", True, f"{missing} jars will be fetched on the first start (55 MB)")


def _memory(settings: Settings) -> Finding:
    free_gib = psutil.virtual_memory().available / 2**30
    enough = free_gib >= NEEDED_MEMORY_GIB
    return Finding("memory", enough, f"{free_gib:.1f} GiB free, {NEEDED_MEMORY_GIB} needed")


def _disk(settings: Settings) -> Finding:
    folder = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free_gib = shutil.disk_usage(folder).free / 2**30
    enough = free_gib >= NEEDED_DISK_GIB
    return Finding("disk", enough, f"{free_gib:.1f} GiB free at {folder}, {NEEDED_DISK_GIB} needed")


def _ports(settings: Settings) -> list[Finding]:
    wanted = {"issuer": settings.issuer_port}
    if settings.postgres_dsn is None:
        wanted["postgres"] = settings.pg_port
    if settings.kafka_bootstrap is None:
        wanted["kafka"] = settings.kafka_port
    wanted |= {name: settings.http_port(name) for name in SERVICES}
    findings = [_port(settings, name, port) for name, port in wanted.items()]
    if settings.kafka_bootstrap is None and not _ours(settings, "kafka"):
        findings.append(_port(settings, "kafka controller", settings.controller_port))
    return findings


def _port(settings: Settings, name: str, port: int) -> Finding:
    if _ours(settings, name):
        return Finding(f"port {port}", True, f"{name} listens there already")
    try:
        require_free(port, name)
    except CannotStart as error:
        return Finding(f"port {port}", False, f"{error}: set another, see `ltc up --help`")
    return Finding(f"port {port}", True, f"free for {name}")


def _ours(settings: Settings, name: str) -> bool:
    return Child(name, settings.run_dir, settings.log_dir).process() is not None
