"""``ltc schemas``: what it says where it cannot publish, and of whom must move to a new version.

That it publishes is seen with a real registry: ``tests/deploy/test_registry.py``.
"""

from __future__ import annotations

from datetime import date

import pytest
from typer.testing import CliRunner

from contracts.catalog import DEPRECATED, Deprecation
from local_infra.ports import free_port
from ltc.main import app

WON, LOST = "ltc.deal.won.v1", "ltc.deal.lost.v1"


def told(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["schemas", *arguments], env={"COLUMNS": "200"})
    return done.exit_code, done.output


def test_a_registry_that_is_away_is_one_sentence() -> None:
    code, text = told("publish", "--registry", f"http://127.0.0.1:{free_port()}")

    assert code == 1
    assert text.startswith("nothing more was published: ")
    assert text.count("\n") == 1


def test_an_address_that_is_none_is_refused() -> None:
    code, text = told("publish", "--registry", "registry.example:8081")

    assert code == 2
    assert "begins with http://" in text


def test_who_uses_an_old_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told("old") == (0, "nobody who stated their needs uses an old version\n")

    monkeypatch.setitem(DEPRECATED, WON, Deprecation(date(2026, 12, 1), date(2027, 6, 1), LOST))

    code, text = told("old")
    assert code == 1
    assert f"console needs {WON}: {LOST} instead; said until 2027-06-01; on-call" in text
