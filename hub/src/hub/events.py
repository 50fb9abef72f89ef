"""A fact as people outside get it: CloudEvents 1.0 in JSON, less what they may not see."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any

import orjson

from contracts.envelope import SCHEMA_PATH, Envelope
from hub.personal import without_personal


def attributes(envelope: Envelope) -> str:
    """Everything about a fact but its data, as JSON text."""
    name, _, version = envelope.type.rpartition(".")
    said = {
        "specversion": "1.0",
        "id": str(envelope.id),
        "type": envelope.type,
        "source": envelope.source,
        "subject": envelope.subject,
        "time": envelope.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"{SCHEMA_PATH}/{name}/{version}",
        "sequence": f"{envelope.sequence:020d}",
        "correlationid": str(envelope.journey_id),
        "causationid": str(envelope.causation_id) if envelope.causation_id else None,
        "traceparent": envelope.traceparent,
        "partitionkey": envelope.partition_key or envelope.subject,
    }
    return json.dumps({k: v for k, v in said.items() if v is not None}, separators=(",", ":"))


def cloud_event(type_: str, envelope: str, data: str, *, personal: bool) -> str:
    """The CloudEvent of a row of the feed, as JSON text. Without the grant for personal data only
    what the schema knows, and does not mark, is in it."""
    if not personal:
        data = orjson.dumps(without_personal(type_, orjson.loads(data))).decode()
    return f'{envelope[:-1]},"data":{data}}}'


def known_types(patterns: Iterable[str], known: Sequence[str]) -> tuple[list[str], list[str]]:
    """The types that patterns name, and the patterns that name none. ``ltc.`` in front and the
    version behind may be left out; a ``*`` at the end stands for anything."""
    found: dict[str, None] = {}
    strange = []
    for pattern in patterns:
        full = pattern if pattern.startswith(("ltc.", "*")) else f"ltc.{pattern}"
        if full.endswith("*"):
            named = [name for name in known if name.startswith(full[:-1])]
        else:
            named = [name for name in known if full in (name, name.rpartition(".")[0])]
        if not named:
            strange.append(pattern)
        found |= dict.fromkeys(named)
    return list(found), strange


def as_page(name: str, events: Iterable[str], **more: Any) -> bytes:
    """A page of events, under a name, with what belongs to it, as JSON."""
    rest = orjson.dumps(more).decode()[1:]
    return f'{{"{name}":[{",".join(events)}],{rest}'.encode()
