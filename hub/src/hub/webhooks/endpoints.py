"""What a subscriber does with endpoints of theirs. Others have none, as far as they can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis import bulk
from chassis.audit import audit
from chassis.domain import Conflict, NotFound
from chassis.http import Seen, refuse_other
from chassis.transaction import Transaction
from contracts.ids import new_id
from hub.webhooks import pending
from hub.webhooks.choosing import Choice
from hub.webhooks.retrying import State
from hub.webhooks.signature import Scheme, Secret
from hub.webhooks.storage import DeliveryRow, EndpointRow, EndpointSecretRow
from hub.webhooks.vault import Vault

SEE_ALL = frozenset({"admin", "ops", "auditor"})
OVERLAP = timedelta(hours=24)
"""How long the old secret still signs, unless the caller says otherwise."""

ONE = """
SELECT f.position, f.seen_at, f.event_id, f.type, f.stage, f.subject, f.owner, f.amount_minor,
  f.currency
FROM delivery d JOIN feed f ON f.seen_at = d.seen_at AND f.position = d.position
WHERE d.endpoint_id = $1 AND d.event_id = $2
"""
PENDING_ARE_DUE = """
UPDATE delivery SET next_at = $2, attempts = 0 WHERE endpoint_id = $1 AND state = 'pending'
"""


@dataclass(frozen=True, slots=True)
class Made:
    """A secret, with the one chance to read it."""

    row: EndpointSecretRow
    secret: Secret


async def find(endpoint_id: UUID, tx: Transaction, *, lock: bool = False) -> EndpointRow:
    """The endpoint, when it is the asker's or the asker sees all. Raises NotFound."""
    if lock:  # in the order of those who send: else each may wait for the other
        await tx.read(pending.HOLD)
    row = await tx.session.get(EndpointRow, endpoint_id, with_for_update=lock or None)
    if row is None or not (tx.actor.roles & SEE_ALL or row.subscriber == tx.actor.sub):
        raise NotFound(f"there is no endpoint {endpoint_id}")
    return row


async def create(
    tx: Transaction,
    vault: Vault,
    *,
    subscriber: str,
    url: str,
    description: str,
    choice: Choice,
    ordered: bool,
    scheme: Scheme,
) -> tuple[EndpointRow, Made]:
    """A new endpoint. It gets every fact that the feed deals out from now on."""
    held = await tx.scalar_row(pending.HOLD)
    row = EndpointRow(
        id=new_id(),
        subscriber=subscriber,
        url=url,
        description=description,
        ordered=ordered,
        from_position=held["position"],
        enabled=True,
        revision=1,
        created_at=tx.now,
        **_columns(choice),
    )
    tx.session.add(row)
    made = _new_secret(tx, vault, row.id, scheme)
    audit(tx, tx.actor, "create", "endpoint", str(row.id), after={"url": url})
    await tx.session.flush()
    return row, made


def _columns(choice: Choice) -> dict[str, Any]:
    return {
        "types": list(choice.types),
        "stages": list(choice.stages),
        "owners": list(choice.owners),
        "least_minor": choice.least_minor,
        "currency": choice.currency,
    }


def _new_secret(tx: Transaction, vault: Vault, endpoint_id: UUID, scheme: Scheme) -> Made:
    secret = Secret.new(scheme)
    row = EndpointSecretRow(
        id=new_id(),
        endpoint_id=endpoint_id,
        scheme=scheme,
        sealed=vault.seal(secret),
        public_key=secret.for_receiver if scheme == "ed25519" else None,
        created_at=tx.now,
    )
    tx.session.add(row)
    return Made(row, secret)


async def change(
    row: EndpointRow,
    tx: Transaction,
    *,
    seen: Seen,
    url: str | None,
    description: str | None,
    choice: Choice | None,
) -> None:
    """Change where facts go and, for what is dealt out from now on, which."""
    refuse_other(seen, row.revision, "endpoint")
    before = {"url": row.url}
    if url is not None and url != row.url:  # of whom we know nothing yet
        row.url, row.quiet_until = url, None
    row.description = description if description is not None else row.description
    if choice is not None:
        for name, value in _columns(choice).items():
            setattr(row, name, value)
    row.revision += 1
    audit(tx, tx.actor, "change", "endpoint", str(row.id), before=before, after={"url": row.url})


