-- sentence: Every fact that a service has published is on its topic, unaltered.
-- kind: safety
-- severity: critical
-- The databases are looked at first and the topics read to a later end, so what is logged as sent must be there.
WITH astray AS (
  SELECT s.* FROM said s
  ANTI JOIN on_topic r
    ON r.event_id = s.id AND r.topic = s.topic AND r.key = s.key AND r.hash = s.hash AND r.type = s.type
   AND r.subject = s.subject AND r.version = s.version AND r.journey_id = s.journey_id
   AND r.causation_id IS NOT DISTINCT FROM s.causation_id
  WHERE s.place = 'log'
    AND NOT EXISTS (FROM forgotten f WHERE f.topic = s.topic AND s.published_at <= f.until)
)
SELECT 'Fact ' || s.type || ' number ' || s.version || ' of ' || coalesce(n.name, s.subject) || ' (event ' || s.id || ') '
       || CASE WHEN r.event_id IS NULL THEN 'is not on topic ' || s.topic
               ELSE 'is on topic ' || s.topic || ' with other content' END AS what,
       s.journey_id
FROM astray s
LEFT JOIN (SELECT DISTINCT event_id, topic FROM on_topic) r ON r.event_id = s.id AND r.topic = s.topic
LEFT JOIN named n ON n.id = s.subject
UNION ALL
SELECT 'Kafka refuses fact ' || s.type || ' of ' || coalesce(n.name, s.subject) || ' for good: ' || s.error, s.journey_id
FROM said s LEFT JOIN named n ON n.id = s.subject WHERE s.place = 'dead'
