"""Each service starts and serves with only its database, Kafka and its settings."""

from __future__ import annotations

import importlib
import json
import os
import random
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest
from aiokafka import AIOKafkaConsumer

from local_infra.ports import free_port
from ltc.settings import PROJECT, STAGES
from testkit.deadline import DEADLINE_S
from testkit.installation.supervised import SupervisedInstallation
from testkit.servers import kafka_bootstrap
from testkit.single_service import SingleService, single_service
from testkit.web_orders import web_order


def services_running() -> list[str]:
    """Every child that serves a service; one that ended, not waited for, has no command line."""
    served = [f"{stage}_svc" for stage in STAGES]
    return [
        " ".join(process.info["cmdline"])
        for process in psutil.process_iter(["ppid", "cmdline"])
        if process.info["ppid"] == os.getpid()
        and any(word in served for word in process.info["cmdline"] or ())
    ]


def newest_revision(stage: str) -> str:
    """Of the schema, by the names of its migrations."""
    source = PROJECT / "services" / f"{stage}-svc" / "src" / f"{stage}_svc"
    return max(file.name[:4] for file in (source / "migrations" / "versions").glob("0*.py"))


@pytest.mark.parametrize("stage", STAGES)
def test_service_serves_while_every_other_one_is_down(stage: str, tmp_path: Path) -> None:
    package = f"{stage}_svc"
    version = importlib.import_module(package).__version__
    with single_service(package, tmp_path) as service:
        migrated = service.run("migrate")
        assert migrated.returncode == 0, migrated.stderr

        with service.serving() as client:
            ready = client.get("/health/ready")
            paths = client.get("/openapi.json").json()

            assert len(services_running()) == 1
            said = ready.json()
            assert said.pop("database_revision") == newest_revision(stage)
            assert said | {"hearing": "yes"} == {
                "status": "ready",
                "version": version,
                "hearing": "yes",
            }
            assert paths["info"]["version"] == version
            too_much = client.get("/health/live", headers={"X-Mark": "m" * 70_000})
            assert too_much.status_code == 431, "it is not served by chassis.wire"


@pytest.mark.parametrize("stage", STAGES)
def test_service_version_has_one_source_and_a_changelog_entry(stage: str) -> None:
    folder = PROJECT / "services" / f"{stage}-svc"
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    version = importlib.import_module(f"{stage}_svc").__version__

    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == f"src/{stage}_svc/__init__.py"
    assert f"## {version}" in (folder / "CHANGELOG.md").read_text(encoding="utf-8")


ONLY_WHAT_AN_IMAGE_HAS = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
import PACKAGE.main, chassis.command
"""


@pytest.mark.parametrize("stage", STAGES)
def test_service_image_has_every_imported_package(stage: str) -> None:
    lock = (PROJECT / "deploy" / "service.lock").read_text(encoding="utf-8").splitlines()
    has = {line.partition("==")[0] for line in lock if "==" in line}
    owners = packages_distributions()
    absent = {m for m, names in owners.items() if not has & {canonical(name) for name in names}}
    program = ONLY_WHAT_AN_IMAGE_HAS.replace("ABSENT", repr(absent - {"ltc"}))

    imported = subprocess.run(
        [sys.executable, "-c", program.replace("PACKAGE", f"{stage}_svc")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "pytest" in absent
    assert imported.returncode == 0, imported.stderr


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_ltc_up_only_starts_the_named_service(tmp_path: Path) -> None:
    house = SupervisedInstallation(tmp_path)
    try:
        started = house.run("up", "--detach", "--only", "quote")
        status = json.loads(house.run("status", "--json").stdout)
    finally:
        house.stop()

    assert started.returncode == 0, started.stderr
    names = {found["name"]: found["state"] for found in status}
    assert sorted(names) == ["issuer", "kafka", "postgres", "quote", "supervisor"]
    assert names["quote"] == "ready"


async def test_service_alone_publishes_events_for_later_consumers(tmp_path: Path) -> None:
    with issuer(tmp_path) as (url, token):
        oidc = {"LTC_OIDC_ISSUER": url, "LTC_OIDC_JWKS_URL": f"{url}/jwks.json"}
        with single_service("lead_svc", tmp_path, **oidc) as service:
            assert service.run("migrate").returncode == 0
            captured = capture(service, token)
            journeys = await journeys_of("ltc.lead.v1", "ltc.lead.captured.v1", captured["lead_id"])

    assert journeys == [captured["journey_id"]]


def capture(service: SingleService, token: str) -> dict[str, str]:
    """A web order through the door of lead-svc; it is stopped right after its answer."""
    key = f"alone-{uuid4().hex[:8]}"
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    with service.serving() as client:
        answer = client.post("/leads", json=web_order(key, random.Random(1)), headers=headers)
    assert answer.status_code == 201, answer.text
    captured: dict[str, str] = answer.json()
    return captured


async def journeys_of(topic: str, kind: str, subject: str) -> list[str]:
    """The journey ids of the facts of a kind about one aggregate that a topic holds, beside
    whatever other tests left there."""
    wanted = kind.encode(), subject.encode()
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka_bootstrap(), auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        found = []
        while any([await consumer.position(p) < end for p, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    said = dict(record.headers)
                    if (said.get("ce_type"), said.get("ce_subject")) == wanted:
                        found.append(said["ce_correlationid"].decode())
        return found
    finally:
        await consumer.stop()


@contextmanager
def issuer(folder: Path) -> Iterator[tuple[str, str]]:
    """A token issuer, and a token of a web shop from it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "PATH": os.environ["PATH"],
        "LTC_HTTP_PORT": str(port),
        "LTC_OIDC_ISSUER": url,
        "LTC_ISSUER_KEY_FILE": str(folder / "key.json"),
    }
    process = subprocess.Popen([sys.executable, "-m", "chassis.issuer"], env=environment)
    try:
        yield url, _token(url)
    finally:
        process.terminate()
        process.wait(DEADLINE_S)


def _token(url: str) -> str:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            wanted = {"sub": "shop", "roles": ["integration_web"]}
            answer = httpx.post(f"{url}/token", json=wanted).raise_for_status()
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return str(json.loads(answer.text)["access_token"])
