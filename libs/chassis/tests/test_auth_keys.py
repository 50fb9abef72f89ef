"""Signing keys of the token issuer: cache, rotation, withdrawal, and an issuer that is down."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import HTTPException
from joserfc.jwk import ECKey, KeySet, OctKey

from chassis import auth
from chassis.auth import Authenticator, Unauthenticated
from chassis.issuer import create_issuer, load_key, mint, sign
from chassis.settings import Settings
from testkit.deadline import DEADLINE_S

ISSUER = "http://issuer.test"


def a_key() -> ECKey:
    return ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)


def a_token(key: ECKey) -> str:
    return sign(key, ISSUER, sub="u-1", name="Ada", roles=["maker"], teams=[], ttl_s=600)


class Publisher:
    """An issuer's key document on loopback; counts how often it is asked."""

    def __init__(self, *keys: ECKey) -> None:
        self.keys: list[dict[str, Any]] = [dict(k.as_dict(private=False)) for k in keys]
        self.asked = 0
        self.up = True
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        await asyncio.sleep(0.02)
        status = b"200 OK" if self.up else b"503 Service Unavailable"
        body = orjson.dumps({"keys": self.keys})
        writer.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
            b"Connection: close\r\n\r\n%b" % (status, len(body), body)
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def published(*keys: ECKey) -> AsyncIterator[tuple[Publisher, Authenticator]]:
    publisher = Publisher(*keys)
    server = await asyncio.start_server(publisher.answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        settings = Settings(oidc_issuer=ISSUER, oidc_jwks_url=f"http://127.0.0.1:{port}/jwks")
        yield publisher, Authenticator(settings)


async def test_auth_concurrent_requests_fetch_the_keys_once() -> None:
    key = a_key()
    async with published(key) as (publisher, authenticator):
        actors = await asyncio.gather(*(authenticator.actor(a_token(key)) for _ in range(20)))
    assert {actor.sub for actor in actors} == {"u-1"}
    assert publisher.asked == 1


async def test_auth_finds_a_rotated_key_without_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "REFRESH_S", 0.0)
    old, new = a_key(), a_key()
    async with published(old) as (publisher, authenticator):
        await authenticator.actor(a_token(old))
        publisher.keys = [dict(new.as_dict(private=False))]
        assert (await authenticator.actor(a_token(new))).sub == "u-1"
        with pytest.raises(Unauthenticated):
            await authenticator.actor(a_token(old))


async def test_auth_unknown_key_ids_cause_no_further_fetch() -> None:
    key = a_key()
    async with published(key) as (publisher, authenticator):
        await authenticator.actor(a_token(key))
        for _ in range(5):
            with pytest.raises(Unauthenticated):
                await authenticator.actor(a_token(a_key()))
    assert publisher.asked == 1


async def test_auth_trusts_cached_keys_for_a_limited_time_while_the_issuer_is_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auth, "FRESH_S", 0.0)
    monkeypatch.setattr(auth, "REFRESH_S", 0.0)
    monkeypatch.setattr(auth, "CACHE_S", 0.0)
    key = a_key()
    async with published(key) as (publisher, authenticator):
        await authenticator.actor(a_token(key))
        publisher.up = False
        assert (await authenticator.actor(a_token(key))).sub == "u-1"
        await until(lambda: asked(publisher, 2))
        monkeypatch.setattr(auth, "KEEP_S", 0.0)
        with pytest.raises(HTTPException) as refusal:
            await authenticator.actor(a_token(key))
    assert refusal.value.status_code == 503


async def test_auth_drops_a_withdrawn_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auth, "FRESH_S", 0.0)
    monkeypatch.setattr(auth, "REFRESH_S", 0.0)
    monkeypatch.setattr(auth, "CACHE_S", 0.0)
    stolen, good = a_key(), a_key()
    async with published(stolen, good) as (publisher, authenticator):
        await authenticator.actor(a_token(stolen))
        publisher.keys = publisher.keys[1:]

        async def refused() -> bool:
            try:
                await authenticator.actor(a_token(stolen))
            except Unauthenticated:
                return True
            return False

        await until(refused)
        assert (await authenticator.actor(a_token(good))).sub == "u-1"


async def test_auth_ignores_keys_of_unsupported_types() -> None:
    key = a_key()
    async with published(key) as (publisher, authenticator):
        secret = dict(OctKey.generate_key(256, auto_kid=True).as_dict(private=True))
        publisher.keys += [secret, {"kty": "LATTICE", "kid": "new"}]
        assert (await authenticator.actor(a_token(key))).sub == "u-1"
        assert authenticator._keys is not None
        assert [known.kid for known in authenticator._keys.keys] == [key.kid]


async def test_auth_answers_503_while_the_issuer_was_never_reachable() -> None:
    key = a_key()
    async with published(key) as (publisher, authenticator):
        publisher.up = False
        with pytest.raises(HTTPException) as refusal:
            await authenticator.actor(a_token(key))
        assert refusal.value.status_code == 503
        publisher.up = True

        async def believed() -> bool:
            try:
                await authenticator.actor(a_token(key))
            except HTTPException:
                return False
            return True

        await until(believed)


def test_issuer_creates_its_key_once_with_mode_600(tmp_path: Path) -> None:
    file = tmp_path / "issuer" / "key.json"
    first, second = load_key(file), load_key(file)
    assert first.kid == second.kid
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [p.name for p in file.parent.iterdir()] == ["key.json"]


async def test_issuer_publishes_the_key_that_signs_its_tokens(
    tmp_path: Path,
) -> None:
    file = tmp_path / "key.json"
    transport = httpx.ASGITransport(app=create_issuer(file, ISSUER))
    async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as client:
        found = (await client.get("/.well-known/openid-configuration")).json()
        assert found["issuer"] == ISSUER
        keys = (await client.get(found["jwks_uri"])).json()
        given = await client.post(found["token_endpoint"], json={"sub": "eve", "roles": ["ops"]})
        refused = await client.post(found["token_endpoint"], json={"roles": [], "ttl_s": 10**9})
    assert "d" not in keys["keys"][0], "the private half is published"
    assert refused.status_code == 422
    authenticator = Authenticator(Settings(oidc_issuer=ISSUER))
    authenticator.trust(KeySet.import_key_set(keys))
    actor = await authenticator.actor(given.json()["access_token"])
    assert (actor.sub, actor.roles) == ("eve", {"ops"})
    minted = mint(file, ISSUER, sub="cli", name="CLI", roles=["admin"], teams=["north"])
    assert (await authenticator.actor(minted)).teams == {"north"}


async def asked(publisher: Publisher, times: int) -> bool:
    return publisher.asked >= times


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not await condition():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.02)