async def remove(row: EndpointRow, tx: Transaction) -> None:
    """Send it nothing more. What was logged goes with time."""
    await bulk.execute(tx.connection, "DELETE FROM endpoint_secret WHERE endpoint_id = $1", row.id)
    await bulk.execute(tx.connection, "DELETE FROM replay WHERE endpoint_id = $1", row.id)
    await tx.session.delete(row)
    audit(tx, tx.actor, "remove", "endpoint", str(row.id), before={"url": row.url})


async def valid_secrets(
    endpoint_ids: Sequence[UUID], tx: Transaction
) -> dict[UUID, list[EndpointSecretRow]]:
    """What deliveries are signed with now, the newest first; never the secrets themselves."""
    rows = await tx.read(
        "SELECT id, endpoint_id, scheme, public_key, created_at, expires_at FROM endpoint_secret"
        " WHERE endpoint_id = ANY($1::uuid[]) AND (expires_at IS NULL OR expires_at > $2)"
        " ORDER BY created_at DESC, id DESC",
        list(endpoint_ids),
        tx.now,
    )
    found: dict[UUID, list[EndpointSecretRow]] = {i: [] for i in endpoint_ids}
    for row in rows:
        found[row["endpoint_id"]].append(EndpointSecretRow(**row, sealed=""))
    return found


async def rotate(
    row: EndpointRow, tx: Transaction, vault: Vault, *, scheme: Scheme, overlap: timedelta
) -> Made:
    """A new secret; the old one signs beside it for a while. Raises Conflict while two are valid
    already, unless the old ones are to end at once."""
    valid = (await valid_secrets([row.id], tx))[row.id]
    if len(valid) > 1 and overlap:
        raise Conflict(
            f"two secrets are valid until {valid[-1].expires_at}: wait, or rotate with"
            " overlap_hours 0 if one of them is known to others"
        )
    await bulk.execute(
        tx.connection,
        "UPDATE endpoint_secret SET expires_at = least(expires_at, $2) WHERE endpoint_id = $1",
        row.id,
        tx.now + overlap,
    )
    made = _new_secret(tx, vault, row.id, scheme)
    audit(tx, tx.actor, "rotate secret", "endpoint", str(row.id), after={"scheme": scheme})
    return made


async def enable(row: EndpointRow, tx: Transaction) -> None:
    """Go on where it stopped, at once and with every retry anew."""
    row.enabled, row.notice, row.failing_since, row.quiet_until = True, None, None, None
    row.revision += 1
    await bulk.execute(tx.connection, PENDING_ARE_DUE, row.id, tx.now)
    audit(tx, tx.actor, "enable", "endpoint", str(row.id))


async def send_test(row: EndpointRow, tx: Transaction) -> UUID:
    """Have a test event sent; its id, by which its delivery is found. Raises Conflict."""
    if not row.enabled:
        raise Conflict("the endpoint is switched off: enable it first")
    event_id = new_id()
    tx.insert(
        DeliveryRow,
        endpoint_id=row.id,
        event_id=event_id,
        position=0,
        seen_at=tx.now,
        subject=new_id(),
        type="ltc.hub.test.v1",
        state=State.PENDING.value,
        turn=True,
        attempts=0,
        next_at=tx.now,
        lease=None,
        leased_until=None,
        created_at=tx.now,
        ended_at=None,
    )
    return event_id


async def resend(row: EndpointRow, event_id: UUID, tx: Transaction) -> None:
    """Deliver one fact again. Raises NotFound."""
    facts = await tx.read(ONE, row.id, event_id)
    if not facts:
        raise NotFound(f"{event_id} was never for this endpoint, or is kept no more")
    await pending.send_again(tx, row.model_dump(), facts)
    audit(tx, tx.actor, "resend", "endpoint", str(row.id), after={"event_id": str(event_id)})


async def backlogs(endpoint_ids: Sequence[UUID], tx: Transaction) -> dict[UUID, Any]:
    """How much waits for each endpoint, since when, and when the next attempt is."""
    rows = await tx.read(
        "SELECT endpoint_id, count(*) AS pending, min(created_at) AS oldest_at,"
        " min(next_at) FILTER (WHERE turn) AS next_attempt_at FROM delivery"
        " WHERE state = 'pending' AND endpoint_id = ANY($1::uuid[]) GROUP BY endpoint_id",
        list(endpoint_ids),
    )
    return {row["endpoint_id"]: row for row in rows}
