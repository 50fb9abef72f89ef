"""Generated files are current, and published golden samples are never rewritten."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from contracts import compat, generate
from contracts.catalog import FACTS
from contracts.events_page import events_page
from contracts.schema import GOLDEN, PACKAGE, SCHEMAS

WON = Path("ltc.deal.won.v1.json")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A freshly generated copy of libs/contracts in a git tree of its own, committed."""
    folder = tmp_path / "libs" / "contracts"
    assert generate.main([], folder) == 0
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "first"]):
        git(tmp_path, *command)
    return folder


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)  # noqa: S603, S607


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}))


def test_generator_output_of_this_tree_is_current() -> None:
    assert generate.stale(PACKAGE) == []


def test_generator_check_names_a_stale_schema(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main(["--check"], package) == 0
    change(package / SCHEMAS / WON, title="Another")
    (package / SCHEMAS / "ltc.deal.dreamt.v1.json").write_text("{}")
    (package.parents[1] / "docs" / "events.md").unlink()

    assert generate.main(["--check"], package) == 1

    told = capsys.readouterr().err
    assert f"{WON}: is stale" in told
    assert "events.md: is missing" in told
    assert "ltc.deal.dreamt.v1.json: no such fact any more" in told


def test_generator_never_rewrites_a_golden_sample(package: Path) -> None:
    change(package / GOLDEN / WON, value="as promised")

    assert generate.main([], package) == 0

    assert json.loads((package / GOLDEN / WON).read_text())["value"] == "as promised"


def test_generator_writes_a_missing_golden_sample(package: Path) -> None:
    (package / GOLDEN / WON).unlink()

    assert generate.main(["--check"], package) == 1
    assert generate.main([], package) == 0
    assert generate.main(["--check"], package) == 0


def test_events_page_names_every_event() -> None:
    page = events_page()

    assert [name for name in FACTS if f"`{name}`" not in page] == []


def test_contract_gate_passes_an_unchanged_tree(package: Path) -> None:
    assert compat.main([], package) == 0
    assert compat.main(["--base", "HEAD"], package) == 0


def test_contract_gate_finds_an_edit_against_the_base_revision(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    promised = json.loads((package / SCHEMAS / WON).read_text(encoding="utf-8"))
    promised["properties"]["trophy"] = {"type": "string"}
    promised["required"].append("trophy")
    (package / SCHEMAS / WON).write_text(json.dumps(promised))
    (package / SCHEMAS / "ltc.deal.dreamt.v1.json").write_text('{"x-type": "ltc.deal.dreamt.v1"}')
    git(package, "add", ".")
    git(package, "commit", "-q", "-m", "promises more than the models hold")
    change(package / GOLDEN / WON, extra="edited")

    assert compat.main([], package) == 1

    told = capsys.readouterr().err
    assert "ltc.deal.won.v1 /trophy: field-removed" in told
    assert "ltc.deal.won.v1 /trophy: sample-unreadable" in told
    assert "ltc.deal.won.v1: fixture-edited" in told
    assert "ltc.deal.dreamt.v1: type-removed" in told
    assert compat.main(["--allow-breaking"], package) == 0


def test_contract_gate_names_a_missing_base_revision(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compat.main(["--base", "nowhere"], package) == 2
    assert "no revision nowhere" in capsys.readouterr().err


def test_contract_gate_reads_golden_samples_without_git_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "libs" / "contracts"
    generate.main([], folder)
    assert compat.main([], folder) == 0

    broken = folder / GOLDEN / WON
    change(broken, value={})

    assert compat.main([], folder) == 1
