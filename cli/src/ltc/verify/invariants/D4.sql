-- sentence: Every event has exactly one verdict at each consumer that hears it: applied, waiting, or given up with its bytes kept and who did it in the audit.
-- kind: both
-- severity: critical
SELECT d.consumer || ' has no verdict on ' || d.type || ' number ' || d.version || ' of ' || coalesce(n.name, d.key)
       || ' (event ' || d.event_id || ')' AS what, d.journey_id
FROM delivery d LEFT JOIN named n ON n.id = d.key
WHERE NOT d.applied AND d.parked IS NULL AND settled()
UNION ALL
SELECT d.consumer || ' has applied ' || d.type || ' of ' || coalesce(n.name, d.key) || ' and still keeps it as ' || d.parked
       || ' (event ' || d.event_id || ')', d.journey_id
FROM delivery d LEFT JOIN named n ON n.id = d.key
WHERE d.applied AND d.parked IN ('waiting', 'dead')
UNION ALL
SELECT p.consumer || ' keeps message ' || p.id || ' (' || coalesce(p.type, 'no type') || ' of ' || p.key || ') without its original bytes',
       p.journey_id
FROM parked p JOIN on_topic r ON r.event_id = p.event_id AND r.topic = p.topic
GROUP BY p.consumer, p.id, p.type, p.key, p.journey_id, p.hash
HAVING NOT bool_or(coalesce(p.hash, '') = r.hash)
UNION ALL
SELECT p.consumer || ' keeps message ' || p.id || ' (' || coalesce(p.type, 'no type') || ' of ' || p.key || ') as ' || p.state
       || ', and its audit does not say who did that', p.journey_id
FROM parked p ANTI JOIN act a ON a.service = p.service AND a.event_id = p.event_id AND a.action = CASE p.state WHEN 'edited' THEN 'edit' ELSE 'skip' END
WHERE p.state IN ('skipped', 'edited')
UNION ALL
SELECT e.consumer || ' took event ' || e.new_event_id || ' in the place of ' || e.event_id || ' (' || e.key || '): '
       || coalesce(e.decided_by || ' approved what they had proposed', 'nobody approved it'), e.journey_id
FROM edit e WHERE e.decided_by IS NULL OR e.decided_by = e.proposed_by
UNION ALL
SELECT v.consumer || ' has a verdict on event ' || v.event_id || ', which no topic holds', NULL
FROM (SELECT consumer, event_id FROM inbox UNION ALL SELECT consumer, event_id FROM parked) v
ANTI JOIN on_topic r ON r.event_id = v.event_id
ANTI JOIN (
  -- What two people put in the place of a message that is on its topic, and that is kept as it came.
  SELECT e.consumer, e.new_event_id AS event_id FROM edit e
  JOIN parked p ON p.consumer = e.consumer AND p.event_id = e.event_id AND p.state = 'edited'
) m ON m.consumer = v.consumer AND m.event_id = v.event_id
WHERE NOT EXISTS (FROM forgotten)
