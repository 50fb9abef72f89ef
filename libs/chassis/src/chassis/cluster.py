"""A Kafka cluster, and as whom we speak to it: what every connection to Kafka is opened with."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import KafkaError, SaslAuthenticationFailed

from chassis.exits import BadSetting, NotPermitted

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
MECHANISM = "SCRAM-SHA-512"


@dataclass(frozen=True)
class Cluster:
    """Where Kafka is, whether the wire is encrypted, and our name there."""

    bootstrap: str
    """``host:port``, several with commas."""
    protocol: SecurityProtocol = "PLAINTEXT"
    username: str = ""
    password: str = ""
    ca_file: Path | None = None
    """Who vouches for the brokers; without one, whoever the system trusts."""

    def __str__(self) -> str:
        return self.bootstrap

    def __repr__(self) -> str:
        return f"Cluster({self.bootstrap!r}, {self.protocol!r}, {self.username!r})"

    @property
    def authenticates(self) -> bool:
        return self.protocol.startswith("SASL")

    @property
    def encrypts(self) -> bool:
        return self.protocol.endswith("SSL")

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """Checks certificate and host name. Raises BadSetting when the file cannot be used."""
        return client_tls(self.ca_file, "LTC_KAFKA_CA_FILE") if self.encrypts else None

    def client(self) -> dict[str, Any]:
        """The arguments of a client of aiokafka."""
        given: dict[str, Any] = {"bootstrap_servers": self.bootstrap}
        if self.protocol != "PLAINTEXT":
            given |= {"security_protocol": self.protocol, "ssl_context": self.tls}
        if self.authenticates:
            given |= {
                "sasl_mechanism": MECHANISM,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return given

    async def be_let_in(self) -> None:
        """Open a connection to each address that answers. Kafka's clients take one that refuses
        them for one that is away, and go on trying. Raises NotPermitted or BadSetting."""
        given = self.client()
        for host, port, _ in collect_hosts(given.pop("bootstrap_servers")):
            try:
                connection = await create_conn(host, port, request_timeout_ms=2000, **given)
            except SaslAuthenticationFailed as error:
                raise NotPermitted(
                    f"Kafka at {host}:{port} does not let {self.username} in: correct"
                    " LTC_KAFKA_USERNAME and LTC_KAFKA_PASSWORD"
                ) from error
            except ssl.SSLCertVerificationError as error:
                raise BadSetting(
                    f"Kafka at {host}:{port} shows a certificate that LTC_KAFKA_CA_FILE does not"
                    f" vouch for: {error.verify_message}"
                ) from error
            except (KafkaError, OSError, TimeoutError):
                continue
            connection.close()

    def require_whole(self) -> None:
        """Raises BadSetting for settings that contradict each other or lack one another."""
        known = bool(self.username), bool(self.password)
        if self.authenticates and not all(known):
            lacking = "LTC_KAFKA_PASSWORD" if self.username else "LTC_KAFKA_USERNAME"
            raise BadSetting(
                f"{lacking} is missing: LTC_KAFKA_SECURITY_PROTOCOL={self.protocol} needs the user"
                " and the password of this service's principal"
            )
        if any(known) and not self.authenticates:
            raise BadSetting(
                f"LTC_KAFKA_USERNAME would not be used by LTC_KAFKA_SECURITY_PROTOCOL="
                f"{self.protocol}: set that to SASL_SSL, or remove user and password"
            )
        if self.ca_file and not self.encrypts:
            raise BadSetting(
                f"LTC_KAFKA_CA_FILE would not be used by LTC_KAFKA_SECURITY_PROTOCOL="
                f"{self.protocol}: set that to SASL_SSL, or remove the file"
            )
        if self.encrypts:
            self.tls  # noqa: B018 - reads the file


def client_tls(ca_file: Path | None, variable: str) -> ssl.SSLContext:
    """What a client checks a server with. Raises BadSetting naming the setting."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # SSLError is one
        raise BadSetting(
            f"{variable}={ca_file} cannot be used: {error.strerror or error}"
        ) from error
