"""The supervisor, on small real processes that answer as services do."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from io import StringIO
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from local_infra.errors import CannotStart, PortTaken
from local_infra.forking.client import ForkServer
from local_infra.ports import free_port
from local_infra.processes import Child
from ltc.programs import Program, answers_ready
from ltc.progress import Progress
from ltc.supervisor import AlreadyRunning, Supervisor, restart_marker, supervised
from testkit.deadline import DEADLINE_S

ANSWER = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[2]))
        self.end_headers()
HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""

ABANDONED = """
import asyncio, sys
from pathlib import Path
from test_supervisor import a_program, a_supervisor
async def main():
    async with a_supervisor(Path(sys.argv[1])) as supervisor:
        await supervisor.bring_up(a_program(Path(sys.argv[1]), port=int(sys.argv[2])), tier=0)
        print("up", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.fixture(autouse=True, params=["exec", "fork"])
def way(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[None]:
    """How programs are started: everything here holds for both."""
    monkeypatch.setenv("LTC_START", request.param)
    yield
    ForkServer(tmp_path / "run", tmp_path / "logs", []).stop()


def a_program(
    home: Path, name: str = "dummy", *, port: int | None = None, status: int = 200
) -> Program:
    port = port or free_port()
    modules = home / "modules"
    modules.mkdir(parents=True, exist_ok=True)
    (modules / "answer.py").write_text(ANSWER)
    run, logs = home / "run", home / "logs"
    return Program(
        name,
        [sys.executable, "-m", "answer", str(port), str(status)],
        port,
        Child(name, run, logs),
        {**os.environ, "PYTHONPATH": str(modules)},
        ready_within_s=DEADLINE_S if status == 200 else 1,
        forks=ForkServer(run, logs, []) if os.environ["LTC_START"] == "fork" else None,
    )


def test_program_is_started_the_way_that_is_asked_for(tmp_path: Path) -> None:
    program = a_program(tmp_path)
    program.start()
    parent = psutil.Process(pid(program)).ppid()
    program.stop()

    assert (parent == os.getpid()) == (program.forks is None)


def a_supervisor(
    home: Path, said: StringIO | None = None
) -> AbstractAsyncContextManager[Supervisor]:
    progress = Progress(Console(file=said or StringIO(), width=500))
    return supervised(home / "run", home / "logs", progress)


def pid(program: Program) -> int:
    process = program.child.process()
    assert process is not None
    return process.pid


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not true():  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.05)


async def test_supervisor_waits_until_a_process_reports_ready(tmp_path: Path) -> None:
    program = a_program(tmp_path)
    async with a_supervisor(tmp_path) as supervisor:
        await supervisor.bring_up(program, tier=0)
        assert answers_ready(program.port)

    assert not program.running()


async def test_supervisor_restarts_a_crashed_process_after_a_pause(tmp_path: Path) -> None:
    program, said = a_program(tmp_path), StringIO()
    async with a_supervisor(tmp_path, said) as supervisor:
        await supervisor.bring_up(program, tier=0)
        watching = asyncio.create_task(supervisor.watch())
        first = pid(program)
        psutil.Process(first).kill()
        await eventually(lambda: "ready again" in said.getvalue())
        watching.cancel()

        assert pid(program) != first
    assert "ended unexpectedly; starting again in 1 s" in said.getvalue()


async def test_supervisor_doubles_the_pause_for_repeated_crashes(tmp_path: Path) -> None:
    program, said = a_program(tmp_path), StringIO()
    async with a_supervisor(tmp_path, said) as supervisor:
        await supervisor.bring_up(program, tier=0)
        watching = asyncio.create_task(supervisor.watch())
        for pause_s in (1, 2):
            await eventually(program.ready)
            psutil.Process(pid(program)).kill()
            await eventually(lambda told=f"again in {pause_s} s": told in said.getvalue())
        watching.cancel()


async def test_supervisor_restarts_on_request_without_a_pause(tmp_path: Path) -> None:
    program, said = a_program(tmp_path), StringIO()
    async with a_supervisor(tmp_path, said) as supervisor:
        await supervisor.bring_up(program, tier=0)
        watching = asyncio.create_task(supervisor.watch())
        restart_marker(tmp_path / "run", program.name).touch()
        psutil.Process(pid(program)).terminate()
        await eventually(lambda: "ready again" in said.getvalue())
        watching.cancel()

    assert "starting again in" not in said.getvalue()


async def test_supervisor_stops_the_last_tier_first(tmp_path: Path) -> None:
    said = StringIO()
    async with a_supervisor(tmp_path, said) as supervisor:
        await supervisor.bring_up(a_program(tmp_path, "ground"), tier=0)
        await supervisor.bring_up(a_program(tmp_path, "roof"), tier=1)

    stopped = [line.split()[-1] for line in said.getvalue().splitlines() if "stopped" in line]
    assert stopped == ["roof", "ground"]


async def test_supervisor_refuses_a_second_one_for_the_installation(tmp_path: Path) -> None:
    async with a_supervisor(tmp_path):
        with pytest.raises(AlreadyRunning):
            async with a_supervisor(tmp_path):
                pass


def a_killed_supervisor(home: Path, port: int) -> None:
    """One that had brought up a program on a port when SIGKILL came."""
    command = [sys.executable, "-c", ABANDONED, str(home), str(port)]
    with subprocess.Popen(command, cwd=Path(__file__).parent, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"up\n"
        killed.kill()


async def test_supervisor_ends_the_processes_of_a_killed_predecessor(
    tmp_path: Path,
) -> None:
    program, said = a_program(tmp_path), StringIO()
    await asyncio.to_thread(a_killed_supervisor, tmp_path, program.port)
    abandoned = pid(program)
    assert answers_ready(program.port)

    async with a_supervisor(tmp_path, said) as supervisor:
        assert not psutil.pid_exists(abandoned)
        await supervisor.bring_up(program, tier=0)
        assert pid(program) != abandoned

    assert "left behind by an earlier run: dummy" in said.getvalue()
    assert ("fork-server" in said.getvalue()) == (program.forks is not None)


async def test_supervisor_stops_and_names_a_process_that_never_gets_ready(tmp_path: Path) -> None:
    program = a_program(tmp_path, status=503)

    async def bring_up(supervisor: Supervisor) -> None:
        await supervisor.bring_up(program, tier=0)

    with pytest.raises(CannotStart, match="dummy is not ready after 1 s") as failure:
        await _supervising(tmp_path, bring_up)

    assert failure.value.exit_code == 5
    assert not program.running()


async def test_supervisor_start_that_is_cancelled_leaves_no_process(tmp_path: Path) -> None:
    program = a_program(tmp_path, status=503)

    async def bring_up(supervisor: Supervisor) -> None:
        await supervisor.bring_up(program, tier=0)

    starting = asyncio.create_task(_supervising(tmp_path, bring_up))
    await eventually(program.running)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting

    assert not program.running()


def test_supervisor_starts_no_process_with_a_taken_port(tmp_path: Path) -> None:
    holder = a_program(tmp_path, "holder")
    holder.start()
    latecomer = a_program(tmp_path, "latecomer", port=holder.port)
    try:
        with pytest.raises(PortTaken, match=f"port {holder.port} for latecomer is taken"):
            latecomer.start()
    finally:
        holder.stop()

    assert not latecomer.running()


async def _supervising(home: Path, work: Callable[[Supervisor], Awaitable[None]]) -> None:
    async with a_supervisor(home) as supervisor:
        await work(supervisor)
