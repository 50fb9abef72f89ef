"""The example subscribers beside a running platform: six services, their Kafka, their hub."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from testkit.actors.all_actors import Actors, wanted
from testkit.installation.supervised import SupervisedInstallation
from testkit.polling import eventually
from testkit.shared_installation import SharedInstallation

pytestmark = pytest.mark.untouched

EXAMPLES = Path(__file__).parents[2] / "examples"
WEB_ORDERS = 12
TWO_PARTS = {
    "kind": "instalments",
    "instalments": [
        {"percent": "50", "due": "on_signature"},
        {"percent": "50", "due": "days_after_signature", "days": 0},
    ],
}
DOORS = ["kafka", "feed"]


@pytest.fixture(scope="module")
def house(shared_installation: SharedInstallation) -> Iterator[SupervisedInstallation]:
    """The boards and books of the examples show everything that was ever sold."""
    yield shared_installation.get(untouched=True)
    shared_installation.require_ready()


@pytest.fixture(scope="module")
def paid(house: SupervisedInstallation) -> Decimal:
    """Web orders, and one deal by hand whose two invoices are paid with one payment, in two steps.
    Returns what the customers have paid."""
    cast = Actors(house)
    journeys = [
        cast.web.sends(cast.web.order("LIC-TEAM", paid="2712.00"))["journey_id"]
        for _ in range(WEB_ORDERS)
    ]
    sale = cast.sell([wanted("HW-SENSOR", 7), wanted("SVC-TRAINING", 1)], TWO_PARTS)
    first, second = cast.accountant.invoices(sale.contract, 2)
    amounts = [Decimal(i["totals"]["gross"]["amount"]) for i in (first, second)]
    [payment] = cast.bank.reports(cast.bank.line(second, str(sum(amounts))))
    cast.accountant.allocates(payment, first, str(amounts[0]))
    for journey in journeys:
        cast.oncall.sees_settled(journey)
    total = sum(amounts, Decimal("2712.00") * WEB_ORDERS)
    assert Decimal(cast.accountant.totals()["paid"]["amount"]) == total
    cast.close()
    return total


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, house: SupervisedInstallation) -> tuple[str, str, str]:
    """Its name, its address and the token for it."""
    at = house.bootstrap if request.param == "kafka" else house.url("hub")
    return request.param, at, house.token("board", "Board", ["subscriber"])


@contextmanager
def example(
    name: str, file: Path, door: tuple[str, str, str], **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    kind, at, token = door
    process = subprocess.Popen(
        [sys.executable, EXAMPLES / f"{name}.py", file, "--door", kind, "--at", at],
        env={**os.environ, "LTC_TOKEN": token, **environment},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_example_board_shows_every_deal(
    paid: Decimal, door: tuple[str, str, str], tmp_path: Path
) -> None:
    board = tmp_path / "board.db"

    def stages() -> list[tuple[str, int, int]]:
        with sqlite3.connect(board, timeout=10) as database:
            return database.execute(
                "SELECT stage, count(*), sum(minor) FROM deal GROUP BY stage"
            ).fetchall()

    with example("sales_board", board, door):
        wanted = [("won", WEB_ORDERS + 1, int(paid * 100))]
        eventually(lambda: board.exists() and board.stat().st_size > 0, what="a board")
        eventually(stages, lambda found: found == wanted, what="every deal is won on the board")


@pytest.fixture(scope="module")
def hledger() -> str:
    found = shutil.which("hledger")
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("hledger is missing: apt-get install hledger")
    if found is None:
        pytest.skip("NOT RUN: hledger is missing (apt-get install hledger)")
    return found


def balances(hledger: str, journal: Path) -> dict[str, Decimal]:
    """By account, and of all under the empty name, as hledger says."""
    command = [hledger, "-f", journal, "balance", "--flat", "--empty", "-O", "json"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        return {"": Decimal("NaN")}
    rows, total = json.loads(said.stdout)

    def amount(parts: list[Any]) -> Decimal:
        return sum((Decimal(str(part["aquantity"]["floatingPoint"])) for part in parts), Decimal())

    return {**{row[0]: amount(row[3]) for row in rows}, "": amount(total)}


def test_example_ledger_balances(
    hledger: str, paid: Decimal, door: tuple[str, str, str], tmp_path: Path
) -> None:
    journal = tmp_path / "books.journal"

    def is_right(found: dict[str, Decimal]) -> bool:
        return found == {
            "assets:bank": paid,
            "assets:receivable": 0,
            "liabilities:unapplied payments": 0,
            "income:sales": found.get("income:sales"),
            "liabilities:tax": found.get("liabilities:tax"),
            "": 0,
        }

    for _ in range(3):  # killed somewhere in between, and its last line cut short
        with example("ledger", journal, door):
            eventually(lambda: journal.exists() and journal.stat().st_size > 600, what="entries")
        with journal.open("r+b") as file:
            file.truncate(file.seek(0, os.SEEK_END) - 30)
        journal.with_suffix(".checkpoint").unlink(missing_ok=True)
    with example("ledger", journal, door):
        eventually(
            lambda: balances(hledger, journal), is_right, what="the books show what was paid"
        )
    checked = subprocess.run([hledger, "-f", journal, "check"], check=False)
    assert checked.returncode == 0


@contextmanager
def a_chat() -> Iterator[tuple[str, list[str]]]:
    """Speaks as Slack's incoming webhooks do; is sometimes overloaded, and sometimes broken."""
    messages: list[str] = []
    moods = iter([200, 429, 500])

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = self.rfile.read(int(self.headers["content-length"]))
            mood = next(moods, 200)
            text = json.loads(said).get("text")
            if mood == 200:
                mood = 200 if text else 400
            if mood == 200:
                messages.append(text)
            body = {200: b"ok", 400: b"no_text"}.get(mood, b"later")
            self.send_response(mood)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ExitStack() as stack:
        server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Chat))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)
        yield f"http://127.0.0.1:{server.server_address[1]}/services/T0/B0/x", messages


def test_example_chat_announces_won_deals(
    paid: Decimal, door: tuple[str, str, str], tmp_path: Path
) -> None:
    with (
        a_chat() as (url, messages),
        example("won_deals", tmp_path / "here", door, CHAT_URL=url),
    ):
        eventually(lambda: len(messages), lambda n: n > WEB_ORDERS, what="each deal is told")
    assert len(set(messages)) == len(messages) == WEB_ORDERS + 1
    assert sum("2712.00 CNY" in text for text in messages) == WEB_ORDERS
