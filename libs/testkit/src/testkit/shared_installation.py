"""A pytest plugin: one supervised installation for all stories that do not need their own.

Stories that use the fixture ``shared_installation`` run one after the other, those marked
``untouched`` first: they need an installation that no other story has written to. A story that
leaves a unit dead or not ready fails, and the next package gets a new installation.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local_infra.processes import Child
from ltc.settings import PROJECT, SERVICES
from ltc.supervisor import clear_leftovers
from testkit.installation.supervised import SupervisedInstallation
from testkit.polling import eventually
from testkit.servers import servers_in_containers

FIXTURE = "shared_installation"
UNITS = ("postgres", "kafka", "issuer", *SERVICES)


class SharedInstallation:
    """Starts the installation at first use, and a new one after a story broke it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._running: SupervisedInstallation | None = None
        self._pids: dict[str, int | None] = {}
        self.started = 0

    def get(self, *, untouched: bool = False) -> SupervisedInstallation:
        """``untouched``: one that no other package has written to, a new one if need be."""
        if untouched:
            self.stop()
        if self._running is None:
            self.started += 1
            home = _emptied(self._home / str(self.started))
            self._running = SupervisedInstallation(home, **servers_in_containers())
            self._running.start()
            self._pids = _pids(self._running)
        return self._running

    def require_ready(self, *, unchanged: bool = False) -> None:
        """Fail when a unit does not become ready, and give the installation up then.
        ``unchanged``: ask the services only if one of the processes is another than before."""
        if self._running is None or (unchanged and _pids(self._running) == self._pids):
            return
        installation = self._running
        try:
            eventually(
                lambda: not_ready(installation),
                lambda found: found == [],
                what="every unit of the shared installation is ready again",
            )
        except BaseException:
            self.stop()
            raise
        self._pids = _pids(installation)

    def stop(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            running.stop()


def _emptied(home: Path) -> Path:
    """A new folder; what an earlier session that was killed left running there is ended."""
    clear_leftovers(home / "run", home / "logs")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    return home


def not_ready(installation: SupervisedInstallation) -> list[str]:
    """The units that do not run, and the services that do not say that they are ready."""
    names = ["issuer", *SERVICES]
    dead = [name for name, pid in _pids(installation).items() if pid is None]
    return dead or [name for name in names if not _is_ready(installation.url(name))]


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def _pids(installation: SupervisedInstallation) -> dict[str, int | None]:
    settings = installation.settings
    given = {"postgres": settings.postgres_dsn, "kafka": settings.kafka_bootstrap}
    children = {
        name: Child(name, settings.run_dir, settings.log_dir).process()
        for name in UNITS
        if not given.get(name)
    }
    return {name: None if process is None else process.pid for name, process in children.items()}


SHARED = pytest.StashKey[SharedInstallation]()


@pytest.fixture(scope="session")
def shared_installation(
    request: pytest.FixtureRequest,
) -> Iterator[SharedInstallation]:
    """In this checkout: another session may delete pytest's own folders while this one runs."""
    shared = SharedInstallation(PROJECT / ".ltc" / "stories")
    request.config.stash[SHARED] = shared
    yield shared
    shared.stop()


@pytest.fixture(autouse=True)
def _left_ready(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if FIXTURE in request.fixturenames:
        request.getfixturevalue(FIXTURE).require_ready(unchanged=True)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "untouched: runs first in the shared installation")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the stories of the shared installation together, where the first of them stands."""
    sharing = [item for item in items if _shares(item)]
    if sharing:
        first = items.index(sharing[0])
        others = [item for item in items[first:] if not _shares(item)]
        sharing.sort(key=lambda item: item.get_closest_marker("untouched") is None)
        items[first:] = sharing + others


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop the installation after its last story, so that it takes nothing from the other tests."""
    shared = item.config.stash.get(SHARED, None)
    if shared is not None and (nextitem is None or not _shares(nextitem)):
        shared.stop()


def _shares(item: pytest.Item) -> bool:
    return FIXTURE in getattr(item, "fixturenames", ())


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    shared = config.stash.get(SHARED, None)
    if shared is not None:
        terminalreporter.write_line(f"shared installations started: {shared.started}")
