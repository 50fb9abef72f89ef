"""Settings of one service process, all from the environment with the prefix ``LTC_``.

`read_settings` is for a process that starts: it refuses what is missing, misspelt or unusable.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chassis.cluster import Cluster, SecurityProtocol
from chassis.exits import BadSetting

PREFIX = "LTC_"
FOR_TESTS = f"{PREFIX}TEST_"
ASYNCPG = "postgresql+asyncpg://"

Network = IPv4Network | IPv6Network


class Settings(BaseSettings):
    """One process's view of its surroundings. Names match the environment: ``LTC_HTTP_PORT``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    service: str = ""
    instance: str = Field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    environment: Literal["local", "test", "production"] = "local"

    database_url: SecretStr = SecretStr("postgresql+asyncpg://127.0.0.1/ltc")
    database_owner_url: SecretStr = SecretStr("")
    """What ``migrate`` uses: the role that owns the tables. Empty where one role does both, as on a
    developer's machine. A process that serves has no use for it."""
    database_pool: int = Field(default=8, ge=1)
    statement_timeout_ms: int = 30_000

    kafka_bootstrap: str = "127.0.0.1:29092"
    kafka_security_protocol: SecurityProtocol = "PLAINTEXT"
    kafka_username: str = ""
    """This service's principal; its rights are granted by `chassis.grants`."""
    kafka_password: SecretStr = SecretStr("")
    kafka_ca_file: Path | None = None
    kafka_client_id: str | None = None
    auto_offset_reset: Literal["none", "earliest"] = "none"
    """``none``: a group without offsets stops loudly instead of skipping its backlog."""
    consume: bool = True
    """Off for a process that only serves HTTP, as a test of one half does."""

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8000, ge=1, le=65535)
    http_tls_cert_file: Path | None = None
    """Certificate chain, PEM: HTTP is HTTPS then. Without it TLS ends at whatever stands before."""
    http_tls_key_file: Path | None = None
    public_url: str = ""
    """Where people reach this service; signed links start with it. Default: host and port."""
    max_body_bytes: int = 262_144
    requests_per_second: float = 0.0
    """Budget of one principal; 0 sets no limit."""

    oidc_issuer: str = "http://127.0.0.1:8100"
    oidc_jwks_url: str = "http://127.0.0.1:8100/jwks.json"
    oidc_audience: str = "ltc"
    oidc_client_id: str = "ltc-console"
    """As whom the console asks the provider to sign people in, back to ``/session/callback``."""
    oidc_client_secret: SecretStr = SecretStr("")
    """Empty for a public client: PKCE is used in either case."""
    oidc_scope: str = "openid profile email"
    link_secret: SecretStr = SecretStr("")
    """Signs the links sent to people without an account. Empty: no link can be made or opened."""

    egress_networks: Annotated[tuple[Network, ...], NoDecode] = ()
    """Networks that calls to addresses given by others may reach although they are not public, with
    commas between them. Empty: none, and nobody makes us call into our own network."""

    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = ()
    """Networks of the proxies whose ``X-Forwarded-For`` names the caller, with commas between them.
    Empty: the caller's address is that of the connection, and the header is ignored."""

    service_urls: Annotated[dict[str, str], NoDecode] = {}
    """Where the console asks each service what it sees, ``name=http://…``, several with commas. A
    service that is not named is one the console cannot ask. No service calls another."""

    trace_url: str = ""
    """Where people look at one trace, with ``{trace_id}`` in it; the console's pages link there."""

    otlp_endpoint: str | None = None
    trace_ratio: float = 1.0
    traces_per_second: float = 20.0
    """Traces begun here at most; 0 sets no bound. Full spans at full load would cost as much as the
    work they watch."""
    log_level: str = "INFO"

    migrate_lock_timeout_ms: int = Field(default=2_000, ge=1)
    """How long a migration waits for a table, and so the longest that others wait behind it."""
    migrate_patience_s: float = 300.0
    """How long a migration goes on trying."""

    relay_batch: int = 500
    consumer_batch: int = 500
    no_progress_exit_s: float = 30.0

    @field_validator("egress_networks", "trusted_proxies", mode="before")
    @classmethod
    def _by_comma(cls, value: Any) -> Any:
        return (
            [n.strip() for n in value.split(",") if n.strip()] if isinstance(value, str) else value
        )

    @field_validator("service_urls", mode="before")
    @classmethod
    def _named_urls(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [pair.strip().partition("=") for pair in value.split(",") if pair.strip()]
        if not all(name and url.startswith(("http://", "https://")) for name, _, url in pairs):
            raise ValueError("must be name=http://host:port, several with commas between them")
        return {name.strip(): url.strip().rstrip("/") for name, _, url in pairs}

    def cluster(self) -> Cluster:
        """Kafka, as this process speaks to it."""
        return Cluster(
            self.kafka_bootstrap,
            self.kafka_security_protocol,
            self.kafka_username,
            self.kafka_password.get_secret_value(),
            self.kafka_ca_file,
        )

    def owner_url(self) -> SecretStr:
        """Where the schema is changed."""
        return self.database_owner_url or self.database_url

    def base_url(self) -> str:
        scheme = "https" if self.http_tls_cert_file else "http"
        return self.public_url or f"{scheme}://{self.http_host}:{self.http_port}"

    def require_http_tls(self) -> None:
        """Raises BadSetting when certificate and key cannot be used."""
        cert, key = self.http_tls_cert_file, self.http_tls_key_file
        if cert is None and key is None:
            return
        for name, file in (("LTC_HTTP_TLS_CERT_FILE", cert), ("LTC_HTTP_TLS_KEY_FILE", key)):
            if file is None:
                raise BadSetting(f"{name} is missing: HTTPS needs a certificate and its key")
            if not os.access(file, os.R_OK):
                raise BadSetting(f"{name}={file} cannot be used: there is no such readable file")
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(str(cert), key)
        except ssl.SSLError as error:
            raise BadSetting(
                "LTC_HTTP_TLS_CERT_FILE and LTC_HTTP_TLS_KEY_FILE cannot be used together:"
                f" {error.reason or error}"
            ) from error


VARIABLES = frozenset(f"{PREFIX}{name.upper()}" for name in Settings.model_fields)
"""Every variable that a service's process knows."""
ALWAYS = {
    "LTC_DATABASE_URL": f"{ASYNCPG}user:password@host:port/database",
    "LTC_KAFKA_BOOTSTRAP": "host:port of Kafka, several with commas between them",
}
IN_PRODUCTION = {
    "LTC_OIDC_ISSUER": "what stands as iss in your provider's tokens",
    "LTC_OIDC_JWKS_URL": "where your provider publishes its keys",
    "LTC_LINK_SECRET": "a random secret of 32 characters or more",
}


def read_settings(service: str, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a process about to start. Raises BadSetting for the first that is wrong."""
    for name in sorted(environment):
        if name.startswith(PREFIX) and not name.startswith(FOR_TESTS) and name not in VARIABLES:
            near = get_close_matches(name, VARIABLES, n=1)
            hint = f"did you mean {near[0]}?" if near else "remove it, or see `docs/deploy.md`"
            raise BadSetting(f"{name} is no setting of {service}: {hint}")
    production = environment.get("LTC_ENVIRONMENT") == "production"
    for name, what in (ALWAYS | (IN_PRODUCTION if production else {})).items():
        if not environment.get(name):
            raise BadSetting(f"{name} is missing: set it to {what}")
    for name in ("LTC_DATABASE_URL", "LTC_DATABASE_OWNER_URL"):
        if environment.get(name) and not environment[name].startswith(ASYNCPG):
            raise BadSetting(f"{name} cannot be used: it must read {ALWAYS['LTC_DATABASE_URL']}")
    try:
        settings = Settings(service=service)
    except ValidationError as error:
        raise BadSetting(_first(error)) from error
    settings.cluster().require_whole()
    settings.require_http_tls()
    return settings


def read_cluster(environment: Mapping[str, str] = os.environ) -> Cluster:
    """Kafka for a step that needs nothing else. Raises BadSetting."""
    if not environment.get("LTC_KAFKA_BOOTSTRAP"):
        raise BadSetting(
            f"LTC_KAFKA_BOOTSTRAP is missing: set it to {ALWAYS['LTC_KAFKA_BOOTSTRAP']}"
        )
    try:
        cluster = Settings().cluster()
    except ValidationError as error:
        raise BadSetting(_first(error)) from error
    cluster.require_whole()
    return cluster


def _first(error: ValidationError) -> str:
    """The first thing wrong, in one sentence without the value of a secret."""
    wrong: Any = error.errors()[0]
    field = str(wrong["loc"][0])
    secret = Settings.model_fields[field].annotation is SecretStr
    shown = "" if secret else f"={wrong['input']}"
    return f"{PREFIX}{field.upper()}{shown} cannot be used: {wrong['msg'].lower()}"
