"""What a person watching a start sees: one line per step, with the seconds since the beginning."""

from __future__ import annotations

import time

from rich.console import Console


class Progress:
    """Prints steps as they are done. Safe to call from several threads."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._since = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self._since

    def say(self, name: str, text: str, *, style: str = "green") -> None:
        self._console.print(
            f"[dim]{self.seconds():6.1f} s[/dim]  [{style}]{name:<10}[/{style}] ", end=""
        )
        self._console.print(text, markup=False)

    def fetched(self, done: int, total: int) -> None:
        """Kafka's jars as they arrive; every tenth is worth a line."""
        if done % 10 == 0 or done == total:
            self.say("kafka", f"{done} of {total} jars fetched (once per machine)")
