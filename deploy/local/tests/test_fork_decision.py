"""Which starts a fork server takes, and which are left to exec."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from local_infra.forking import loaded
from local_infra.forking.loaded import Loaded
from local_infra.forking.protocol import Start

COMMAND = [sys.executable, "-m", "anything"]


@pytest.fixture(scope="module")
def here() -> Loaded:
    """What this process has loaded; nothing is imported for it."""
    return Loaded([])


def refusal(
    here: Loaded, command: Sequence[str] = COMMAND, folder: str = "/", **environment: str
) -> str | None:
    return here.refusal(Start(command, {**os.environ, **environment}, folder))


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-c", "pass"],
        [sys.executable, "-W", "error", "-m", "anything"],
        [sys.executable, "anything.py"],
        ["/elsewhere/python", "-m", "anything"],
        ["postgres", "-D", "data"],
        [sys.executable],
    ],
)
def test_fork_decision_accepts_only_a_module_of_this_interpreter_without_flags(
    here: Loaded, command: list[str]
) -> None:
    assert refusal(here) is None
    assert "is no module of" in str(refusal(here, command))


@pytest.mark.parametrize(
    "name", ["PYTHONWARNINGS", "PYTHONHASHSEED", "LD_PRELOAD", "MALLOC_ARENA_MAX", "LC_ALL"]
)
def test_fork_decision_refuses_a_variable_of_the_interpreter(here: Loaded, name: str) -> None:
    assert refusal(here, **{name: "other"}) == f"{name} differs, and has been read already"


def test_fork_decision_accepts_a_variable_of_the_program(here: Loaded) -> None:
    assert refusal(here, LTC_HTTP_PORT="8101", ANYTHING="x") is None


def test_fork_decision_refuses_a_variable_that_an_import_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reads_at_import.py").write_text("import os\nos.environ.get('SOME_LIMIT')")
    monkeypatch.syspath_prepend(tmp_path)
    there = Loaded(["reads_at_import"])

    assert there.read >= {"SOME_LIMIT"}
    assert "SOME_LIMIT differs" in str(refusal(there, SOME_LIMIT="1"))
    assert type(os.environ).__name__ == "_Environ", "reads are no longer recorded"


def test_fork_decision_refuses_another_version_of_an_imported_module(
    here: Loaded, tmp_path: Path
) -> None:
    package = tmp_path / "chassis"
    package.mkdir()
    assert refusal(here, PYTHONPATH=str(tmp_path)) is None, "a folder without code is no package"

    (package / "__init__.py").touch()
    assert "has another chassis" in str(refusal(here, PYTHONPATH=str(tmp_path)))
    assert "has another chassis" in str(refusal(here, folder=str(tmp_path)))

    source = str(Path(loaded.__file__).parents[2])
    assert refusal(here, PYTHONPATH=source) is None, "the same version, named again"


def test_fork_decision_refuses_a_relative_folder_on_the_path(here: Loaded) -> None:
    assert refusal(here, PYTHONPATH="src") == "PYTHONPATH names a relative folder"


def test_fork_decision_refuses_a_path_without_an_imported_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    there = Loaded([])

    assert refusal(there, PYTHONPATH=f"/srv{os.pathsep}{tmp_path}") is None
    assert "leaves out" in str(refusal(there, PYTHONPATH=f"{tmp_path}{os.pathsep}/srv"))


@pytest.mark.parametrize("edit", ["written", "longer", "deleted"])
def test_fork_decision_finds_edited_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: str
) -> None:
    source = tmp_path / f"edited_{edit}.py"
    source.write_text("VALUE = 1")
    os.utime(source, (1, 1))
    monkeypatch.syspath_prepend(tmp_path)
    there = Loaded([source.stem])
    assert there.changed() is None

    if edit == "deleted":
        source.unlink()
    elif edit == "longer":
        source.write_text("VALUE = 22")
        os.utime(source, (1, 1))
    else:
        os.utime(source, (2, 2))

    assert there.changed() == str(source)


def test_fork_decision_finds_source_written_during_the_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "edited_meanwhile.py"
    source.write_text("import os\nos.utime(__file__)")
    monkeypatch.syspath_prepend(tmp_path)

    assert Loaded([source.stem]).changed() == str(source)
