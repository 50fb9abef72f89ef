"""How a forked child becomes the program that was asked for, as if it had been started by exec."""

from __future__ import annotations

import importlib.util
import os
import runpy
import signal
import sys
import time
import warnings

from setproctitle import setproctitle

from local_infra.forking.loaded import search_path
from local_infra.forking.protocol import Start


def become(start: Start) -> None:
    """Take over session, signals, files, folder, environment and arguments. Nothing of the server
    or of an earlier child is left."""
    os.setsid()
    # First: it finds its room through the environment that the process was started with.
    setproctitle(" ".join(start.command))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number, file in enumerate(start.files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(start.folder)
    earlier = search_path(os.environ)
    # In place: other modules hold the object.
    os.environ.clear()
    os.environ.update(start.environment)
    time.tzset()
    wanted = search_path(start.environment)
    added = wanted[: len(wanted) - len(earlier)]
    if sys.flags.safe_path:
        sys.path[:0] = added
    else:
        sys.path[:1] = [start.folder, *added]
    sys.argv[1:] = start.arguments
    importlib.invalidate_caches()


def run(start: Start) -> None:
    """Run the module. Exit codes, tracebacks and the end of the interpreter are Python's own."""
    if not _exists(start.module):
        sys.exit(f"{sys.executable}: No module named {start.module}")
    # The module may be imported already under its own name. It is run anew, as `python -m` does.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="runpy")
    runpy.run_module(start.module, run_name="__main__", alter_sys=True)


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
