"""Guarantee groups: what the table says, when a part is due, and what a run records."""

from __future__ import annotations

import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest

from testkit.proofs import __main__ as command_line
from testkit.proofs import groups as table
from testkit.proofs.groups import Group, Part, fingerprint, parts_of, read_table
from testkit.proofs.plugin import require_no_empty_part
from testkit.proofs.records import Record, Records, due

pytest_plugins = ("pytester",)

GROUP = Group(proves="It holds.", tests=("tests/test_kills.py",), depends=("src/**",), parts=2)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one source file, one test file and one document."""
    for name in ("src/relay/core.py", "tests/test_kills.py", "docs/page.md"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    return tmp_path


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path / "proofs.json")


def a_record(date: str, *, hash_: str = "old", seconds: float = 10.0) -> Record:
    return Record(hash_, seconds, 3, date)


@pytest.mark.parametrize("path", ["src/relay/core.py", "tests/test_kills.py"])
def test_proofs_fingerprint_changes_with_a_dependency_and_with_the_tests(
    repository: Path, path: str
) -> None:
    before = fingerprint(GROUP, repository)
    (repository / path).write_text("changed")

    assert fingerprint(GROUP, repository) != before


def test_proofs_fingerprint_counts_uncommitted_files(repository: Path) -> None:
    before = fingerprint(GROUP, repository)
    (repository / "src/new.py").write_text("new")

    assert fingerprint(GROUP, repository) != before


def test_proofs_fingerprint_ignores_other_paths(repository: Path) -> None:
    before = fingerprint(GROUP, repository)
    (repository / "docs/page.md").write_text("changed")

    assert fingerprint(GROUP, repository) == before


def test_proofs_fingerprint_refuses_a_pattern_that_matches_nothing(repository: Path) -> None:
    moved = GROUP.model_copy(update={"depends": ("source/**",)})

    with pytest.raises(ValueError, match="no file matches 'source/\\*\\*'"):
        fingerprint(moved, repository)


def test_proofs_due_parts_are_unrecorded_first_then_by_age(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("testkit.proofs.records.fingerprint", lambda group: group.proves)
    named = {name: GROUP.model_copy(update={"proves": name, "parts": 1}) for name in "abcd"}
    a, b, c, d = parts_of(named)
    records.write(a, a_record("2026-11-02"))
    records.write(b, a_record("2026-11-01"))
    records.write(d, a_record("2026-10-01", hash_="d"))

    assert due([a, b, c, d], named, records) == ([c, b, a], [d])


def test_proofs_records_keep_parts_in_their_file(tmp_path: Path) -> None:
    file = tmp_path / "proofs.json"
    Records(file).write(Part("kills", 1, 2), a_record("2026-11-01"))

    assert Records(file).of(Part("kills", 1, 2)) == a_record("2026-11-01")
    assert Records(file).of(Part("kills", 1, 3)) is None


def test_proofs_share_takes_due_parts_first_and_what_fits(
    records: Records, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("testkit.proofs.records.fingerprint", lambda group: group.proves)
    monkeypatch.setattr(
        command_line,
        "run_and_record",
        lambda part, groups, records: command_line.Outcome(part, 1.0, 3, 0, 0, 0),
    )
    named = {name: GROUP.model_copy(update={"proves": name, "parts": 1}) for name in "abcd"}
    a, b, c, d = parts_of(named)
    records.write(a, a_record("2026-11-01", hash_="a"))
    records.write(b, a_record("2026-11-01", seconds=61))
    records.write(c, a_record("2026-11-02", seconds=59))
    records.write(d, a_record("2026-11-02", hash_="d"))

    outcomes = command_line.run_share(named, records, minutes=1, commit=1)

    assert [outcome.part for outcome in outcomes] == [c, d, a]
    assert "due and not run: no time left: b" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("failed", "skipped", "exit_code"), [(1, 0, 1), (0, 1, 0), (0, 0, 2), (0, 0, 5)]
)
def test_proofs_part_that_did_not_pass_completely_is_not_recorded(
    records: Records, monkeypatch: pytest.MonkeyPatch, failed: int, skipped: int, exit_code: int
) -> None:
    monkeypatch.setattr(command_line, "fingerprint", lambda group: "same")
    part = Part("kills", 1, 2)
    monkeypatch.setattr(
        command_line,
        "run_part",
        lambda part, group: command_line.Outcome(part, 1.0, 2, failed, skipped, exit_code),
    )

    command_line.run_and_record(part, {"kills": GROUP}, records)

    assert records.of(part) is None


def test_proofs_part_whose_paths_change_during_the_run_is_not_recorded(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = Part("kills", 1, 2)
    hashes = iter(("before", "after"))
    monkeypatch.setattr(command_line, "fingerprint", lambda group: next(hashes))
    monkeypatch.setattr(
        command_line,
        "run_part",
        lambda part, group: command_line.Outcome(part, 1.0, 2, 0, 0, 0),
    )

    command_line.run_and_record(part, {"kills": GROUP}, records)

    assert records.of(part) is None


def test_proofs_report_fails_when_pytest_failed_without_a_failed_test() -> None:
    crashed = command_line.Outcome(Part("kills", 1, 1), 1.0, 0, 0, 0, 3)

    assert command_line.report([crashed]) == 1


def test_proofs_table_names_existing_tests_and_paths() -> None:
    for name, group in read_table().items():
        assert fingerprint(group), name


def test_proofs_groups_share_no_test() -> None:
    named = [test for group in read_table().values() for test in group.tests]

    assert len(named) == len(set(named))
    for group in read_table().values():
        others = [g for g in read_table().values() if g != group]
        assert not [t for t in group.tests if any(other.owns(t) for other in others)]


TABLE = """
[kills]
proves = "It survives."
tests = ["test_kills.py", "test_mixed.py::test_long"]
depends = ["src/**"]
"""
KILLS = "def test_one(): ...\ndef test_two(): ..."
MIXED = """
import pytest

@pytest.mark.parametrize("n", [1, 2])
def test_long(n): ...

def test_longer(): ...
"""


def test_proofs_behaviour_run_leaves_groups_out_and_counts_them(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(test_kills=KILLS, test_mixed=MIXED)
    listed = pytester.path / "proofs.toml"
    listed.write_text(TABLE)
    monkeypatch.setattr("testkit.proofs.plugin.read_table", lambda: table.read_table(listed))
    plugins = ("-p", "testkit.proofs.plugin", "-p", "no:asyncio")

    behaviour = pytester.runpytest(*plugins, "--behaviour")
    everything = pytester.runpytest(*plugins)

    behaviour.assert_outcomes(passed=1, deselected=4)
    behaviour.stdout.fnmatch_lines(["*4 kills"])
    everything.assert_outcomes(passed=5)


def test_proofs_parts_together_run_each_test_once(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mixed=MIXED.replace("[1, 2]", "range(10)"))
    ran = []
    for number in range(1, 4):
        result = pytester.runpytest("-v", "-p", "no:asyncio", "--splits=3", f"--group={number}")
        ran += [line.split()[0] for line in result.outlines if "PASSED" in line]

    assert len(ran) == len(set(ran)) == 11


@pytest.mark.parametrize(("tests", "parts", "fits"), [(11, 5, False), (11, 4, True), (0, 1, False)])
def test_proofs_refuse_a_group_with_an_empty_part(tests: int, parts: int, fits: bool) -> None:
    group = Group(proves="It heals.", tests=("test_faults.py",), depends=("src/**",), parts=parts)
    with nullcontext() if fits else pytest.raises(pytest.UsageError, match="too few"):
        require_no_empty_part({"faults": group}, {"faults": tests})
