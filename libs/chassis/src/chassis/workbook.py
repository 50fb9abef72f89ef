"""``python -m chassis.workbook [SHEET]``: a sheet of the workbook on the input, as JSON.

A process of its own, so that what a hostile workbook makes the parser do ends here. Without a name
the first visible sheet is read.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
from datetime import date, datetime
from decimal import Decimal

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

MEMORY = 512 * 1024 * 1024
CPU_S = 45


def cell_text(value: object) -> str:
    """A cell as its spreadsheet would write it plainly: 15 digits, no exponent, ISO dates."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{Decimal(f'{value:.15g}'):f}"
    return str(value)


def read(body: bytes, named: str | None) -> dict[str, object]:
    """The rows of the sheet with its name and those of all sheets; or that there is none."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(body))
    sheets = [s for s in book.sheets_metadata if s.typ is SheetTypeEnum.WorkSheet]
    visible = [s.name for s in sheets if s.visible is SheetVisibleEnum.Visible]
    names = [s.name for s in sheets]
    chosen = named if named is not None else next(iter(visible), None)
    if chosen is None:
        sys.exit("it has no visible sheet")
    if chosen not in names:
        return {"missing": True, "sheets": names}
    rows = book.get_sheet_by_name(chosen).to_python(skip_empty_area=False)
    cells = [[cell_text(cell) for cell in row] for row in rows]
    return {"missing": False, "sheet": chosen, "sheets": names, "rows": cells}


def main() -> None:
    with contextlib.suppress(ValueError):  # macOS knows no such limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer = read(sys.stdin.buffer.read(), sys.argv[1] if len(sys.argv) > 1 else None)
    except CalamineError as error:
        sys.exit(str(error))
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
