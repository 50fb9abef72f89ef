"""``ltc verify``: whether an installation's databases, topics and outside records agree.

Everything is loaded into a scratch database and asked there in SQL, one file a rule
(`ltc.verify.rules`). That database is DuckDB, in this process: a run leaves nothing behind and
writes nowhere, which a scratch PostgreSQL database on the server under test would; it takes in
PostgreSQL's CSV at a million values a second and joins hundreds of thousands of rows in
milliseconds without indexes; it reads the JSON of facts and aggregates as they are. The price is
one more dialect of SQL and 20 MB; SQLite has no hash joins, and reading rows into Python would
be slower than everything else together.

The order in which things are looked at is what keeps a busy, healthy platform from being accused:

1. what others noted (the history) and how far each consumer group says it has come;
2. how far the topics reach: records below that are *early*;
3. one snapshot of each database, the latest stage first;
4. how far the topics reach now; they are read to there, and the bank's statement after that.

So an early record's row, a committed offset's verdict and an upstream object are always in a
snapshot if they are anywhere, and a row that says "published" is always on the topic read after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from local_infra.processes import run_sync
from ltc.settings import Settings
from ltc.verify.report import Finding, Report, Violation
from ltc.verify.sources import CannotCheck, Sources

__all__ = ["CannotCheck", "Finding", "Report", "Sources", "Violation", "verify"]


def verify(
    where: Settings | Sources,
    *,
    only: Sequence[str] = (),
    history: Path | None = None,
    statement: Path | None = None,
    settled: bool = False,
    wait_s: float = 0.0,
    say: Callable[[str], None] | None = None,
) -> Report:
    """Check an installation. ``settled`` or ``wait_s`` ask for a quiet platform and make not being
    so a violation; without them rules that need quiet are judged only if it happens to be.

    Also callable from within a running loop. Raises CannotCheck with one sentence.
    """
    from ltc.verify.run import Wish, check  # a second that no other command needs to wait

    sources = Sources.of(where) if isinstance(where, Settings) else where
    return run_sync(check(sources, Wish(only, history, statement, settled, wait_s), say))
