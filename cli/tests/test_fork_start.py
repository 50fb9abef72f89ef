"""The services' own modules in a fork server, and the switch between the two ways of starting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_infra.forking.client import ForkServer
from ltc.programs import PRELOADED, fork_server, issuer, service
from ltc.settings import BadSetting, Settings

LOADS = """
import json, os, sys
from local_infra.forking.loaded import Loaded
before = set(os.listdir("/proc/self/fd"))
loaded = Loaded(sys.argv[1:])
print(json.dumps({
    "threads": len(os.listdir("/proc/self/task")),
    "opened": sorted(set(os.listdir("/proc/self/fd")) - before),
    "missing": [name for name in sys.argv[1:] if name not in sys.modules],
    "read": sorted(loaded.read),
}))
"""
USUAL = {"PATH": os.environ["PATH"], "LANG": os.environ.get("LANG", "C.UTF-8")}
BAD = {
    "missing": {},
    "misspelt": {"LTC_KAFKA_BOOTSTRAPS": "127.0.0.1:9092"},
    "no number": {"LTC_HTTP_PORT": "http"},
    "no database": {
        "LTC_DATABASE_URL": "postgresql+asyncpg://quote@127.0.0.1:1/quote",
        "LTC_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    },
}


def test_fork_start_imports_all_services_without_side_effects() -> None:
    """A fork copies one thread and every open file, and a variable that was read stays read."""
    done = subprocess.run(
        [sys.executable, "-c", LOADS, *PRELOADED], capture_output=True, text=True, check=True
    )

    found = json.loads(done.stdout)
    assert (found["threads"], found["opened"], found["missing"]) == (1, [], [])
    assert [name for name in found["read"] if name.startswith("LTC_")] == []
    # Those that differ between two shells would keep every start from being forked.
    assert not {"PATH", "PWD", "TERM", "COLUMNS", "PYTEST_CURRENT_TEST"} & set(found["read"])
    assert done.stderr == ""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    home = tmp_path_factory.mktemp("fork")
    made = fork_server(Settings(home), {})
    assert made is not None
    yield made
    made.stop()


@pytest.mark.parametrize("settings", BAD.values(), ids=BAD)
def test_fork_start_with_a_bad_setting_ends_like_exec(
    server: ForkServer, settings: dict[str, str]
) -> None:
    command = [sys.executable, "-m", "chassis.serve", "quote_svc"]
    environment = {**os.environ, **settings}

    forked = server.run(command, "", environment)
    started = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert forked is not None
    assert forked.returncode == started.returncode != 0
    assert forked.output == started.stdout + started.stderr
    assert len(forked.output.splitlines()) == 1


def test_fork_start_covers_every_own_process(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    programs = [issuer(settings, {}), service(settings, {}, "lead"), service(settings, {}, "hub")]

    assert all(program.forks is not None for program in programs)
    assert [program.command[0] for program in programs] == [sys.executable] * 3


def test_fork_start_shares_the_server_of_one_folder(tmp_path: Path) -> None:
    shared = {"LTC_FORK_SERVER": str(tmp_path / "shared")}
    one = fork_server(Settings(tmp_path / "one"), shared)
    own = fork_server(Settings(tmp_path / "one"), {})

    assert one is not None
    assert own is not None
    assert one.child.pid_file.parent == tmp_path / "shared"
    assert own.child.pid_file.parent == tmp_path / "one" / "run"


def test_fork_start_is_turned_off_by_a_switch(tmp_path: Path) -> None:
    settings = Settings(tmp_path)

    assert fork_server(settings, {"LTC_START": "exec"}) is None
    assert service(settings, {"LTC_START": "exec"}, "lead").forks is None
    with pytest.raises(BadSetting, match="LTC_START=spawn is neither fork nor exec"):
        fork_server(settings, {"LTC_START": "spawn"})
