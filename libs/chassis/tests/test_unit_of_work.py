"""The unit of work: the effects of one message of a batch are reverted as a whole."""

from __future__ import annotations

import pytest

from chassis.bulk import Writes
from chassis.pending import Pending
from chassis.tables import NumberSeriesRow, table_of

TABLE = table_of(NumberSeriesRow)


def written(pending: Pending) -> list[list[str]]:
    """The series of each part that would be written."""
    writes = Writes()
    pending.write_rows(writes)
    return [value for value in writes._values if value and isinstance(value[0], str)]


@pytest.mark.parametrize("if_new", [False, True])
def test_unit_of_work_reverts_all_rows_since_the_mark(if_new: bool) -> None:
    pending = Pending()
    pending.add(TABLE, {"series": "A", "next_value": 1}, if_new=if_new)
    mark = pending.mark()
    pending.add(TABLE, {"series": "B", "next_value": 1}, if_new=False)
    pending.add(TABLE, {"series": "C", "next_value": 1}, if_new=True)
    pending.say({"type": "said"})

    pending.revert(mark)

    assert (written(pending), pending.facts) == ([["A"]], 0)
