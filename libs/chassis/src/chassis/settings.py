"""Settings of one service process, all from the environment with the prefix ``LTC_``."""

from __future__ import annotations

import os
import socket
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One process's view of its surroundings. Names match the environment: ``LTC_HTTP_PORT``."""

    model_config = SettingsConfigDict(env_prefix="LTC_", extra="ignore")

    service: str = ""
    version: str = "0.1.0"
    instance: str = Field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    environment: Literal["local", "test", "production"] = "local"

    database_url: SecretStr = SecretStr("postgresql+asyncpg://127.0.0.1/ltc")
    database_pool: int = 8
    statement_timeout_ms: int = 30_000

    kafka_bootstrap: str = "127.0.0.1:29092"
    kafka_client_id: str | None = None
    auto_offset_reset: Literal["none", "earliest"] = "none"
    """``none``: a group without offsets stops loudly instead of skipping its backlog."""
    consume: bool = True
    """Off for a process that only serves HTTP, as a test of one half does."""

    http_host: str = "127.0.0.1"
    http_port: int = 8000
    public_url: str = ""
    """Where people reach this service; signed links start with it. Default: host and port."""
    max_body_bytes: int = 262_144
    requests_per_second: float = 0.0
    """Budget of one principal; 0 sets no limit."""

    oidc_issuer: str = "http://127.0.0.1:8100"
    oidc_jwks_url: str = "http://127.0.0.1:8100/jwks.json"
    oidc_audience: str = "ltc"
    link_secret: SecretStr = SecretStr("")
    """Signs the links sent to people without an account. Empty: no link can be made or opened."""

    otlp_endpoint: str | None = None
    trace_ratio: float = 1.0
    traces_per_second: float = 20.0
    """Traces begun here at most; 0 sets no bound. Full spans at full load would cost as much as the
    work they watch."""
    log_level: str = "INFO"

    relay_sweep_ms: int = 100
    relay_batch: int = 500
    consumer_batch: int = 500
    consumer_poll_ms: int = 200
    no_progress_exit_s: float = 30.0

    def base_url(self) -> str:
        return self.public_url or f"http://{self.http_host}:{self.http_port}"
