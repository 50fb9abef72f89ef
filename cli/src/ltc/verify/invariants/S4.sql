-- sentence: Every fact that a webhook endpoint asked for is delivered, waits for its turn, or was given up with a record of the attempts.
-- kind: safety
-- severity: critical
-- What has ended is kept for 30 days. A filter counts for what was dealt out since it was last changed, less a minute in which both may have held.
WITH owed AS (
  SELECT e.id AS endpoint_id, e.url, f.event_id, f.type, f.subject, f.sequence, f.journey_id
  FROM endpoint e JOIN feed f ON f.position > e.from_position AND f.position <= (SELECT position FROM fan_out)
  WHERE f.seen_at > (SELECT started - INTERVAL 29 DAYS FROM run)
    AND (e.changed_at IS NULL OR f.seen_at > e.changed_at + INTERVAL 1 MINUTE)
    AND (json_array_length(e.stages) = 0 OR json_contains(e.stages, to_json(f.stage)))
    AND (json_array_length(e.owners) = 0 OR (f.owner IS NOT NULL AND json_contains(e.owners, to_json(f.owner))))
    AND (e.least_minor IS NULL OR (f.currency = e.currency AND f.amount_minor >= e.least_minor))
    AND (json_array_length(e.types) = 0 OR EXISTS (
      SELECT 1 FROM (SELECT unnest(from_json(e.types, '["VARCHAR"]')) AS asked) p,
        LATERAL (SELECT CASE WHEN asked LIKE 'ltc.%' OR asked LIKE '*%' THEN asked ELSE 'ltc.' || asked END AS name) q
      WHERE q.name IN (f.type, regexp_replace(f.type, '\.[^.]*$', ''))
         OR (q.name LIKE '%*' AND starts_with(f.type, left(q.name, -1)))))
), tried AS (
  SELECT endpoint_id, event_id, count(*) AS n, count(*) FILTER (outcome = 'accepted') AS accepted FROM attempt GROUP BY ALL
), stuck AS (
  SELECT endpoint_id, subject, count(*) AS n, min(type) AS type FROM posting
  WHERE state = 'pending' GROUP BY endpoint_id, subject HAVING NOT bool_or(turn)
)
SELECT 'Endpoint ' || o.url || ' was to get ' || o.type || ' number ' || o.sequence || ' of ' || coalesce(n.name, o.subject::VARCHAR) || ' (event '
       || o.event_id || '), and nothing is known of its delivery' AS what, o.journey_id
FROM owed o ANTI JOIN posting p ON p.endpoint_id = o.endpoint_id AND p.event_id = o.event_id
LEFT JOIN named n ON n.id = o.subject::VARCHAR
UNION ALL
SELECT 'Delivery of ' || p.type || ' (event ' || p.event_id || ') to ' || e.url || ' is said to be ' || replace(p.state, '_', ' ') || ' without '
       || CASE p.state WHEN 'delivered' THEN 'an attempt that was accepted' ELSE 'an attempt' END, NULL
FROM posting p JOIN endpoint e ON e.id = p.endpoint_id
LEFT JOIN tried t ON t.endpoint_id = p.endpoint_id AND t.event_id = p.event_id
WHERE p.ended_at > (SELECT started - INTERVAL 20 DAYS FROM run)
  AND ((p.state = 'delivered' AND coalesce(t.accepted, 0) = 0) OR (p.state = 'given_up' AND coalesce(t.n, 0) = 0))
UNION ALL
SELECT s.n || ' deliveries of ' || coalesce(n.name, s.subject::VARCHAR) || ' to ' || e.url || ' wait for their turn, and none has it', NULL
FROM stuck s JOIN endpoint e ON e.id = s.endpoint_id LEFT JOIN named n ON n.id = s.subject::VARCHAR
