"""The stored keys of leads: which leads exist already, and which may be the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from chassis import bulk
from chassis.tables import table_of
from chassis.transaction import Transaction
from lead_svc.domain.identity import MOST_CANDIDATES, Keys
from lead_svc.storage import CURRENT, CandidateRow, DedupeRow

FIND = """
SELECT key, lead_id, number, true AS certain FROM dedupe_key
WHERE key = ANY($1::text[]) AND rule <> 0
UNION ALL
SELECT c.key, c.lead_id, c.number, false FROM unnest($2::text[]) AS wanted (key)
CROSS JOIN LATERAL (
    SELECT key, lead_id, number FROM candidate_key
    WHERE candidate_key.key = wanted.key ORDER BY lead_id DESC LIMIT 20) c
"""
TAKE_OVER = """
ON CONFLICT (key) DO UPDATE SET lead_id = excluded.lead_id, number = excluded.number,
    rule = excluded.rule WHERE dedupe_key.rule = 0
"""


class Known(NamedTuple):
    """A stored lead."""

    lead_id: UUID
    number: str


@dataclass
class Found:
    """Stored leads by the keys that were looked up."""

    certain: dict[str, Known] = field(default_factory=dict)
    possible: dict[str, list[Known]] = field(default_factory=dict)

    def candidates(self, keys: Keys, own: UUID) -> list[str]:
        """Numbers of leads that may be the lead of these keys, the newest first."""
        found = [k for key in keys.possible for k in self.possible.get(key, ())]
        others = dict.fromkeys(known.number for known in found if known.lead_id != own)
        return list(others)[:MOST_CANDIDATES]

    def add(self, keys: Keys, lead: Known) -> None:
        """A lead that the same request has stored."""
        for key in keys.possible:
            self.possible.setdefault(key, []).insert(0, lead)


async def find(tx: Transaction, keys: Sequence[Keys]) -> Found:
    """The stored leads that share keys with those offered."""
    certain = {key for one in keys for key in one.certain}
    possible = {key for one in keys for key in one.possible}
    found = Found()
    for row in await tx.read(FIND, list(certain), list(possible)):
        known = Known(row["lead_id"], row["number"])
        if row["certain"]:
            found.certain[row["key"]] = known
        else:
            found.possible.setdefault(row["key"], []).append(known)
    return found


async def claim(tx: Transaction, leads: Sequence[tuple[Keys, Known]]) -> Mapping[str, Known]:
    """Store the keys of new leads. Returns the owner of each key when another transaction has
    stored one of them in the meantime, and nothing otherwise."""
    claims = {key: lead for keys, lead in leads for key in keys.certain}
    rows = [
        {"key": key, "lead_id": claims[key].lead_id, "number": claims[key].number, "rule": CURRENT}
        for key in sorted(claims)
    ]
    written = await bulk.insert(tx.connection, table_of(DedupeRow), rows, on_conflict=TAKE_OVER)
    if written == len(rows):
        return {}
    return (await find(tx, [Keys(tuple(claims))])).certain


async def keep_candidates(tx: Transaction, leads: Collection[tuple[Keys, Known]]) -> None:
    """Store the keys by which a person may find that two leads are one."""
    rows = sorted((key, lead.lead_id, lead.number) for keys, lead in leads for key in keys.possible)
    await bulk.insert(
        tx.connection,
        table_of(CandidateRow),
        [{"key": key, "lead_id": lead_id, "number": number} for key, lead_id, number in rows],
        on_conflict="ON CONFLICT DO NOTHING",
    )
