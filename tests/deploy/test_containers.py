"""docker-compose.yml on real containers: the demo, one killed container, two replaced images."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from packaging.utils import canonicalize_name

from local_infra import containers
from local_infra.bill_of_materials import SHIPPED, image, workspace
from local_infra.errors import MissingPrerequisite
from testkit.actors.all_actors import Actors
from testkit.installation.containers import DATABASES, ContainerInstallation
from testkit.polling import eventually
from tests.e2e.test_demo_with_kills import EXPECTED

pytestmark = [pytest.mark.timeout(1800)]

STAYING = [name for name in containers.OURS if name.endswith("-svc")] + ["console", "issuer"]
NEXT = "localhost/ltc/deal-svc:next"
VERSION = "org.opencontainers.image.version"


@pytest.fixture(scope="module")
def images() -> None:
    """Every image, made unless podman has it already."""
    try:
        containers.require_engine()
    except MissingPrerequisite as error:
        pytest.skip(f"NOT RUN: docker-compose.yml on real containers: {error}")
    containers.build()


@pytest.fixture(scope="module")
def boxes(
    images: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ContainerInstallation]:
    boxes = ContainerInstallation(tmp_path_factory.mktemp("boxes"))
    containers.down()  # what a run that was killed has left
    try:
        boxes.start()
        yield boxes
    finally:
        boxes.stop()
        left = containers.podman("ps", "--all", "--quiet", "--filter", "name=^ltc_").stdout
        left += containers.podman("volume", "ls", "--quiet", "--filter", "name=ltc_").stdout
        assert left == ""


@pytest.fixture(scope="module")
def cast(boxes: ContainerInstallation) -> Iterator[Actors]:
    cast = Actors(boxes)
    yield cast
    cast.close()


INSTALLED = """import json, importlib.metadata as m
print(json.dumps({d.name: d.version for d in m.distributions()}))"""


@pytest.mark.parametrize("name", SHIPPED)
def test_image_contains_exactly_its_bill_of_materials(images: None, name: str) -> None:
    ran = containers.podman("run", "--rm", f"localhost/ltc/{name}", "python", "-c", INSTALLED)
    bill = image(name, workspace())

    held = {canonicalize_name(name): version for name, version in json.loads(ran.stdout).items()}
    assert held == {canonicalize_name(c["name"]): c["version"] for c in bill["components"]}


def verified(boxes: ContainerInstallation) -> dict[str, object]:
    """What the checker finds in the databases and topics behind the published ports."""
    done = boxes.run("verify", "--dsn", DATABASES, "--wait", "60", "--json")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return dict(json.loads(done.stdout))


def orders(cast: Actors, count: int) -> list[str]:
    return cast.web.sends_many([cast.web.order("LIC-TEAM", paid="2712.00") for _ in range(count)])


def test_compose_runs_the_demo(boxes: ContainerInstallation) -> None:
    played = boxes.run("demo", "--running", "--dsn", DATABASES)

    assert played.returncode == 0, played.stdout[-3000:] + played.stderr[-3000:]
    figures = json.loads((boxes.home / "demo.json").read_text())
    assert {name: figures[name] for name in EXPECTED} == EXPECTED
    assert figures["contracted"] == figures["invoiced"] == figures["paid"]


@pytest.mark.parametrize("name", STAYING)
def test_container_runs_as_nobody_with_a_read_only_root(
    boxes: ContainerInstallation, name: str
) -> None:
    found = containers.state(name)
    inside = ("exec", containers.container(name))
    tried = containers.podman(*inside, "sh", "-c", "id -u && touch /venv/mine", check=False)

    assert found["Config"]["User"] == "65534:65534"
    assert found["EffectiveCaps"] in (None, [])
    assert found["HostConfig"]["ReadonlyRootfs"] is True
    assert tried.stdout.startswith("65534\n")
    assert "Read-only file system" in tried.stdout


def test_compose_publishes_ports_on_loopback_only(boxes: ContainerInstallation) -> None:
    published = [
        binding
        for name in (*STAYING, "postgres", "kafka")
        for bindings in containers.state(name)["NetworkSettings"]["Ports"].values()
        for binding in bindings or ()
    ]
    ports = {int(binding["HostPort"]) for binding in published}
    listening = {
        connection.laddr.ip
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port in ports
    }

    assert sorted(ports) == [8100, *range(8101, 8107), 8110, 25432, 29092]
    assert {binding["HostIp"] for binding in published} == listening == {"127.0.0.1"}


def test_compose_restarts_a_killed_container_without_loss(
    boxes: ContainerInstallation, cast: Actors
) -> None:
    before = containers.state("quote-svc")
    journeys = orders(cast, 10)
    boxes.kill("quote-svc")
    journeys += orders(cast, 10)

    eventually(lambda: containers.is_ready("quote-svc"), what="quote-svc is ready again")
    for journey in journeys:
        cast.oncall.sees_settled(journey)
    after = containers.state("quote-svc")
    assert (before["RestartCount"], after["RestartCount"]) == (0, 1)
    assert after["State"]["Pid"] != before["State"]["Pid"]


def test_compose_replaces_a_service_image_under_load(
    boxes: ContainerInstallation, cast: Actors
) -> None:
    recipe = ("--file", "deploy/service.Dockerfile", "--label", f"{VERSION}=next")
    source = ("--build-arg", "SOURCE=services/deal-svc")
    base = ("--build-arg", f"PYTHON_IMAGE={containers.BASE}")
    containers.podman("build", "--tag", NEXT, *recipe, *source, *base, ".")
    before = containers.state("deal-svc")
    try:
        with ordering(cast) as journeys:
            containers.up("deal-svc", LTC_DEAL_IMAGE=NEXT)
            seen = len(journeys)
            eventually(lambda: len(journeys) > seen, what="orders after the replacement")
        after = containers.state("deal-svc")
        for journey in journeys:
            cast.oncall.sees_settled(journey)
    finally:
        containers.up("deal-svc")
        containers.podman("image", "rm", NEXT)

    assert len(journeys) > seen > 1
    assert before["Config"]["Labels"].get(VERSION) is None
    assert after["Config"]["Labels"][VERSION] == "next"
    assert after["Id"] != before["Id"]


@contextmanager
def ordering(cast: Actors) -> Iterator[list[str]]:
    """Somebody orders all the time."""
    journeys: list[str] = []
    enough = threading.Event()

    def order() -> None:
        while not enough.is_set():
            journeys.extend(orders(cast, 1))
            time.sleep(0.2)

    shop = threading.Thread(target=order)
    shop.start()
    try:
        yield journeys
    finally:
        enough.set()
        shop.join()


def test_compose_keeps_data_in_new_kafka_and_postgres_containers(
    boxes: ContainerInstallation, cast: Actors
) -> None:
    stored = cast.accountant.totals()
    old = {name: containers.state(name)["Id"] for name in ("kafka", "postgres")}
    for name in old:
        containers.podman("rm", "--force", "--time", "20", containers.container(name))
        containers.up(name)
    [journey] = orders(cast, 1)
    cast.oncall.sees_settled(journey)

    assert all(containers.state(name)["Id"] != old[name] for name in old)
    assert cast.accountant.totals() != stored
    assert verified(boxes)["violations"] == 0


@pytest.fixture
def engine(images: None, tmp_path: Path) -> Iterator[str]:
    """The address at which podman answers as Docker would."""
    socket = tmp_path / "podman.sock"
    serve = ["podman", "system", "service", "--time=0", f"unix://{socket}"]
    environment = {**os.environ, **containers.settings()}
    with subprocess.Popen(serve, env=environment) as service:
        try:
            eventually(socket.exists, what="podman's service listens")
            yield f"unix://{socket}"
        finally:
            service.terminate()


def test_stories_run_on_testcontainers(engine: str) -> None:
    stories = ("tests/e2e/test_express.py", "tests/integration/test_express.py")
    before = containers.podman("ps", "--all", "--quiet").stdout
    environment = {
        **os.environ,
        "LTC_TEST_CONTAINERS": "1",
        "LTC_TEST_POSTGRES_IMAGE": containers.POSTGRES,
        "LTC_TEST_KAFKA_IMAGE": containers.KAFKA,
        "DOCKER_HOST": engine,
        "TESTCONTAINERS_RYUK_DISABLED": "true",  # its image cannot be pulled either
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *stories],
        cwd=containers.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert "skipped" not in done.stdout.splitlines()[-1]
    assert containers.podman("ps", "--all", "--quiet").stdout == before
