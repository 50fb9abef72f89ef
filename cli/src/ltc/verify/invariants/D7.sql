-- sentence: No consumer has told Kafka that it is past an event on which it has no verdict.
-- kind: safety
-- severity: critical
-- The offsets are read before the databases, so whatever lies below them must be there.
SELECT d.consumer || ' is past ' || d.topic || '/' || d.partition || ' at ' || d.position || ' without a verdict on ' || coalesce(d.type, 'it')
       || ' of ' || coalesce(n.name, d.key) || ' (event ' || d.event_id || ')' AS what, d.journey_id
FROM delivery d LEFT JOIN named n ON n.id = d.key
WHERE d.passed AND NOT d.applied AND d.parked IS NULL
