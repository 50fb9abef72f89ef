"""A forked program against the same program started by exec: what it has, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest
from fork_workspace import Workspace


def test_forked_program_has_its_own_session_log_environment_and_folder(
    workspace: Workspace,
) -> None:
    said = workspace.start("one", "a", "b", LTC_X="1", TZ="XYZ+3")

    assert said["ppid"] == workspace.server_pid
    assert said["session"] == said["group"] == said["pid"]
    assert said["environment"] == workspace.environment(LTC_X="1", TZ="XYZ+3")
    assert (said["folder"], said["arguments"]) == (str(workspace.home), ["a", "b", "stay"])
    assert said["zone"] == "XYZ"


def test_forked_program_has_what_one_started_by_exec_has(workspace: Workspace) -> None:
    forked = workspace.start("one", "a", LTC_X="1")
    started = workspace.start("two", "a", forks=False, LTC_X="1")

    own = {"pid", "ppid", "session", "group", "random", "id"}
    assert {k: v for k, v in forked.items() if k not in own} == {
        k: v for k, v in started.items() if k not in own
    }
    commands = [psutil.Process(said["pid"]).cmdline() for said in (forked, started)]
    assert " ".join(commands[0]).strip() == " ".join(commands[1])


def test_forked_program_inherits_nothing_of_the_previous_one(workspace: Workspace) -> None:
    first = workspace.start("one", "first", LTC_SECRET="1")
    second = workspace.start("two", "second")

    assert second["seen"] == []
    assert not {"LTC_SECRET", "LEFT_BEHIND"} & second["environment"].keys()
    assert second["arguments"] == ["second", "stay"]
    assert first["random"] != second["random"]
    assert first["id"] != second["id"]


@pytest.mark.parametrize(
    "how", ["nothing", "code", "words", "error", "interrupt", "killed", "exit handler"]
)
def test_forked_program_ends_as_one_started_by_exec(workspace: Workspace, how: str) -> None:
    command = [sys.executable, "-m", "ends", how]

    forked = workspace.server.run(command, "42", os.environ)
    started = subprocess.run(command, input="42", capture_output=True, text=True, check=False)

    assert forked is not None
    assert forked.returncode == started.returncode
    assert _last_line(forked.output) == _last_line(started.stdout + started.stderr)


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def test_forked_program_without_its_module_ends_like_exec(workspace: Workspace) -> None:
    command = [sys.executable, "-m", "nowhere.to_be_found"]

    forked = workspace.server.run(command, "", os.environ)
    started = subprocess.run(command, capture_output=True, text=True, check=False)

    assert forked is not None
    assert forked.returncode == started.returncode == 1
    assert forked.output.startswith(f"{sys.executable}: ")
    assert started.stderr.startswith(f"{sys.executable}: ")
