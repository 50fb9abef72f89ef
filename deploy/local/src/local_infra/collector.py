"""The OpenTelemetry Collector, built from a manifest into a cache by `make collector`.

What it is made of stands in `deploy/observability/collector-build.yaml`; another manifest is
another collector. Building needs Go, and about two minutes once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from local_infra.errors import CannotStart

MANIFEST = Path(__file__).parents[3] / "observability" / "collector-build.yaml"
CACHE = Path(os.environ.get("LTC_CACHE", Path.home() / ".cache" / "ltc")) / "collector"
BUILDER = "go.opentelemetry.io/collector/cmd/builder"
WITHIN_S = 1_200
NO_GO = (
    "the OpenTelemetry Collector is built with Go, which is not on the PATH: install it"
    " (its own distribution; Debian 12 has an older one), then run `make collector`"
)


def binary() -> Path:
    """Where the collector of this manifest is, or will be once it is built."""
    return CACHE / hashlib.sha256(MANIFEST.read_bytes()).hexdigest()[:16] / "ltc-collector"


def build() -> Path:
    """The collector, built unless it is in the cache. Raises CannotStart with what Go said."""
    made = binary()
    made.parent.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _build_into(made)
    return made


def _build_into(made: Path) -> None:
    if shutil.which("go") is None:
        raise CannotStart(NO_GO)
    text = MANIFEST.read_text(encoding="utf-8")
    version = re.search(r"^  version: (\S+)$", text, re.MULTILINE)
    if version is None:
        raise CannotStart(f"{MANIFEST} names no version of the collector")
    with tempfile.TemporaryDirectory(dir=made.parent) as folder:
        work = Path(folder)
        _go(["go", "install", f"{BUILDER}@v{version[1]}"], GOBIN=folder)
        manifest = work / "manifest.yaml"
        manifest.write_text(text.replace("dist:\n", f"dist:\n  output_path: {work / 'out'}\n", 1))
        _go([str(work / "builder"), "--config", str(manifest)])
        (work / "out" / "ltc-collector").replace(made)


def _go(command: list[str], **environment: str) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise CannotStart(f"the collector cannot be built: {' '.join(command)}\n{said}")


def main() -> None:
    """Build it and print where it is."""
    try:
        print(build())
    except CannotStart as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
