"""The contract gate as it runs in CI: real edits of the real contracts, judged by the real checker.

Each case edits the Python source of an event (or a committed file) in a checkout of its own and
runs ``python -m contracts.compat`` there, as `make check` does. Two cases start from prepared
contracts, because the present ones have no closed enum and no retired type.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from gate_edits import BREAKING, CLOSED, COMPATIBLE, Edit, held, source

from contracts.advice import ADVICE
from contracts.needs import CONSUMERS
from contracts.schema import GOLDEN, PACKAGE, SCHEMAS

SECONDS = count(1_000_000)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contracts of this tree, committed in a git tree of their own."""
    folder = tmp_path_factory.mktemp("gate") / "libs" / "contracts"
    for part in ("src", SCHEMAS, GOLDEN, CONSUMERS):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PACKAGE / part, folder / part, ignore=ignore)
    git(folder, "init", "-q", "-b", "main")
    (folder / ".git" / "info" / "exclude").write_text("__pycache__\n")
    commit(folder)
    return folder


@pytest.fixture
def contracts(checkout: Path) -> Path:
    """The same, as it was committed."""
    git(checkout, "reset", "-q", "--hard", "first")
    git(checkout, "clean", "-fdq")
    return checkout


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)  # noqa: S603, S607


def commit(folder: Path, mark: str = "first") -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", mark)
    git(folder, "tag", "-f", mark)


def make(folder: Path, edits: list[Edit]) -> None:
    for edit in edits:
        file = folder / edit.file
        if edit.new is None:
            file.unlink()
        elif not edit.old:
            file.write_text(edit.new, encoding="utf-8")
        else:
            text = file.read_text(encoding="utf-8")
            assert edit.old in text, f"{edit.file} has no {edit.old!r}: this case edits nothing"
            file.write_text(text.replace(edit.old, edit.new, 1), encoding="utf-8")
            # Bytecode is kept between runs, and goes by size and second.
            os.utime(file, (next(SECONDS),) * 2)


def run(folder: Path, module: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(folder / "src")}
    command = [sys.executable, "-m", module]
    return subprocess.run(  # noqa: S603
        command, cwd=folder, env=env, capture_output=True, check=False, encoding="utf-8"
    )


@pytest.mark.parametrize(("rule", "where", "edits"), BREAKING.values(), ids=BREAKING)
def test_contract_gate_refuses_a_breaking_edit_with_field_rule_and_advice(
    contracts: Path, rule: str, where: str, edits: list[Edit]
) -> None:
    make(contracts, edits)

    done = run(contracts, "contracts.compat")

    told = [line for line in done.stderr.splitlines() if line.startswith(f"{where}: {rule}: ")]
    assert (done.returncode, bool(told)) == (1, True), done.stderr
    assert told[0].endswith(f"Instead: {ADVICE[rule]}.")


@pytest.mark.parametrize("edits", COMPATIBLE.values(), ids=COMPATIBLE)
def test_contract_gate_passes_a_compatible_edit(contracts: Path, edits: list[Edit]) -> None:
    make(contracts, edits)

    done = run(contracts, "contracts.compat")

    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing breaks" in done.stdout


def test_contract_gate_refuses_a_new_value_of_a_closed_enum(contracts: Path) -> None:
    make(contracts, [CLOSED])
    assert run(contracts, "contracts.generate").returncode == 0
    commit(contracts, "closed")
    make(
        contracts, [source("order", '["credit", "prepayment"]', '["credit", "prepayment", "war"]')]
    )

    done = run(contracts, "contracts.compat")

    # The commit itself closed open text, and is judged too: on main, one commit back.
    told = [line for line in done.stderr.splitlines() if "/reason: enum-widened" in line]
    assert (done.returncode, len(told)) == (1, 1), done.stderr
    assert ADVICE["enum-widened"] in told[0]


def test_contract_gate_refuses_a_retired_type_with_another_meaning(contracts: Path) -> None:
    held_again = source(
        "catalog", "    order.OrderReleased", "    order.OrderHeld: (),\n    order.OrderReleased"
    )
    retired = [*BREAKING["an event is removed"][2], Edit(f"{SCHEMAS}/ltc.order.held.v1.json")]
    make(contracts, [*retired, Edit(f"{GOLDEN}/ltc.order.held.v1.json")])
    commit(contracts, "retired")
    make(contracts, [Edit("anything", "", "later")])
    commit(contracts, "later")

    make(contracts, [held_again])
    as_it_was = run(contracts, "contracts.compat")
    make(contracts, [held("<>    desk: str\n")])
    as_another = run(contracts, "contracts.compat")

    assert (as_it_was.returncode, as_it_was.stderr) == (0, "")
    assert as_another.returncode == 1
    assert "ltc.order.held.v1: version-reused: a retired fact had this name" in as_another.stderr


def test_contract_gate_accepts_retirement_only_without_consumers(contracts: Path) -> None:
    files = [Edit(f"{folder}/ltc.order.held.v1.json") for folder in (SCHEMAS, GOLDEN)]
    retire = source(
        "catalog", "str] = {}", 'str] = {"ltc.order.held.v1": "the desk uses another tool"}'
    )
    make(contracts, [*BREAKING["an event is removed"][2], *files, retire])
    needed = run(contracts, "contracts.compat")
    for file in (contracts / CONSUMERS).glob("*.json"):
        hearer = json.loads(file.read_text(encoding="utf-8"))
        hearer["needs"].pop("ltc.order.held.v1", None)
        file.write_text(json.dumps(hearer), encoding="utf-8")
    free = run(contracts, "contracts.compat")
    git(contracts, "checkout", "-q", "first", "--", f"{SCHEMAS}", f"{GOLDEN}")
    back = "    order.OrderHeld: (),\n    order.OrderReleased"
    make(contracts, [source("catalog", "    order.OrderReleased", back)])
    again = run(contracts, "contracts.compat")

    assert "ltc.order.held.v1: type-removed: console still needs it" in needed.stderr
    assert (free.returncode, free.stderr) == (0, "")
    assert "ltc.order.held.v1: version-reused: it was retired: the desk" in again.stderr


def test_contract_gate_cases_cover_every_rule() -> None:
    above = {"enum-widened", "version-reused"}

    assert {rule for rule, _, _ in BREAKING.values()} | above == ADVICE.keys()
