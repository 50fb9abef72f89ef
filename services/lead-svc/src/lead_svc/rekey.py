"""Deriving the keys of stored leads anew, by the current rule (`lead_svc.domain.identity`).

The migration that brings a rule runs it until nothing is left. A timer of the service runs it for
leads that the version before stores beside the migration. It may stop anywhere and goes on where it
was, since each row carries the rule that derived it.

A key that two leads derive stays with the lead that has it; the other becomes a candidate. Events
and the register of parties keep what they have.
"""

from __future__ import annotations

import contextlib
from typing import Any

from sqlalchemy import Connection

from contracts.terms import Origin
from lead_svc.domain.identity import Keys, UnreadableField, keys_of, read_email
from lead_svc.storage import CURRENT

PORTION = 500
ANY_EARLIER = "(SELECT rule FROM dedupe_key WHERE rule = 1 ORDER BY lead_id LIMIT 1) IS NOT NULL"
EARLIER = """
SELECT k.lead_id, l.number, l.body FROM (
    SELECT DISTINCT lead_id FROM (
        SELECT lead_id FROM dedupe_key WHERE rule = 1
        ORDER BY lead_id LIMIT $1 FOR UPDATE SKIP LOCKED) one) k
LEFT JOIN lead l ON l.id = k.lead_id ORDER BY k.lead_id
"""
STORE = f"""
INSERT INTO dedupe_key (key, lead_id, number, rule)
SELECT key, lead_id, number, {CURRENT}
FROM unnest($1::text[], $2::uuid[], $3::text[]) AS n (key, lead_id, number) ORDER BY key
ON CONFLICT (key) DO UPDATE SET lead_id = excluded.lead_id, number = excluded.number,
    rule = excluded.rule WHERE dedupe_key.rule = 0 OR dedupe_key.lead_id = excluded.lead_id
"""  # noqa: S608
STORE_CANDIDATES = """
INSERT INTO candidate_key (key, lead_id, number)
SELECT key, lead_id, number
FROM unnest($1::text[], $2::uuid[], $3::text[]) AS n (key, lead_id, number)
ON CONFLICT DO NOTHING
"""
KEYS_OF_TWO = """
SELECT n.key, k.lead_id, k.number, n.lead_id, n.number
FROM unnest($1::text[], $2::uuid[], $3::text[]) AS n (key, lead_id, number)
JOIN dedupe_key k ON k.key = n.key AND k.lead_id <> n.lead_id
"""
RETIRE = "UPDATE dedupe_key SET rule = 0 WHERE rule = 1 AND lead_id = ANY($1::uuid[])"


def rekey(connection: Connection, most: int = PORTION) -> int:
    """Derive the keys of leads with up to ``most`` earlier keys; returns the number of leads."""
    leads = connection.exec_driver_sql(EARLIER, (most,)).all()
    if not leads:
        return 0
    certain, possible = [], []
    for lead_id, number, body in leads:
        keys = _keys(body) if body else Keys()
        certain += [(key, lead_id, number) for key in keys.certain]
        possible += [(key, lead_id, number) for key in keys.possible]
    first = {key: (key, lead_id, number) for key, lead_id, number in reversed(certain)}
    connection.exec_driver_sql(STORE, _columns(list(first.values())))
    for key, owner, of_owner, other, of_other in connection.exec_driver_sql(
        KEYS_OF_TWO, _columns(certain)
    ):
        possible += [(key, owner, of_owner), (key, other, of_other)]
    connection.exec_driver_sql(STORE_CANDIDATES, _columns(possible))
    connection.exec_driver_sql(RETIRE, ([lead_id for lead_id, _, _ in leads],))
    return len(leads)


def _keys(body: dict[str, Any]) -> Keys:
    """The keys of a stored lead. An address that only an earlier rule accepted is its own key."""
    contact = body["contact"]
    email = contact.get("email")
    with contextlib.suppress(UnreadableField):
        email = read_email(email)
    return keys_of(
        email=email,
        phone=contact.get("phone"),
        company=(body.get("account") or {}).get("name"),
        name=contact["name"],
        origin=Origin.model_validate(body["origin"]),
    )


def _columns(rows: list[tuple[str, Any, str]]) -> tuple[list[Any], ...]:
    """Rows as the arrays that ``unnest`` takes."""
    return tuple([list(column) for column in zip(*rows, strict=True)]) or ([], [], [])
