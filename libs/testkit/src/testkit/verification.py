"""What an installation that came to rest violates, by the product's own checker."""

from __future__ import annotations

from ltc.verify import Report, verify
from testkit.installation.base import Installation
from testkit.load import Load

REST_S = 5.0


def check(installation: Installation, load: Load, *, wait_s: float = REST_S) -> Report:
    """Every rule, with what the load was told and what its payment provider took."""
    return verify(
        installation.settings,
        history=load.history.file,
        statement=load.statement_file,
        settled=True,
        wait_s=wait_s,
    )


def violations(installation: Installation, load: Load) -> list[str]:
    """One line per violated rule and place; none when all hold."""
    report = check(installation, load)
    return [] if report.good else report.words().splitlines()
