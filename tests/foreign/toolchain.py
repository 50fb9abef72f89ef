"""Compilers, runtimes and libraries of other languages: found, fetched by a lock, or named."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local_infra.errors import CannotStart
from local_infra.jars import CACHE, Jars
from testkit.deadline import DEADLINE_S
from testkit.tools import absent

HERE = Path(__file__).resolve().parent
JARS = Jars("The Java subscriber", HERE / "java" / "jars.lock", CACHE / "foreign-java")


def _program(name: str, way_out: str) -> str:
    return shutil.which(name) or str(absent(f"{name} is not on the PATH; {way_out}"))


def node() -> list[str]:
    """Node, its packages installed as the lock says. Their install scripts are not run."""
    program = _program("node", "on Debian: apt-get install nodejs npm")
    npm = _program("npm", "on Debian: apt-get install npm")
    folder = HERE / "node"
    digest = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / ".of-lock"
    if not stamp.exists() or stamp.read_text() != digest:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        fetched = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if fetched.returncode:
            absent(f"Node's packages could not be fetched: {fetched.stderr.strip()[-300:]}")
        stamp.write_text(digest)
    return [program]


def java(classes: Path) -> list[str]:
    """Java with its jars as the lock says, and our subscriber compiled."""
    program = _program("java", "on Debian: apt-get install openjdk-17-jdk-headless")
    compiler = _program("javac", "on Debian: apt-get install openjdk-17-jdk-headless")
    try:
        path = f"{JARS.ensure()}/*"
    except CannotStart as error:
        absent(str(error))
    source = HERE / "java" / "Consume.java"
    command = [compiler, "-Xlint:all", "-Werror", "-cp", path, "-d", str(classes), str(source)]
    compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stderr
    return [program, "-Xmx128m", "-cp", f"{classes}{os.pathsep}{path}"]


def lines_of(command: Sequence[str], said: str | None = None) -> list[dict[str, Any]]:
    """What a program prints, a JSON object a line. It must end, and not fail."""
    run = subprocess.run(
        command, input=said, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return [json.loads(line) for line in run.stdout.splitlines()]
