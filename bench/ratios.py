"""What is measured as a ratio to the no-domain kernel of the same run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def ratios(figures: Mapping[str, Any]) -> dict[str, float]:
    """Each ratio whose two figures were measured."""
    of = {
        "efficiency": ("deliveries_per_s", "kernel_hops_per_s"),
        "ratio_to_kernel_best": ("express_per_s", "kernel_best_per_s"),
        "ratio_to_kernel_batch1": ("express_per_s", "kernel_batch1_per_s"),
        "latency_p50_to_kernel": ("latency_p50_ms", "kernel_latency_p50_ms"),
        "latency_p99_to_kernel": ("latency_p99_ms", "kernel_latency_p99_ms"),
    }
    return {
        name: figures[above] / figures[below]
        for name, (above, below) in of.items()
        if above in figures and below in figures
    }
