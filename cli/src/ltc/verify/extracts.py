"""What is read from each database: queries whose rows become tables of the scratch database."""

from __future__ import annotations

from dataclasses import dataclass

from ltc.settings import CONSOLE, HUB, SUBSCRIBERS


@dataclass(frozen=True)
class Extract:
    """Rows of one database that go into one scratch table. Several services may fill the same."""

    table: str
    query: str


_SAID = """
SELECT '{service}' AS service, '{place}' AS place, seq, id, topic, key, {subject} AS subject,
       {version} AS version, type, (headers->>'ce_source') AS source,
       (headers->>'ce_correlationid')::uuid AS journey_id,
       (headers->>'ce_causationid')::uuid AS causation_id,
       md5(payload) AS hash, md5(convert_from(payload, 'UTF8')::jsonb::text) AS content,
       created_at, {published_at} AS published_at, {error} AS error,
       convert_from(payload, 'UTF8')::json AS payload
FROM {table}
"""
_NO_TIME, _NO_TEXT = "NULL::timestamptz", "NULL::text"
_UNSAID = "outbox WHERE aggregatetype <> 'state'"
"""Facts that are published again stand in the log already."""
_REFUSED = "outbox_dead WHERE skipped_at IS"
_SEQUENCE = "(headers->>'ce_sequence')::bigint"
_PLACES = (
    ("log", "event_log", "aggregateid", "aggregate_version", "published_at", _NO_TEXT),
    ("outbox", _UNSAID, "aggregateid", "aggregate_version", _NO_TIME, _NO_TEXT),
    ("dead", f"{_REFUSED} NULL", "key", _SEQUENCE, _NO_TIME, "error"),
    ("skipped", f"{_REFUSED} NOT NULL", "key", _SEQUENCE, _NO_TIME, "error"),
)

_EVERYWHERE = (
    Extract("inbox", "SELECT '{service}' AS service, consumer, event_id, received_at FROM inbox"),
    Extract(
        "parked",
        "SELECT '{service}' AS service, id, consumer, event_id, topic, key, type, state, error,"
        " journey_id, parked_at, raw IS NOT NULL AS has_raw, md5(raw) AS hash FROM parked_message",
    ),
    Extract(
        "edit",
        "SELECT '{service}' AS service, consumer, topic, key, event_id, new_event_id, journey_id,"
        " proposed_by, decided_by FROM payload_edit WHERE new_event_id IS NOT NULL"
        " AND consumer <> 'outbox'",
    ),
    Extract(
        "act",
        "SELECT '{service}' AS service, action, actor_sub LIKE 'system:%' AS by_rule,"
        " (CASE action WHEN 'skip' THEN after ELSE before END ->> 'event_id')::uuid AS event_id"
        " FROM audit WHERE action IN ('skip', 'edit') AND object_type LIKE 'parked:%'",
    ),
    Extract("parked_key", "SELECT '{service}' AS service, * FROM parked_key"),
    Extract("gate", "SELECT '{service}' AS service, * FROM gate"),
    Extract(
        "heard",
        "SELECT '{service}' AS service, consumer, split_part(topic, '/', 2) AS type, since"
        " FROM subscription WHERE topic LIKE '%/%'",
    ),
    Extract("series", "SELECT '{service}' AS service, series, next_value FROM number_series"),
    Extract(
        "guard",
        "SELECT '{service}' AS service, c.relname::text AS relation, t.tgname::text AS name,"
        " t.tgenabled::text AS enabled FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE NOT t.tgisinternal AND t.tgparentid = 0",
    ),
)
_OWN: dict[str, tuple[Extract, ...]] = {
    "lead": (Extract("lead", "SELECT * FROM lead"),),
    "deal": (Extract("deal", "SELECT * FROM deal"),),
    "quote": (Extract("quote", "SELECT * FROM quote"),),
    "contract": (Extract("contract", "SELECT * FROM contract"),),
    "order": (Extract("sales_order", "SELECT * FROM sales_order"),),
    "billing": (
        Extract("billing_account", "SELECT * FROM billing_account"),
        Extract("invoice", "SELECT * FROM invoice"),
        Extract("payment", "SELECT * FROM payment"),
        Extract("ledger_entry", "SELECT *, xmin::text AS written_by FROM ledger_entry"),
    ),
    CONSOLE: (
        Extract(
            "journey_event",
            "SELECT journey_id, event_id, type, source, subject, sequence, causation_id,"
            " md5(payload::jsonb::text) AS content FROM journey_event",
        ),
    ),
    HUB: (
        Extract(
            "feed",
            "SELECT position, seen_at, event_id, type, stage, subject, sequence, journey_id, owner,"
            " amount_minor, currency, md5(data) AS hash FROM feed",
        ),
        Extract("feed_floor", "SELECT position FROM feed_floor"),
        Extract("fold", "SELECT position FROM fold"),
        Extract(
            "state", "SELECT stage, aggregate_id, journey_id, sequence, event_id FROM snapshot"
        ),
        Extract("fan_out", "SELECT position FROM fan_out"),
        Extract(
            "endpoint",
            "SELECT id, url, to_json(types) AS types, to_json(stages) AS stages,"
            " to_json(owners) AS owners, least_minor, currency, from_position,"
            " (SELECT max(at) FROM audit WHERE object_type = 'endpoint' AND action = 'change'"
            " AND object_id = e.id::text) AS changed_at FROM endpoint e",
        ),
        Extract(
            "posting",
            "SELECT endpoint_id, event_id, position, subject, type, state, turn, ended_at"
            " FROM delivery",
        ),
        Extract("attempt", "SELECT endpoint_id, event_id, outcome FROM attempt"),
    ),
}


def extracts(service: str) -> list[Extract]:
    """Everything that is read from one service's database."""
    said = [
        Extract(
            "said",
            _SAID.format(
                service=service,
                place=place,
                table=table,
                subject=subject,
                version=version,
                published_at=published_at,
                error=error,
            ),
        )
        for place, table, subject, version, published_at, error in _PLACES
        if service not in SUBSCRIBERS
    ]
    common = [Extract(e.table, e.query.format(service=service)) for e in _EVERYWHERE]
    return [*said, *common, *_OWN[service]]
