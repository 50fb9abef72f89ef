"""Sessions of browsers: the provider's token stays here, the browser has a random cookie.

The row's key is the cookie's hash and the token in it is sealed, so that a copy of the database
signs nobody in.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from datetime import UTC, datetime, timedelta

from fastapi import Request
from pydantic import SecretStr
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis import bulk
from chassis.failures import is_infrastructure
from chassis.problems import respond
from chassis.transaction import Transaction
from chassis.vault import CannotOpen, NoVault, Vault
from console.storage import BrowserSessionRow

logger = logging.getLogger(__name__)

COOKIE = "ltc_session"
CSRF_HEADER = b"x-csrf-token"
LONGEST = timedelta(hours=8)
SAFE = frozenset({"GET", "HEAD"})
PURPOSE = "ltc console: browser sessions, 1"
NO_SESSION_NEEDED = ("/app", "/health", "/metrics")
"""Files and the installation's watchers: no reason to ask the database."""
VALUE = "ltc.browser_session"
"""Where a request's scope has the cookie that opened it."""


def vault_of(secret: SecretStr) -> Vault:
    return Vault(secret, PURPOSE)


def _key(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()


def csrf_of(value: str) -> str:
    """What a page sends along to show that it could read an answer of ours. It cannot be turned
    back into the cookie."""
    return hashlib.sha256(b"csrf\0" + value.encode()).hexdigest()


def open_session(token: str, until: datetime, tx: Transaction, vault: Vault) -> tuple[str, int]:
    """The cookie of a new session with an access token, and for how many seconds it is good: eight
    hours at most, and never longer than the token. Raises NoVault."""
    value = secrets.token_urlsafe(32)
    expires_at = min(until, tx.now + LONGEST)
    tx.insert(
        BrowserSessionRow,
        key=_key(value),
        sealed=vault.seal(token),
        opened_at=tx.now,
        expires_at=expires_at,
    )
    return value, int((expires_at - tx.now).total_seconds())


async def end_session(value: str, tx: Transaction) -> None:
    """Sign out: whoever has the cookie has nothing any more."""
    await bulk.execute(tx.connection, "DELETE FROM browser_session WHERE key = $1", _key(value))


async def forget_ended(tx: Transaction) -> int:
    """Drop a portion of the sessions whose time is over; how many."""
    return await bulk.execute(
        tx.connection,
        "DELETE FROM browser_session WHERE key = ANY(ARRAY(SELECT key FROM browser_session"
        " WHERE expires_at <= $1 LIMIT 500 FOR UPDATE SKIP LOCKED))",
        tx.now,
    )


def cookie_of(request: Request) -> str | None:
    """The cookie that opened a request; none for one with a token of its own."""
    value: str | None = request.scope.get(VALUE)
    return value


class SessionCookie:
    """Turns the cookie into the Authorization header that every door asks for. What changes
    something also needs ``X-CSRF-Token``: a cookie is sent by whatever page makes the browser."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        value = _cookie(scope)
        if value is None:
            await self._app(scope, receive, send)
            return
        try:
            token = await _token(scope, value)
        except Exception as error:
            if not is_infrastructure(error):
                raise
            logger.warning("no session can be read: %s: %s", type(error).__name__, error)
            refusal = respond(503, "unavailable", "a part we depend on does not answer")
            await refusal(scope, receive, send)
            return
        if token is not None:
            sent = next((v for n, v in scope["headers"] if n == CSRF_HEADER), b"")
            if scope["method"] not in SAFE and not hmac.compare_digest(
                sent, csrf_of(value).encode()
            ):
                why = "a change from a page needs X-CSRF-Token: GET /session tells it"
                await respond(403, "csrf", why)(scope, receive, send)
                return
            scope["headers"] = [*scope["headers"], (b"authorization", f"Bearer {token}".encode())]
            scope[VALUE] = value
        await self._app(scope, receive, send)


def _cookie(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["path"].startswith(NO_SESSION_NEEDED):
        return None
    headers = {name: value for name, value in scope["headers"] if name in _LOOKED_AT}
    if b"authorization" in headers or b"cookie" not in headers:
        return None
    value = cookie_parser(headers[b"cookie"].decode("latin-1")).get(COOKIE)
    return value if value and len(value) == _LENGTH and value.isascii() else None


async def _token(scope: Scope, value: str) -> str | None:
    """The access token behind a cookie; none when its session is over."""
    state = scope["app"].state
    rows = await bulk.ask(
        state.database.engine,
        "SELECT sealed FROM browser_session WHERE key = $1 AND expires_at > $2",
        _key(value),
        datetime.now(UTC),
    )
    try:
        return vault_of(state.settings.link_secret).open(rows[0][0]) if rows else None
    except (CannotOpen, NoVault) as error:
        logger.info("a session is of no use any more: %s", error)
        return None


_LOOKED_AT = frozenset({b"authorization", b"cookie"})
_LENGTH = len(secrets.token_urlsafe(32))
