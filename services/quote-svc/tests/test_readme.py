"""The README shows the lifecycle that the code has."""

from __future__ import annotations

from pathlib import Path

from quote_svc.domain.version import LIFECYCLE, Status

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_readme_draws_the_lifecycle_of_the_code() -> None:
    assert LIFECYCLE.mermaid(Status.DRAFT) in README.read_text(encoding="utf-8")


def test_no_status_is_out_of_reach() -> None:
    reached = {Status.DRAFT} | {t for targets in LIFECYCLE.moves.values() for t in targets}

    assert reached == set(Status)
