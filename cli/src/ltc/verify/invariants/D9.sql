-- sentence: What is derived from facts alone is what replaying the topics would give: the console files each fact once, as it was said.
-- kind: safety
-- severity: serious
-- For the other databases replay is an operation: compare `ltc verify --hash` before and after.
WITH given_up AS (
  SELECT p.event_id FROM parked p JOIN act a ON a.service = p.service AND a.event_id = p.event_id AND a.action = 'skip'
  WHERE p.consumer = 'console' AND p.state = 'skipped' AND NOT a.by_rule
)
SELECT 'The console has not filed ' || d.type || ' number ' || d.version || ' of ' || coalesce(n.name, d.key) || ' (event ' || d.event_id || ')' AS what,
       d.journey_id
FROM delivery d ANTI JOIN journey_event j ON j.event_id = d.event_id LEFT JOIN named n ON n.id = d.key
WHERE d.consumer = 'console' AND d.applied AND d.event_id NOT IN (FROM given_up)
UNION ALL
SELECT 'The console has filed ' || j.type || ' of ' || coalesce(n.name, j.subject) || ' (event ' || j.event_id || ') '
       || CASE WHEN k.id IS NULL THEN ', which nobody has said' ELSE 'otherwise than it was said' END, j.journey_id
FROM journey_event j
ANTI JOIN said s ON s.id = j.event_id AND s.type = j.type AND s.subject = j.subject AND s.version = j.sequence
  AND s.journey_id = j.journey_id AND s.content = j.content AND s.causation_id IS NOT DISTINCT FROM j.causation_id
LEFT JOIN (SELECT DISTINCT id FROM said) k ON k.id = j.event_id
LEFT JOIN named n ON n.id = j.subject
