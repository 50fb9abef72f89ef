"""docs/testing.md names tests that exist."""

from __future__ import annotations

import re

from testkit.proofs.groups import ROOT

PAGE = ROOT / "docs" / "testing.md"
NAMED = re.compile(r"`((?:libs|services|console|hub|cli|clients|deploy|tests)/[^`]*)`")


def test_testing_page_names_paths_that_exist() -> None:
    named = {path.replace("<stage>", "*") for path in NAMED.findall(PAGE.read_text())}

    assert len(named) > 40
    assert [path for path in sorted(named) if not list(ROOT.glob(path))] == []
