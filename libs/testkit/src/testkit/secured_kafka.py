"""A broker with authentication and authorization, its certificates, and a pytest plugin.

The fixture ``secured_kafka`` is one broker for the whole session. A test states the grants
that it needs: a statement takes back what is not in it.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from chassis.cluster import Cluster, SecurityProtocol
from contracts.access import principals
from local_infra.kafka import Kafka
from local_infra.ports import free_port
from local_infra.processes import run_sync
from local_infra.topics import answers, ensure_topics

ADMIN = "admin"
PASSWORD = "the admin's password"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"


@dataclass(frozen=True)
class Certificate:
    """A server's key and certificate, and the authority that vouches for it, as files."""

    key: Path
    chain: Path
    ca: Path

    @classmethod
    def of(cls, folder: Path, *names: str) -> Certificate:
        """A new authority, and a certificate from it for these hosts."""
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        issued = authority.issue_cert(*(names or ("127.0.0.1", "localhost")))
        found = cls(folder / "key.pem", folder / "chain.pem", folder / "ca.pem")
        key = load_pem_private_key(issued.private_key_pem.bytes(), None)
        found.key.write_bytes(
            key.private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            )  # Java reads no other
        )
        found.chain.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        authority.cert_pem.write_to_path(str(found.ca))
        return found


class SecuredKafka(Kafka):
    """SASL, SASL over TLS and TLS listeners, an authorizer, and one super user."""

    def __init__(self, home: Path, certificate: Certificate) -> None:
        super().__init__(home, free_port(), free_port())
        self.certificate = certificate
        self.ports: dict[SecurityProtocol, int] = {
            "SASL_PLAINTEXT": self.port,
            "SASL_SSL": free_port(),
            "SSL": free_port(),
        }

    def cluster(
        self,
        username: str = ADMIN,
        password: str = PASSWORD,
        protocol: SecurityProtocol = "SASL_PLAINTEXT",
    ) -> Cluster:
        """The broker, as somebody sees it through one of its listeners."""
        return Cluster(
            f"127.0.0.1:{self.ports[protocol]}",
            protocol,
            username if protocol.startswith("SASL") else "",
            password if protocol.startswith("SASL") else "",
            self.certificate.ca if protocol.endswith("SSL") else None,
        )

    def _answers(self) -> bool:
        return answers(self.cluster())

    def _format(self, jars: Path) -> None:
        subprocess.run(
            [
                *self._java(jars),
                *("kafka.tools.StorageTool", "format", "-c", str(self.config)),
                f"--cluster-id={base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip('=')}",
                *("--add-scram", f"SCRAM-SHA-512=[name={ADMIN},password={PASSWORD}]"),
            ],
            check=True,
            capture_output=True,
        )

    def _write_config(self) -> None:
        super()._write_config()
        settings = dict(line.split("=", 1) for line in self.config.read_text().splitlines())
        keystore = self.config.with_name("keystore.pem")
        keystore.write_bytes(
            self.certificate.key.read_bytes() + self.certificate.chain.read_bytes()
        )
        clients = ",".join(f"{name}://127.0.0.1:{port}" for name, port in self.ports.items())
        settings |= {
            "listeners": f"{clients},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": clients,
            "listener.security.protocol.map": "SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,"
            "SSL:SSL,CONTROLLER:SASL_PLAINTEXT",
            "inter.broker.listener.name": "SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
            "sasl.mechanism.controller.protocol": "PLAIN",
            "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.controller.plain.sasl.jaas.config": f"{PLAIN}"
            f' username="{ADMIN}" password="{PASSWORD}" user_{ADMIN}="{PASSWORD}";',
            "listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config": f"{SCRAM}"
            f' username="{ADMIN}" password="{PASSWORD}";',
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{SCRAM};",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(keystore),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": f"User:{ADMIN}",
        }
        self.config.write_text("".join(f"{k}={v}\n" for k, v in settings.items()))


def settings_of(cluster: Cluster) -> dict[str, str]:
    """What a process is given to speak to it so."""
    given = {
        "LTC_KAFKA_BOOTSTRAP": cluster.bootstrap,
        "LTC_KAFKA_SECURITY_PROTOCOL": cluster.protocol,
        "LTC_KAFKA_USERNAME": cluster.username,
        "LTC_KAFKA_PASSWORD": cluster.password,
        "LTC_KAFKA_CA_FILE": str(cluster.ca_file or ""),
    }
    return {name: value for name, value in given.items() if value}


def grants(
    cluster: Cluster, folder: Path, users: dict[str, str | None] | None
) -> subprocess.CompletedProcess[str]:
    """The deploy step as a process of its own."""
    words = ["-m", "chassis.grants"]
    if users is not None:
        file = folder / "users.json"
        ours = principals()
        given = {n: p if n in ours else {"password": p, "personal": True} for n, p in users.items()}
        file.write_text(json.dumps(given))
        words += ["--users", str(file)]
    return subprocess.run(
        [sys.executable, *words],
        env=settings_of(cluster),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def secured_kafka() -> Iterator[SecuredKafka]:
    """Running, with the product's topics and no grants."""
    with tempfile.TemporaryDirectory(prefix="ltc-secured-kafka-") as folder:
        home = Path(folder)
        broker = SecuredKafka(home, Certificate.of(home / "tls"))
        broker.start()
        try:
            run_sync(ensure_topics(broker.cluster()))
            yield broker
        finally:
            broker.stop()
