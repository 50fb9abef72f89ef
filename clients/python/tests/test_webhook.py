"""The webhook interface: each signed event once, acknowledged after it was handled."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest
from speaking import said
from standardwebhooks import Webhook

import ltc_client
from contracts.deal import DealOpened, DealWon
from contracts.samples import sample
from local_infra.ports import free_port
from ltc_client import Fact, InFile, InSql, Subscription, as_cloudevent
from ltc_client.doors import Arrival
from ltc_client.doors.webhook import WebhookDoor
from ltc_client.fact import from_record
from ltc_client.signatures import Verifier
from testkit.deadline import DEADLINE_S

SECRET, OLD = (f"whsec_{base64.b64encode(bytes([n]) * 24).decode()}" for n in (1, 2))


def a_fact(sequence: int = 1, **about: Any) -> Fact:
    envelope, value, _ = said(sample(DealWon), sequence=sequence, **about)
    return from_record(list(envelope.to_headers()), value)


class Sender:
    """A hub of one endpoint, which signs with the reference library."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/"
        self.http = httpx.AsyncClient(timeout=DEADLINE_S)

    async def send(
        self,
        fact: Fact | bytes,
        *,
        secret: str = SECRET,
        at: datetime | None = None,
        path: str = "",
    ) -> int:
        body = fact if isinstance(fact, bytes) else json.dumps(as_cloudevent(fact)).encode()
        moment = at or datetime.now(UTC)
        headers = {
            "webhook-id": f"msg_{uuid4()}",
            "webhook-timestamp": str(int(moment.timestamp())),
        }
        headers["webhook-signature"] = Webhook(secret).sign(
            headers["webhook-id"], moment, body.decode()
        )
        answer = await self.http.post(self.url + path, content=body, headers=headers)
        return answer.status_code


@asynccontextmanager
async def listening(**options: Any) -> AsyncIterator[tuple[Subscription, Sender]]:
    port = free_port()
    async with ltc_client.webhook(SECRET, OLD, port=port, **options) as facts:
        sender = Sender(port)
        try:
            yield facts, sender
        finally:
            await sender.http.aclose()


async def soon(sender: Sender, fact: Fact) -> int:
    """Sent as soon as somebody listens."""
    while True:
        try:
            return await sender.send(fact)
        except httpx.ConnectError:
            await asyncio.sleep(0.05)


async def test_client_webhook_acknowledges_after_handling() -> None:
    async with listening() as (facts, sender):
        fact = a_fact()
        sending = asyncio.ensure_future(soon(sender, fact))
        assert await anext(facts) == fact
        assert await sender.send(fact, path="elsewhere") == 404  # sent later, answered before
        assert not sending.done(), "nobody has said that it was dealt with"
        following = asyncio.ensure_future(anext(facts))
        assert await sending == 204
        following.cancel()


async def test_client_webhook_returns_a_repeated_event_once(tmp_path: Path) -> None:
    first, second = a_fact(1), a_fact(2)
    for n in range(2):  # the second time in another process, as it were
        async with listening(checkpoint=InFile(tmp_path / "here")) as (facts, sender):
            found: list[Fact] = []

            async def read(facts: Subscription = facts, found: list[Fact] = found) -> None:
                async for fact in facts:
                    found.append(fact)  # noqa: PERF401 - one by one is the point

            reading = asyncio.ensure_future(read())
            answers = [await soon(sender, fact) for fact in (second, second, first, second)]
            reading.cancel()
            assert answers == [204] * 4
            # An endpoint may be unordered, and a range resent: what is late is not a repeat.
            assert found == ([second, first] if n == 0 else [])


async def test_client_webhook_asks_for_a_retry_of_an_unhandled_event() -> None:
    async with listening(patience_s=0.3) as (facts, sender):
        fact = a_fact()
        taken = asyncio.Event()

        async def until_taken() -> int:
            while True:
                answer = await soon(sender, fact)
                if taken.is_set():
                    return answer

        sending = asyncio.ensure_future(until_taken())
        await anext(facts)
        taken.set()
        assert await sending == 503
    async with listening() as (facts, sender):
        sending = asyncio.ensure_future(soon(sender, fact))
        await anext(facts)
        facts_closed = asyncio.ensure_future(facts.aclose())
        assert await sending == 503
        await facts_closed


async def test_client_webhook_does_not_acknowledge_a_failed_transaction(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "own.db")
    fact = a_fact()
    answers: list[asyncio.Future[int]] = []

    async def stumble() -> None:
        async with listening(checkpoint=InSql(database, "board")) as (facts, sender):
            answers.append(asyncio.ensure_future(soon(sender, fact)))
            facts.done(await anext(facts))
            database.rollback()
            try:
                raise ZeroDivisionError
            finally:
                await facts.aclose()
                await asyncio.wait(answers)

    with pytest.raises(ZeroDivisionError):
        await stumble()
    assert await answers[0] == 503
    assert not InSql(database, "board").has_heard(fact)
    database.close()


async def test_client_webhook_accepts_only_fresh_valid_signatures() -> None:
    async with listening() as (facts, sender):
        fact = a_fact()
        reading = asyncio.ensure_future(anext(facts))
        other = f"whsec_{base64.b64encode(b'o' * 24).decode()}"
        while True:
            try:
                assert await sender.send(fact, secret=other) == 401
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
        assert await sender.send(fact, at=datetime.now(UTC) - timedelta(minutes=6)) == 401
        assert (await sender.http.post(sender.url, content=b"{}")).status_code == 401
        assert await sender.send(fact, path="elsewhere") == 404
        assert await sender.send(b"[]") == 400
        assert await sender.send(b"{}") == 400
        assert await sender.send(b" " * ((1 << 20) + 1)) == 413
        assert not reading.done()
        sending = asyncio.ensure_future(sender.send(fact, secret=OLD))
        assert (await reading).id == fact.id
        following = asyncio.ensure_future(anext(facts))
        assert await sending == 204
        following.cancel()


async def test_client_webhook_acknowledges_and_skips_other_types() -> None:
    async with listening(types="deal.opened") as (facts, sender):
        reading = asyncio.ensure_future(anext(facts))
        assert await soon(sender, a_fact()) == 204
        assert not reading.done()
        envelope, value, _ = said(sample(DealOpened))
        opened = from_record(list(envelope.to_headers()), value)
        sending = asyncio.ensure_future(sender.send(opened))
        assert cast(Fact, await reading).said == sample(DealOpened)
        sending.cancel()


async def test_client_webhook_stops_while_a_request_arrives() -> None:
    door = WebhookDoor(Verifier(SECRET), host="127.0.0.1", port=0, path="/", patience_s=1)
    await door.open()
    try:
        listening_on = asyncio.create_task(door.next())
        while not door._arrived._waiters:  # noqa: ASYNC110 - until it waits
            await asyncio.sleep(0)
        door._arrive(Arrival("webhook", None, a_fact()), Future())
        listening_on.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening_on
    finally:
        await door.close()
