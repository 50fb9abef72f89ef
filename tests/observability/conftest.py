"""One watched installation for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ltc.settings import CONSOLE, SUBSCRIBERS
from tests.observability.monitoring import Monitoring
from tests.observability.watched import NAMES, Watched, a_watched_house


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watched")


@pytest.fixture(scope="package")
def watched(home: Path) -> Iterator[Watched]:
    with a_watched_house(home) as watched:
        yield watched


@pytest.fixture(scope="package")
def monitoring(home: Path, watched: Watched) -> Iterator[Monitoring]:
    """Begins to scrape before the first journey."""
    targets = {
        name if name in SUBSCRIBERS else f"{name}-svc": f"127.0.0.1:{watched.house.port(name)}"
        for name in NAMES
    }
    targets["collector"] = f"127.0.0.1:{watched.collector.metrics_port}"
    monitoring = Monitoring(home / "monitoring", targets, console=watched.house.url(CONSOLE))
    with monitoring.running():
        yield monitoring
