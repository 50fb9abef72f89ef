"""The fork server's life: deaths, edited code, and what it leaves to exec."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
from fork_workspace import SHARED, Workspace, eventually, gone

from local_infra.forking.client import ForkServer


def test_fork_server_reaps_a_killed_program_alone(workspace: Workspace) -> None:
    killed, other = workspace.start("one")["pid"], workspace.start("two")["pid"]

    psutil.Process(killed).kill()

    eventually(lambda: gone(killed))
    assert workspace.child("one").process() is None
    assert workspace.child("two").process() is not None
    assert psutil.Process(other).ppid() == workspace.server_pid


def test_fork_server_killed_leaves_its_programs_and_is_replaced(
    workspace: Workspace,
) -> None:
    first = workspace.start("one")
    killed = workspace.server_pid
    psutil.Process(killed).kill()

    second = workspace.start("two")

    assert workspace.child("one").process() is not None
    assert psutil.pid_exists(first["pid"])
    assert second["ppid"] == workspace.server_pid != killed


def test_fork_server_that_dies_during_a_request_is_replaced(workspace: Workspace) -> None:
    path = workspace.home / "run" / "fork-server.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dying:
        dying.bind(str(path))
        dying.listen()

        def die() -> None:
            connection, _ = dying.accept()
            path.unlink()
            connection.close()

        thread = threading.Thread(target=die)
        thread.start()
        said = workspace.start("one")
        thread.join()

    assert said["ppid"] == workspace.server_pid


def test_fork_server_stopped_leaves_its_programs(workspace: Workspace) -> None:
    pid = workspace.start("one")["pid"]

    workspace.server.stop()

    assert not workspace.server.running()
    assert workspace.child("one").process() is not None
    assert psutil.pid_exists(pid)


def test_fork_server_uses_edited_source_at_the_next_start(workspace: Workspace) -> None:
    before, server = workspace.start("one"), workspace.server_pid
    workspace.write("shared", SHARED.replace("1", "22"))

    after = workspace.start("two")

    assert (before["version"], after["version"]) == (1, 22)
    assert after["ppid"] == server == psutil.Process(before["pid"]).ppid()
    psutil.Process(before["pid"]).kill()
    eventually(lambda: gone(before["pid"]))


def test_fork_server_import_error_fails_in_the_program(
    workspace: Workspace,
) -> None:
    workspace.write("shared", "raise LookupError('broken')")

    ended = workspace.server.run([sys.executable, "-m", "report"], "", os.environ)

    assert ended is not None
    assert ended.returncode == 1
    assert ended.output.endswith("LookupError: broken\n")


def test_fork_server_leaves_another_version_to_exec(workspace: Workspace, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "shared.py").write_text("VERSION = 7\nSEEN = []")

    said = workspace.start("one", PYTHONPATH=f"{other}{os.pathsep}{workspace.source}")

    assert said["version"] == 7
    assert said["ppid"] == os.getpid()


def test_fork_server_forks_with_another_folder_on_the_path(
    workspace: Workspace, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "ends.py").write_text("import sys; sys.exit(9)")
    path = f"{other}{os.pathsep}{workspace.source}"

    ended = workspace.server.run(
        [sys.executable, "-m", "ends"], "", {**os.environ, "PYTHONPATH": path}
    )

    assert ended is not None
    assert ended.returncode == 9


def test_fork_server_with_a_thread_forks_nothing(workspace: Workspace) -> None:
    workspace.write(
        "shared",
        f"{SHARED}\nimport threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    )

    assert workspace.start("one")["ppid"] == os.getpid()


def test_fork_server_runs_no_program_without_its_starter(workspace: Workspace) -> None:
    """A client that dies before it has noted the pid leaves no program behind."""
    program = [sys.executable, "-c", STARTER_THAT_DIES, str(workspace.home)]

    pid = int(subprocess.run(program, capture_output=True, text=True, check=True).stdout)

    eventually(lambda: gone(pid))
    assert workspace.child("one").tail() == ""


STARTER_THAT_DIES = """
import os, sys
from pathlib import Path
from local_infra.forking.client import ForkServer
from local_infra.processes import Child
home = Path(sys.argv[1])
class Dying(Child):
    def note(self, pid):
        print(pid, flush=True)
        os._exit(0)
server = ForkServer(home / "run", home / "logs", ["shared"])
Dying("one", home / "run", home / "logs").start([sys.executable, "-m", "report"], forks=server)
"""


def test_fork_server_without_children_ends(workspace: Workspace) -> None:
    command = [sys.executable, "-m", "local_infra.forking", "--idle-s", "0.1"]
    workspace.server.child.start(
        [*command, str(workspace.home / "run" / "fork-server.sock"), "shared"]
    )

    eventually(lambda: not workspace.server.running())

    assert workspace.start("one")["ppid"] == workspace.server_pid


def test_fork_server_socket_is_for_its_owner_only(workspace: Workspace) -> None:
    workspace.server.start()

    assert (workspace.home / "run" / "fork-server.sock").stat().st_mode & 0o777 == 0o600


def test_fork_server_leaves_a_home_with_a_long_name_to_exec(workspace: Workspace) -> None:
    deep = workspace.home / ("d" * 100)
    workspace.server = ForkServer(deep, deep, ["shared"])

    assert workspace.start("one")["ppid"] == os.getpid()
