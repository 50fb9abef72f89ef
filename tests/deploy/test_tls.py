"""TLS to HTTP, Kafka and PostgreSQL, with the right authority, a wrong one, and none.

Real processes of quote-svc, a real Kafka with TLS listeners. The wheel's PostgreSQL is built
without TLS, so a front speaks it there (`testkit.tls_front`).
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from chassis.cluster import Cluster
from local_infra.topics import answers
from testkit.secured_kafka import Certificate, SecuredKafka, grants, settings_of
from testkit.single_service import SingleService, single_service
from testkit.tls_front import tls_front

PACKAGE = "quote_svc"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def ours(folder: Path) -> Certificate:
    return Certificate.of(folder / "ours")


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Certificate:
    """Of an authority that nobody here has named."""
    return Certificate.of(folder / "theirs")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[SingleService]:
    with single_service(PACKAGE, folder) as made:
        migrated = made.run("migrate")
        assert migrated.returncode == 0, migrated.stderr
        yield made


def refused(
    service: SingleService, code: int, said: str, verb: str = "serve", **changes: str
) -> None:
    """It ends at once with one sentence."""
    ended = service.run(verb, **changes)

    assert (ended.returncode, said in ended.stderr) == (code, True), ended.stderr
    assert len(ended.stderr.splitlines()[-1:]) == 1
    assert "Traceback" not in ended.stdout + ended.stderr


# --- HTTP -----------------------------------------------------------------------------------------


def https(certificate: Certificate, key: Path | None = None) -> dict[str, str]:
    return {
        "LTC_HTTP_TLS_CERT_FILE": str(certificate.chain),
        "LTC_HTTP_TLS_KEY_FILE": str(key or certificate.key),
    }


def test_tls_https_is_trusted_with_the_right_authority_only(
    folder: Path, ours: Certificate, theirs: Certificate
) -> None:
    known = ssl.create_default_context(cafile=ours.ca)
    stranger = ssl.create_default_context(cafile=theirs.ca)
    with single_service(PACKAGE, folder, **https(ours)) as service:
        assert service.run("migrate").returncode == 0
        with service.serving(verify=known) as client:
            assert client.get("/health/ready").status_code == 200
            with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
                httpx.get(f"{service.url}/health/ready", verify=stranger)
            with pytest.raises(httpx.TransportError):
                httpx.get(f"{service.url}/health/ready".replace("https", "http"))


def test_tls_https_refuses_unusable_files(
    service: SingleService, ours: Certificate, theirs: Certificate
) -> None:
    cert = "LTC_HTTP_TLS_CERT_FILE"
    refused(service, 78, "LTC_HTTP_TLS_KEY_FILE is missing", **{cert: str(ours.chain)})
    refused(service, 78, f"{cert}=/nowhere cannot be used", **{**https(ours), cert: "/nowhere"})
    refused(service, 78, "cannot be used together: KEY_VALUES_MISMATCH", **https(ours, theirs.key))


# --- Kafka ----------------------------------------------------------------------------------------


@pytest.fixture
def kafka(secured_kafka: SecuredKafka) -> SecuredKafka:
    return secured_kafka


def test_tls_kafka_connects_with_the_right_authority(
    service: SingleService, kafka: SecuredKafka, tmp_path: Path
) -> None:
    encrypted = kafka.cluster(protocol="SASL_SSL")

    assert service.run_module("chassis.topics", **settings_of(encrypted)).returncode == 0
    assert grants(encrypted, tmp_path, {}).returncode == 0
    with service.serving(**settings_of(encrypted)) as client:
        assert client.get("/health/ready").status_code == 200


@pytest.mark.parametrize("what", ["serve", "migrate", "chassis.topics", "chassis.grants"])
def test_tls_kafka_with_a_wrong_authority_is_refused(
    service: SingleService, kafka: SecuredKafka, theirs: Certificate, what: str
) -> None:
    wrong = settings_of(kafka.cluster(protocol="SASL_SSL"))
    wrong["LTC_KAFKA_CA_FILE"] = str(theirs.ca)
    with single_service(PACKAGE, service.folder) as fresh:  # whose group has no offsets yet
        if what == "serve":
            assert fresh.run("migrate", "--no-subscribe").returncode == 0
        ended = (
            fresh.run_module(what, **wrong)
            if what.startswith("chassis")
            else fresh.run(what, **wrong)
        )

    assert ended.returncode == 78, ended.stderr
    assert "shows a certificate that LTC_KAFKA_CA_FILE does not vouch for" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_tls_and_plain_text_do_not_connect(kafka: SecuredKafka) -> None:
    """Kafka closes both connections without an error, so the service takes it for down: no data
    passes, and events wait in the outbox."""
    encrypted = kafka.cluster(protocol="SASL_SSL")
    plain_port, tls_port = kafka.ports["SASL_PLAINTEXT"], kafka.ports["SSL"]

    assert answers(encrypted)
    assert answers(kafka.cluster(protocol="SSL"))
    assert not answers(replace(encrypted, bootstrap=f"127.0.0.1:{plain_port}"))
    assert not answers(Cluster(f"127.0.0.1:{tls_port}"))
    assert not answers(replace(kafka.cluster(), bootstrap=encrypted.bootstrap))


CONTRADICTIONS = {
    "no password": (
        "LTC_KAFKA_PASSWORD is missing",
        {"LTC_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "LTC_KAFKA_USERNAME": "quote-svc"},
    ),
    "no name": (
        "LTC_KAFKA_USERNAME is missing",
        {"LTC_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "LTC_KAFKA_PASSWORD": "secret"},
    ),
    "a name that would not be used": (
        "LTC_KAFKA_USERNAME would not be used",
        {"LTC_KAFKA_USERNAME": "quote-svc", "LTC_KAFKA_PASSWORD": "secret"},
    ),
    "an authority that would not be used": (
        "LTC_KAFKA_CA_FILE would not be used",
        {"LTC_KAFKA_CA_FILE": "/ca.pem"},
    ),
    "no such file": (
        "LTC_KAFKA_CA_FILE=/nowhere.pem cannot be used",
        {"LTC_KAFKA_SECURITY_PROTOCOL": "SSL", "LTC_KAFKA_CA_FILE": "/nowhere.pem"},
    ),
    "no such protocol": (
        "LTC_KAFKA_SECURITY_PROTOCOL=TLS cannot be used",
        {"LTC_KAFKA_SECURITY_PROTOCOL": "TLS"},
    ),
}


@pytest.mark.parametrize(("said", "settings"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_tls_settings_that_contradict_are_refused(
    service: SingleService, said: str, settings: dict[str, str]
) -> None:
    refused(service, 78, said, **settings)


# --- PostgreSQL -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Front:
    """A service's database behind TLS."""

    service: SingleService
    port: int

    def address(self, *, verify: bool = True) -> dict[str, str]:
        url = urlsplit(self.service.settings["LTC_DATABASE_URL"])
        at = f"{url.netloc.rpartition(':')[0]}:{self.port}"
        query = "ssl=verify-full" if verify else "ssl=disable"
        return {"LTC_DATABASE_URL": url._replace(netloc=at, query=query).geturl()}


