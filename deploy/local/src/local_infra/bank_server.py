"""The bank as a process: ``python -m local_infra.bank_server``.

Settings: ``BANK_PORT``, ``BANK_HOME`` (its statement is ``statement.ndjson`` there),
``BANK_BILLING_URL`` and ``BANK_TOKEN_URL`` (billing's public door, and who issues tokens).

``POST /transfers`` (``Idempotency-Key``) takes money, ``POST /returns`` gives it back,
``GET /statement`` is all it ever moved, and ``PUT /behaviour`` makes it misbehave:
``transfers``: ``answer``, ``take_then_hang`` (the money is taken, the answer never comes) or
``refuse``; ``reports``: ``at_once``, ``twice`` or ``held`` (``POST /reports`` then sends all).
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

from local_infra.bank import Line, OtherRequest, Statement, reported

MODES = {
    "transfers": ("answer", "take_then_hang", "refuse"),
    "reports": ("at_once", "twice", "held"),
}
HANG_S = 3600.0


class Reporter:
    """Tells billing of every line, again and again until it has heard it."""

    def __init__(self, statement: Statement, billing: str, tokens: str) -> None:
        self._statement = statement
        self._billing = billing
        self._tokens = tokens
        self._heard: set[str] = set()

    def send(self, *, everything: bool = False) -> int:
        """Report what billing has not acknowledged, or all; returns how many lines."""
        lines = [
            line
            for line in self._statement.lines()
            if everything or line["reference"] not in self._heard
        ]
        for start in range(0, len(lines), 500):
            part = lines[start : start + 500]
            results = self._post(
                f"{self._billing}/bank-statements",
                {"lines": [reported(line) for line in part]},
                {"Authorization": f"Bearer {self._token()}", "Idempotency-Key": uuid4().hex},
            )
            for line, result in zip(part, results, strict=True):
                if result["outcome"] == "refused":
                    told = f"billing refuses {line['reference']}: {result['errors']}"
                    print(told, file=sys.stderr, flush=True)
                else:
                    self._heard.add(line["reference"])
        return len(lines)

    def _token(self) -> str:
        who = {"sub": "bank", "name": "Bank", "roles": ["integration_bank"]}
        token: str = self._post(f"{self._tokens}/token", who, {})["access_token"]
        return token

    def _post(self, url: str, body: Any, headers: dict[str, str]) -> Any:
        request = urllib.request.Request(  # noqa: S310 - addresses come from our own settings
            url,
            json.dumps(body).encode(),
            {"Content-Type": "application/json", **headers},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)


class Bank:
    """The statement, how the bank behaves at the moment, and its line to billing."""

    def __init__(self, statement: Statement, reporter: Reporter) -> None:
        self.statement = statement
        self.reporter = reporter
        self.behaviour = {"transfers": "answer", "reports": "at_once"}

    def behave(self, wanted: dict[str, str]) -> dict[str, str]:
        for name, mode in wanted.items():
            if mode not in MODES.get(name, ()):
                raise ValueError(f"{name} cannot be {mode!r}")
        self.behaviour.update(wanted)
        return self.behaviour

    def transfer(self, key: str, form: Line) -> Line:
        money = form["amount"]
        line, _ = self.statement.take(
            key=key,
            amount=money["amount"],
            currency=money["currency"],
            payer=form["payer"],
            remittance=form["remittance"],
        )
        return line

    def give_back(self, key: str, form: Line) -> Line:
        [line] = [x for x in self.statement.lines() if x["reference"] == form["reference"]]
        back, _ = self.statement.give_back(
            key=key,
            returns=line["reference"],
            amount=str(form.get("amount", line["amount"])),
            currency=line["currency"],
            reason=form["reason"],
        )
        return back

    def keep_reporting(self) -> None:
        """Report what is new, twice a second; billing being away only delays it."""
        while True:
            time.sleep(0.5)
            mode = self.behaviour["reports"]
            if mode == "held":
                continue
            try:
                if self.reporter.send() and mode == "twice":
                    self.reporter.send(everything=True)
            except (urllib.error.URLError, OSError) as error:
                print(f"billing did not hear: {error}", file=sys.stderr, flush=True)


class Door(BaseHTTPRequestHandler):
    """The bank's counter."""

    bank: Bank

    def do_GET(self) -> None:
        if self.path == "/statement":
            text = "".join(json.dumps(x) + "\n" for x in self.bank.statement.lines())
            self._send(200, text.encode(), "application/x-ndjson")
        elif self.path == "/health/ready":
            self._answer(200, {"status": "ready"})
        else:
            self._answer(404, {"error": "no such door"})

    def do_PUT(self) -> None:
        self._try(lambda form: self.bank.behave(form) if self.path == "/behaviour" else None)

    def do_POST(self) -> None:
        key = self.headers.get("Idempotency-Key", "")
        if self.path == "/reports":
            self._try(lambda _: {"reported": self.bank.reporter.send(everything=True)})
        elif not key:
            self._answer(400, {"error": "Idempotency-Key is needed"})
        elif self.path == "/transfers":
            self._transfer(key)
        elif self.path == "/returns":
            self._try(lambda form: self.bank.give_back(key, form))
        else:
            self._answer(404, {"error": "no such door"})

    def _transfer(self, key: str) -> None:
        mode = self.bank.behaviour["transfers"]
        if mode == "refuse":
            self._answer(503, {"error": "closed"})
        elif mode == "take_then_hang":
            self.bank.transfer(key, self._form())
            time.sleep(HANG_S)
        else:
            self._try(lambda form: self.bank.transfer(key, form))

    def _form(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")

    def _try(self, act: Any) -> None:
        try:
            done = act(self._form())
        except OtherRequest as error:
            self._answer(422, {"error": str(error)})
        except (KeyError, TypeError, ValueError) as error:
            self._answer(400, {"error": f"{type(error).__name__}: {error}"})
        except OSError as error:
            self._answer(502, {"error": str(error)})
        else:
            self._answer(200, done) if done is not None else self._answer(404, {})

    def _answer(self, status: int, body: Any) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the statement is the record."""


def main() -> None:
    statement = Statement(Path(os.environ["BANK_HOME"]) / "statement.ndjson")
    billing = os.environ.get("BANK_BILLING_URL", "http://127.0.0.1:8106").rstrip("/")
    tokens = os.environ.get("BANK_TOKEN_URL", "http://127.0.0.1:8100").rstrip("/")
    bank = Bank(statement, Reporter(statement, billing, tokens))
    Door.bank = bank
    threading.Thread(target=bank.keep_reporting, daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("BANK_PORT", "8120"))), Door)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
