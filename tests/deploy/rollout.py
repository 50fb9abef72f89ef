"""One service replaced instance by instance under load, from N-1 to N and back, and what it cost.

N-1 is the committed tree; N is the same with ``patches/<stage>.patch``: a migration, an optional
field of a fact, and one of the API. Both run from source trees of their own, by PYTHONPATH. The
other services stay as they are and neither know nor need the new field.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from ltc.programs import database_url, package_of, service_env
from ltc.settings import PROJECT
from testkit.fleet import Fleet
from testkit.installation.controlled import NAMES, ControlledInstallation

PATCHES = Path(__file__).parent / "patches"


def tree(folder: Path, patch: Path | None) -> Path:
    """The committed sources, with a patch applied."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    packed = subprocess.run(
        ["git", "archive", "HEAD", "libs", "services"], cwd=PROJECT, capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    if patch is not None:
        subprocess.run(["patch", "-p1", "-s", "-i", str(patch)], cwd=folder, check=True)
    return folder


@dataclass(frozen=True)
class Edit:
    """A change of version N that its authors should not have made: one text for another."""

    file: str
    old: str
    new: str

    def make_in(self, tree: Path) -> None:
        path = tree / self.file
        text = path.read_text(encoding="utf-8")
        assert text.count(self.old) == 1, f"{self.file} has {self.old!r} {text.count(self.old)} x"
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


class Rollout(Fleet):
    """Instances of two versions of one service."""

    def __init__(self, rig: ControlledInstallation, stage: str, plant: Sequence[Edit] = ()) -> None:
        super().__init__(rig, stage)
        home = rig.settings.home / "trees" / stage
        self.trees = {
            "N-1": tree(home / "before", None),
            "N": tree(home / "after", PATCHES / f"{stage}.patch"),
        }
        for edit in plant:
            edit.make_in(self.trees["N"])
        self.migrations_s: list[float] = []

    def migrate(self, version: str) -> None:
        """The deploy step of a version, beside whatever serves."""
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "chassis.migrate", package_of(self.stage)],
            env={
                **self._environment(version),
                "LTC_DATABASE_OWNER_URL": database_url(self.installation.settings, self.stage),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        self.migrations_s.append(round(time.monotonic() - began, 1))

    def add_version(self, version: str) -> str:
        """One more instance; returns the version it says it is."""
        paths = {"PYTHONPATH": self._environment(version)["PYTHONPATH"]}
        port = self.add(paths).port
        return str(httpx.get(f"http://127.0.0.1:{port}/health/ready").json()["version"])

    def replace_all(self, version: str, side_by_side_s: float) -> list[str]:
        """Every instance by one of another version, one after the other."""
        said = []
        for _ in range(len(self.running)):
            said.append(self.add_version(version))
            self.remove_oldest()
            time.sleep(side_by_side_s)
        return said

    def _environment(self, version: str) -> dict[str, str]:
        folder = self.trees[version]
        paths = [*folder.glob("libs/*/src"), *folder.glob("services/*/src")]
        given = service_env(self.installation.settings, os.environ, self.stage)
        return {**given, "PYTHONPATH": os.pathsep.join(map(str, paths))}


@contextmanager
def rolling(
    rig: ControlledInstallation, stage: str, plant: Sequence[Edit] = ()
) -> Iterator[Rollout]:
    """The installation with two N-1 instances of a service behind a balancer."""
    rig.up([name for name in NAMES if name != stage])
    rollout = Rollout(rig, stage, plant)
    try:
        rollout.add_version("N-1")
        rollout.add_version("N-1")
        yield rollout
    finally:
        rollout.close()
