"""What clears a gate: said by the service that waits, asked by on-call (`chassis.ops`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from chassis.transaction import Transaction

ByEvidence = Callable[[UUID, str, str, Transaction], Awaitable[object]]
"""Given the aggregate's id, who says so, and the evidence."""


@dataclass(frozen=True, slots=True)
class Clearing:
    """The operations that clear a gate and, where evidence alone is enough, how and who may."""

    operations: tuple[str, ...]
    roles: frozenset[str] = frozenset()
    by: ByEvidence | None = None
