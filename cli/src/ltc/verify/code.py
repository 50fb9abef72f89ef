"""``python -m ltc.verify.code``: what the services' code promises, as JSON on the standard output.

Which facts each consumer hears, and which moves each lifecycle allows. In a process of its own,
because importing all services takes as long as reading the topics.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from dataclasses import dataclass

from ltc.programs import package_of
from ltc.settings import CONSOLE, STAGES
from ltc.verify.sources import CannotCheck

AGGREGATES = {
    "lead": "lead_svc.domain.lead",
    "deal": "deal_svc.domain.deal",
    "quote": "quote_svc.domain.quote",
    "contract": "contract_svc.domain.contract",
    "order": "order_svc.domain.order",
    "billing_account": "billing_svc.domain.account",
    "invoice": "billing_svc.domain.invoice",
    "payment": "billing_svc.domain.payment",
}


@dataclass(frozen=True)
class Code:
    """What is promised: ``heard`` as (service, consumer, type), ``moves`` as (aggregate, from,
    to)."""

    heard: list[tuple[str, str, str]]
    moves: list[tuple[str, str, str]]


_KNOWN: list[Code] = []


async def read_code() -> Code:
    """Ask a new process, once: code does not change under us. Raises CannotCheck when the services
    are not installed here."""
    if not _KNOWN:
        _KNOWN.append(await _ask())
    return _KNOWN[0]


async def _ask() -> Code:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ltc.verify.code",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        said, failure = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        last = failure.decode(errors="replace").strip().splitlines()[-1:]
        raise CannotCheck(f"the services' code cannot be read: {' '.join(last)}")
    found = json.loads(said)
    return Code([(*row,) for row in found["heard"]], [(*row,) for row in found["moves"]])


def _main() -> None:
    heard: list[tuple[str, str, str]] = []
    for name in (*STAGES, CONSOLE):
        consumer = importlib.import_module(f"{package_of(name)}.consumers").consumer
        heard += [(name, consumer.group, event_type) for event_type in consumer.subscriptions]
    moves = [
        (aggregate, source.value, target.value)
        for aggregate, module in AGGREGATES.items()
        for source, targets in importlib.import_module(module).LIFECYCLE.moves.items()
        for target in sorted(targets)
    ]
    print(json.dumps({"heard": heard, "moves": moves}))


if __name__ == "__main__":
    _main()
