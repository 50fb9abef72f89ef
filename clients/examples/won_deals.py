"""Won deals as messages in a chat, by an incoming webhook as Slack and others have them.

    CHAT_URL=https://hooks.slack.com/… python won_deals.py here.checkpoint --door feed --at …

Such a webhook cannot tell a repeat: after a crash between posting and keeping how far it came, one
message comes twice. What a chat can bear a ledger cannot; see ledger.py.
"""

from __future__ import annotations

import time

import doors
import httpx

import ltc_client
from contracts.deal import DealWon

PATIENCE_S = 600.0
_MARKS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def message(won: DealWon) -> dict[str, str]:
    """Slack reads three characters as marks; a customer's name may hold any."""
    owner = f", by {won.owner.name}" if won.owner else ""
    text = f"{won.number} won: {won.account.name}, {won.gross.amount} {won.gross.currency}{owner}"
    return {"text": text.translate(_MARKS)}


def post(chat: httpx.Client, url: str, said: dict[str, str]) -> None:
    """Until the chat has taken it; raises when it has not for long."""
    until = time.monotonic() + PATIENCE_S
    pause = 0.5
    while True:
        try:
            answer = chat.post(url, json=said)
            if answer.is_success or (answer.is_client_error and answer.status_code != 429):
                answer.raise_for_status()
                return
            pause = max(pause, float(answer.headers.get("retry-after", 0)))
        except httpx.TransportError:
            if time.monotonic() > until:
                raise
        if time.monotonic() > until:
            raise TimeoutError(f"the chat takes nothing since {PATIENCE_S:.0f} s")
        time.sleep(pause)
        pause = min(pause * 2, 30)


def main() -> None:
    options = doors.parser("Won deals as chat messages")
    options.add_argument("checkpoint")
    given = options.parse_args()
    url = doors.setting("CHAT_URL", "where the chat takes messages, https://hooks…")
    kept = ltc_client.InFile(given.checkpoint)
    with (
        httpx.Client(timeout=10) as chat,
        doors.subscribe(given, ("deal.won",), kept) as facts,
    ):
        for fact in facts:
            if isinstance(fact.said, DealWon) and not fact.said.imported:
                post(chat, url, message(fact.said))


if __name__ == "__main__":
    main()
