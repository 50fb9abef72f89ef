"""The README shows the lifecycle of the code."""

from __future__ import annotations

from pathlib import Path

from contract_svc.domain.contract import LIFECYCLE, Status

README = Path(__file__).resolve().parents[1] / "README.md"


def test_readme_shows_the_contract_lifecycle() -> None:
    assert LIFECYCLE.mermaid(Status.DRAFT) in README.read_text(encoding="utf-8")


def test_contract_lifecycle_reaches_every_status() -> None:
    reached = {Status.DRAFT} | {t for targets in LIFECYCLE.moves.values() for t in targets}

    assert reached == set(Status)
