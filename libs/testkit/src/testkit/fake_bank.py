"""A bank that takes the money and never says so, as a process with a statement of its own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from local_infra.ports import free_port
from local_infra.processes import Child
from testkit.deadline import DEADLINE_S
from testkit.installation.faulty import FaultyInstallation


def home_of(installation: FaultyInstallation) -> Path:
    return installation.settings.home / "teller"


@contextmanager
def open_bank(installation: FaultyInstallation) -> Iterator[httpx.Client]:
    """The bank's counter, open until left; its statement stays."""
    port = free_port()
    child = Child("bank", installation.settings.run_dir, installation.settings.log_dir)
    child.start(
        [sys.executable, "-m", "local_infra.bank_server"],
        env={
            **os.environ,
            "BANK_PORT": str(port),
            "BANK_HOME": str(home_of(installation)),
            "BANK_BILLING_URL": installation.settings.url("billing"),
            "BANK_TOKEN_URL": installation.settings.issuer,
        },
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=0.5) as counter:
            _until_open(counter)
            yield counter
    finally:
        child.stop(timeout_s=5)


def _until_open(counter: httpx.Client) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        with suppress(httpx.TransportError):
            if counter.get("/health/ready").is_success:
                return
        assert time.monotonic() < deadline, "the bank did not open"
        time.sleep(0.1)


def pay(counter: httpx.Client, key: str) -> str | None:
    """Pay something; the bank's reference, or none when nobody answers."""
    form = {
        "amount": {"amount": "1234.50", "currency": "CNY"},
        "payer": "Somebody Ltd",
        "remittance": f"our order {key}",
    }
    try:
        answer = counter.post("/transfers", json=form, headers={"Idempotency-Key": key})
    except httpx.TimeoutException:
        return None
    assert answer.is_success, answer.text
    return str(answer.json()["reference"])


def make_sure(counter: httpx.Client, keys: Sequence[str]) -> None:
    """Ask again with the same keys: each was taken once. Then have billing told of everything."""
    counter.put("/behaviour", json={"transfers": "answer"})
    references = [pay(counter, key) for key in keys]
    taken = [line for line in counter.get("/statement").text.splitlines() if line]
    for reference in references:
        assert sum(str(reference) in line for line in taken) == 1, f"{reference} of {taken}"
    deadline = time.monotonic() + DEADLINE_S
    while not counter.post("/reports", timeout=35).is_success:
        assert time.monotonic() < deadline, "billing did not hear of the payments"
        time.sleep(0.5)
