"""What comes from a Maven repository: fetched by name, checked by a lock, kept in a cache."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from local_infra.errors import CannotStart, MissingPrerequisite

CACHE = Path(os.environ.get("LTC_CACHE", Path.home() / ".cache" / "ltc"))

Progress = Callable[[int, int], None]


def is_whole(path: Path, digest: str) -> bool:
    """Whether a file is there and is what the lock says."""
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


@dataclass(frozen=True)
class Jars:
    """The files of one lock: lines of ``group:artifact:version[:classifier] sha256:…``."""

    whose: str
    lock: Path
    folder: Path
    extension: str = "jar"

    def locked(self) -> list[tuple[str, str]]:
        pairs = [line.split(" sha256:") for line in self.lock.read_text().splitlines() if line]
        return [(coordinates, digest) for coordinates, digest in pairs]

    def file(self, coordinates: str) -> Path:
        return self.folder / f"{coordinates.replace(':', '_')}.{self.extension}"

    def missing(self) -> int:
        """How many are not in the cache yet."""
        return sum(not self.file(coordinates).exists() for coordinates, _ in self.locked())

    def ensure(self, progress: Progress | None = None) -> Path:
        """Fetch what is missing, eight at a time; returns the folder. Offline once complete."""
        locked = self.locked()
        stamp = self.folder / ".complete"
        digest = hashlib.sha256(self.lock.read_bytes()).hexdigest()
        if stamp.exists() and stamp.read_text() == digest and not self.missing():
            return self.folder
        self.folder.mkdir(parents=True, exist_ok=True)
        missing = [(c, d) for c, d in locked if not is_whole(self.file(c), d)]
        done = len(locked) - len(missing)
        with contextlib.redirect_stdout(io.StringIO()), ThreadPoolExecutor(8) as pool:
            for _ in pool.map(lambda pair: self._fetch(*pair), missing):
                done += 1
                if progress is not None:
                    progress(done, len(locked))
        stamp.write_text(digest)
        return self.folder

    def _fetch(self, coordinates: str, digest: str) -> None:
        # Not worth the wait of every command: what is in the cache is not fetched.
        from maven_artifact import Artifact, Downloader
        from maven_artifact.requestor import RequestException

        target = self.file(coordinates)
        group, artifact, version, *classifier = coordinates.split(":")
        part = target.with_suffix(f".{os.getpid()}.part")
        wanted = Artifact(
            group, artifact, version, classifier[0] if classifier else None, self.extension
        )
        last: Exception | None = None
        for _ in range(3):
            try:
                Downloader().download(wanted, filename=str(part))
            except (RequestException, OSError) as error:
                last = error
                continue
            if is_whole(part, digest):
                part.replace(target)
                return
            last = CannotStart(f"{coordinates} is not what {self.lock.name} says")
        part.unlink(missing_ok=True)
        raise MissingPrerequisite(
            f"{self.whose}'s {coordinates} could not be fetched ({last}); check the network and"
            " try again, what was fetched is kept"
        )
