-- sentence: The state that the hub gives of each object stands at the last fact of it that is folded, and the whole feed gets folded.
-- kind: both
-- severity: critical
-- Facts of objects that came to rest before the feed's first day are gone; their states stay and are not judged.
WITH last AS (
  SELECT f.stage, f.subject, max(f.sequence) AS sequence, arg_max(f.event_id, f.sequence) AS event_id, min(f.journey_id) AS journey_id
  FROM feed f WHERE f.position <= (SELECT position FROM fold) GROUP BY f.stage, f.subject
)
SELECT 'The hub''s state of ' || coalesce(n.name, coalesce(l.subject, s.aggregate_id)::VARCHAR) || ' as ' || coalesce(l.stage, s.stage) || ' tells it '
       || CASE WHEN s.stage IS NULL THEN 'is missing; the feed is at number ' || l.sequence
               WHEN l.stage IS NULL THEN 'stands at number ' || s.sequence || ', and the feed has never had a fact of it'
               ELSE 'stands at number ' || s.sequence || ' (event ' || s.event_id || '), the feed at ' || l.sequence || ' (event ' || l.event_id || ')'
          END AS what,
       coalesce(l.journey_id, s.journey_id) AS journey_id
FROM last l FULL JOIN state s ON s.stage = l.stage AND s.aggregate_id = l.subject
LEFT JOIN named n ON n.id = coalesce(l.subject, s.aggregate_id)::VARCHAR
WHERE s.stage IS NULL OR (l.stage IS NULL AND (SELECT position = 0 FROM feed_floor))
   OR s.sequence <> l.sequence OR s.event_id <> l.event_id
UNION ALL
SELECT 'The hub has folded ' || count(*) || ' facts of its feed into no state, the oldest seen ' || strftime(min(seen_at), '%Y-%m-%d %H:%M:%S'), NULL
FROM feed WHERE position > (SELECT position FROM fold) AND seen_at < (SELECT started - INTERVAL 1 MINUTE FROM run) AND settled()
HAVING count(*) > 0
