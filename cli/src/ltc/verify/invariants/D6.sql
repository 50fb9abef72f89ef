-- sentence: Facts of one object are published and applied in the order in which they were said, none left out, and no effect comes before its cause.
-- kind: safety
-- severity: critical
-- A fact that a person has skipped at the outbox is left out by their word. No clock is asked: versions, places on the topic, and what stands in one snapshot decide.
WITH first_seen AS (
  SELECT topic, subject, event_id, min(version) AS version, min(partition) AS partition, min("position") AS "position",
         min(journey_id) AS journey_id
  FROM on_topic WHERE NOT stray AND version IS NOT NULL GROUP BY topic, subject, event_id
), line AS (
  SELECT *, lag(version) OVER w AS before, lag(partition) OVER w AS partition_before
  FROM first_seen WINDOW w AS (PARTITION BY topic, subject ORDER BY partition, "position")
), caused AS (
  SELECT e.service, e.subject, e.version, e.type, e.journey_id, c.topic AS cause_topic, c.subject AS cause_subject,
         c.version AS cause_version,
         lag(c.version) OVER (PARTITION BY e.service, e.subject, c.topic, c.subject ORDER BY e.version) AS before
  FROM said e JOIN said c ON c.id = e.causation_id
), lane AS (
  SELECT *, max(CASE WHEN applied THEN "position" END) OVER (PARTITION BY consumer, topic, key) AS applied_to FROM delivery
)
SELECT 'Topic ' || l.topic || ' has fact number ' || l.version || ' of ' || coalesce(n.name, l.subject)
       || CASE WHEN l.before IS NULL THEN ' as its first'
               WHEN l.partition <> l.partition_before THEN ' in another partition than the one before'
               ELSE ' right after number ' || l.before END AS what, l.journey_id
FROM line l LEFT JOIN named n ON n.id = l.subject
LEFT JOIN (SELECT topic, subject, list(version) AS versions FROM said WHERE place = 'skipped' GROUP BY ALL) k
  ON k.topic = l.topic AND k.subject = l.subject
WHERE (l.before IS NOT NULL AND l.partition <> l.partition_before)
   OR (l.before IS NOT NULL AND l.version <> l.before + 1 + coalesce(len(list_filter(k.versions, lambda v: v > l.before AND v < l.version)), 0))
   OR (l.before IS NULL AND l.version <> 1 + coalesce(len(list_filter(k.versions, lambda v: v < l.version)), 0)
       AND NOT EXISTS (FROM forgotten f WHERE f.topic = l.topic))
UNION ALL
SELECT c.service || '-svc answered number ' || c.cause_version || ' of ' || coalesce(n.name, c.cause_subject)
       || ' after number ' || c.before || ': see ' || c.type || ' number ' || c.version || ' of ' || coalesce(m.name, c.subject), c.journey_id
FROM caused c LEFT JOIN named n ON n.id = c.cause_subject LEFT JOIN named m ON m.id = c.subject
WHERE c.cause_version < c.before
UNION ALL
SELECT l.consumer || ' has applied later facts of ' || coalesce(n.name, l.key) || ' but not number ' || l.version || ', ' || l.type
       || coalesce(' (it is ' || l.parked || ')', ''), l.journey_id
FROM lane l LEFT JOIN named n ON n.id = l.key
WHERE NOT l.applied AND l.parked IS DISTINCT FROM 'skipped' AND l."position" < l.applied_to
UNION ALL
SELECT s.service || '-svc said ' || s.type || ' of ' || coalesce(n.name, s.subject) || ' because of event ' || s.causation_id
       || ', which it has not applied', s.journey_id
FROM said s ANTI JOIN inbox i ON i.service = s.service AND i.event_id = s.causation_id
LEFT JOIN named n ON n.id = s.subject
WHERE s.causation_id IS NOT NULL AND s.created_at > (SELECT since FROM remembered)
