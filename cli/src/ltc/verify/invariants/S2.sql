-- sentence: Whoever reads the hub's feed from front to back gets the facts of each object in the order in which they were said.
-- kind: safety
-- severity: critical
-- A number that is left out is S1's: a type that was not yet heard, or a message that a person skipped, leaves a gap.
WITH line AS (
  SELECT *, lag(sequence) OVER (PARTITION BY stage, subject ORDER BY position) AS before FROM feed
)
SELECT 'The feed has number ' || l.sequence || ' of ' || coalesce(n.name, l.subject::VARCHAR) || ', ' || l.type || ', at ' || l.position
       || ' after number ' || l.before AS what, l.journey_id
FROM line l LEFT JOIN named n ON n.id = l.subject::VARCHAR
WHERE l.sequence < l.before
