"""The page that teams read names what there is, and nothing else."""

from __future__ import annotations

import re

from chassis.metrics import Metrics
from ltc.settings import PROJECT
from tests.observability.test_rules import ALERTS

PAGE = (PROJECT / "docs" / "observability.md").read_text(encoding="utf-8")
METRIC_ROW = re.compile(r"(?m)^\| `([a-z.]+)` \| `([a-z_]+)` \| (\w+) \| (\S+) \|")


def test_it_names_every_instrument_with_its_unit() -> None:
    kept = list(vars(Metrics("test", instance="1")).values())
    kept += [gauge for one in kept for gauge in getattr(one, "gauges", ())]
    instruments = {
        (instrument.name, type(instrument).__name__.strip("_").lower(), instrument.unit)
        for instrument in kept
        if hasattr(instrument, "unit")
    }

    assert len(instruments) > 25
    assert {(row[0], row[2], row[3]) for row in METRIC_ROW.findall(PAGE)} == instruments


def test_it_says_of_every_alert_what_to_do() -> None:
    section = PAGE.partition("\n## Alerts")[2].partition("\n## ")[0]

    assert re.findall(r"(?m)^\| `(\w+)` \|.+\|.+\|$", section) == ALERTS
