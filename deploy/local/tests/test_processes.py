"""Child processes are identified by pid and start time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local_infra.errors import CannotStart
from local_infra.processes import Child, wait_until
from testkit.deadline import DEADLINE_S

SLEEP = [sys.executable, "-c", "import time; time.sleep(3600)"]


def a_child(folder: Path, name: str = "sleeper") -> Child:
    return Child(name, folder / "run", folder / "logs")


def test_process_is_found_and_ended_by_another_process(tmp_path: Path) -> None:
    started = a_child(tmp_path).start(SLEEP)

    found = a_child(tmp_path).process()
    assert found is not None
    assert found.pid == started.pid

    assert a_child(tmp_path).stop()
    assert not psutil.pid_exists(started.pid)
    assert not a_child(tmp_path).stop()


def test_process_with_a_recycled_pid_is_not_taken_for_a_child(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEP) as stranger:
        child = a_child(tmp_path)
        child.note(stranger.pid)
        noted = json.loads(child.pid_file.read_text())
        child.pid_file.write_text(json.dumps({**noted, "started": noted["started"] - 60}))

        assert child.process() is None
        assert not child.stop()
        assert stranger.poll() is None
        stranger.kill()


def test_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    child = a_child(tmp_path)
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True)"
    child.start([sys.executable, "-c", f"{deaf}; time.sleep(3600)"])
    wait_until(
        lambda: "deaf" in child.tail(), timeout_s=DEADLINE_S, child=child, what="the deaf child"
    )

    assert child.stop(timeout_s=0.2)
    assert child.process() is None


def test_process_that_exits_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    child = a_child(tmp_path)
    child.start([sys.executable, "-c", "print('no such table', flush=True)"])

    with pytest.raises(CannotStart, match="no such table"):
        wait_until(lambda: False, timeout_s=DEADLINE_S, child=child, what="the child")
