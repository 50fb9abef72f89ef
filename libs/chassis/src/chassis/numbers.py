"""Human numbers: from sequences, and series without gaps for what the law counts."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import bulk

LARGEST_BLOCK = 64


class Numbers:
    """The numbers that one transaction takes."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._next: dict[str, int] = {}
        self._blocks: dict[str, list[int]] = {}
        self._block_size: dict[str, int] = {}

    async def of_sequence(self, series: str) -> int:
        """The next number of a sequence. Gaps are possible, contention is not."""
        block = self._blocks.get(series)
        if not block:
            # One for a lone request; a batch asks again and gets ever larger blocks.
            size = min(LARGEST_BLOCK, 8 * self._block_size.get(series, 0)) or 1
            self._block_size[series] = size
            rows = await bulk.fetch(
                self._connection,
                "SELECT nextval($1::text::regclass) FROM generate_series(1, $2)",
                f"number_{series.lower()}",
                size,
            )
            block = self._blocks[series] = [row[0] for row in rows][::-1]
        return block.pop()

    async def gapless(self, series: str) -> int:
        """The next number of a series without gaps. Holds the series until the transaction ends."""
        if series not in self._next:
            await bulk.execute(
                self._connection,
                "INSERT INTO number_series (series, next_value) VALUES ($1, 1)"
                " ON CONFLICT DO NOTHING",
                series,
            )
            row = await bulk.first(
                self._connection,
                "SELECT next_value FROM number_series WHERE series = $1 FOR UPDATE",
                series,
            )
            self._next[series] = row[0]
        value = self._next[series]
        self._next[series] = value + 1
        return value

    def taken(self) -> dict[str, int]:
        """What the gapless series go on with, to return to by `give_back`."""
        return dict(self._next)

    def give_back(self, taken: dict[str, int]) -> None:
        self._next = dict(taken)

    def write(self, writes: bulk.Writes) -> None:
        """Note where the gapless series go on."""
        for series, value in self._next.items():
            writes.add("UPDATE number_series SET next_value = $2 WHERE series = $1", series, value)
