"""What fails, what waits and what is done about many, of all services on one list."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from chassis.http import refuse_nul
from chassis.pagination import Limit
from console.doors import operator
from console.peers import Answer, Asked, AskedPeers, Token, asked

router = APIRouter(tags=["console"], dependencies=[Depends(refuse_nul)])


class Merged(BaseModel):
    """The entries of all services that answered, each with its ``service``."""

    items: list[dict[str, Any]]
    asked: list[Asked]


@router.get("/failures", operation_id="listAllFailures")
async def list_failures(_: operator, peers: AskedPeers, token: Token, limit: Limit = 50) -> Merged:
    """Why messages wait anywhere, the reason that most keys have first."""
    answers = await peers.ask_all("/ops/failures", token=token, limit=limit)
    merged = _merged(answers)
    merged.items.sort(key=lambda group: (-group["keys"], group["first_at"]))
    return merged


@router.get("/bulk", operation_id="listAllBulkRuns")
async def list_runs(_: operator, peers: AskedPeers, token: Token, limit: Limit = 50) -> Merged:
    """Acts on many keys anywhere: those that are not at their end first, then the newest."""
    merged = _merged(await peers.ask_all("/ops/bulk", token=token, limit=limit))
    merged.items.sort(key=lambda run: run["id"], reverse=True)
    merged.items.sort(key=lambda run: run["finished_at"] is not None)
    return merged


@router.get("/unsent", operation_id="listAllUnsentFacts")
async def list_unsent(_: operator, peers: AskedPeers, token: Token, limit: Limit = 50) -> Merged:
    """Every event that Kafka refuses for good, the longest refused first."""
    merged = _merged(await peers.ask_all("/ops/unsent", token=token, limit=limit))
    merged.items.sort(key=lambda fact: fact["died_at"])
    return merged


@router.get("/parked", operation_id="listAllParkedKeys")
async def list_parked(
    _: operator,
    peers: AskedPeers,
    token: Token,
    status: str | None = None,
    error_class: str | None = None,
    key: str | None = None,
    limit: Limit = 50,
) -> Merged:
    """Every key that waits anywhere, the longest waiting first."""
    answers = await peers.ask_all(
        "/ops/parked", token=token, status=status, error_class=error_class, key=key, limit=limit
    )
    merged = _merged(answers)
    merged.items.sort(key=lambda key: key["parked_at"])
    return merged


def _merged(answers: dict[str, Answer]) -> Merged:
    return Merged(
        items=[
            {"service": service, **entry}
            for service, answer in answers.items()
            if answer.ok
            for entry in answer.body
        ],
        asked=[asked(answer, service) for service, answer in answers.items()],
    )
