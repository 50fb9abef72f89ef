"""An installation of the bench's own, as ``ltc up`` starts it, stopped whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from bench.platform import Platform
from ltc.lifecycle import detach, take_down
from ltc.settings import Settings


@contextmanager
def installation(name: str, *, fresh: bool) -> Iterator[tuple[Platform, float]]:
    """The installation under ``.ltc/NAME``, ready, and the seconds that it took on existing data.

    A fresh one is made, stopped, and started again. SIGTERM stops it like SIGINT does.
    """
    given = Settings.from_env()
    settings = replace(given, home=given.home / name)
    os.environ["LTC_HOME"] = str(settings.home)  # for `ltc up`
    os.environ.setdefault("LTC_EGRESS_NETWORKS", "127.0.0.0/8")  # where the bench receives webhooks
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    take_down(settings)
    if fresh:
        shutil.rmtree(settings.home, ignore_errors=True)
    try:
        if not (settings.home / "data").exists():
            detach(settings, [])
            take_down(settings)
        began = time.monotonic()
        detach(settings, [])
        yield Platform(settings), time.monotonic() - began
    finally:
        take_down(settings)
