"""Fixtures of the local infrastructure's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fork_workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace whose modules are on the path; all that it started ends with it."""
    made = Workspace(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(made.source))
    yield made
    made.end()
