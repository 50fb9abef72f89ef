"""The other processes, asked over HTTP as the person who asks us: never with a right of our own."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, Literal

import httpx
from fastapi import Depends, Request
from pydantic import BaseModel

from console.shared_look import SharedLook
from contracts.catalog import STAGES

FRESH_S = 1.0
MOST = 200
"""So many parked keys a service tells of in one answer."""
ANSWER_WITHIN_S = 3.0
"""Who does not answer by then counts as away: on-call waits for no dead service."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one of them said. Without a status it said nothing, and ``error`` tells why."""

    service: str
    status: int | None
    body: Any = None
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.status is not None and self.status < 400

    @property
    def away(self) -> bool:
        """No answer, or one from whatever stands before a service that is down."""
        return self.status is None or self.status in (502, 503, 504)


class Asked(BaseModel):
    """Whether somebody could tell what they were asked."""

    service: str
    status: Literal["ok", "away", "refused"]
    error: str | None = None


def asked(answer: Answer, service: str) -> Asked:
    """An answer, told to people under this name. Who knows nothing of it (404) has told that."""
    detail = answer.body.get("detail") if isinstance(answer.body, dict) else None
    if answer.away:
        return Asked(service=service, status="away", error=answer.error or None)
    if answer.ok or answer.status == 404:
        return Asked(service=service, status="ok")
    return Asked(service=service, status="refused", error=str(detail or answer.status))


class Peers:
    """The services that this console knows the address of."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self.urls = dict(urls)
        self._parked: dict[str | None, SharedLook[dict[str, Answer]]] = {}
        self._client = httpx.AsyncClient(timeout=ANSWER_WITHIN_S)

    async def ask(
        self,
        service: str,
        path: str,
        *,
        method: str = "GET",
        token: str | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> Answer:
        """One request to one service. ``token`` is the whole Authorization header of whoever asks
        us. Never raises for what the other side does."""
        url = self.urls.get(service)
        if url is None:
            return Answer(service, None, error=f"LTC_SERVICE_URLS does not name {service}")
        sent = {**(headers or {}), **({"Authorization": token} if token else {})}
        given = {name: value for name, value in params.items() if value is not None}
        try:
            response = await self._client.request(
                method, url + path, params=given or None, json=body, headers=sent
            )
        except httpx.HTTPError as error:
            return Answer(service, None, error=f"{type(error).__name__}: {error}".rstrip(": "))
        try:
            said = response.json()
        except ValueError:
            said = response.text
        return Answer(service, response.status_code, said, headers=response.headers)

    async def ask_all(
        self, path: str, *, token: str | None = None, among: Collection[str] = (), **params: Any
    ) -> dict[str, Answer]:
        """The same question at once to every service, or to those ``among`` them that are known."""
        names = [name for name in self.urls if not among or name in among]
        answers = await asyncio.gather(
            *(self.ask(name, path, token=token, **params) for name in names)
        )
        return {answer.service: answer for answer in answers}

    async def parked_lately(self, token: str | None) -> dict[str, Answer]:
        """What has waited longest in the stages, `MOST` keys of each. One look a second for all
        pages of one person."""
        look = self._parked.get(token)
        if look is None:
            self._parked = {t: known for t, known in self._parked.items() if not known.is_over}
            ask = partial(self.ask_all, "/ops/parked", token=token, among=STAGES, limit=MOST)
            look = self._parked[token] = SharedLook(ask, every_s=FRESH_S)
        return await look.found()

    async def close(self) -> None:
        await self._client.aclose()


def peers_of(request: Request) -> Peers:
    """This process's one set of connections to the others; made with the first question."""
    state = request.app.state
    if not hasattr(state, "peers"):
        state.peers = Peers(state.settings.service_urls)
    return state.peers  # type: ignore[no-any-return]


AskedPeers = Annotated[Peers, Depends(peers_of)]


def token_of(request: Request) -> str | None:
    """Who asks, as a header to be handed on."""
    return request.headers.get("authorization")


Token = Annotated[str | None, Depends(token_of)]
