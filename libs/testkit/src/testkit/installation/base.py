"""Home folder, addresses, command line, processes and databases of one installation.

It holds what does not depend on who starts the processes. The other modules of this package start
and stop them.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil

from chassis.runtime import Service
from local_infra.processes import Child, run_sync
from ltc.programs import bootstrap, database_url, package_of
from ltc.settings import Settings

COMMAND_WITHIN_S = 400.0


class Installation:
    """The services, console, hub, issuer, Kafka and PostgreSQL of one home folder."""

    def __init__(self, settings: Settings, environment: Mapping[str, str] | None = None) -> None:
        """``environment``: additional variables of its command line."""
        self.settings = settings
        self.environment = {**os.environ, **_variables(settings), **(environment or {})}

    # --- addresses -------------------------------------------------------------------------------

    @property
    def home(self) -> Path:
        return self.settings.home

    @property
    def bootstrap(self) -> str:
        """The address of its Kafka."""
        return bootstrap(self.settings)

    def port(self, name: str) -> int:
        return self.settings.issuer_port if name == "issuer" else self.settings.http_port(name)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port(name)}"

    def token(self, sub: str, name: str, roles: Sequence[str], *, ttl_s: int = 7200) -> str:
        """A token of its issuer. The issuer must run."""
        who = {"sub": sub, "name": name, "roles": list(roles), "ttl_s": ttl_s}
        answer = httpx.post(f"{self.url('issuer')}/token", json=who).raise_for_status()
        return str(answer.json()["access_token"])

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``ltc`` against it."""
        return subprocess.run(
            [sys.executable, "-m", "ltc", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_WITHIN_S,
            check=False,
        )

    # --- processes -------------------------------------------------------------------------------

    def process(self, name: str) -> psutil.Process:
        """The running process of a unit. Raises LookupError when there is none."""
        found = Child(name, self.settings.run_dir, self.settings.log_dir).process()
        if found is None:
            raise LookupError(f"{name} is not running")
        return found

    def log(self, name: str) -> str:
        file = self.settings.log_dir / f"{name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    # --- databases -------------------------------------------------------------------------------

    def dsn(self, name: str) -> str:
        """The address of one service's database, as that service's role."""
        return database_url(self.settings, name).replace("postgresql+asyncpg", "postgresql", 1)

    def rows(self, name: str, statement: str, *values: Any) -> list[asyncpg.Record]:
        """The result of a query in one service's database."""

        async def ask() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(self.dsn(name))
            try:
                return list(await connection.fetch(statement, *values))
            finally:
                await connection.close()

        return run_sync(ask())

    def execute(self, name: str, script: str) -> None:
        """Run statements in one service's database, as that service's role."""

        async def run() -> None:
            connection = await asyncpg.connect(self.dsn(name))
            try:
                await connection.execute(script)
            finally:
                await connection.close()

        run_sync(run())

    @staticmethod
    def service(name: str) -> Service:
        """The definition of a service: its consumer, repositories and timers."""
        found: Service = importlib.import_module(f"{package_of(name)}.main").service
        return found


def _variables(settings: Settings) -> dict[str, str]:
    """The environment from which ``ltc`` reads these settings."""
    given = {
        "LTC_HOME": str(settings.home),
        "LTC_PG_PORT": str(settings.pg_port),
        "LTC_KAFKA_PORT": str(settings.kafka_port),
        "LTC_PORT_BASE": str(settings.port_base),
        "LTC_POSTGRES_DSN": settings.postgres_dsn,
        "LTC_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
    }
    return {name: value for name, value in given.items() if value is not None}
