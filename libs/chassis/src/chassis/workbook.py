"""``python -m chassis.workbook``: the first sheet of the workbook on the input, as JSON.

A process of its own, so that what a hostile workbook makes the parser do ends here.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
from datetime import date, datetime
from decimal import Decimal

from python_calamine import CalamineError, CalamineWorkbook

MEMORY = 512 * 1024 * 1024
CPU_S = 45


def cell_text(value: object) -> str:
    """A cell as its spreadsheet would write it plainly: 15 digits, no exponent, ISO dates."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{Decimal(f'{value:.15g}'):f}"
    return str(value)


def main() -> None:
    with contextlib.suppress(ValueError):  # macOS knows no such limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except CalamineError as error:
        sys.exit(str(error))
    json.dump([[cell_text(cell) for cell in row] for row in rows], sys.stdout)


if __name__ == "__main__":
    main()
