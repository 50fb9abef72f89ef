"""The eight services as they serve, each on its own database; the matrix of who may what."""

from __future__ import annotations

import csv
import importlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltc.programs import package_of
from ltc.settings import SERVICES as NAMES
from testkit.harness import Harness, harness

MATRIX = Path(__file__).with_name("matrix.tsv")
MAY_BE_AWAY = {"ready", "signIn", "showPage", "listTopics"}
"""Answer 503 here: nothing is heard in these tests, no provider runs, no pages are built, and there
is no Kafka."""


@dataclass(frozen=True)
class Rule:
    """What the matrix says of one operation."""

    service: str
    operation: str
    roles: frozenset[str]
    """None: everyone may, also without a token."""
    sight: str
    """Of sellers: ``own`` (theirs, their team's, nobody's) or ``all``."""


@dataclass(frozen=True)
class Operation:
    """One operation as OpenAPI publishes it."""

    id: str
    method: str
    path: str

    def at(self, values: Mapping[str, Any]) -> str:
        """The path with its parameters; what is not given gets something that nobody has."""
        nobody = "01890000-0000-7000-8000-0000000000ff"
        parts = [
            str(values.get(part[1:-1], nobody)) if part.startswith("{") else part
            for part in self.path.split("/")
        ]
        return "/".join(parts)


def rules(service: str) -> dict[str, Rule]:
    """The matrix's rows of one service, by operation."""
    with MATRIX.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines, delimiter="\t") if row["service"] == service]
    everyone = frozenset[str]()
    return {
        row["operation"]: Rule(
            service,
            row["operation"],
            everyone if row["roles"] == "everyone" else frozenset(row["roles"].split(",")),
            row["sight"],
        )
        for row in rows
    }


def operations(under_test: Harness) -> dict[str, Operation]:
    paths = under_test.app.openapi()["paths"]
    return {
        said["operationId"]: Operation(said["operationId"], method.upper(), path)
        for path, methods in paths.items()
        for method, said in methods.items()
    }


@asynccontextmanager
async def served() -> AsyncIterator[dict[str, Harness]]:
    """All of them, by name."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                harness(
                    importlib.import_module(f"{package_of(name)}.main").service, package_of(name)
                )
            )
            for name in NAMES
        }
