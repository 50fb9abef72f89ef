"""Signing in with a browser: OpenID Connect's authorization code with PKCE, then a cookie of ours.

On the way to the provider and back, what has to fit together again is in a sealed cookie of the
same browser, so that nobody can finish in one browser what was begun in another.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ValidationError

from chassis.auth import Actor, Authenticator, Unauthenticated, public, roles
from chassis.http import TransactionalRoute, Tx, refuse_nul
from chassis.vault import CannotOpen, Vault
from console.provider import CodeRefused, Provider, Tokens, provider_of
from console.sessions import (
    COOKIE,
    cookie_of,
    csrf_of,
    end_session,
    open_session,
    vault_of,
)
from contracts.roles import ROLES

router = APIRouter(prefix="/session", tags=["session"], route_class=TransactionalRoute)
browsers = APIRouter(
    prefix="/session",
    tags=["session"],
    dependencies=[public("who signs in has no token yet"), Depends(refuse_nul)],
)
"""Doors that decide themselves what to write: a browser comes with GET."""

somebody = Annotated[Actor, Depends(roles(*ROLES))]
AskedProvider = Annotated[Provider, Depends(provider_of)]
FLOW = "ltc_sign_in"
FLOW_S = 600
HOME = "/app/"
OURS = r"^/app(/[^\\\s]*)?$"
"""Where people may be sent when they have signed in: never out of here."""


class Links(BaseModel):
    """Where pages lead beyond the console."""

    jaeger: str | None
    """With ``{trace_id}`` in it."""


class Session(BaseModel):
    """Who is signed in."""

    sub: str
    name: str
    roles: list[str]
    csrf_token: str | None
    """To be sent as ``X-CSRF-Token`` with every change. None for who came with a token."""
    links: Links


class Flow(BaseModel):
    """One attempt to sign in, kept by the browser that makes it."""

    state: str
    nonce: str
    verifier: str
    next: str


@router.get("", operation_id="showSession")
async def show_session(actor: somebody, request: Request) -> Session:
    """Who asks."""
    value = cookie_of(request)
    return Session(
        sub=actor.sub,
        name=actor.name,
        roles=sorted(actor.roles),
        csrf_token=csrf_of(value) if value else None,
        links=Links(jaeger=request.app.state.settings.trace_url or None),
    )


@router.post("/sign-out", operation_id="signOut", status_code=204)
async def sign_out(_: somebody, request: Request, response: Response, tx: Tx) -> None:
    """End the session here; the provider's own is the provider's."""
    value = cookie_of(request)
    if value is not None:
        await end_session(value, tx)
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")


@browsers.get("/sign-in", operation_id="signIn", status_code=303, response_class=RedirectResponse)
async def sign_in(
    request: Request, provider: AskedProvider, next: Annotated[str, Query(pattern=OURS)] = HOME
) -> Response:
    """To the provider, and from there to `next`, which must be a page of the console."""
    flow = Flow(
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        next=next,
    )
    sealed = _vault(request).seal(flow.model_dump_json())
    place = await provider.address_to_sign_in(**flow.model_dump(exclude={"next"}))
    response = RedirectResponse(place, 303)
    _set_cookie(request, response, FLOW, sealed, FLOW_S)
    return response


@browsers.get(
    "/callback", operation_id="finishSignIn", status_code=303, response_class=RedirectResponse
)
async def finish_sign_in(
    request: Request,
    provider: AskedProvider,
    code: str = "",
    state: str = "",
    error: str = "",
) -> Response:
    """Where the provider sends people back to: opens a new session, whatever cookie was there."""
    flow = _flow(request)
    if not hmac.compare_digest(state.encode(), flow.state.encode()):
        raise CodeRefused("this answer belongs to another attempt to sign in")
    if error or not code:
        raise CodeRefused(f"the provider did not sign you in ({error or 'no code'})")
    tokens = await provider.redeem(code, flow.verifier)
    until = await _checked(request, tokens, flow)
    async with request.app.state.database.transaction() as tx:
        old = request.cookies.get(COOKIE)
        if old:
            await end_session(old, tx)
        value, seconds = open_session(tokens.access, until, tx, _vault(request))
    response = RedirectResponse(flow.next, 303)
    _set_cookie(request, response, COOKIE, value, seconds)
    response.delete_cookie(FLOW, httponly=True, samesite="lax")
    return response


async def _checked(request: Request, tokens: Tokens, flow: Flow) -> datetime:
    """Until when the access token is good: ours, of the same person, for this very attempt. Raises
    CodeRefused."""
    authenticator: Authenticator = request.app.state.authenticator
    client = request.app.state.settings.oidc_client_id
    try:
        access = await authenticator.claims(tokens.access)
        await authenticator.actor(tokens.access)
        identity = await authenticator.claims(tokens.identity, audience=client)
    except Unauthenticated as error:
        raise CodeRefused(f"the provider's token is of no use here: {error.detail}") from error
    if not hmac.compare_digest(str(identity.get("nonce", "")).encode(), flow.nonce.encode()):
        raise CodeRefused("the provider answers another attempt to sign in")
    if identity["sub"] != access["sub"]:
        raise CodeRefused("the provider's two tokens are of two people")
    return datetime.fromtimestamp(int(access["exp"]), UTC)


def _flow(request: Request) -> Flow:
    """What this browser began. Raises CodeRefused."""
    try:
        sealed = request.cookies.get(FLOW, "")
        return Flow.model_validate_json(_vault(request).open(sealed, within_s=FLOW_S))
    except (CannotOpen, ValidationError) as error:
        raise CodeRefused("no sign-in was begun in this browser, or too long ago") from error


def _vault(request: Request) -> Vault:
    return vault_of(request.app.state.settings.link_secret)


def _set_cookie(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    secure = request.app.state.settings.base_url().startswith("https:")
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=secure)
