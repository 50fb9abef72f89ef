-- sentence: Every record on a topic was said by the service that owns the topic: no ghosts, no forgeries.
-- kind: safety
-- severity: critical
-- Judged are records that were there before the databases were looked at; their rows were there even earlier.
SELECT 'Record ' || r.topic || '/' || r.partition || ' at ' || r.position || ' ('
       || coalesce(r.type, 'no type') || ', event ' || coalesce(r.event_id::VARCHAR, '?') || ') '
       || CASE WHEN r.stray THEN 'names no event'
               WHEN k.id IS NULL THEN split_part(r.topic, '.', 2) || '-svc has never said'
               ELSE 'has other content than ' || split_part(r.topic, '.', 2) || '-svc has said' END AS what,
       r.journey_id
FROM on_topic r
ANTI JOIN said s
  ON s.id = r.event_id AND s.topic = r.topic AND s.service = split_part(r.topic, '.', 2) AND s.key = r.key
 AND s.hash = r.hash AND s.type = r.type AND s.subject = r.subject AND s.version = r.version
 AND s.source = r.source AND s.journey_id = r.journey_id AND s.causation_id IS NOT DISTINCT FROM r.causation_id
LEFT JOIN (SELECT DISTINCT id, service FROM said) k ON k.id = r.event_id AND k.service = split_part(r.topic, '.', 2)
WHERE r.early
