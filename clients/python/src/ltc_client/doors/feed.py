"""Door 3: the pull feed, by long polling."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from contracts.envelope import MalformedEnvelope
from ltc_client.doors import Arrival, Present
from ltc_client.errors import MissingExtra, PositionExpired, Refused
from ltc_client.fact import Fact, as_state, from_cloudevent
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
Answer = TypeVar("Answer")
_log = logging.getLogger("ltc_client")


class FeedDoor:
    """Asks for what follows the cursor, and waits for it at the hub. What passes by itself (the
    hub is away, or asks for patience) is waited for as long as it takes."""

    in_order = True

    def __init__(
        self, url: str, types: Types, *, token: str | Callable[[], str] | None, latest: bool
    ) -> None:
        self._url = url.rstrip("/")
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
        wait = 0 if self._cursor == LATEST else WAIT_S  # at once, before anything can be missed
        asked = {**self._question(), "limit": AT_ONCE, "wait": wait}
        page = await self._patiently("events", asked, partial(_page, "events"))
        before, self._cursor = self._cursor, str(page["next"])
        facts = [as_fact(event) for event in page["events"]]
        if not facts:
            return [] if before == self._cursor else [Arrival(PLACE, self._cursor, None)]
        *others, last = facts
        return [
            *(Arrival(PLACE, None, fact) for fact in others),
            Arrival(PLACE, self._cursor, last),
        ]

    def _question(self) -> dict[str, Any]:
        asked: dict[str, Any] = {"after": self._cursor} if self._cursor is not None else {}
        if self._types.patterns:
            asked["type"] = list(self._types.patterns)
        return asked

    async def resume(self, positions: Mapping[str, str]) -> None:
        self._asks = False
        self._cursor = positions.get(PLACE, self._cursor)

    def passed(self, arrival: Arrival) -> None:
        """The cursor is the subscriber's; the hub keeps nothing."""

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def states(self) -> AsyncGenerator[Present, None]:
        """Page by page. The facts go on where the feed was before the first: what they tell that a
        later page had already is known by its sequence."""
        begun: str | None = None
        for stage in self._types.stages():
            asked: dict[str, Any] = {"stage": stage, "limit": AT_ONCE}
            while asked.get("after", "") is not None:
                page = await self._patiently("states", asked, partial(_page, "states"))
                begun = begun or str(page["feed"])
                states = [as_state(from_cloudevent(event)) for event in page["states"]]
                yield Present(states, {PLACE: begun})
                asked["after"] = page["next"]

    async def _patiently(
        self,
        door: str,
        params: Mapping[str, Any],
        read: Callable[[httpx.Response], Awaitable[Answer]],
        **headers: str,
    ) -> Answer:
        """What a door of the hub answers, as soon as it does."""
        failures = 0
        while True:
            asked_for = 0.0
            try:
                answer = await self._ask(door, params, headers)
                if answer.is_success:
                    return await read(answer)
                said = _problem(answer)
                asked_for = float(answer.headers.get("retry-after", 0))
            except (httpx.TransportError, ValueError, AttributeError) as error:
                said = f"{type(error).__name__} {error}"
            failures += 1
            pause = min(LONGEST_PAUSE_S, 0.1 * 2 ** min(failures, 9)) * random.uniform(0.5, 1.0)  # noqa: S311
            pause = max(pause, asked_for)
            _log.warning("%s/%s: %s; again in %.1f s", self._url, door, said, pause)
            await asyncio.sleep(pause)

    async def _ask(
        self, door: str, params: Mapping[str, Any], headers: Mapping[str, str]
    ) -> httpx.Response:
        assert self._http is not None, "the door was not opened"  # noqa: S101
        token = self._token() if callable(self._token) else self._token
        named = {"Authorization": f"Bearer {token}"} if token else {}
        request = self._http.build_request(
            "GET", f"{self._url}/{door}", params=dict(params), headers={**named, **headers}
        )
        answer = await self._http.send(request, stream=True)
        if answer.is_success:
            return answer
        await answer.aread()
        if answer.status_code == _GONE:
            raise PositionExpired(_problem(answer))
        asks_for_patience = answer.status_code in (408, 425, 429)
        if answer.is_redirect or (answer.is_client_error and not asks_for_patience):
            raise Refused(f"{self._url}/{door}: {_problem(answer)}")
        return answer


async def _page(what: str, answer: httpx.Response) -> dict[str, Any]:
    await answer.aread()
    page: dict[str, Any] = answer.json()
    if not isinstance(page.get(what), list) or "next" not in page:
        raise ValueError("what answers is no feed")
    return page


def _problem(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        words = " ".join(str(problem[k]) for k in ("title", "detail") if problem.get(k))
        oldest = f" (the oldest cursor is {problem['oldest']})" if "oldest" in problem else ""
    except (ValueError, TypeError, AttributeError):
        words, oldest = answer.text[:200], ""
    return f"{answer.status_code} {words}{oldest}"


def as_fact(event: Any) -> Fact | None:
    """What the feed carries; none, and a word in the log, when it is no fact."""
    try:
        return from_cloudevent(event)
    except (MalformedEnvelope, TypeError, AttributeError) as error:
        _log.warning("an event of the feed is no fact, passed over: %s", error)
        return None
