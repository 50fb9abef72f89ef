"""How far a subscriber has come, kept where a crash cannot part it from what was done."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ltc_client.errors import BadCheckpoint, Superseded
from ltc_client.fact import Fact

try:
    import fcntl
except ImportError:  # not POSIX: two processes on one file are then not noticed
    fcntl = None  # type: ignore[assignment]

WINDOW = 10_000
"""Of so many things and events, the latest, a file remembers what was heard. A repeat follows its
original within minutes; whoever wants it exact for ever keeps it in SQL."""


class Progress(NamedTuple):
    """One step: a place was read up to a position, and this fact, if any, was dealt with."""

    place: str
    position: str | None
    fact: Fact | None
    in_order: bool
    """Whether the door keeps the order of a subject's facts: its last sequence then tells all."""


class Checkpoint(Protocol):
    """Where the position is kept, and what was heard."""

    automatic: bool
    """Whether asking for the next fact says that the last one was dealt with. Where the position
    goes with the subscriber's own transaction, only the subscriber can say so."""

    def positions(self) -> Mapping[str, str]:
        """Up to where each place was read."""

    def sequence(self, source: str, subject: str) -> int:
        """The last sequence heard of a subject; 0 when none was."""

    def has_heard(self, fact: Fact) -> bool:
        """Whether this very event was dealt with."""

    def save(self, progress: Progress) -> None:
        """Keep it. Raises Superseded when somebody else has got further meanwhile."""

    def begin(self, positions: Mapping[str, str], sequences: Mapping[tuple[str, str], int]) -> None:
        """Begin anew, in the middle: here each place is read on, and of these sources and subjects
        everything up to a sequence is known. Raises BadCheckpoint when they are too many."""

    def pass_over(self, place: str, position: str) -> None:
        """Nothing up to here was for the subscriber: so that what is kept does not grow old."""

    def close(self) -> None:
        """Let go of what it holds."""


class InMemory:
    """For watching: the next process knows nothing of it."""

    automatic = True

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._positions: dict[str, str] = {}
        self._sequences: dict[str, int] = {}
        self._events: dict[str, None] = {}

    def positions(self) -> Mapping[str, str]:
        return dict(self._positions)

    def sequence(self, source: str, subject: str) -> int:
        return self._sequences.get(f"{source} {subject}", 0)

    def has_heard(self, fact: Fact) -> bool:
        return str(fact.id) in self._events

    def save(self, progress: Progress) -> None:
        if progress.position is not None:
            self._positions[progress.place] = progress.position
        fact = progress.fact
        if fact is not None and progress.in_order:
            key = f"{fact.source} {fact.subject}"
            self._sequences.pop(key, None)
            self._sequences[key] = fact.sequence
            _bound(self._sequences, self._window)
        elif fact is not None:
            self._events[str(fact.id)] = None
            _bound(self._events, self._window)

    def begin(self, positions: Mapping[str, str], sequences: Mapping[tuple[str, str], int]) -> None:
        if len(sequences) > self._window:
            raise BadCheckpoint(
                f"{len(sequences)} states, and this checkpoint remembers {self._window} things:"
                " give it a larger window, or keep it in SQL"
            )
        self._positions = dict(positions)
        self._sequences = {f"{source} {of}": last for (source, of), last in sequences.items()}
        self._write()

    def _write(self) -> None:
        """Nowhere."""

    def pass_over(self, place: str, position: str) -> None:
        self.save(Progress(place, position, None, True))

    def close(self) -> None:
        """Nothing is held."""


class InFile(InMemory):
    """In a file of its own, replaced as a whole, on the disk before the next fact is handed out.

    A crash between dealing with a fact and keeping that hands this one fact out again: what is done
    with it must bear a repeat, by its id.
    """

    def __init__(self, path: str | os.PathLike[str], *, window: int = WINDOW) -> None:
        super().__init__(window)
        self._path = Path(path)
        self._lock = _locked(self._path)
        try:
            kept: dict[str, Any] = json.loads(self._path.read_text())
            self._positions = {str(k): str(v) for k, v in kept["positions"].items()}
            self._sequences = {str(k): int(v) for k, v in kept["sequences"].items()}
            self._events = dict.fromkeys(kept["events"])
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.close()
            raise BadCheckpoint(f"{self._path} is no checkpoint of ltc-client: {error}") from error

    def save(self, progress: Progress) -> None:
        super().save(progress)
        self._write()

    def _write(self) -> None:
        kept = {
            "positions": self._positions,
            "sequences": self._sequences,
            "events": list(self._events),
        }
        beside = self._path.with_name(f"{self._path.name}.new")
        with beside.open("w") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Let another process have the file."""
        os.close(self._lock)


def _locked(path: Path) -> int:
    """Held until it is closed, or the process ends, however it ends."""
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    if fcntl is not None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise Superseded(f"another process works with {path}") from error
    return lock


def _bound(kept: dict[str, Any], size: int) -> None:
    while len(kept) > size:
        del kept[next(iter(kept))]
