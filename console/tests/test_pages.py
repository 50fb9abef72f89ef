"""Static files of the built pages, from a folder of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from testkit.harness import Harness


@pytest.fixture
async def stranger(
    console_svc: Harness, tmp_path: Path
) -> AsyncIterator[tuple[httpx.AsyncClient, Path]]:
    """Somebody without a token, and the folder that is served."""
    built = tmp_path / "static"
    console_svc.app.state.static = built
    try:
        async with console_svc.client() as client:
            yield client, built
    finally:
        del console_svc.app.state.static


def build(folder: Path) -> None:
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Desk</title>")
    (folder / "assets" / "index-B1x.js").write_text("export {}")
    (folder.parent / "secret.txt").write_text("not for anybody")


async def test_pages_serve_one_document_for_every_app_path(
    stranger: tuple[httpx.AsyncClient, Path],
) -> None:
    client, folder = stranger
    build(folder)

    home = await client.get("/", follow_redirects=True)
    deep = await client.get("/app/journeys/SO-2026-000001")

    for answer in (home, deep):
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
        assert "<title>Desk</title>" in answer.text
        assert answer.headers["content-type"].startswith("text/html")
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'self'; style-src 'self' 'unsafe-inline';")
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert str(home.url).endswith("/app/")


async def test_pages_cache_hashed_assets_forever(
    stranger: tuple[httpx.AsyncClient, Path],
) -> None:
    client, folder = stranger
    build(folder)

    script = await client.get("/app/assets/index-B1x.js")
    of_another_build = await client.get("/app/assets/index-A0a.js")

    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert of_another_build.status_code == 404


async def test_pages_serve_no_file_outside_the_build(
    stranger: tuple[httpx.AsyncClient, Path],
) -> None:
    client, folder = stranger
    build(folder)

    for way in (
        "..%2fsecret.txt",
        "assets/..%2f..%2fsecret.txt",
        "%2fetc%2fpasswd",
        ".%2e/secret.txt",
    ):
        answer = await client.get(f"/app/{way}")
        assert answer.status_code == 404 or "<title>Desk</title>" in answer.text, way
        assert "not for anybody" not in answer.text
    nul = await client.get("/app/%00")
    assert nul.status_code == 422


async def test_pages_without_a_build_name_the_command(
    stranger: tuple[httpx.AsyncClient, Path],
) -> None:
    client, _ = stranger

    answer = await client.get("/app/stuck")

    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert "make pages" in answer.text
