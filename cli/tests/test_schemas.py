"""``ltc schemas``: errors of a publication, and users of a deprecated version.

That it publishes is tested with a real registry: ``tests/deploy/test_registry.py``.
"""

from __future__ import annotations

from datetime import date

import pytest
from typer.testing import CliRunner

from contracts.catalog import DEPRECATED, Deprecation
from local_infra.ports import free_block, free_port
from ltc.main import app
from ltc.schemas import sentence_of

WON, LOST = "ltc.deal.won.v1", "ltc.deal.lost.v1"


def told(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["schemas", *arguments], env={"COLUMNS": "200"})
    return done.exit_code, done.output


def test_ltc_schemas_reports_an_unreachable_registry_in_one_sentence() -> None:
    code, text = told("publish", "--registry", f"http://127.0.0.1:{free_port()}")

    assert code == 1
    assert text.startswith("nothing more was published: ")
    assert text.count("\n") == 1


def test_ltc_schemas_refuses_an_invalid_address() -> None:
    code, text = told("publish", "--registry", "registry.example:8081")

    assert code == 2
    assert "begins with http://" in text


def test_ltc_schemas_names_users_of_a_deprecated_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LTC_PORT_BASE", str(free_block(12)))
    code, text = told("old")
    assert code == 0
    assert text == (
        "nobody who stated their needs uses an old version\n"
        "the hub does not answer here: who gets an old version from it is not known\n"
    )

    monkeypatch.setitem(DEPRECATED, WON, Deprecation(date(2026, 12, 1), date(2027, 6, 1), LOST))

    code, text = told("old")
    assert code == 1
    assert f"console needs {WON}: {LOST} instead; said until 2027-06-01; on-call" in text


def test_ltc_schemas_names_receivers_of_a_deprecated_version_in_one_sentence() -> None:
    endpoint = {
        "type": WON,
        "instead": LOST,
        "ends": "2027-06-01",
        "door": "webhook",
        "subscriber": "erp",
        "endpoint_id": "E-1",
        "pattern": "deal.*",
        "last_at": "2026-11-27T10:00:00.123456Z",
    }
    assert sentence_of(endpoint) == (
        f"erp's endpoint E-1 gets {WON}, asked for as deal.*: {LOST} instead;"
        " said until 2027-06-01; last 2026-11-27T10:00:00Z"
    )
    never = {**endpoint, "pattern": None, "ends": None, "last_at": None}
    assert sentence_of(never) == (
        f"erp's endpoint E-1 gets {WON}, as it has all: {LOST} instead;"
        " no end is set; not delivered in the last 30 days"
    )
    reader = {**endpoint, "door": "feed", "endpoint_id": None, "pattern": None}
    assert sentence_of(reader) == (
        f"erp's feed has {WON}, as it has all: {LOST} instead;"
        " said until 2027-06-01; last 2026-11-27T10:00:00Z"
    )
