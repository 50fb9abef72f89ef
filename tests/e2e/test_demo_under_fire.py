"""The demo's figures do not change when its parts are killed while it runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_infra.ports import free_port
from local_infra.processes import Child

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

EXPECTED = {
    "rows": 258,
    "accepted": 234,
    "duplicates": 18,
    "refused": 6,
    "journeys_settled": 203,
    "journeys_waiting": 231,
    "ledger_balance": "0.00",
    "invariants_violated": 0,
}


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An installation of its own: home, ports and all; everything of it is stopped afterwards."""
    folder = tmp_path_factory.mktemp("ltc")
    folder.chmod(0o755)
    yield folder
    run(folder, "down")


def environment(home: Path) -> dict[str, str]:
    port_file = home / "ports"
    if not port_file.exists():
        port_file.write_text(f"{free_port()} {free_port()} 18100")
    names = ("LTC_PG_PORT", "LTC_KAFKA_PORT", "LTC_PORT_BASE")
    ports = dict(zip(names, port_file.read_text().split(), strict=True))
    return {**os.environ, **ports, "LTC_HOME": str(home)}


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ltc", *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def kill(home: Path, name: str) -> None:
    """SIGKILL a part by its pid file."""
    process = Child(name, home / "run", home / "logs").process()
    assert process is not None, f"{name} was not running"
    os.kill(process.pid, signal.SIGKILL)


def test_killing_services_kafka_and_postgres_changes_no_figure(home: Path) -> None:
    started = run(home, "up", "--detach")
    assert started.returncode == 0, started.stdout + started.stderr
    killed: list[str] = []

    def fire() -> None:
        for name, after_s in (
            ("billing", 1.0),
            ("lead", 3.0),
            ("kafka", 4.0),
            ("quote", 4.0),
            ("postgres", 8.0),
            ("contract", 5.0),
            ("order", 3.0),
            ("deal", 3.0),
            ("console", 3.0),
        ):
            time.sleep(after_s)
            kill(home, name)
            killed.append(name)

    shooting = threading.Thread(target=fire)
    shooting.start()
    played = run(home, "demo", "--running")
    shooting.join()

    assert played.returncode == 0, played.stdout[-3000:] + played.stderr[-3000:]
    figures = json.loads((home / "demo.json").read_text())
    assert {name: figures[name] for name in EXPECTED} == EXPECTED, played.stdout[-3000:]
    assert figures["contracted"] == figures["invoiced"] == figures["paid"]
    assert len(killed) == 9
