"""The fake bank as a process: its statement shows every accepted transfer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import httpx
import pytest

from local_infra.bank import OtherRequest, Statement
from local_infra.ports import free_port
from testkit.deadline import DEADLINE_S
from testkit.polling import eventually

TRANSFER = {
    "amount": {"amount": "10.00", "currency": "CNY"},
    "payer": "Acme",
    "remittance": "INV-2026-000001",
}


class Billing(BaseHTTPRequestHandler):
    """Billing's door and the issuer's, as the bank sees them: it receives lines, or is away."""

    received: ClassVar[list[str]] = []
    away: ClassVar[bool] = False
    refused: ClassVar[set[str]] = set()
    """References of lines that it refuses beside others."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/token":
            self._answer(200, {"access_token": "token"})
        elif self.away:
            self._answer(503, {})
        else:
            assert self.headers["Authorization"] == "Bearer token"
            assert self.headers["Idempotency-Key"]
            references = [line["bank_reference"] for line in body["lines"]]
            self.received.extend(references)
            self._answer(200, [self._result(reference) for reference in references])

    def _result(self, reference: str) -> dict[str, Any]:
        if reference in self.refused:
            return {"outcome": "refused", "errors": [{"pointer": "/", "detail": "not so"}]}
        return {"outcome": "booked", "errors": []}

    def _answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def billing() -> Iterator[type[Billing]]:
    Billing.received, Billing.away, Billing.refused = [], False, set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Billing)
    Billing.port = server.server_address[1]  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Billing
    server.shutdown()
    server.server_close()


class Process:
    """A bank, started again on the same statement after it was killed."""

    def __init__(self, home: Path, billing: int) -> None:
        self.port = free_port()
        url = f"http://127.0.0.1:{billing}"
        self._env = {
            **os.environ,
            "BANK_PORT": str(self.port),
            "BANK_HOME": str(home),
            "BANK_BILLING_URL": url,
            "BANK_TOKEN_URL": url,
        }
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=DEADLINE_S)
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "local_infra.bank_server"]
        self.process = subprocess.Popen(command, env=self._env, stderr=subprocess.DEVNULL)
        eventually(self._ready, what="the bank is ready")

    def _ready(self) -> bool:
        try:
            return self.client.get("/health/ready").is_success
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def transfer(
        self, key: str, *, timeout_s: float = DEADLINE_S, **changes: Any
    ) -> httpx.Response:
        form, headers = {**TRANSFER, **changes}, {"Idempotency-Key": key}
        return self.client.post("/transfers", json=form, headers=headers, timeout=timeout_s)

    def statement(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.client.get("/statement").text.splitlines()]


@pytest.fixture
def bank(tmp_path: Path, billing: Any) -> Iterator[Process]:
    process = Process(tmp_path, billing.port)
    yield process
    process.kill()
    process.client.close()


def test_fake_bank_takes_money_once_per_key_and_reports_it(bank: Process, billing: Any) -> None:
    key = uuid4().hex
    first, again = bank.transfer(key), bank.transfer(key)
    other = bank.transfer(key, remittance="another")
    keyless = bank.client.post("/transfers", json=TRANSFER)

    assert first.json() == again.json()
    assert (other.status_code, keyless.status_code) == (422, 400)
    [line] = bank.statement()
    assert (line["direction"], line["amount"], line["returns"]) == ("in", "10.00", None)
    eventually(lambda: billing.received == [line["reference"]], what="billing has received it")


def test_fake_bank_reports_a_refused_line_again_and_no_other(bank: Process, billing: Any) -> None:
    bank.client.put("/behaviour", json={"reports": "held"})
    one, other = (bank.transfer(uuid4().hex).json()["reference"] for _ in range(2))
    billing.refused.add(one)
    bank.client.put("/behaviour", json={"reports": "at_once"})

    eventually(lambda: billing.received.count(one) >= 3, what="the refused line is reported again")
    assert billing.received.count(other) == 1


def test_fake_bank_statement_shows_a_transfer_whose_response_timed_out(
    bank: Process, billing: Any
) -> None:
    key = uuid4().hex
    bank.client.put("/behaviour", json={"transfers": "take_then_hang", "reports": "held"})
    with pytest.raises(httpx.ReadTimeout):
        bank.transfer(key, timeout_s=0.5)
    [line] = eventually(bank.statement, what="the money is taken")
    assert billing.received == []

    bank.client.put("/behaviour", json={"transfers": "answer"})
    assert bank.transfer(key).json() == line
    assert len(bank.statement()) == 1
    assert bank.client.post("/reports").json() == {"reported": 1}
    assert billing.received == [line["reference"]]


def test_fake_bank_reports_transfers_after_a_kill_when_billing_is_back(
    bank: Process, billing: Any
) -> None:
    billing.away = True
    taken = [bank.transfer(f"k{n}").json()["reference"] for n in range(3)]
    bank.kill()
    bank.start()
    assert [line["reference"] for line in bank.statement()] == taken
    billing.away = False

    eventually(lambda: set(billing.received) == set(taken), what="billing has received all")


def test_fake_bank_returns_money_as_a_separate_line(bank: Process) -> None:
    reference = bank.transfer("k").json()["reference"]
    form = {"reference": reference, "reason": "insufficient funds"}
    backs = [
        bank.client.post("/returns", json=form, headers={"Idempotency-Key": "r"}) for _ in "ab"
    ]

    assert backs[0].json() == backs[1].json()
    assert [(x["direction"], x["returns"]) for x in bank.statement()] == [
        ("in", None),
        ("out", reference),
    ]


@pytest.mark.parametrize("mode", [{"transfers": "lie"}, {"weather": "fine"}])
def test_fake_bank_refuses_an_unknown_behaviour(bank: Process, mode: dict[str, str]) -> None:
    assert bank.client.put("/behaviour", json=mode).status_code == 400


def test_fake_bank_statement_drops_an_incomplete_last_line(tmp_path: Path) -> None:
    file = tmp_path / "statement.ndjson"
    money = {"amount": "1.00", "currency": "CNY", "payer": "A", "remittance": "x"}
    Statement(file).take(key="a", **money)
    with file.open("a", encoding="utf-8") as torn:
        torn.write('{"reference": "BANK-to')

    again = Statement(file)
    again.take(key="b", **money)
    assert [line["key"] for line in Statement(file).lines()] == ["a", "b"]
    with pytest.raises(OtherRequest):
        again.take(key="a", **{**money, "amount": "2.00"})
