"""The patches of the rollout tests apply to the present tree and are expanding changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ltc.settings import STAGES
from tests.deploy.rollout import PATCHES, tree


@pytest.mark.parametrize("stage", STAGES)
def test_rollout_patch_applies_and_only_expands(stage: str, tmp_path: Path) -> None:
    folder = tree(tmp_path / "after", PATCHES / f"{stage}.patch")
    paths = [*folder.glob("libs/*/src"), *folder.glob("services/*/src")]
    package = f"{stage}_svc"

    def told(program: list[str]) -> str:
        done = subprocess.run(
            [sys.executable, *program],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, paths))},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert told(["-m", "chassis.migration_lint", package]) == ""
    version = f"import {package}.main as m; print(m.service.version, m.__file__)"
    assert told(["-c", version]).split() == [
        "0.2.0",
        str(folder / "services" / f"{stage}-svc" / "src" / package / "main.py"),
    ]