@contextmanager
def fronted(service: SingleService, certificate: Certificate) -> Iterator[Front]:
    port = urlsplit(service.settings["LTC_DATABASE_URL"]).port
    assert port is not None
    with tls_front(port, certificate) as front:
        yield Front(service, front)


def test_tls_postgres_connects_with_the_right_authority(
    service: SingleService, ours: Certificate
) -> None:
    with fronted(service, ours) as front:
        encrypted = {**front.address(), "PGSSLROOTCERT": str(ours.ca)}
        assert service.run("migrate", **encrypted).returncode == 0
        with service.serving(**encrypted) as client:
            assert client.get("/health/ready").json()["status"] == "ready"


@pytest.mark.parametrize("verb", ["serve", "migrate"])
def test_tls_postgres_with_a_wrong_authority_is_refused(
    service: SingleService, folder: Path, ours: Certificate, theirs: Certificate, verb: str
) -> None:
    elsewhere = Certificate.of(folder / f"elsewhere-{verb}", "elsewhere.example")
    known, distrusted = "PGSSLROOTCERT", "shows a certificate that PGSSLROOTCERT does not vouch for"
    with fronted(service, ours) as front:
        refused(service, 78, distrusted, verb, **front.address(), **{known: str(theirs.ca)})
        refused(
            service,
            78,
            "PGSSLROOTCERT=/nowhere.pem cannot be used",
            verb,
            **front.address(),
            **{known: "/nowhere.pem"},
        )
        refused(service, 69, "no PostgreSQL can be used", verb, **front.address(verify=False))
    with fronted(service, elsewhere) as front:
        refused(service, 78, distrusted, verb, **front.address(), **{known: str(elsewhere.ca)})


def test_tls_postgres_without_tls_is_refused_when_required(
    service: SingleService, ours: Certificate
) -> None:
    port = urlsplit(service.settings["LTC_DATABASE_URL"]).port
    assert port is not None
    plain = Front(service, port)

    refused(service, 69, "rejected SSL upgrade", **plain.address(), PGSSLROOTCERT=str(ours.ca))
