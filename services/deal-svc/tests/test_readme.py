"""The README shows the lifecycle of the code."""

from __future__ import annotations

from pathlib import Path

from deal_svc.domain.deal import LIFECYCLE, Status

README = Path(__file__).resolve().parents[1] / "README.md"


def test_readme_shows_the_deal_lifecycle() -> None:
    assert LIFECYCLE.mermaid(Status.OPEN) in README.read_text(encoding="utf-8")


def test_deal_lifecycle_reaches_every_status() -> None:
    reached = {Status.OPEN} | {t for targets in LIFECYCLE.moves.values() for t in targets}

    assert reached == set(Status)
