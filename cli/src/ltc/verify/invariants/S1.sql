-- sentence: The hub's feed has every fact exactly once, as its service said it, and nothing else.
-- kind: both
-- severity: critical
-- A record that nobody can read is no fact, unless its service has said it; a person may have given one up, the hub by itself may not.
-- Of a day that the feed has let go of nothing can be asked. What no topic holds any more is asked of the event logs.
WITH fed AS (
  SELECT event_id, count(*) AS n FROM feed GROUP BY event_id
), kept AS (
  SELECT CASE WHEN f.position = 0 THEN '-infinity'::TIMESTAMPTZ
              ELSE (SELECT min(seen_at) + INTERVAL 1 MINUTE FROM feed) END AS since
  FROM feed_floor f
), given_up AS (
  SELECT p.event_id FROM parked p JOIN act a ON a.service = p.service AND a.event_id = p.event_id AND a.action = 'skip'
  WHERE p.consumer = 'hub' AND p.state = 'skipped' AND NOT a.by_rule
)
SELECT 'The feed has not got ' || d.type || ' number ' || d.version || ' of ' || coalesce(n.name, d.key) || ' (event ' || d.event_id || ')' AS what,
       d.journey_id
FROM delivery d ANTI JOIN fed USING (event_id) LEFT JOIN named n ON n.id = d.key
WHERE d.consumer = 'hub' AND d.applied AND d.event_id NOT IN (FROM given_up) AND d.put_at > (SELECT since FROM kept)
UNION ALL
SELECT 'The hub has ' || CASE WHEN p.event_id IS NULL THEN 'never heard ' ELSE 'set aside ' END || s.type || ' number ' || s.version || ' of ' || coalesce(n.name, s.subject) || ' (event ' || s.id || '), which '
       || s.service || '-svc has published', s.journey_id
FROM said s JOIN heard h ON h.consumer = 'hub' AND h.type = s.type AND s.published_at > h.since + INTERVAL 5 MINUTES
ANTI JOIN fed ON fed.event_id = s.id
ANTI JOIN inbox i ON i.consumer = 'hub' AND i.event_id = s.id
LEFT JOIN parked p ON p.consumer = 'hub' AND p.event_id = s.id
LEFT JOIN named n ON n.id = s.subject
WHERE s.place = 'log' AND s.published_at > (SELECT since FROM kept) AND settled()
UNION ALL
SELECT 'The feed has ' || f.type || ' of ' || coalesce(n.name, f.subject::VARCHAR) || ' (event ' || f.event_id || ') ' || fed.n || ' times', f.journey_id
FROM fed JOIN feed f USING (event_id) LEFT JOIN named n ON n.id = f.subject::VARCHAR
WHERE fed.n > 1 GROUP BY ALL
UNION ALL
SELECT 'The feed has ' || f.type || ' of ' || coalesce(n.name, f.subject::VARCHAR) || ' at ' || f.position || ' (event ' || f.event_id || '), '
       || CASE WHEN k.id IS NULL THEN 'which nobody has said' ELSE 'otherwise than it was said' END, f.journey_id
FROM feed f
ANTI JOIN said s ON s.id = f.event_id AND s.service = f.stage AND s.type = f.type AND s.subject = f.subject::VARCHAR AND s.version = f.sequence
  AND s.journey_id = f.journey_id AND s.hash = f.hash
LEFT JOIN (SELECT DISTINCT id FROM said) k ON k.id = f.event_id
LEFT JOIN named n ON n.id = f.subject::VARCHAR
