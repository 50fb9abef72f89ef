"""One installation for all tests of guarantees that follow each other on the same data."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.guarantees.rig import Rig


@pytest.fixture(scope="module")
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Everything running; stopped afterwards. Its folder stays, for its logs and histories."""
    installation = Rig.at(request.module.__name__.rpartition(".")[2])
    try:
        installation.up()
        yield installation
    finally:
        installation.down()
