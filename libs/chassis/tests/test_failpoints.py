"""Failpoints exist exactly at the listed places, and do nothing outside the test build."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import chassis
from chassis import failpoints

CALL = re.compile(r'failpoints\.reached\("(\w+)"')


def test_failpoints_are_each_called_once() -> None:
    sources = Path(chassis.__path__[0]).glob("*.py")
    called = [point for source in sources for point in CALL.findall(source.read_text())]

    assert sorted(called) == sorted(failpoints.POINTS)


@pytest.mark.parametrize("point", failpoints.POINTS)
def test_failpoints_do_nothing_in_production_code(
    point: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "svc.armed").write_text(f'{{"point": "{point}", "nth": 1}}')
    monkeypatch.setenv("LTC_TEST_FAILPOINTS", str(tmp_path / "svc"))

    failpoints.reached(point, 1)

    assert [file.name for file in tmp_path.iterdir()] == ["svc.armed"]
