"""Programs that are not Python packages: found, or their absence is said out loud."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from local_infra import collector
from local_infra.errors import CannotStart

WAY_OUT = "on Debian: apt-get install prometheus prometheus-alertmanager chromium"


def the_collector() -> Path:
    """The collector, built when it is not in the cache yet."""
    try:
        return collector.build()
    except CannotStart as error:
        return absent(str(error))


def program(*names: str) -> str:
    """The path of a program that goes by one of these names."""
    for name in names:
        if found := shutil.which(name):
            return found
    return str(absent(f"{names[0]} is not on the PATH; {WAY_OUT}"))


def absent(why: str) -> Path:
    """CI has what it needs, or fails. Elsewhere the summary says what was not run, and why."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(why, pytrace=False)
    pytest.skip(f"NOT RUN: {why}")
