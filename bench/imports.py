"""How long an import of 10,000 leads takes: a dry run, and the real one."""

from __future__ import annotations

import csv
import io
import time
from uuid import uuid4

import httpx

from bench.platform import Platform

ROWS = 10_000
MAPPING = """
columns:
  Id: origin.external_id
  Name: contact.name
  Mail: contact.email
  Company: company.name
constants:
  origin.source_system: bench
  origin.channel: website
"""


def leads(rows: int) -> str:
    """A CSV file of so many leads, no two alike."""
    run, text = uuid4().hex[:6], io.StringIO()
    out = csv.writer(text)
    out.writerow(["Id", "Name", "Mail", "Company"])
    for n in range(rows):
        out.writerow([f"I-{run}-{n}", f"Person {n}", f"i{run}{n}@example.cn", f"Firm {run} {n}"])
    return text.getvalue()


async def imported(platform: Platform) -> dict[str, float]:
    """Seconds from the upload to the account of every row. Raises ValueError when one is not
    accepted."""
    url = f"{platform.settings.url('lead')}/leads/imports"
    file = leads(ROWS)
    figures: dict[str, float] = {}
    async with httpx.AsyncClient(headers=platform.headers, timeout=300) as client:
        for figure, dry_run in (("import_dry_run_s", "true"), ("import_s", "false")):
            files = {"file": ("leads.csv", file), "mapping": ("map.yaml", MAPPING)}
            began = time.perf_counter()
            answer = await client.post(url, files=files, data={"dry_run": dry_run})
            figures[figure] = time.perf_counter() - began
            accepted = answer.raise_for_status().json()["accepted"]
            if accepted != ROWS:
                raise ValueError(f"{accepted} of {ROWS} rows were accepted: {answer.text[:500]}")
    return figures
