"""Starting, stopping and restarting an installation from a command line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from local_infra.errors import CannotStart
from local_infra.processes import Child
from ltc.installation import Installation, running
from ltc.progress import Progress
from ltc.settings import Settings
from ltc.supervisor import AlreadyRunning, clear_leftovers, held, restart_marker

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_WITHIN_S = 90.0


def supervise(installation: Installation) -> None:
    """Run in the foreground until SIGINT, SIGTERM or SIGHUP. Raises CannotStart.

    The outcome of starting is also written to a file, for whoever started us detached.
    """
    try:
        asyncio.run(_until_told(installation))
    except CannotStart as error:
        if not isinstance(error, AlreadyRunning):
            note = {"pid": os.getpid(), "exit_code": error.exit_code, "text": str(error)}
            _write_outcome(installation.settings, note)
        raise


async def _until_told(installation: Installation) -> None:
    settings, progress = installation.settings, Progress()
    loop = asyncio.get_running_loop()
    work = asyncio.create_task(_run(installation, progress))

    def told() -> None:
        for number in SIGNALS:  # once is enough: the stop must not be cut short
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
        progress.say("stopping", "told to stop", style="yellow")
        work.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, told)
    try:
        await work
    except asyncio.CancelledError:
        progress.say("stopped", f"everything of {settings.home}")


async def _run(installation: Installation, progress: Progress) -> None:
    settings = installation.settings
    async with running(installation, progress):
        after_s, where = round(progress.seconds(), 1), _address(installation)
        note = {"pid": os.getpid(), "exit_code": 0, "ready_after_s": after_s, "where": where}
        _write_outcome(settings, note)
        progress.say("ready", f"after {after_s:.1f} s: {where}")
        await asyncio.Event().wait()


def detach(settings: Settings, arguments: Sequence[str]) -> str:
    """Supervise in a process of its own. Returns, once all is ready, how long it took.

    Raises CannotStart with what the supervisor said when it gave up.
    """
    with held(settings.run_dir):  # raises at once when another one is at work
        outcome = _outcome_file(settings)
        outcome.unlink(missing_ok=True)
    supervisor = Child("supervisor", settings.run_dir, settings.log_dir)
    process = supervisor.start([sys.executable, "-m", "ltc", "up", *arguments])
    while not outcome.exists():
        # The process itself, not its pid file: that one goes before the outcome is written.
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(timeout=0.1)
            break
    if not outcome.exists():
        raise CannotStart(f"the supervisor ended:\n{supervisor.tail()}")
    noted = json.loads(outcome.read_text())
    if noted["exit_code"]:
        error = CannotStart(noted["text"])
        error.exit_code = noted["exit_code"]
        raise error
    return (
        f"ready after {noted['ready_after_s']} s: {noted['where']};"
        f" the supervisor is pid {process.pid}"
    )


def take_down(settings: Settings) -> list[str]:
    """Stop the supervisor and all it runs, and whatever a killed one left. Returns what stopped."""
    supervisor = Child("supervisor", settings.run_dir, settings.log_dir)
    stopped = ["supervisor"] if supervisor.stop(timeout_s=STOP_WITHIN_S) else []
    return stopped + clear_leftovers(settings.run_dir, settings.log_dir)


def restart(settings: Settings, name: str) -> None:
    """Have the supervisor start one process anew. Raises CannotStart when none is at work."""
    if Child("supervisor", settings.run_dir, settings.log_dir).process() is None:
        raise CannotStart("nothing is running: `ltc up` first")
    child = Child(name, settings.run_dir, settings.log_dir)
    before = child.process()
    if before is None:
        raise CannotStart(f"{name} is not running: see `ltc status`")
    restart_marker(settings.run_dir, name).touch()
    before.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        now = child.process()
        if now is not None and now.pid != before.pid:
            return
        time.sleep(0.1)
    raise CannotStart(f"{name} did not come back; the end of its log:\n{child.tail()}")


def forget(settings: Settings) -> None:
    """Delete the installation's data, secrets and logs. Raises AlreadyRunning while it runs."""
    with held(settings.run_dir):
        clear_leftovers(settings.run_dir, settings.log_dir)
        for part in ("data", "logs", "issuer", "kafka"):
            shutil.rmtree(settings.home / part, ignore_errors=True)
        for secret in [*settings.home.glob("*.secret"), settings.home / "postgres.password"]:
            secret.unlink(missing_ok=True)


def _outcome_file(settings: Settings) -> Path:
    return settings.run_dir / "outcome.json"


def _write_outcome(settings: Settings, note: Mapping[str, object]) -> None:
    draft = _outcome_file(settings).with_suffix(".new")
    draft.write_text(json.dumps(note))
    draft.replace(_outcome_file(settings))


def _address(installation: Installation) -> str:
    settings = installation.settings
    has_pages = "console" in installation.names
    return f"pages at {settings.url('console')}/app/" if has_pages else settings.issuer
