"""Sign-in with a browser through the development issuer over real HTTP; invalid callbacks."""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import KeySet

from chassis.app import create_app
from chassis.issuer import create_issuer, sign
from console.sessions import COOKIE, csrf_of, vault_of
from console.sign_in import FLOW, Flow
from local_infra.ports import free_port
from testkit.harness import KEY, Harness, over_http

HOME = "http://127.0.0.1"


@dataclass
class Desk:
    """A console that asks a development issuer."""

    app: FastAPI
    issuer: str

    def browser(self) -> httpx.AsyncClient:
        """A new one, without cookies."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=HOME)

    def begun(self, browser: httpx.AsyncClient) -> Flow:
        """What the browser keeps while somebody is at the provider."""
        vault = vault_of(self.app.state.settings.link_secret)
        return Flow.model_validate_json(vault.open(browser.cookies[FLOW]))

    def keep(self, browser: httpx.AsyncClient, flow: Flow) -> None:
        """Have the browser keep something else."""
        vault = vault_of(self.app.state.settings.link_secret)
        browser.cookies.delete(FLOW)
        browser.cookies.set(FLOW, vault.seal(flow.model_dump_json()), domain="127.0.0.1")


@asynccontextmanager
async def desk_of(under_test: Harness, tmp_path: Path, **changed: object) -> AsyncIterator[Desk]:
    key_file = tmp_path / "key.json"
    key_file.write_text(json.dumps(KEY.as_dict(private=True)))
    port = free_port()
    async with over_http(create_issuer(key_file, f"http://127.0.0.1:{port}"), port=port) as url:
        settings = under_test.settings.model_copy(
            update={"oidc_issuer": url, "public_url": HOME, **changed}
        )
        app = create_app(under_test.service, settings)
        app.state.authenticator.trust(KeySet([KEY]))
        try:
            yield Desk(app, url)
        finally:
            await app.state.database.close()


@pytest.fixture
async def desk(console_svc: Harness, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_of(console_svc, tmp_path) as found:
        yield found


async def go_out(browser: httpx.AsyncClient, to: str = "/app/stuck") -> str:
    """Begin to sign in; where the browser is sent."""
    answer = await browser.get("/session/sign-in", params={"next": to})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def choose(place: str, who: str) -> str:
    """Be somebody at the issuer; where the browser is sent back to."""
    async with httpx.AsyncClient() as web:
        page = await web.get(place)
        links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', page.text)]
        [link] = [link for link in links if link.endswith(f"be={who}")]
        back = (await web.get(f"{place.partition('?')[0]}{link}")).headers["location"]
    assert back.startswith(f"{HOME}/session/callback?")
    return back


async def signed_in(desk: Desk, who: str = "ops-1") -> httpx.AsyncClient:
    browser = desk.browser()
    finished = await browser.get(await choose(await go_out(browser), who))
    assert (finished.status_code, finished.headers["location"]) == (303, "/app/stuck")
    return browser


async def refusal(browser: httpx.AsyncClient, place: str) -> str:
    """Why a callback is refused; it must not have opened a session."""
    answer = await browser.get(place)
    assert answer.status_code == 400, answer.text
    assert COOKIE not in browser.cookies
    assert answer.json()["type"] == "urn:ltc:problem:sign-in-refused"
    return str(answer.json()["detail"])


async def test_sign_in_opens_and_sign_out_ends_a_session(desk: Desk) -> None:
    browser = await signed_in(desk)

    session = (await browser.get("/session")).json()
    looked = await browser.get("/overview")
    kept = browser.cookies[COOKIE]
    left = await browser.post("/session/sign-out", headers={"X-CSRF-Token": session["csrf_token"]})
    browser.cookies.set(COOKIE, kept)
    after = await browser.get("/session")

    assert (session["sub"], session["name"]) == ("ops-1", "On call")
    assert session["roles"] == ["auditor", "ops"]
    assert session["links"] == {"jaeger": None}
    assert looked.status_code == 200
    assert left.status_code == 204
    assert after.status_code == 401, "the cookie still opens something"


async def test_sign_in_cookie_is_http_only_and_stored_sealed(
    desk: Desk, console_svc: Harness
) -> None:
    browser = desk.browser()
    finished = await browser.get(await choose(await go_out(browser), "ops-1"))
    [said] = [c for c in finished.headers.get_list("set-cookie") if c.startswith(f"{COOKIE}=")]
    [(key, sealed)] = await console_svc.rows("SELECT key, sealed FROM browser_session")

    assert "HttpOnly" in said
    assert "SameSite=lax" in said
    assert "Secure" not in said
    value = browser.cookies[COOKIE]
    assert value.encode() not in bytes(key)
    token = vault_of(console_svc.settings.link_secret).open(sealed)
    assert token.count(".") == 2
    assert token not in sealed
    assert token not in str(finished.headers), "the token went to the browser"


async def test_sign_in_cookies_are_secure_under_https(console_svc: Harness, tmp_path: Path) -> None:
    async with desk_of(console_svc, tmp_path, public_url="https://desk.example") as desk:
        begun = await desk.browser().get("/session/sign-in")

    assert "Secure" in begun.headers["set-cookie"]
    assert parse_qs(urlsplit(begun.headers["location"]).query)["redirect_uri"] == [
        "https://desk.example/session/callback"
    ]


async def test_session_ends_with_its_token_and_after_eight_hours(
    desk: Desk, console_svc: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await signed_in(desk)
    [(until,)] = await console_svc.rows("SELECT expires_at - opened_at FROM browser_session")
    assert timedelta(hours=7, minutes=59) < until <= timedelta(hours=8)

    monkeypatch.setattr("console.sessions.LONGEST", timedelta(days=9))
    await console_svc.execute("DELETE FROM browser_session")
    browser = await signed_in(desk)
    [(until,)] = await console_svc.rows("SELECT expires_at - opened_at FROM browser_session")
    assert until <= timedelta(hours=8), "longer than the token, which is good for eight hours"

    past = datetime.now(UTC) - timedelta(seconds=1)
    await console_svc.execute("UPDATE browser_session SET expires_at = $1", past)
    assert (await browser.get("/session")).status_code == 401
    assert await console_svc.tick("forget_sessions") == 1
    assert await console_svc.rows("SELECT 1 FROM browser_session") == []


async def test_session_change_needs_its_own_csrf_token(desk: Desk) -> None:
    browser, other = await signed_in(desk), await signed_in(desk, "ops-2")
    foreign = (await other.get("/session")).json()["csrf_token"]
    skip = "/ops/parked/ltc.deal.v1/none/skip"

    for sent in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": foreign}):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = await browser.request(method, skip, headers=sent, json={"reason": "x"})
            assert answer.status_code == 403, (method, sent)
            assert answer.json()["type"] == "urn:ltc:problem:csrf"
    own = {"X-CSRF-Token": csrf_of(browser.cookies[COOKIE])}
    answer = await browser.post("/session/sign-out", headers=own)
    assert answer.status_code == 204


async def test_session_bearer_token_wins_over_the_cookie(desk: Desk) -> None:
    browser = await signed_in(desk)
    token = sign(
        KEY, desk.issuer, sub="cli", name="CLI", roles=["ops"], teams=[], ttl_s=60
    )  # fmt: skip
    headers = {"Authorization": f"Bearer {token}"}

    session = (await browser.get("/session", headers=headers)).json()
    changed = await browser.post("/session/sign-out", headers=headers)

    assert (session["sub"], session["csrf_token"]) == ("cli", None)
    assert changed.status_code == 204
    assert (await browser.get("/session")).status_code == 200, "another one's session has ended"


async def test_sign_in_never_reuses_an_existing_session(desk: Desk) -> None:
    """Session fixation: a cookie planted in the browser must not become the session."""
    attacker, victim = await signed_in(desk, "ops-2"), desk.browser()
    planted = attacker.cookies[COOKIE]
    victim.cookies.set(COOKIE, planted, domain="127.0.0.1")
    back = await choose(await go_out(victim), "ops-1")
    finished = await victim.get(back)
    [given] = [c for c in finished.headers.get_list("set-cookie") if c.startswith(f"{COOKIE}=")]

    assert planted not in given
    assert (await attacker.get("/session")).status_code == 401, "the planted one is still good"


@pytest.mark.parametrize(
    "next",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "/app\\..\\\\evil.example",
        "/app/\n//evil.example",
        "/application",
        "javascript:alert(1)",
        "/session/sign-out",
        "/app.evil.example",
        "",
    ],
)
async def test_sign_in_redirects_only_within_the_console(desk: Desk, next: str) -> None:
    answer = await desk.browser().get("/session/sign-in", params={"next": next})

    assert answer.status_code == 422
    assert "location" not in answer.headers


async def test_sign_in_refuses_another_state(desk: Desk) -> None:
    browser = desk.browser()
    back = await choose(await go_out(browser), "ops-1")
    state = desk.begun(browser).state

    for wrong in (back.replace(state, "another"), back.replace(f"state={state}", "")):
        assert "another attempt" in await refusal(browser, wrong)


async def test_sign_in_refuses_an_attempt_of_another_browser(desk: Desk) -> None:
    """Otherwise an attacker could sign a victim in under their own account."""
    attacker, victim, third = desk.browser(), desk.browser(), desk.browser()
    back = await choose(await go_out(attacker), "ops-2")
    await go_out(victim)

    assert "another attempt" in await refusal(victim, back)
    assert "no sign-in was begun" in await refusal(third, back)


async def test_sign_in_refuses_another_nonce(desk: Desk) -> None:
    browser = desk.browser()
    back = await choose(await go_out(browser), "ops-1")
    desk.keep(browser, desk.begun(browser).model_copy(update={"nonce": "of another attempt"}))

    assert "another attempt" in await refusal(browser, back)


async def test_sign_in_refuses_another_verifier(desk: Desk) -> None:
    browser = desk.browser()
    back = await choose(await go_out(browser), "ops-1")
    desk.keep(browser, desk.begun(browser).model_copy(update={"verifier": "v" * 64}))

    assert "invalid_grant" in await refusal(browser, back)


async def test_sign_in_code_is_valid_once(desk: Desk) -> None:
    browser = desk.browser()
    back = await choose(await go_out(browser), "ops-1")
    flow = desk.begun(browser)
    assert (await browser.get(back)).status_code == 303
    again = desk.browser()
    desk.keep(again, flow)

    assert "invalid_grant" in await refusal(again, back)


async def test_sign_in_attempt_expires(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = desk.browser()
    back = await choose(await go_out(browser), "ops-1")
    monkeypatch.setattr("console.sign_in.FLOW_S", -1)  # its end was a second ago

    assert "too long ago" in await refusal(browser, back)


async def test_sign_in_reports_a_refusal_by_the_provider(desk: Desk) -> None:
    browser = desk.browser()
    await go_out(browser)
    state = desk.begun(browser).state

    why = await refusal(browser, f"/session/callback?error=access_denied&state={state}")

    assert "access_denied" in why


async def test_sign_in_reports_a_provider_that_is_down(
    console_svc: Harness, tmp_path: Path
) -> None:
    nobody = "http://127.0.0.1:9"
    async with desk_of(console_svc, tmp_path) as desk:
        desk.app.state.settings = desk.app.state.settings.model_copy(update={"oidc_issuer": nobody})
        answer = await desk.browser().get("/session/sign-in")

    assert answer.status_code == 503
    assert "LTC_OIDC_ISSUER" in answer.json()["detail"]


async def test_sign_in_refuses_a_provider_with_another_issuer_name(desk: Desk) -> None:
    named = desk.issuer.replace("127.0.0.1", "localhost")
    desk.app.state.settings = desk.app.state.settings.model_copy(update={"oidc_issuer": named})

    answer = await desk.browser().get("/session/sign-in")

    assert answer.status_code == 503
    assert "calls itself" in answer.json()["detail"]


async def test_issuer_redirects_only_to_this_machine(desk: Desk) -> None:
    place = await go_out(desk.browser())
    here = "redirect_uri=http%3A%2F%2F127.0.0.1%2Fsession%2Fcallback"
    assert here in place
    async with httpx.AsyncClient() as web:
        page = await web.get(place)
        elsewhere = await web.get(place.replace(here, "redirect_uri=https%3A%2F%2Fevil.example"))
        no_pkce = await web.get(re.sub(r"code_challenge=[^&]+", "code_challenge=", place))
        nobody = await web.get(f"{place}&be=somebody-else")

    assert "DEVELOPMENT" in page.text
    assert page.text.count("<li>") == 8
    assert [a.status_code for a in (elsewhere, no_pkce, nobody)] == [400, 400, 400]
