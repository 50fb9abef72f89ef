"""Door 3: the pull feed, by long polling."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from contracts.envelope import MalformedEnvelope
from ltc_client.doors import Arrival
from ltc_client.errors import MissingExtra, PositionExpired, Refused
from ltc_client.fact import Fact, from_cloudevent
from ltc_client.types import Types

try:
    import httpx
except ModuleNotFoundError as error:
    raise MissingExtra("httpx", "feed") from error

PLACE: Final = "feed"
LATEST: Final = "latest"
WAIT_S: Final = 25
AT_ONCE: Final = 200
LONGEST_PAUSE_S: Final = 30.0
_GONE: Final = 410
_log = logging.getLogger("ltc_client")


class FeedDoor:
    """Asks for what follows the cursor, and waits for it at the hub. What passes by itself (the
    hub is away, or asks for patience) is waited for as long as it takes."""

    in_order = True

    def __init__(
        self, url: str, types: Types, *, token: str | Callable[[], str] | None, latest: bool
    ) -> None:
        self._url = f"{url.rstrip('/')}/events"
        self._types = types
        self._token = token
        self._cursor: str | None = LATEST if latest else None
        self._asks = True
        self._http: httpx.AsyncClient | None = None

    async def open(self) -> None:
        self._http = httpx.AsyncClient(timeout=WAIT_S + 10)

    async def next(self) -> Sequence[Arrival] | None:
        if self._asks:
            return None
        page = await self._page()
        before, self._cursor = self._cursor, str(page["next"])
        facts = [_read(event) for event in page["events"]]
        if not facts:
            return [] if before == self._cursor else [Arrival(PLACE, self._cursor, None)]
        *others, last = facts
        return [
            *(Arrival(PLACE, None, fact) for fact in others),
            Arrival(PLACE, self._cursor, last),
        ]

    async def resume(self, positions: Mapping[str, str]) -> None:
        self._asks = False
        self._cursor = positions.get(PLACE, self._cursor)

    def passed(self, arrival: Arrival) -> None:
        """The cursor is the subscriber's; the hub keeps nothing."""

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def _page(self) -> dict[str, Any]:
        failures = 0
        while True:
            try:
                answer = await self._ask()
                if answer.is_success:
                    page: dict[str, Any] = answer.json()
                    if isinstance(page.get("events"), list) and "next" in page:
                        return page
                    said = "what answers is no feed"
                else:
                    said = _problem(answer)
                asked_for = float(answer.headers.get("retry-after", 0))
            except (httpx.TransportError, ValueError, AttributeError) as error:
                said, asked_for = f"{type(error).__name__} {error}", 0.0
            failures += 1
            pause = min(LONGEST_PAUSE_S, 0.1 * 2 ** min(failures, 9)) * random.uniform(0.5, 1.0)  # noqa: S311
            _log.warning("%s: %s; again in %.1f s", self._url, said, max(pause, asked_for))
            await asyncio.sleep(max(pause, asked_for))

    async def _ask(self) -> httpx.Response:
        assert self._http is not None, "the door was not opened"  # noqa: S101
        at_once = self._cursor == LATEST  # to have a cursor before anything can be missed
        params: dict[str, Any] = {"limit": AT_ONCE, "wait": 0 if at_once else WAIT_S}
        if self._cursor is not None:
            params["after"] = self._cursor
        if self._types.patterns:
            params["type"] = list(self._types.patterns)
        token = self._token() if callable(self._token) else self._token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await self._http.get(self._url, params=params, headers=headers)
        if answer.status_code == _GONE:
            raise PositionExpired(_problem(answer))
        asks_for_patience = answer.status_code in (408, 425, 429)
        if answer.is_redirect or (answer.is_client_error and not asks_for_patience):
            raise Refused(f"{self._url}: {_problem(answer)}")
        return answer


def _problem(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        words = " ".join(str(problem[k]) for k in ("title", "detail") if problem.get(k))
        oldest = f" (the oldest cursor is {problem['oldest']})" if "oldest" in problem else ""
    except (ValueError, TypeError, AttributeError):
        words, oldest = answer.text[:200], ""
    return f"{answer.status_code} {words}{oldest}"


def _read(event: Any) -> Fact | None:
    try:
        return from_cloudevent(event)
    except (MalformedEnvelope, TypeError, AttributeError) as error:
        _log.warning("an event of the feed is no fact, passed over: %s", error)
        return None
