"""Webhooks, as the hub has them: the pages ask here, and the hub is asked as the same person."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from chassis.auth import Actor, roles
from chassis.http import refuse_nul
from chassis.problems import Problem
from console.handing_on import hand_on, handed_back
from console.peers import AskedPeers, Token
from contracts.roles import ROLES

HUB = "hub"
OPEN = frozenset({"endpoints", "subscribers"})
"""What of the hub is passed on: how it is set up, not the feed."""
PATH = "/hub/{path:path}"

somebody = Annotated[Actor, Depends(roles(*ROLES))]
router = APIRouter(tags=["hub"], dependencies=[Depends(refuse_nul)])


async def pass_on(
    _: somebody, request: Request, peers: AskedPeers, token: Token, path: str
) -> Response:
    """The hub's own answer, whatever it is: the hub decides who may what."""
    segments = path.split("/")
    if segments[0] not in OPEN or not all(segment.strip(".") for segment in segments):
        raise Problem(404, f"of the hub there are {' and '.join(sorted(OPEN))} here")
    answer = await hand_on(request, peers, HUB, segments, token)
    if HUB not in peers.urls:
        raise Problem(404, answer.error)
    if answer.status is None:
        raise Problem(503, f"the hub does not answer: {answer.error}")
    return handed_back(answer, under=f"/{HUB}")


for method, operation in {
    "GET": "askHub",
    "POST": "postToHub",
    "PUT": "putToHub",
    "PATCH": "patchAtHub",
    "DELETE": "deleteAtHub",
}.items():
    router.add_api_route(
        PATH, pass_on, methods=[method], operation_id=operation, response_model=Any
    )
