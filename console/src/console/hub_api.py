"""Webhooks, as the hub has them: the pages ask here, and the hub is asked as the same person."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from chassis.auth import Actor, roles
from chassis.http import read_body, refuse_nul
from chassis.problems import MEDIA_TYPE, Problem
from console.peers import Answer, AskedPeers, Token
from contracts.roles import ROLES

HUB = "hub"
OPEN = frozenset({"endpoints", "subscribers"})
"""What of the hub is passed on: how it is set up, not the feed."""
TOLD = ("etag", "retry-after")
HEARD = ("if-match", "idempotency-key")
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
    body = await read_body(request, takes_json=request.method != "GET")
    query = request.url.query
    answer = await peers.ask(
        HUB,
        "/" + "/".join(quote(segment, safe="") for segment in segments) + (query and f"?{query}"),
        method=request.method,
        token=token,
        body=orjson.loads(body) if body else None,
        headers={name: request.headers[name] for name in HEARD if name in request.headers},
    )
    return _as_said(answer, known=HUB in peers.urls)


def _as_said(answer: Answer, *, known: bool) -> Response:
    if not known:
        raise Problem(404, answer.error)
    if answer.status is None:
        raise Problem(503, f"the hub does not answer: {answer.error}")
    headers = {name: answer.headers[name] for name in TOLD if name in answer.headers}
    if "location" in answer.headers:
        headers["location"] = f"/{HUB}{answer.headers['location']}"
    if answer.status == 204:
        return Response(status_code=204, headers=headers)
    kind = MEDIA_TYPE if answer.status >= 400 else "application/json"
    return JSONResponse(answer.body, answer.status, headers, media_type=kind)


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
