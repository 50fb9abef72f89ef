"""Request bodies that are ambiguous, too large or not storable are refused in bounded time."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from thing_service import a_client, names, thing_app

from chassis.http import strictly
from chassis.problems import Problem

JSON = {"Content-Type": "application/json"}
TICK_S = 0.001
"""Less cannot be told from the noise of a clock."""


@pytest.fixture(scope="module")
async def app() -> AsyncIterator[FastAPI]:
    async with thing_app(max_body_bytes=10_000) as app:
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(app) as client:
        yield client


@pytest.mark.parametrize(
    ("body", "type"),
    [
        (b'{"name": "a", "name": "b"}', "duplicate-field"),
        (b'{"name": "a", "x": {"y": 1, "y": 1}}', "duplicate-field"),
        (rb'{"name": "a\u0000b"}', "invalid-text"),
        (rb'{"name": "\\\u0000"}', "invalid-text"),
        (rb'{"name": "a\ud800"}', "invalid-text"),
        (rb'{"\uDfff": 1, "name": "a"}', "invalid-text"),
        (b'{"name": "a\x00b"}', "invalid-json"),
        (b'{"name": "\xff"}', "invalid-json"),
        (b'{"name": "\xed\xa0\x80"}', "invalid-json"),
        ('{"name": "a"}'.encode("utf-16"), "invalid-json"),
        (b'{"name": "a", "size": NaN}', "invalid-number"),
        (b'{"name": "a", "size": -Infinity}', "invalid-number"),
        (b'{"name": "a", "size": 1e400}', "invalid-number"),
        (b'{"name": "a", "size": ' + b"9" * 5000 + b"}", "invalid-number"),
        (b'{"name": "a", "size": 18446744073709551616}', "invalid-number"),
        (b'{"name": "a", "size": 1e-20000}', "invalid-number"),
        (b'{"name": "a", "size": 0.' + b"1" * 400 + b"}", "invalid-number"),
        (b'{"name":"a","size":' + b"9" * 300 + b"}", "invalid-number"),
        (b'{"name": ', "invalid-json"),
        (b"[" * 33 + b"]" * 33, "too-deep"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "too-deep"),
    ],
)
async def test_http_body_ambiguous_or_broken_is_answered_422(
    client: httpx.AsyncClient, body: bytes, type: str
) -> None:
    answer = await client.post("/things", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["type"]) == (422, f"urn:ltc:problem:{type}")


async def test_http_body_with_a_repeated_field_names_it(client: httpx.AsyncClient) -> None:
    answer = await client.post("/things", content=b'{"size": 1, "size": 2}', headers=JSON)
    assert "'size'" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["[" * 90, '"{[', r"\u0000 spelt out", "\\", "𝄞 música 音楽"])
async def test_http_body_with_special_characters_in_text_is_stored_unchanged(
    app: FastAPI, client: httpx.AsyncClient, name: str
) -> None:
    assert (await client.post("/things", json={"name": name})).status_code == 201
    assert name in await names(app)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
async def test_http_body_that_is_not_declared_json_is_answered_415(
    client: httpx.AsyncClient, kind: str | None
) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    answer = await client.post("/things", content=b'{"name": "typed"}', headers=headers)
    assert answer.status_code == 415
    assert answer.json()["type"] == "urn:ltc:problem:unsupported-media-type"


@pytest.mark.parametrize("path", ["/things?q=%00", "/things?q=a%00b", "/things/%00"])
async def test_http_url_with_nul_is_refused(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code in (404, 405, 422)
    assert (await client.get("/things?q=%00")).status_code == 422


async def test_http_body_over_the_limit_is_answered_413(client: httpx.AsyncClient) -> None:
    answer = await client.post("/things", json={"name": "x" * 10_000})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:ltc:problem:too-large")


async def test_http_body_over_the_limit_without_a_length_is_answered_413(
    client: httpx.AsyncClient,
) -> None:
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1000
            yield b" " * 1000

    answer = await client.post("/things", content=pieces(), headers=JSON)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:ltc:problem:too-large")
    assert sent <= 12_000, "it was read to its end"


def doubled_fields(count: int) -> bytes:
    pairs = ",".join(f'"{n}":0' for n in range(count))
    return f'{{{pairs},"0":0}}'.encode()


def cost_s(make: Callable[[int], bytes], size: int) -> float:
    """What it costs to refuse a body of so many parts: the least of three, in seconds of CPU."""
    body, found = make(size), []
    for _ in range(3):
        begun = time.process_time()
        with pytest.raises(Problem):
            strictly(body)
        found.append(time.process_time() - begun)
    return min(found)


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (lambda n: b'"' + b'\\"' * n, 130_000),
        (lambda n: b'"' + b"\\\n" * n, 130_000),
        (lambda n: b'"' * n, 260_000),
        (lambda n: b"\\" * n, 260_000),
        (lambda n: b'"' + b"\\\\" * n + rb"\u000", 130_000),
        (lambda n: b'{"a":"' + b"\\u00" * n, 60_000),
        (doubled_fields, 25_000),
    ],
    ids=[
        "open string",
        "escaped lines",
        "quotes",
        "backslashes",
        "almost NUL",
        "cut escapes",
        "doubled fields",
    ],
)
def test_http_body_check_cost_grows_no_faster_than_the_body(
    make: Callable[[int], bytes], most: int
) -> None:
    """Where the square of the size counts, 16 times as many parts cost 256 times as much."""
    assert cost_s(make, most) < 64 * cost_s(make, most // 16) + TICK_S


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_http_body_check_accepts_every_valid_json_value(value: object, ascii_only: bool) -> None:
    assert strictly(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.text('{}[]":,\\u0dD8 1e\n', max_size=60))
def test_http_body_check_never_raises_another_error(text: str) -> None:
    with suppress(Problem):
        strictly(text.encode())
