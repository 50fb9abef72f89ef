"""What the acts of on-call share: who may look and act, and the message that an act is about."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import draining, parking
from chassis.auth import Actor, roles
from chassis.domain import NotFound
from chassis.draining import Head
from chassis.http import ApiModel
from chassis.parking import Lane

Looker = Annotated[Actor, Depends(roles("ops", "admin", "auditor"))]
Fixer = Annotated[Actor, Depends(roles("ops", "admin"))]


class Reason(ApiModel):
    """Why a person did this; kept in the audit."""

    reason: str = Field(min_length=1, max_length=2000)


def _consumer(request: Request) -> str:
    group: str = request.app.state.service.consumer.group
    return group


def _lane(topic: Annotated[str, Path()], key: Annotated[str, Path()]) -> Lane:
    return topic, key


def _topics(request: Request) -> list[str]:
    topics: list[str] = request.app.state.service.consumer.topics
    return topics


HeardTopics = Annotated[list[str], Depends(_topics)]
ConsumerName = Annotated[str, Depends(_consumer)]
"""The one consumer of this service."""
OfLane = Annotated[Lane, Depends(_lane)]


def nothing_parked(lane: Lane) -> NotFound:
    """What an act on a key that does not wait is answered."""
    return NotFound(f"nothing is parked for {lane[1]} of {lane[0]}")


async def locked_head(connection: AsyncConnection, consumer: str, lane: Lane) -> Head | None:
    """The head of a parked key, which no worker takes up meanwhile; none when nothing waits."""
    if not await parking.lock_lanes(connection, consumer, [lane]):
        return None
    return await draining.head_of(connection, consumer, lane)
