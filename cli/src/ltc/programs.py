"""The HTTP processes of an installation: what each is started with, and when it is ready."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from local_infra.errors import CannotStart
from local_infra.forking.client import Ended, ForkServer
from local_infra.ports import require_free
from local_infra.postgres import CHECKER, role_password, runtime_role
from local_infra.processes import READY_WITHIN_S, Child, wait_until
from ltc.settings import CONSOLE, SERVICES, SUBSCRIBERS, BadSetting, Settings

if TYPE_CHECKING:
    from chassis.cluster import Cluster


@dataclass(frozen=True)
class Program:
    """One process that answers ``/health/ready`` once it may be used."""

    name: str
    command: Sequence[str]
    port: int
    child: Child
    env: Mapping[str, str] = field(default_factory=dict)
    ready_within_s: float = READY_WITHIN_S
    forks: ForkServer | None = None
    """Forks the process where it can. ``None`` starts it by exec."""

    def running(self) -> bool:
        return self.child.process() is not None

    def ready(self) -> bool:
        """Whether it says of itself that it is ready. It must be our process that says so."""
        return self.running() and answers_ready(self.port)

    def start(self) -> None:
        """Start and wait until ready. Raises PortTaken or CannotStart with the end of its log."""
        require_free(self.port, self.name)
        self.launch()
        wait_until(self.ready, timeout_s=self.ready_within_s, child=self.child, what=self.name)

    def launch(self) -> None:
        """Start, without waiting."""
        self.child.start(self.command, env=self.env, forks=self.forks)

    def stop(self) -> None:
        """SIGTERM, then 15 s to finish what is under way, then SIGKILL."""
        self.child.stop(timeout_s=15)


def migrate(settings: Settings, names: Sequence[str]) -> None:
    """Bring the databases and consumer groups of services up to date, before any of them starts.

    Raises CannotStart with what the migration said.
    """
    databases = {
        package_of(name): {"url": database_url(settings, name), "runtime_role": runtime_role(name)}
        for name in names
    }
    command = [sys.executable, "-m", "ltc.migrations"]
    text = json.dumps({"bootstrap": bootstrap(settings), "databases": databases})
    forks = fork_server(settings, os.environ)
    done = forks and forks.run(command, text, os.environ)
    if not done:
        ran = subprocess.run(
            command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        done = Ended(ran.returncode, ran.stdout)
    if done.returncode:
        raise CannotStart("\n".join(done.output.splitlines()[-15:]))


def answers_ready(port: int) -> bool:
    """Whether whoever listens there answers 200 to GET /health/ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def package_of(name: str) -> str:
    return name if name in SUBSCRIBERS else f"{name}_svc"


PRELOADED = (
    "chassis.serve",
    "chassis.issuer",
    "ltc.migrations",
    *(f"{package_of(name)}.main" for name in SERVICES),
)


def fork_server(settings: Settings, base: Mapping[str, str]) -> ForkServer | None:
    """The server that forks the installation's processes: its own, or that of ``LTC_FORK_SERVER``,
    a folder that several installations share. ``None`` where each process starts by exec:
    ``LTC_START=exec``, and systems other than Linux. Raises BadSetting."""
    way = base.get("LTC_START") or "fork"
    if way not in ("fork", "exec"):
        raise BadSetting(f"LTC_START={way} is neither fork nor exec")
    if way == "exec" or sys.platform != "linux":
        return None
    shared = base.get("LTC_FORK_SERVER")
    if shared:
        return ForkServer(Path(shared), Path(shared), PRELOADED)
    return ForkServer(settings.run_dir, settings.log_dir, PRELOADED)


def issuer(settings: Settings, base: Mapping[str, str]) -> Program:
    """The development issuer of tokens."""
    return Program(
        "issuer",
        [sys.executable, "-m", "chassis.issuer"],
        settings.issuer_port,
        Child("issuer", settings.run_dir, settings.log_dir),
        {
            **base,
            "LTC_HTTP_PORT": str(settings.issuer_port),
            "LTC_OIDC_ISSUER": settings.issuer,
            "LTC_ISSUER_KEY_FILE": str(settings.key_file),
        },
        forks=fork_server(settings, base),
    )


def service(settings: Settings, base: Mapping[str, str], name: str, instance: int = 1) -> Program:
    """One instance, counted from 1, of a service or a subscriber."""
    label = name if instance == 1 else f"{name}-{instance}"
    port = settings.http_port(name, instance)
    return Program(
        label,
        [sys.executable, "-m", "chassis.serve", package_of(name)],
        port,
        Child(label, settings.run_dir, settings.log_dir),
        {**service_env(settings, base, name), "LTC_HTTP_PORT": str(port), "LTC_INSTANCE": label},
        forks=fork_server(settings, base),
    )


def service_env(settings: Settings, base: Mapping[str, str], name: str) -> dict[str, str]:
    """What every instance of a service finds in its environment: of ours, no variable that only
    `ltc` knows, because a service refuses what it does not know."""
    from chassis.settings import FOR_TESTS, PREFIX, VARIABLES  # not worth the wait of `ltc status`

    return {
        **{
            name: value
            for name, value in base.items()
            if not name.startswith(PREFIX) or name.startswith(FOR_TESTS) or name in VARIABLES
        },
        "LTC_DATABASE_URL": database_url(settings, name, runtime_role(name)),
        "LTC_KAFKA_BOOTSTRAP": bootstrap(settings),
        "LTC_OIDC_ISSUER": settings.issuer,
        "LTC_OIDC_JWKS_URL": f"{settings.issuer}/jwks.json",
        "LTC_OTLP_ENDPOINT": base.get("LTC_OTLP_ENDPOINT") or settings.url(CONSOLE),
        "LTC_LINK_SECRET": settings.secret("link"),
        # On this machine everything is on 127.0.0.1, a newcomer's first webhook receiver too.
        **({"LTC_SERVICE_URLS": _urls(settings)} if name == CONSOLE else {}),
        "LTC_EGRESS_NETWORKS": base.get("LTC_EGRESS_NETWORKS", "127.0.0.0/8"),
    }


def _urls(settings: Settings) -> str:
    """Everybody, the console too: what it has parked itself is dealt with like others' messages."""
    return ",".join(f"{name}={settings.url(name)}" for name in SERVICES)


def cluster(settings: Settings, *, elsewhere: str | None = None) -> Cluster:
    """Kafka as `ltc` speaks to it: the installation's, an existing one, or one at another address,
    with the ``LTC_KAFKA_`` settings that a service would read."""
    from chassis.settings import Settings as OfService  # not worth the wait of `ltc status`

    found = OfService(kafka_bootstrap=elsewhere or bootstrap(settings)).cluster()
    found.require_whole()
    return found


def bootstrap(settings: Settings) -> str:
    return settings.kafka_bootstrap or f"127.0.0.1:{settings.kafka_port}"


def database_url(settings: Settings, name: str, role: str | None = None) -> str:
    """A service's own database, as SQLAlchemy wants it: as its owner, or as another role."""
    role = role or name
    host, port = "127.0.0.1", settings.pg_port
    if settings.postgres_dsn:
        given = urlsplit(settings.postgres_dsn)
        host, port = given.hostname or host, given.port or 5432
    password = role_password(settings.secret("roles"), role)
    return f"postgresql+asyncpg://{role}:{password}@{host}:{port}/{name}"


def checker_dsn(settings: Settings, name: str) -> str:
    """A service's database as whoever may read it and no more."""
    return database_url(settings, name, CHECKER).replace("+asyncpg", "", 1)
