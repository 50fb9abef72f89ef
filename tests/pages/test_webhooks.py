"""Webhook replays on the endpoint's page: requested, watched, and shown after a reload."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from testkit.actors.actor import Thing
from testkit.actors.all_actors import ON_DELIVERY, Actors, a_company, wanted
from testkit.api_client import ApiClient
from testkit.browser import BrowserWindow
from testkit.installation.supervised import SupervisedInstallation
from testkit.polling import eventually

pytestmark = pytest.mark.e2e
ADMIN = "admin-1"
TYPES = ["deal.opened", "deal.proposal_requested"]


@contextmanager
def receiving() -> Iterator[tuple[str, list[str]]]:
    """A URL, and the ids of what came to it."""
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            came.append(self.headers["webhook-id"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", came
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def admin(house: SupervisedInstallation) -> Iterator[ApiClient]:
    doors = ApiClient(house, house.token(ADMIN, "Administrator", ["admin"]))
    yield doors
    doors.close()


def made(admin: ApiClient, url: str) -> Thing:
    """An endpoint. Its answer holds a secret and is not kept, so there is no idempotency key."""
    answer = admin.send("POST", "hub", "/endpoints", json={"url": url})
    assert answer.status_code == 201, answer.text
    endpoint: Thing = answer.json()
    return endpoint


def test_webhook_page_replay_shows_count_and_progress_after_a_reload(
    house: SupervisedInstallation,
    admin: ApiClient,
    cast: Actors,
    browser: Browser,
    request: pytest.FixtureRequest,
) -> None:
    deal = cast.rep.opens_deal(a_company(), [wanted("SVC-ONBOARD", 1)], ON_DELIVERY)
    cast.rep.asks_for_proposal(deal)
    cast.rep.finds("quote", deal["journey_id"], "sent")
    asked = {"journey": deal["journey_id"], "type": TYPES}
    events = eventually(
        lambda: admin.get("hub", "/events", **asked)["events"],
        lambda seen: len(seen) == len(TYPES),
        what="the hub has the deal",
    )
    with (
        receiving() as (url, came),
        browser.new_context(locale="en-GB", viewport={"width": 1440, "height": 900}) as context,
    ):
        end = admin.get("hub", "/events", after="latest")["next"]
        endpoint = made(admin, url)
        desk = BrowserWindow(house, context.new_page(), ADMIN)
        desk.signs_in()
        desk.opens(f"/app/webhooks/{endpoint['id']}")
        desk.shows("No replays")
        desk.page.get_by_role("button", name="Replay").click()
        dialog = desk.page.get_by_role("dialog", name="Replay")
        expect(dialog.get_by_role("button", name="Count")).to_be_disabled()
        dialog.get_by_label("Journey").fill("not an id")
        dialog.get_by_role("button", name="Count").click()
        expect(dialog.get_by_role("alert")).to_contain_text("/body/journey")
        dialog.get_by_label("Journey").fill(deal["journey_id"])
        for name in TYPES:
            dialog.get_by_role("combobox", name="Facts").fill(name)
            dialog.get_by_role("combobox", name="Facts").press("Enter")
        assert desk.faults() == []
        dialog.get_by_role("button", name="Count").click()
        counted = desk.page.get_by_role("dialog", name="Send again")
        expect(counted).to_contain_text("2 facts match.")
        counted.get_by_role("button", name="Send again").click()
        expect(counted).to_be_hidden()
        row = desk.page.get_by_role("table", name="Replays").get_by_role("row").nth(1)
        expect(row).to_contain_text("2 found: 2 delivered")
        expect(row).to_contain_text("Ended")
        desk.page.reload()
        expect(row).to_contain_text("2 found: 2 delivered")
        expect(row).to_contain_text(re.compile(rf"{', '.join(TYPES)}.*{deal['journey_id']}"))
        desk.photographed(request.node.name)
        assert desk.faults() == []
        # What was said since comes as well, to an endpoint that hears all.
        since = {event["id"] for event in admin.get("hub", "/events", after=end)["events"]}
        assert sorted({*came} - since) == sorted(event["id"] for event in events)
        assert len(came) == len({*came}), "and each once"


def test_webhook_page_cancels_a_replay_to_an_unreachable_receiver(
    house: SupervisedInstallation, admin: ApiClient, cast: Actors, browser: Browser
) -> None:
    deal = cast.rep.opens_deal(a_company(), [wanted("SVC-ONBOARD", 1)], ON_DELIVERY)
    eventually(
        lambda: admin.get("hub", "/events", journey=deal["journey_id"])["events"],
        what="the hub has the deal",
    )
    endpoint = made(admin, "http://127.0.0.1:1/nobody")
    with browser.new_context(locale="zh-CN") as context:
        desk = BrowserWindow(house, context.new_page(), ADMIN)
        desk.signs_in()
        desk.opens(f"/app/webhooks/{endpoint['id']}")
        desk.shows("没有重放")
        admin.post("hub", f"/endpoints/{endpoint['id']}/replays", {"types": ["*"]})
        desk.page.reload()
        row = desk.page.get_by_role("table", name="重放").get_by_role("row").nth(1)
        expect(row).to_contain_text("进行中")
        row.get_by_role("button", name="取消重放").click()
        desk.page.get_by_role("dialog").get_by_role("button", name="取消重放").click()
        expect(row).to_contain_text("已取消")
        expect(row).to_contain_text("等待中 0")
        expect(desk.page.get_by_role("dialog")).to_have_count(0)
        assert desk.faults() == []


def test_ltc_schemas_old_names_receivers_of_deprecated_versions(
    house: SupervisedInstallation,
) -> None:
    said = house.run("schemas", "old")
    assert "nobody gets an old version" in said.stdout, said.stdout + said.stderr
