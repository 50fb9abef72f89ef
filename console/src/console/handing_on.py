"""A request handed on as it is, to whoever owns what it is about, and their answer handed back."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from chassis.http import JsonRequest, with_body
from chassis.problems import MEDIA_TYPE
from console.peers import Answer, Peers

HEARD = ("if-match", "idempotency-key")
TOLD = ("etag", "retry-after")


async def hand_on(
    request: Request, peers: Peers, service: str, path: Collection[str], token: str | None
) -> Answer:
    """Ask a service what this request asks, by the caller's own token: method, query, JSON body,
    and the headers that change what is meant. ``path`` is given by its segments, not quoted."""
    whole = await with_body(request, takes_json=request.method != "GET")
    query = request.url.query
    return await peers.ask(
        service,
        "/" + "/".join(quote(segment, safe="") for segment in path) + (query and f"?{query}"),
        method=request.method,
        token=token,
        body=await whole.json() if isinstance(whole, JsonRequest) else None,
        headers={name: request.headers[name] for name in HEARD if name in request.headers},
    )


def handed_back(answer: Answer, *, under: str = "") -> Response:
    """An answer with its status and headers; addresses that it names lie ``under`` a path here."""
    headers = {name: answer.headers[name] for name in TOLD if name in answer.headers}
    if "location" in answer.headers:
        headers["location"] = f"{under}{answer.headers['location']}"
    if answer.status == 204:
        return Response(status_code=204, headers=headers)
    status = answer.status or 502
    kind = MEDIA_TYPE if status >= 400 else "application/json"
    return JSONResponse(answer.body, status, headers, media_type=kind)
