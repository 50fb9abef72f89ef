"""Acts of on-call, handed on to the service that owns what they change: with the caller's own
token, to these doors and no others, and its answer handed back as it is."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from chassis.auth import Actor, roles
from chassis.http import refuse_nul
from chassis.problems import Problem
from console.doors import operator
from console.handing_on import hand_on, handed_back
from console.peers import AskedPeers, Peers, Token

router = APIRouter(tags=["console"], dependencies=[Depends(refuse_nul)])

Fixer = Annotated[Actor, Depends(roles("ops", "admin"))]

_PART = r"[^/?#%\\]+"
_KEY = rf"parked/{_PART}/{_PART}"
SEEN = re.compile(
    rf"parked|{_KEY}|journeys/{_PART}|gates|timers|unsent|unsent/{_PART}|edits|audit|failures"
    rf"|given-up|bulk/{_PART}",
    re.ASCII,
)
DONE = re.compile(
    rf"park|replay|{_KEY}/(retry|skip|release|edit)|edits/{_PART}/(approve|reject)"
    rf"|unsent/{_PART}/(retry|skip|edit)"
    rf"|failures/{_PART}/(retry|skip)|bulk/{_PART}/(approve|pause|resume|cancel)"
    rf"|expectations/{_PART}/{_PART}/resolve",
    re.ASCII,
)
"""What may be asked of a service here, and what may be done."""


@router.get("/services/{service}/ops/{path:path}", operation_id="askService")
async def ask(
    _: operator, peers: AskedPeers, token: Token, request: Request, service: str, path: str
) -> Response:
    """What a service's own /ops answers to this person."""
    return await _hand_on(peers, token, request, service, path, SEEN)


@router.post("/services/{service}/ops/{path:path}", operation_id="actInService")
async def act(
    _: Fixer, peers: AskedPeers, token: Token, request: Request, service: str, path: str
) -> Response:
    """Have a service do it, as this person; it decides and audits."""
    return await _hand_on(peers, token, request, service, path, DONE)


async def _hand_on(
    peers: Peers,
    token: str | None,
    request: Request,
    service: str,
    path: str,
    allowed: re.Pattern[str],
) -> Response:
    if service not in peers.urls:
        known = ", ".join(peers.urls) or "none"
        raise Problem(404, f"the console knows no service {service}; it knows {known}")
    if not allowed.fullmatch(path) or ".." in path.split("/") or "." in path.split("/"):
        raise Problem(404, f"there is no /ops/{path} to {request.method} here")
    answer = await hand_on(request, peers, service, ["ops", *path.split("/")], token)
    if answer.away or answer.status is None:
        why = answer.error or f"it answers {answer.status}"
        raise Problem(502, f"{service} is away: {why}", type="service-away")
    return handed_back(answer)
