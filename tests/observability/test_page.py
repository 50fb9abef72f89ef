"""The observability page names exactly the existing instruments."""

from __future__ import annotations

import re

from chassis.metrics import Metrics
from hub.webhooks.watching import Instruments
from ltc.settings import PROJECT

PAGE = (PROJECT / "docs" / "observability.md").read_text(encoding="utf-8")
KIND = re.compile("^_|Observable")
METRIC_ROW = re.compile(r"(?m)^\| `([a-z.]+)` \| `([a-z_]+)` \| (\w+) \| (\S+) \|")


def test_observability_page_names_every_instrument_with_its_unit() -> None:
    metrics = Metrics("test", instance="1")
    kept = [*vars(metrics).values(), *vars(Instruments(metrics)).values()]
    kept += [gauge for one in kept for gauge in getattr(one, "gauges", ())]
    instruments = {
        (one.name, KIND.sub("", type(one).__name__).lower(), one.unit)
        for one in kept
        if hasattr(one, "unit")
    }

    assert len(instruments) > 40
    assert {(row[0], row[2], row[3]) for row in METRIC_ROW.findall(PAGE)} == instruments
