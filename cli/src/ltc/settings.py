"""Where this installation keeps its things and which ports it uses; all from the environment."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STAGES = ("lead", "deal", "quote", "contract", "order", "billing")
CONSOLE = "console"
HUB = "hub"
SUBSCRIBERS = (CONSOLE, HUB)
"""They hear everything, and are no stage: named without ``-svc``, one instance each."""
SERVICES = (*STAGES, *SUBSCRIBERS)
PROJECT = Path(__file__).resolve().parents[3]


class BadSetting(ValueError):
    """A setting from the environment that we cannot use."""

    exit_code = 2


@dataclass(frozen=True)
class Settings:
    """One installation. Everything it writes is under ``home``."""

    home: Path
    pg_port: int = 25432
    kafka_port: int = 29092
    port_base: int = 8100
    postgres_dsn: str | None = None
    """A superuser's address of an existing PostgreSQL; none of ours is started then."""
    kafka_bootstrap: str | None = None
    """An existing Kafka; none of ours is started then."""

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Settings:
        """Raises BadSetting for a port that is none."""
        return cls(
            home=Path(env.get("LTC_HOME") or _project_root() / ".ltc").resolve(),
            pg_port=_port(env, "LTC_PG_PORT", cls.pg_port),
            kafka_port=_port(env, "LTC_KAFKA_PORT", cls.kafka_port),
            port_base=_port(env, "LTC_PORT_BASE", cls.port_base),
            postgres_dsn=env.get("LTC_POSTGRES_DSN") or None,
            kafka_bootstrap=env.get("LTC_KAFKA_BOOTSTRAP") or None,
        )

    @property
    def controller_port(self) -> int:
        """Kafka's controller listens beside its broker."""
        return self.kafka_port + 1

    @property
    def issuer_port(self) -> int:
        return self.port_base

    @property
    def issuer(self) -> str:
        """The address that stands in every token."""
        return f"http://127.0.0.1:{self.issuer_port}"

    @property
    def run_dir(self) -> Path:
        return self.home / "run"

    @property
    def log_dir(self) -> Path:
        return self.home / "logs"

    @property
    def key_file(self) -> Path:
        return self.home / "issuer" / "key.json"

    def http_port(self, name: str, instance: int = 1) -> int:
        """Port of an instance (from 1) of a service: lead 8101 … billing 8106, console 8110,
        hub 8111; a second instance 100 above the first."""
        subscriber = name in SUBSCRIBERS
        offset = 10 + SUBSCRIBERS.index(name) if subscriber else STAGES.index(name) + 1
        return self.port_base + offset + 100 * (instance - 1)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.http_port(name)}"

    def secret(self, name: str) -> str:
        """A random secret of this installation, made on first use, readable by its owner alone."""
        file = self.home / f"{name}.secret"
        if not file.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as opened:
                opened.write(secrets.token_urlsafe(32))
        return file.read_text()


def _project_root() -> Path:
    """The checkout we run from; an installed wheel has none and uses the current folder."""
    return PROJECT if (PROJECT / "requirements.lock").exists() else Path.cwd()


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    given = env.get(name)
    if not given:
        return default
    if not given.isdigit() or not 1024 <= int(given) <= 65000:
        raise BadSetting(f"{name}={given} is no port between 1024 and 65000")
    return int(given)
